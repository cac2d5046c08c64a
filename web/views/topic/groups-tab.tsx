// The groups that read a topic, the one that is furthest behind first.

import { pathOf } from '../../broker/http.ts'
import { useReading } from '../../broker/reading.ts'
import type { Page, TopicGroup } from '../../broker/shapes.ts'
import { count } from '../../parts/format.ts'
import { RowLink } from '../../parts/name.tsx'
import { Failure, Nothing } from '../../parts/states.tsx'
import { type Column, keepSort, sortOf, Table } from '../../parts/table.tsx'
import { query } from '../../shell/router.ts'
import { GroupState, wordsOf } from '../groups/state.tsx'

const EVERY_MS = 5_000

const COLUMNS: readonly Column<TopicGroup>[] = [
  {
    id: 'group',
    label: 'Group',
    bare: true,
    sortBy: ({ groupId }) => groupId,
    cell: ({ groupId }) => (
      <RowLink href={`/groups/${encodeURIComponent(groupId)}`} text={groupId} />
    ),
  },
  {
    id: 'lag',
    label: 'Lag on this topic',
    align: 'right',
    width: '160px',
    largestFirst: true,
    sortBy: ({ lag }) => lag,
    cell: ({ lag }) => count(lag),
  },
  {
    id: 'all',
    label: 'Lag on all topics',
    align: 'right',
    width: '160px',
    largestFirst: true,
    sortBy: ({ groupLag }) => groupLag,
    cell: ({ groupLag }) => count(groupLag),
  },
  {
    id: 'members',
    label: 'Members',
    align: 'right',
    width: '112px',
    largestFirst: true,
    sortBy: ({ members }) => members,
    cell: ({ members }) => count(members),
  },
  {
    id: 'state',
    label: 'State',
    width: '160px',
    sortBy: (group) => wordsOf(group)[1],
    cell: (group) => <GroupState group={group} />,
  },
]

/** The tab. */
export function GroupsTab({ topic }: { readonly topic: string }) {
  const path = pathOf(['topics', topic, 'groups'], { limit: 1000 })
  const { data, error, at, reload } = useReading<Page<TopicGroup>>(path, { everyMs: EVERY_MS })
  const isEmpty = data?.items.length === 0
  return (
    <>
      <Failure what="The groups could not be read" error={error} at={at} again={reload} />
      {isEmpty && (
        <Nothing title="No group reads this topic">
          A group is there once it has committed an offset of it.
        </Nothing>
      )}
      {!isEmpty && (data !== undefined || error === undefined) && (
        <Table
          caption={`Groups that read ${topic}`}
          columns={COLUMNS}
          rows={data?.items ?? []}
          keyOf={({ groupId }) => groupId}
          sort={sortOf(query.value, { by: 'lag', down: true })}
          onSort={keepSort}
          {...(data === undefined ? { loadingRows: 5 } : {})}
        />
      )}
    </>
  )
}
