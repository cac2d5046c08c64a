// The time of a record by its offset. Kafka has no lookup from offsets to times: the batch is fetched and
// the record looked for in it.

import type { BrokerContext } from '../broker/context.ts'
import type { TopicState } from '../cluster/contract.ts'
import { KafkaError } from '../core/errors.ts'
import { CodecError } from '../core/wasm.ts'
import { readBatchHeader } from '../record/header.ts'
import { recordsOf } from '../record/records.ts'
import { batchesInPieces } from '../record/stored.ts'
import { Problem } from './problem.ts'
import { fetchFrom } from './reading.ts'
import { EARLIEST, findTopic, lookUpOffsets, topicProblem } from './topics.ts'

/** One batch is read, however large it is. */
const ONE_BATCH = { maxBytes: 1, waitMs: 0, readCommitted: false }

/** Milliseconds of the first record at or after an offset, or where the log begins; null: there is none. */
export async function firstTimeAt(
  context: BrokerContext,
  topicName: string,
  partition: number,
  offset: number,
): Promise<number | null | Problem> {
  const topic = await findTopic(context, topicName)
  if (topic instanceof Problem) return topic
  const first = await timeAt(context, topic, partition, offset)
  const isTrimmed = first instanceof Problem && first.code === KafkaError.OFFSET_OUT_OF_RANGE
  if (!isTrimmed) return first
  const query = { partitions: [partition], timestamp: EARLIEST, readCommitted: false }
  const [earliest] = await lookUpOffsets(context, topicName, query)
  if (earliest === undefined || earliest.error !== KafkaError.NONE || earliest.offset <= offset) {
    return first
  }
  return timeAt(context, topic, partition, earliest.offset)
}

async function timeAt(
  context: BrokerContext,
  topic: TopicState,
  partition: number,
  offset: number,
): Promise<number | null | Problem> {
  const fetched = await fetchFrom(context, topic, [{ partition, offset }], ONE_BATCH)
  try {
    const [found] = fetched.partitions
    if (found === undefined) throw new Error('fetch answered no partition')
    if (found.error !== KafkaError.NONE) return topicProblem(found.error, topic.name)
    // What memory kept from being read is answered as an empty log of no end.
    if (found.highWatermark < 0) return new Problem(KafkaError.BROKER_NOT_AVAILABLE)
    return timeIn(found.pieces, offset)
  } finally {
    fetched.release()
  }
}

/**
 * Of the first record at or after the offset in these batches. Where compaction has taken that record, or
 * it cannot be read, the batch's own latest time; null when there is no batch.
 */
export function timeIn(pieces: readonly Uint8Array[], offset: number): number | null {
  let latest: number | null = null
  for (const batch of batchesInPieces(pieces)) {
    latest = readBatchHeader(batch).maxTimestamp
    try {
      for (const record of recordsOf(batch)) {
        if (record.offset >= offset) return record.timestamp
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
    }
  }
  return latest
}
