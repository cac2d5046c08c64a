// Makes batches of records and hands them to the broker's produce handler, by topic id: what was meant
// for a topic is never stored in its namesake. Not the choice of a partition and not the order of
// batches, which are its callers'.

import type { Call } from '../broker/call.ts'
import { chargeHttp, isCharged, payHttp } from '../broker/charges.ts'
import type { BrokerContext } from '../broker/context.ts'
import { produce } from '../broker/handlers/produce.ts'
import type { TopicState } from '../cluster/contract.ts'
import { KafkaError } from '../core/errors.ts'
import type { KnownRequest, RequestPart } from '../partition/requests-contract.ts'
import { buildBatch } from '../record/build.ts'
import { Codec, codecOfTopic } from '../record/compression.ts'
import { BATCH_HEADER_BYTES } from '../record/header.ts'
import { Problem } from './problem.ts'
import type { IncomingRecord } from './record-in.ts'

/** The first version that names topics by id. */
const PRODUCE_VERSION = 13
const ACKS_ALL = -1
const PRODUCE_TIMEOUT_MS = 30_000
/** Length, attributes, deltas, and the lengths of key, value and headers, at their longest. */
const RECORD_OVERHEAD_BYTES = 36
const HEADER_OVERHEAD_BYTES = 10
/** What a codec may add to bytes it cannot compress: frame, block sizes and checksums. */
const CODEC_OVERHEAD_BYTES = 1024

/** A batch is durable from `baseOffset` on. */
export interface Appended {
  readonly baseOffset: number
  /** The time the broker stamped on the records; null where they keep their own. */
  readonly logAppendTimeMs: number | null
  /** Where all the records are, when a retry found some of them stored: these may lie elsewhere. */
  readonly spans?: readonly StoredSpan[]
}

/** Records of a request that are stored, in their order. */
export interface StoredSpan {
  readonly count: number
  readonly firstOffset: number
  /** Behind the others, unless other producers' records lie between those of a stream. */
  readonly lastOffset: number
  /** Milliseconds: of records that had no time of their own. */
  readonly timeMs: number
  /** The time the broker stamped on the records; null where they keep their own. */
  readonly appendTimeMs: number | null
  /** An earlier try of the request has stored them. */
  readonly isReplayed: boolean
}

/** Durable, or Kafka's refusal; nothing of a refused batch is stored. */
export type AppendOutcome = Appended | Problem

/** Upper bound of a record's bytes in a batch before compression. */
export function sizeInBatch(record: IncomingRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const { key, value } of record.headers) {
    // A UTF-16 unit is at most three bytes of UTF-8.
    bytes += HEADER_OVERHEAD_BYTES + 3 * key.length + (value?.length ?? 0)
  }
  return bytes
}

/** Uncompressed bytes of records that a batch of this topic takes whatever they compress to. */
export function batchBytesMax(topic: TopicState): number {
  return Math.max(1, topic.settings.maxMessageBytes - BATCH_HEADER_BYTES - CODEC_OVERHEAD_BYTES)
}

/** Makes the records one batch of the partition, in order, and waits until it is durable. */
export function append(
  context: BrokerContext,
  topic: TopicState,
  partition: number,
  records: readonly IncomingRecord[],
  nowMs: number = context.timers.now(),
): Promise<AppendOutcome> {
  const call = { version: PRODUCE_VERSION, clientId: null }
  return send(context, topic, partition, { records, nowMs, call })
}

/** The same with a part of a keyed request: where it is stored, or what the partition had of it instead. */
export async function appendPart(
  context: BrokerContext,
  topic: TopicState,
  partition: number,
  records: readonly IncomingRecord[],
  part: RequestPart,
): Promise<StoredSpan | { readonly known: KnownRequest } | Problem> {
  let had: KnownRequest | null = null
  const known = (request: KnownRequest) => {
    had = request
  }
  const call = { version: PRODUCE_VERSION, clientId: null, keyed: { part, known } }
  const sent = await send(context, topic, partition, { records, nowMs: part.timeMs, call })
  if (had !== null) return { known: had }
  if (sent instanceof Problem) return sent
  const { baseOffset: firstOffset, logAppendTimeMs: appendTimeMs } = sent
  const { count, timeMs } = part
  const lastOffset = firstOffset + count - 1
  return { count, firstOffset, lastOffset, timeMs, appendTimeMs, isReplayed: false }
}

/** What is sent, and when. */
interface Sending {
  readonly records: readonly IncomingRecord[]
  /** The time of records that have none. */
  readonly nowMs: number
  readonly call: Call
}

async function send(
  context: BrokerContext,
  topic: TopicState,
  partition: number,
  { records, nowMs, call }: Sending,
): Promise<AppendOutcome> {
  const batch = buildBatch({
    codec: codecOfTopic(topic.settings.compressionType) ?? Codec.lz4,
    records: records.map(({ key, value, headers, timestamp }) => {
      return { key, value, headers, timestamp: timestamp ?? nowMs }
    }),
  })
  const request = {
    transactionalId: null,
    acks: ACKS_ALL,
    timeoutMs: PRODUCE_TIMEOUT_MS,
    topicData: [
      { name: '', topicId: topic.id, partitionData: [{ index: partition, records: batch }] },
    ],
  }
  const handling = produce(request, call, context)
  const [response] = await Promise.all([handling.response, handling.effect])
  handling.sent?.()
  if (isCharged(context)) {
    chargeHttp(context, 'producer_byte_rate', batch.length)
    await payHttp(context, 'producer_byte_rate')
  }
  const answer = response?.responses[0]?.partitionResponses[0]
  if (answer === undefined) throw new Error('produce with acks=all answered no partition')
  if (answer.errorCode !== KafkaError.NONE) {
    const why = answer.recordErrors?.[0]?.batchIndexErrorMessage ?? answer.errorMessage
    return new Problem(answer.errorCode, why === null || why === undefined ? {} : { detail: why })
  }
  const logAppendTimeMs = answer.logAppendTimeMs ?? -1
  return {
    baseOffset: answer.baseOffset,
    logAppendTimeMs: logAppendTimeMs < 0 ? null : logAppendTimeMs,
  }
}
