// Produces a list of records that is known whole: batches per partition, partitions side by side,
// batches of one partition one after the other. The answer is in the order of the records.

import { HTTP_BATCH_BYTES, HTTP_BATCH_RECORDS } from '../core/limits.ts'
import { type AppendOutcome, sizeInBatch } from './appender.ts'
import { Durable } from './durable.ts'
import type { Place } from './placement.ts'
import { Problem } from './problem.ts'
import type { IncomingRecord } from './record-in.ts'

/** Where a record went. */
export interface ProducedOffset {
  readonly partition: number
  readonly offset: number
  /** Milliseconds: the record's own, or the broker's where the topic says LogAppendTime. */
  readonly timestamp: number
}

/** What producing works with; tests give their own. */
export interface ProduceDeps {
  readonly place: Place
  append(partition: number, records: readonly IncomingRecord[]): Promise<AppendOutcome>
  /** Uncompressed bytes of a batch that the topic certainly takes. */
  readonly batchBytesMax: number
  /** The timestamp of records that have none. */
  readonly nowMs: number
}

interface Batch {
  /** Positions in the request. */
  readonly indexes: number[]
  readonly records: IncomingRecord[]
  bytes: number
}

/**
 * Stores all records, or as many as go. Nothing is stored when a record cannot be placed. A failure
 * later carries `record`, the position of the first record that is not durable, and `durable`.
 */
export async function produceRecords(
  records: readonly IncomingRecord[],
  deps: ProduceDeps,
): Promise<ProducedOffset[] | Problem> {
  const lanes = intoBatches(records, deps)
  if (lanes instanceof Problem) return lanes
  const durable = new Durable()
  const offsets: ProducedOffset[] = []
  const failures: { readonly index: number; readonly problem: Problem }[] = []
  const send = async (partition: number, batches: readonly Batch[]) => {
    for (const batch of batches) {
      const outcome = await deps.append(partition, batch.records)
      if (outcome instanceof Problem) {
        failures.push({ index: batch.indexes[0] ?? 0, problem: outcome })
        return
      }
      durable.add(partition, outcome.baseOffset, batch.records.length)
      for (const [at, index] of batch.indexes.entries()) {
        const timestamp = outcome.logAppendTimeMs ?? batch.records[at]?.timestamp ?? deps.nowMs
        offsets[index] = { partition, offset: outcome.baseOffset + at, timestamp }
      }
    }
  }
  await Promise.all([...lanes].map(([partition, batches]) => send(partition, batches)))
  const first = failures.sort((a, b) => a.index - b.index)[0]
  if (first === undefined) return offsets
  const members = { record: first.index, durable: durable.summary() }
  return first.problem.with({ members })
}

function intoBatches(
  records: readonly IncomingRecord[],
  deps: ProduceDeps,
): Map<number, Batch[]> | Problem {
  const lanes = new Map<number, Batch[]>()
  const bytesMax = Math.min(HTTP_BATCH_BYTES, deps.batchBytesMax)
  for (const [index, record] of records.entries()) {
    const partition = deps.place(record)
    if (partition instanceof Problem) {
      const field = records.length === 1 ? 'partition' : `records[${index}].partition`
      return partition.with({ field })
    }
    const bytes = sizeInBatch(record)
    const batches = lanes.get(partition) ?? []
    lanes.set(partition, batches)
    let batch = batches.at(-1)
    const full = (held: Batch) =>
      held.bytes + bytes > bytesMax || held.records.length >= HTTP_BATCH_RECORDS
    if (batch === undefined || full(batch)) {
      batch = { indexes: [], records: [], bytes: 0 }
      batches.push(batch)
    }
    batch.indexes.push(index)
    batch.records.push(record.timestamp === null ? { ...record, timestamp: deps.nowMs } : record)
    batch.bytes += bytes
  }
  return lanes
}
