// How far behind a group was in the last hours: as a chart, and the same as a table. The sum over its
// partitions, as far as they are known.

import { pathOf } from '../../broker/http.ts'
import { useReading } from '../../broker/reading.ts'
import type { Page } from '../../broker/shapes.ts'
import { Chart } from '../../parts/chart.tsx'
import { count, counted } from '../../parts/format.ts'
import { Failure } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Choice } from '../../parts/tabs.tsx'
import { Ago } from '../../parts/time.tsx'
import { query, setQuery } from '../../shell/router.ts'
import type { PartitionHistory } from './shapes.ts'

const EVERY_MS = 30_000
const PARTITIONS = 100
const POINTS = 32
const SPANS = [
  ['60', '1 h'],
  ['180', '3 h'],
  ['360', '6 h'],
] as const
const SHOWN = [
  ['chart', 'Chart'],
  ['table', 'Table'],
] as const

/** One moment of all partitions together. */
interface Moment {
  readonly time: number
  /** Records; null when no partition's is known. */
  readonly lag: number | null
  /** Partitions whose lag is known. */
  readonly known: number
}

/** The sum over partitions at each moment. */
export function momentsOf(histories: readonly PartitionHistory[]): readonly Moment[] {
  return (histories[0]?.points ?? []).map(({ time }, at) => {
    const lags = histories.flatMap(({ points }) => points[at]?.lag ?? [])
    const lag = lags.length === 0 ? null : lags.reduce((sum, one) => sum + one, 0)
    return { time: Date.parse(time), lag, known: lags.length }
  })
}

/** The section. */
export function LagOverTime({ groupId }: { readonly groupId: string }) {
  const asked = query.value.get('span')
  const minutes = SPANS.find(([value]) => value === asked)?.[0] ?? '60'
  const shows = query.value.get('show') === 'table' ? 'table' : 'chart'
  const path = pathOf(['groups', groupId, 'lag'], { minutes, points: POINTS, limit: PARTITIONS })
  const { data, error, at, reload } = useReading<Page<PartitionHistory>>(path, {
    everyMs: EVERY_MS,
  })
  const moments = data === undefined ? [] : momentsOf(data.items)
  return (
    <section class="part">
      <div class="list-head">
        <h2>Records behind, over time</h2>
        <div class="lag-choices">
          <Choice
            label="How far back"
            value={minutes}
            choices={SPANS}
            onChoose={(span) => setQuery({ span: span === '60' ? null : span })}
          />
          <Choice
            label="As a chart or a table"
            value={shows}
            choices={SHOWN}
            onChoose={(show) => setQuery({ show: show === 'chart' ? null : show })}
          />
        </div>
      </div>
      <Failure what="The lag over time could not be read" error={error} at={at} again={reload} />
      {(data !== undefined || error === undefined) &&
        (shows === 'chart' ? (
          <LagChart moments={moments} isLoading={data === undefined} />
        ) : (
          <LagTable
            moments={moments}
            partitions={data?.items.length ?? 0}
            isLoading={data === undefined}
          />
        ))}
      {typeof data?.next === 'string' && (
        <p class="muted">Of its first {counted(PARTITIONS, 'partition')}.</p>
      )}
    </section>
  )
}

function LagChart({
  moments,
  isLoading,
}: {
  readonly moments: readonly Moment[]
  readonly isLoading: boolean
}) {
  const known = moments.flatMap(({ lag }) => lag ?? [])
  if (isLoading) return <div class="chart" aria-busy="true" />
  if (known.length === 0) {
    return <p class="chart chart-empty muted">Nothing was committed that could be drawn.</p>
  }
  const most = Math.max(...known)
  const last = known.at(-1) ?? 0
  return (
    <Chart
      label={`Records behind: ${count(last)} now, ${count(most)} at most. The table has the figures.`}
      times={moments.map(({ time }) => time)}
      values={moments.map(({ lag }) => lag)}
    />
  )
}

function LagTable({
  moments,
  partitions,
  isLoading,
}: {
  readonly moments: readonly Moment[]
  readonly partitions: number
  readonly isLoading: boolean
}) {
  const columns: readonly Column<Moment>[] = [
    { id: 'time', label: 'Time', bare: true, cell: ({ time }) => <Ago at={time} /> },
    {
      id: 'lag',
      label: 'Records behind',
      align: 'right',
      cell: ({ lag }) => (lag === null ? <span class="muted">not known</span> : count(lag)),
    },
    {
      id: 'known',
      label: 'Partitions known',
      align: 'right',
      cell: ({ known }) => `${count(known)} of ${count(partitions)}`,
    },
  ]
  return (
    <Table
      caption="Records behind over time, newest first"
      columns={columns}
      rows={moments.toReversed()}
      keyOf={({ time }) => time}
      {...(isLoading ? { loadingRows: 6 } : {})}
    />
  )
}
