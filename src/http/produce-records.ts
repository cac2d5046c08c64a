// Produces a list of records that is known whole: batches per partition, partitions side by side,
// batches of one partition one after the other. The answer is in the order of the records.

import { KafkaError } from '../core/errors.ts'
import { HTTP_BATCH_BYTES, HTTP_BATCH_RECORDS } from '../core/limits.ts'
import { type Appended, type AppendOutcome, sizeInBatch } from './appender.ts'
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
  /** Records without a time get `nowMs`. */
  append(partition: number, records: readonly IncomingRecord[]): Promise<AppendOutcome>
  /** Uncompressed bytes of a batch that the topic certainly takes. */
  readonly batchBytesMax: number
  /** Batches of one partition that may be needed; any number when absent. */
  readonly batchesMax?: number
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
      durable.addAppended(partition, outcome, batch.records.length)
      for (const [at, index] of batch.indexes.entries()) {
        offsets[index] = produced(
          partition,
          outcome,
          at,
          batch.records[at]?.timestamp ?? null,
          deps,
        )
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
      if (batches.length === deps.batchesMax) return tooManyBatches(deps.batchesMax)
      batch = { indexes: [], records: [], bytes: 0 }
      batches.push(batch)
    }
    batch.indexes.push(index)
    batch.records.push(record)
    batch.bytes += bytes
  }
  return lanes
}

/** Where the record at a position of its batch went. */
function produced(
  partition: number,
  { baseOffset, logAppendTimeMs, spans }: Appended,
  at: number,
  timestamp: number | null,
  { nowMs }: ProduceDeps,
): ProducedOffset {
  if (spans === undefined) {
    return { partition, offset: baseOffset + at, timestamp: logAppendTimeMs ?? timestamp ?? nowMs }
  }
  let left = at
  for (const { count, firstOffset, timeMs, appendTimeMs } of spans) {
    if (left < count) {
      return {
        partition,
        offset: firstOffset + left,
        timestamp: appendTimeMs ?? timestamp ?? timeMs,
      }
    }
    left -= count
  }
  throw new Error('a record was stored nowhere')
}

function tooManyBatches(most: number): Problem {
  const detail = `the records need more than ${most} batches of one partition, which is more than is remembered of a keyed request: send them as application/x-ndjson, or in several requests`
  return new Problem(KafkaError.RECORD_LIST_TOO_LARGE, { field: 'records', detail })
}
