// /groups: all groups, the one that is furthest behind first, their state in words.

import { useEffect } from 'preact/hooks'
import { everyPage, pathOf } from '../../broker/http.ts'
import { useReading } from '../../broker/reading.ts'
import { Search } from '../../parts/fields.tsx'
import { count, counted } from '../../parts/format.ts'
import { NotKnown, RowLink } from '../../parts/name.tsx'
import { useRowKeys } from '../../parts/row-keys.ts'
import { Failure, Nothing } from '../../parts/states.tsx'
import { type Column, keepSort, sortOf, Table } from '../../parts/table.tsx'
import { Ago } from '../../parts/time.tsx'
import { query, setQuery } from '../../shell/router.ts'
import type { GroupRow } from './shapes.ts'
import { GroupState, wordsOf } from './state.tsx'

const EVERY_MS = 5_000
const MOST = 10_000
const UNKNOWN = <NotKnown why="Not reported yet" />

const COLUMNS: readonly Column<GroupRow>[] = [
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
    label: 'Records behind',
    align: 'right',
    width: '144px',
    largestFirst: true,
    sortBy: ({ lag }) => lag ?? -1,
    cell: ({ lag }) => (lag === null ? UNKNOWN : count(lag)),
  },
  {
    id: 'state',
    label: 'State',
    width: '192px',
    sortBy: (group) => wordsOf(group)[1],
    cell: (group) => <GroupState group={group} />,
  },
  {
    id: 'members',
    label: 'Members',
    align: 'right',
    width: '104px',
    largestFirst: true,
    sortBy: ({ members }) => members ?? -1,
    cell: ({ members }) => (members === null ? UNKNOWN : count(members)),
  },
  {
    id: 'type',
    label: 'Protocol',
    width: '112px',
    wide: true,
    sortBy: ({ type }) => type,
    cell: ({ type }) => type,
  },
  {
    id: 'reported',
    label: 'Last heard of',
    align: 'right',
    width: '136px',
    wide: true,
    cell: ({ reported }) => (reported === null ? UNKNOWN : <Ago at={Date.parse(reported)} />),
  },
]

/** The view. */
export default function GroupsView() {
  const { data, error, at, reload } = useReading<readonly GroupRow[]>(`${pathOf(['groups'])}#all`, {
    everyMs: EVERY_MS,
    fetcher: (signal) => everyPage(['groups'], { most: MOST, signal }),
  })
  useEffect(() => {
    document.title = 'Groups · Ottla'
  }, [])
  useRowKeys('group')
  const q = query.value.get('q') ?? ''
  const needle = q.toLowerCase()
  const rows = (data ?? []).filter(({ groupId }) => groupId.toLowerCase().includes(needle))
  const behind = rows.filter(({ lag }) => (lag ?? 0) > 0).length
  return (
    <div class="view">
      <div class="view-head">
        <h1>Groups</h1>
      </div>
      <div class="toolbar">
        <Search label="Find a group" value={q} onSearch={(text) => setQuery({ q: text })} />
        <p class="muted">
          {data === undefined || data.length === 0
            ? '\u00a0'
            : `${q === '' ? counted(rows.length, 'group') : `${count(rows.length)} of ${counted(data.length, 'group')}`}, ${count(behind)} behind`}
        </p>
      </div>
      <Failure what="The groups could not be read" error={error} at={at} again={reload} />
      <List rows={rows} q={q} isLoading={data === undefined} hasFailed={error !== undefined} />
    </div>
  )
}

function List({
  rows,
  q,
  isLoading,
  hasFailed,
}: {
  readonly rows: readonly GroupRow[]
  readonly q: string
  readonly isLoading: boolean
  readonly hasFailed: boolean
}) {
  if (isLoading && hasFailed) return null
  if (!isLoading && rows.length === 0) {
    return q === '' ? (
      <Nothing title="There is no group yet">
        A group is there once a consumer has joined it or committed an offset.
      </Nothing>
    ) : (
      <Nothing title={`No group's id has “${q}” in it`}>
        <button type="button" class="button" onClick={() => setQuery({ q: null })}>
          Show all groups
        </button>
      </Nothing>
    )
  }
  return (
    <Table
      caption="Groups"
      columns={COLUMNS}
      rows={rows}
      keyOf={({ groupId }) => groupId}
      sort={sortOf(query.value, { by: 'lag', down: true })}
      onSort={keepSort}
      {...(isLoading ? { loadingRows: 22 } : {})}
    />
  )
}
