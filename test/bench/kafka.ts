// What the bench says to a broker: a topic, prebuilt Produce requests, and a reader that fetches a
// partition from one offset to another. Requests and answers are those of src/protocol.

import { setTimeout } from 'node:timers/promises'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { Api, RequestToSend } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/record/build.ts'
import { BATCH_HEADER_BYTES, batchSizeAt, lastOffsetAt } from '../../src/record/header.ts'
import type { LoadClient } from './client.ts'

/** The topic of the bench. */
export const TOPIC = 'bench'
/** Of Produce, as produceRequest encodes it. */
export const PRODUCE_VERSION = 9
const FETCH_VERSION = 12
const CREATE_TOPICS_VERSION = 7
const LIST_OFFSETS_VERSION = 7

/** A value this long makes a record of 1 KiB less one byte, so that 64 fit a batch of 64 KiB. */
const VALUE_BYTES = 1014

/** Records in a batch of 64 KiB. */
export const BATCH_RECORDS = 64

/** What such a batch comes to. */
export const BATCH_BYTES = BATCH_HEADER_BYTES + BATCH_RECORDS * 1023

const TOPIC_ALREADY_EXISTS = 36
const NOT_LEADER_OR_FOLLOWER = 6
const UNKNOWN_TOPIC_OR_PARTITION = 3
/** Of a new topic; it is milliseconds. */
const LEADERLESS_MS = 10_000

/**
 * Creates a topic, by default the bench's with one partition, unless a shared broker has it already. Waits until its
 * partitions answer: Apache Kafka's broker learns that it leads them after CreateTopics was answered.
 */
export async function createTopic(
  client: LoadClient,
  name: string = TOPIC,
  numPartitions = 1,
): Promise<void> {
  const request = encode(CreateTopics, CREATE_TOPICS_VERSION, {
    topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }],
  })
  const { body } = decodeResponse(CreateTopics, CREATE_TOPICS_VERSION, await client.call(request))
  const { errorCode } = body.topics[0]!
  if (errorCode !== 0 && errorCode !== TOPIC_ALREADY_EXISTS) {
    throw new Error(`CreateTopics: error ${errorCode}`)
  }
  const until = Date.now() + LEADERLESS_MS
  while (await isLeaderless(client, name, numPartitions)) {
    if (Date.now() > until)
      throw new Error(`${name} has no leader ${LEADERLESS_MS} ms after CreateTopics`)
    await setTimeout(5)
  }
}

async function isLeaderless(client: LoadClient, name: string, partitions: number) {
  const request = encode(ListOffsets, LIST_OFFSETS_VERSION, {
    replicaId: -1,
    topics: [
      {
        name,
        partitions: Array.from({ length: partitions }, (_, partitionIndex) => {
          return { partitionIndex, timestamp: -1 }
        }),
      },
    ],
  })
  const { body } = decodeResponse(ListOffsets, LIST_OFFSETS_VERSION, await client.call(request))
  return body.topics.some((topic) =>
    topic.partitions.some(({ errorCode }) => {
      return errorCode === NOT_LEADER_OR_FOLLOWER || errorCode === UNKNOWN_TOPIC_OR_PARTITION
    }),
  )
}

/** The value of a record: readable and not all the same, what a log of JSON looks like to a checksum. */
export function recordValue(index: number): Buffer {
  return Buffer.from(`{"record":${index},"text":"${'ottla '.repeat(200)}`.slice(0, VALUE_BYTES))
}

/** A Produce request with acks=all of one uncompressed batch of records of 1 KiB. */
export function produceRequest(records: number, partition = 0): Uint8Array {
  const timestamp = Date.now()
  const batch = buildBatch({
    records: Array.from({ length: records }, (_, index) => {
      return { timestamp, key: null, value: recordValue(index) }
    }),
  })
  if (records === BATCH_RECORDS && batch.length !== BATCH_BYTES)
    throw new Error('records are not 1 KiB')
  return encode(Produce, PRODUCE_VERSION, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: TOPIC, partitionData: [{ index: partition, records: batch }] }],
  })
}

/** What `produce` sends. */
export interface ProduceLoad {
  /** Made by produceRequest; several are sent in turn. */
  readonly request: Uint8Array | readonly Uint8Array[]
  readonly count: number
  readonly inFlight: number
  /** See LoadClient's pipeline. */
  readonly withinMs?: number
  /** Called for each answer that was good. */
  readonly counted?: () => void
}

/** Sends requests and checks each answer, offsets and all; milliseconds. */
export function produce(client: LoadClient, load: ProduceLoad): Promise<number> {
  const before: number[] = []
  return client.pipeline({
    ...load,
    take(frame) {
      const { body } = decodeResponse(Produce, PRODUCE_VERSION, frame)
      const { errorCode, baseOffset, index } = body.responses[0]!.partitionResponses[0]!
      if (errorCode !== 0) throw new Error(`Produce: error ${errorCode}`)
      const last = before[index] ?? -1
      if (baseOffset <= last) throw new Error(`offset ${baseOffset} came after ${last}`)
      before[index] = baseOffset
      load.counted?.()
    },
  })
}

/** What a reader got. */
export interface Fetched {
  readonly ms: number
  /** Bytes of record batches. */
  readonly bytes: number
  readonly requests: number
  /** First offset not read. */
  readonly nextOffset: number
}

/**
 * Reads from `from` up to `to` (or the end of the log) as one consumer does: the next request leaves
 * when the answer to the one before is there.
 */
export async function fetchRange(
  client: LoadClient,
  range: { readonly from: number; readonly to: number; readonly maxBytes: number },
): Promise<Fetched> {
  const startMs = performance.now()
  let offset = range.from
  let bytes = 0
  let requests = 0
  while (offset < range.to) {
    const frame = await client.call(fetchRequest(offset, range.maxBytes))
    const { body } = decodeResponse(Fetch, FETCH_VERSION, frame)
    const { errorCode, records } = body.responses[0]!.partitions[0]!
    if (body.errorCode !== 0 || errorCode !== 0) throw new Error(`Fetch: error ${errorCode}`)
    requests++
    if (records === null || records.length === 0) break
    bytes += records.length
    offset = lastOffset(records) + 1
  }
  return { ms: performance.now() - startMs, bytes, requests, nextOffset: offset }
}

function fetchRequest(fetchOffset: number, maxBytes: number): Uint8Array {
  return encode(Fetch, FETCH_VERSION, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes,
    topics: [
      { topic: TOPIC, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: maxBytes }] },
    ],
  })
}

/** Offset of the last record of whole batches one after the other. */
function lastOffset(batches: Uint8Array): number {
  let last = -1
  for (let at = 0; at < batches.length; at += batchSizeAt(batches, at)) {
    const offset = lastOffsetAt(batches, at)
    if (offset <= last) throw new Error(`offset ${offset} came after ${last}`)
    last = offset
  }
  return last
}

function encode<A extends Api>(api: A, version: number, body: RequestToSend<A>): Uint8Array {
  return encodeRequest(api, version, { correlationId: 1, clientId: 'ottla-bench' }, body)
}
