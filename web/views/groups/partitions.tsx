// Where a group is in each partition, the one that it is furthest behind in first.

import { count, span } from '../../parts/format.ts'
import { Name, RowLink } from '../../parts/name.tsx'
import { Nothing } from '../../parts/states.tsx'
import { type Column, keepSort, sortOf, Table } from '../../parts/table.tsx'
import { query } from '../../shell/router.ts'
import type { OffsetShown } from './shapes.ts'

const NONE = <span class="muted">–</span>

const COLUMNS: readonly Column<OffsetShown>[] = [
  {
    id: 'topic',
    label: 'Topic',
    bare: true,
    sortBy: ({ topic }) => topic,
    cell: ({ topic }) => <RowLink href={`/topics/${encodeURIComponent(topic)}`} text={topic} />,
  },
  {
    id: 'partition',
    label: 'Partition',
    align: 'right',
    width: '96px',
    sortBy: ({ partition }) => partition,
    cell: ({ partition }) => <span class="mono">{partition}</span>,
  },
  {
    id: 'committed',
    label: 'Next to read',
    align: 'right',
    width: '128px',
    sortBy: ({ committed }) => committed ?? -1,
    cell: ({ topic, partition, committed }) =>
      committed === null ? (
        <span class="muted">none yet</span>
      ) : (
        <a
          class="mono row-figure"
          href={`/topics/${encodeURIComponent(topic)}?from=offset&offset=${committed}&partition=${partition}`}
        >
          {committed}
        </a>
      ),
  },
  {
    id: 'end',
    label: 'End',
    align: 'right',
    width: '112px',
    wide: true,
    sortBy: ({ end }) => end ?? -1,
    cell: ({ end, error }) =>
      end === null ? <code>{error ?? '–'}</code> : <span class="mono">{end}</span>,
  },
  {
    id: 'lag',
    label: 'Records behind',
    align: 'right',
    width: '144px',
    largestFirst: true,
    sortBy: ({ lag }) => lag ?? -1,
    cell: ({ lag }) => (lag === null ? NONE : count(lag)),
  },
  {
    id: 'time',
    label: 'Time behind',
    align: 'right',
    width: '128px',
    largestFirst: true,
    sortBy: ({ lagSeconds }) => lagSeconds ?? -1,
    cell: ({ lagSeconds }) => (lagSeconds === null ? NONE : timeBehind(lagSeconds)),
  },
  {
    id: 'member',
    label: 'Read by',
    width: '18%',
    wide: true,
    sortBy: ({ memberId }) => memberId ?? '',
    cell: ({ memberId }) =>
      memberId === null ? <span class="muted">nobody</span> : <Name text={memberId} mono />,
  },
]

function timeBehind(seconds: number): string {
  return seconds === 0 ? '0 s' : span(seconds * 1000)
}

/** The section. */
export function Partitions({ offsets }: { readonly offsets: readonly OffsetShown[] | undefined }) {
  return (
    <section class="part">
      <h2>Partitions</h2>
      {offsets?.length === 0 ? (
        <Nothing title="It has committed nothing">
          Its place in a partition is known once it has committed an offset there.
        </Nothing>
      ) : (
        <Table
          caption="Partitions, with how far behind the group is"
          columns={COLUMNS}
          rows={offsets ?? []}
          keyOf={({ topic, partition }) => `${topic}/${partition}`}
          sort={sortOf(query.value, { by: 'lag', down: true })}
          onSort={keepSort}
          {...(offsets === undefined ? { loadingRows: 8 } : {})}
        />
      )}
    </section>
  )
}
