// The partitions of a topic: where each begins and ends, how large it is; adding some.

import { useState } from 'preact/hooks'
import { ask, everyPage, pathOf } from '../../broker/http.ts'
import { useMayWithTopic } from '../../broker/me.ts'
import { outdate, useReading } from '../../broker/reading.ts'
import type { PartitionShown } from '../../broker/shapes.ts'
import { Dialog, Refusal, useSending } from '../../parts/dialog.tsx'
import { bytes, count, counted } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Failure } from '../../parts/states.tsx'
import { type Column, keepSort, sortOf, Table } from '../../parts/table.tsx'
import { query } from '../../shell/router.ts'
import { tellDone } from '../../shell/toasts.tsx'

const EVERY_MS = 5_000
const MOST = 10_000

/** The key under which a topic's partitions are read. */
export function partitionsKey(topic: string): string {
  return `${pathOf(['topics', topic, 'partitions'])}#all`
}

const COLUMNS: readonly Column<PartitionShown>[] = [
  {
    id: 'partition',
    label: 'Partition',
    sortBy: ({ partition }) => partition,
    cell: ({ partition }) => (
      <a href={`?partition=${partition}`} class="mono row-link">
        {partition}
      </a>
    ),
  },
  {
    id: 'start',
    label: 'Start',
    align: 'right',
    sortBy: ({ start }) => start ?? -1,
    cell: ({ start, error }) =>
      start === null ? <code>{error}</code> : <span class="mono">{start}</span>,
  },
  {
    id: 'end',
    label: 'End',
    align: 'right',
    largestFirst: true,
    sortBy: ({ end }) => end ?? -1,
    cell: ({ end }) => <span class="mono">{end ?? '–'}</span>,
  },
  {
    id: 'records',
    label: 'Offsets held',
    align: 'right',
    largestFirst: true,
    sortBy: (row) => heldBy(row) ?? -1,
    cell: (row) => {
      const held = heldBy(row)
      return held === null ? '–' : count(held)
    },
  },
  {
    id: 'size',
    label: 'Size',
    align: 'right',
    largestFirst: true,
    sortBy: ({ sizeBytes }) => sizeBytes ?? -1,
    cell: ({ sizeBytes }) => (sizeBytes === null ? '–' : bytes(sizeBytes)),
  },
  {
    id: 'open',
    label: 'Uncommitted',
    align: 'right',
    cell: ({ end, lastStableOffset }) =>
      end === null || lastStableOffset === null ? '–' : count(end - lastStableOffset),
  },
]

function heldBy({ start, end }: PartitionShown): number | null {
  return start === null || end === null ? null : end - start
}

/** The tab. */
export function PartitionsTab({ topic }: { readonly topic: string }) {
  const [isAdding, setAdding] = useState(false)
  const may = useMayWithTopic(topic)
  const { data, error, at, reload } = useReading<readonly PartitionShown[]>(partitionsKey(topic), {
    everyMs: EVERY_MS,
    fetcher: (signal) => everyPage(['topics', topic, 'partitions'], { most: MOST, signal }),
  })
  const held = data?.reduce((sum, row) => sum + (heldBy(row) ?? 0), 0) ?? 0
  const size = data?.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0) ?? 0
  return (
    <>
      <div class="list-head">
        <p class="muted">
          {data === undefined
            ? error === undefined
              ? 'Reading…'
              : ''
            : `${counted(data.length, 'partition')}, ${counted(held, 'offset')} held, ${bytes(size)}`}
        </p>
        {may('ALTER') && (
          <button
            type="button"
            class="button"
            disabled={data === undefined}
            onClick={() => setAdding(true)}
          >
            <Icon name="plus" /> Add partitions
          </button>
        )}
      </div>
      <Failure what="The partitions could not be read" error={error} at={at} again={reload} />
      {(data !== undefined || error === undefined) && (
        <Table
          caption="Partitions"
          columns={COLUMNS}
          rows={data ?? []}
          keyOf={({ partition }) => partition}
          sort={sortOf(query.value, { by: 'partition', down: false })}
          onSort={keepSort}
          {...(data === undefined ? { loadingRows: 8 } : {})}
        />
      )}
      {isAdding && (
        <AddPartitions topic={topic} now={data?.length ?? 1} onClose={() => setAdding(false)} />
      )}
    </>
  )
}

function AddPartitions({
  topic,
  now,
  onClose,
}: {
  readonly topic: string
  readonly now: number
  readonly onClose: () => void
}) {
  const [total, setTotal] = useState(now + 1)
  const { error, isSending, submit } = useSending(async () => {
    const path = pathOf(['topics', topic, 'partitions'])
    await ask(path, { method: 'POST', body: { count: total } })
    outdate(pathOf(['topics']))
    tellDone(`${topic} has ${counted(total, 'partition')} now`)
    onClose()
  })
  return (
    <Dialog title="Add partitions" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <p>
          Partitions are only ever added. Keys may move: a key's new records may go to another
          partition than its old ones, so their order across both is not kept.
        </p>
        <label class="field narrow">
          <span>How many there will be</span>
          <input
            class="input mono"
            type="number"
            min={now + 1}
            max={10000}
            value={total}
            onInput={({ currentTarget }) => setTotal(currentTarget.valueAsNumber)}
          />
        </label>
        <Refusal error={error} />
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={isSending || !(total > now)}>
            Add
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
