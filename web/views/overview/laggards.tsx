// The five groups that are furthest behind.

import { count } from '../../parts/format.ts'
import { RowLink } from '../../parts/name.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { GroupState } from '../groups/state.tsx'
import type { Laggard } from './shapes.ts'

const COLUMNS: readonly Column<Laggard>[] = [
  {
    id: 'group',
    label: 'Group',
    bare: true,
    cell: ({ groupId }) => (
      <RowLink href={`/groups/${encodeURIComponent(groupId)}`} text={groupId} />
    ),
  },
  { id: 'state', label: 'State', width: '176px', cell: (group) => <GroupState group={group} /> },
  {
    id: 'members',
    label: 'Members',
    align: 'right',
    width: '104px',
    cell: ({ members }) => count(members),
  },
  {
    id: 'topics',
    label: 'Topics',
    align: 'right',
    width: '96px',
    cell: ({ topics }) => count(topics),
  },
  {
    id: 'lag',
    label: 'Records behind',
    align: 'right',
    width: '160px',
    cell: ({ lag }) => count(lag),
  },
]

/** The table. */
export function Laggards({ groups }: { readonly groups: readonly Laggard[] | undefined }) {
  const behind = groups?.filter(({ lag }) => lag > 0) ?? []
  return (
    <section class="part">
      <h2>Groups furthest behind</h2>
      {groups !== undefined && behind.length === 0 ? (
        <p class="muted">No group is behind.</p>
      ) : (
        <Table
          caption="Groups furthest behind"
          columns={COLUMNS}
          rows={behind}
          keyOf={({ groupId }) => groupId}
          {...(groups === undefined ? { loadingRows: 5 } : {})}
        />
      )}
    </section>
  )
}
