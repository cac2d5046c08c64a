// What the figures of scale ask a broker for: many topics, one topic's metadata, an offset by time, a
// record to any partition. Requests are those of src/protocol; ../kafka.ts has those of its one topic.

import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { Fetch } from '../../../src/protocol/messages/fetch.ts'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import type { Api, RequestToSend, ResponseRead } from '../../../src/protocol/schema.ts'
import { buildBatch } from '../../../src/record/build.ts'
import type { LoadClient } from '../client.ts'

const CREATE_TOPICS_VERSION = 7
const METADATA_VERSION = 12
const LIST_OFFSETS_VERSION = 7
const PRODUCE_VERSION = 9
const FETCH_VERSION = 12

const HEADER = { correlationId: 1, clientId: 'ottla-bench' }

/** Creates topics of so many partitions each, in one request; throws when one is refused. */
export async function createTopics(
  client: LoadClient,
  names: readonly string[],
  numPartitions: number,
): Promise<void> {
  const topics = names.map((name) => ({
    name,
    numPartitions,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }))
  const body = await ask(client, CreateTopics, CREATE_TOPICS_VERSION, { topics, timeoutMs: 60_000 })
  for (const { name, errorCode } of body.topics) refuseError(`CreateTopics ${name}`, errorCode)
}

/** A Metadata request for one topic, encoded. */
export function metadataRequest(name: string): Uint8Array {
  const body = { topics: [{ name }], allowAutoTopicCreation: false }
  return encodeRequest(Metadata, METADATA_VERSION, HEADER, body)
}

/** Throws when a frame is not the metadata of one living topic. */
export function checkMetadata(frame: Uint8Array): void {
  const { body } = decodeResponse(Metadata, METADATA_VERSION, frame)
  const [topic, ...others] = body.topics
  if (topic === undefined || others.length > 0) throw new Error('Metadata: not one topic')
  refuseError('Metadata', topic.errorCode)
}

/** The offset of the first record at or after a time. */
export async function offsetAt(
  client: LoadClient,
  name: string,
  timestamp: number,
): Promise<number> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp }] }]
  const body = await ask(client, ListOffsets, LIST_OFFSETS_VERSION, { replicaId: -1, topics })
  const found = body.topics[0]?.partitions[0]
  refuseError('ListOffsets', found?.errorCode ?? -1)
  return found?.offset ?? -1
}

/** Partitions asked for at once: more would cost memory for the calls, not for the partitions. */
const ASKED_AT_ONCE = 25

/** The end of every partition of a topic, some at a time. */
export async function endOffsets(
  client: LoadClient,
  name: string,
  partitions: number,
): Promise<number[]> {
  const ends: number[] = []
  while (ends.length < partitions) {
    const asked = Array.from({ length: Math.min(ASKED_AT_ONCE, partitions - ends.length) })
    const some = asked.map((_, at) => ({ partitionIndex: ends.length + at, timestamp: -1 }))
    const topics = [{ name, partitions: some }]
    const body = await ask(client, ListOffsets, LIST_OFFSETS_VERSION, { replicaId: -1, topics })
    for (const { errorCode, offset } of body.topics[0]?.partitions ?? []) {
      refuseError('ListOffsets', errorCode)
      ends.push(offset)
    }
  }
  return ends
}

/** One partition's place in a Fetch, and what may be asked of it. */
export interface FetchPlace {
  readonly partition: number
  readonly fetchOffset: number
}

/** What a Fetch may bring and how long it may wait. */
export interface FetchTerms {
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly partitionMaxBytes: number
}

/** Fetches partitions of one topic. The records are views that hold until the next request. */
export async function fetchPlaces(
  client: LoadClient,
  topic: string,
  places: readonly FetchPlace[],
  { maxWaitMs, maxBytes, partitionMaxBytes }: FetchTerms,
): Promise<ResponseRead<typeof Fetch>['responses'][number]['partitions']> {
  const partitions = places.map((place) => ({ ...place, partitionMaxBytes }))
  const body = await ask(client, Fetch, FETCH_VERSION, {
    maxWaitMs,
    minBytes: 1,
    maxBytes,
    topics: [{ topic, partitions }],
  })
  refuseError('Fetch', body.errorCode)
  return body.responses[0]?.partitions ?? []
}

/** A Produce request with acks=all that brings one batch of such values to a partition. */
export function recordsRequest(
  topic: string,
  index: number,
  values: readonly Uint8Array[],
  timestamp: number = Date.now(),
): Uint8Array {
  const records = buildBatch({ records: values.map((value) => ({ timestamp, key: null, value })) })
  const topicData = [{ name: topic, partitionData: [{ index, records }] }]
  return encodeRequest(Produce, PRODUCE_VERSION, HEADER, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData,
  })
}

/** Sends what recordsRequest made; the offset of its first record. */
export async function sendRecords(client: LoadClient, request: Uint8Array): Promise<number> {
  const { body } = decodeResponse(Produce, PRODUCE_VERSION, await client.call(request))
  const reply = body.responses[0]?.partitionResponses[0]
  refuseError('Produce', reply?.errorCode ?? -1)
  return reply?.baseOffset ?? -1
}

async function ask<A extends Api>(
  client: LoadClient,
  api: A,
  version: number,
  body: RequestToSend<A>,
): Promise<ResponseRead<A>> {
  return decodeResponse(api, version, await client.call(encodeRequest(api, version, HEADER, body)))
    .body
}

/** Throws for any code but 0. */
export function refuseError(what: string, errorCode: number): void {
  if (errorCode !== 0) throw new Error(`${what}: error ${errorCode}`)
}
