// Who is in a group, from where, and what each reads.

import { counted } from '../../parts/format.ts'
import { Name } from '../../parts/name.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import type { MemberShown } from './shapes.ts'

const COLUMNS: readonly Column<MemberShown>[] = [
  {
    id: 'member',
    label: 'Member',
    bare: true,
    cell: ({ memberId }) => <Name text={memberId} mono />,
  },
  {
    id: 'client',
    label: 'Client',
    width: '20%',
    cell: ({ clientId }) =>
      clientId === '' ? <span class="muted">unnamed</span> : <Name text={clientId} />,
  },
  {
    id: 'protocol',
    label: 'Protocol',
    width: '104px',
    cell: ({ memberType }) => memberType,
  },
  {
    id: 'host',
    label: 'From',
    width: '136px',
    wide: true,
    cell: ({ clientHost }) => {
      // Kafka writes addresses with a slash before them.
      const address = clientHost.replace(/^\//, '')
      return address === '' ? <span class="muted">–</span> : <span class="mono">{address}</span>
    },
  },
  {
    id: 'instance',
    label: 'Static id',
    width: '128px',
    wide: true,
    cell: ({ instanceId }) =>
      instanceId === null ? <span class="muted">none</span> : <Name text={instanceId} mono />,
  },
  {
    id: 'reads',
    label: 'Reads',
    width: '32%',
    cell: ({ assigned }) => <Assigned assigned={assigned} />,
  },
]

function Assigned({ assigned }: Pick<MemberShown, 'assigned'>) {
  const partitions = assigned.reduce((sum, one) => sum + one.partitions.length, 0)
  if (partitions === 0) return <span class="muted">nothing</span>
  return (
    <span class="wrap">
      {assigned.map(({ topic, partitions: own }) => (
        <span key={topic} class="assigned" title={`${topic}: partitions ${own.join(', ')}`}>
          <Name text={topic} />{' '}
          <span class="muted">
            {own.length > 8 ? counted(own.length, 'partition') : own.join(', ')}
          </span>
        </span>
      ))}
    </span>
  )
}

/** The section. */
export function Members({ members }: { readonly members: readonly MemberShown[] }) {
  return (
    <section class="part">
      <h2>Members</h2>
      {members.length === 0 ? (
        <p class="muted">Nobody is in it. What it has committed stays, and can be reset.</p>
      ) : (
        <Table
          caption="Members"
          columns={COLUMNS}
          rows={members}
          keyOf={({ memberId }) => memberId}
        />
      )}
    </section>
  )
}
