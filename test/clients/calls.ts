// The few Kafka calls that nearly every scenario makes, as functions over a raw connection. Each sends
// one request and gives what the broker said, errors included; only `createTopic` waits and insists.

import type { TopicId } from '../../src/core/ids.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { RequestToSend, ResponseRead } from '../../src/protocol/schema.ts'
import { type ReadBatch, type ReadRecord, readBatches } from './batches.ts'
import type { Wire } from './wire.ts'

export const LATEST = -1
export const EARLIEST = -2
const COORDINATOR_LOAD_IN_PROGRESS = 14

/** One partition's answer to a produce. */
export type ProducedPartition = ResponseRead<
  typeof Produce
>['responses'][number]['partitionResponses'][number]

/** One partition's answer to a fetch. */
export type FetchedPartition = ResponseRead<typeof Fetch>['responses'][number]['partitions'][number]

/** Creates a topic, waits until its partitions take requests, and gives its id. */
export async function createTopic(
  wire: Wire,
  name: string,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<TopicId> {
  const { topics } = await wire.call(CreateTopics, 7, {
    topics: [topicToCreate(name, partitions, configs)],
    timeoutMs: 15_000,
  })
  if (topics[0]?.errorCode !== 0) {
    throw new Error(`CreateTopics ${name}: ${topics[0]?.errorCode} ${topics[0]?.errorMessage}`)
  }
  await topicReady(wire, name, partitions)
  return topics[0].topicId
}

/** Waits until every partition takes requests: Kafka answers CreateTopics a little earlier. */
export async function topicReady(wire: Wire, name: string, partitions: number): Promise<void> {
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  await until(async () => {
    const { topics } = await listOffsets(wire, name, all, LATEST)
    return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
  })
}

/** One topic of a CreateTopics request. */
export function topicToCreate(
  name: string,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
): RequestToSend<typeof CreateTopics>['topics'][number] {
  return {
    name,
    numPartitions: partitions,
    replicationFactor: 1,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }
}

/** Deletes a topic by name; gives Kafka's error code. */
export async function deleteTopic(wire: Wire, name: string): Promise<number> {
  const body = { topicNames: [name], timeoutMs: 15_000 }
  return (await wire.call(DeleteTopics, 5, body)).responses[0]!.errorCode
}

/** The body of a Produce request with one partition. */
export function produceBody(
  topic: string,
  partition: number,
  records: Uint8Array | null,
  acks = -1,
): RequestToSend<typeof Produce> {
  const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }]
  return { acks, timeoutMs: 15_000, topicData }
}

/** Produces bytes to one partition, as they are. */
export async function produce(
  wire: Wire,
  topic: string,
  partition: number,
  records: Uint8Array | null,
  { version = 9, acks = -1 }: { version?: number; acks?: number } = {},
): Promise<ProducedPartition> {
  const body = produceBody(topic, partition, records, acks)
  return (await wire.call(Produce, version, body)).responses[0]!.partitionResponses[0]!
}

export interface FetchOptions {
  readonly version?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  readonly isolationLevel?: number
  readonly currentLeaderEpoch?: number
}

/** The body of a full Fetch by topic name without a session. */
export function fetchBody(
  topic: string,
  positions: readonly (readonly [partition: number, offset: number])[],
  options: FetchOptions = {},
): RequestToSend<typeof Fetch> {
  const partitions = positions.map(([partition, fetchOffset]) => ({
    partition,
    fetchOffset,
    partitionMaxBytes: options.partitionMaxBytes ?? 1024 * 1024,
    currentLeaderEpoch: options.currentLeaderEpoch ?? -1,
  }))
  return {
    maxWaitMs: options.maxWaitMs ?? 0,
    minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? 16 * 1024 * 1024,
    isolationLevel: options.isolationLevel ?? 0,
    topics: [{ topic, partitions }],
  }
}

/** Fetches one partition by topic name. */
export async function fetch(
  wire: Wire,
  topic: string,
  partition: number,
  offset: number,
  options: FetchOptions = {},
): Promise<FetchedPartition> {
  const body = fetchBody(topic, [[partition, offset]], options)
  return (await wire.call(Fetch, options.version ?? 12, body)).responses[0]!.partitions[0]!
}

/** Every stored batch of a partition from `offset` to its end, as stored. */
export async function storedBatches(
  wire: Wire,
  topic: string,
  partition: number,
  offset = 0,
): Promise<ReadBatch[]> {
  const batches: ReadBatch[] = []
  for (let next = offset; ; ) {
    const got = await fetch(wire, topic, partition, next, { partitionMaxBytes: 8 * 1024 * 1024 })
    if (got.errorCode !== 0)
      throw new Error(`fetch ${topic}-${partition}@${next}: ${got.errorCode}`)
    const some = readBatches(got.records)
    if (some.length === 0 && next < got.highWatermark) {
      throw new Error(`fetch ${topic}-${partition}@${next}: empty below ${got.highWatermark}`)
    }
    batches.push(...some)
    next = some.length === 0 ? next : some.at(-1)!.lastOffset + 1
    if (next >= got.highWatermark) return batches
  }
}

/** Every record of a partition from `offset` to its end (codecs none, gzip, zstd). */
export async function storedRecords(
  wire: Wire,
  topic: string,
  partition: number,
  offset = 0,
): Promise<ReadRecord[]> {
  const batches = await storedBatches(wire, topic, partition, offset)
  return batches.flatMap((batch) => batch.records()).filter((record) => record.offset >= offset)
}

/** ListOffsets of some partitions of one topic at one timestamp. */
export function listOffsets(
  wire: Wire,
  topic: string,
  partitions: readonly number[],
  timestamp: number,
  version = 7,
): Promise<ResponseRead<typeof ListOffsets>> {
  return wire.call(ListOffsets, version, {
    replicaId: -1,
    topics: [
      {
        name: topic,
        partitions: partitions.map((index) => ({ partitionIndex: index, timestamp })),
      },
    ],
  })
}

/** Metadata of one topic by name. */
export async function topicMetadata(
  wire: Wire,
  name: string,
): Promise<ResponseRead<typeof Metadata>['topics'][number]> {
  const body = { topics: [{ name }], allowAutoTopicCreation: false }
  return (await wire.call(Metadata, 12, body)).topics[0]!
}

/** A fresh producer id at epoch 0; waits while the broker is still loading. */
export async function initProducerId(wire: Wire): Promise<bigint> {
  const body = { transactionalId: null, transactionTimeoutMs: 60_000 }
  let got = await wire.call(InitProducerId, 4, body)
  await until(async () => {
    if (got.errorCode === COORDINATOR_LOAD_IN_PROGRESS) {
      got = await wire.call(InitProducerId, 4, body)
    }
    return got.errorCode !== COORDINATOR_LOAD_IN_PROGRESS
  })
  if (got.errorCode !== 0) throw new Error(`InitProducerId: ${got.errorCode}`)
  return got.producerId
}

/** Asks again until it is so; throws after 15 s. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not become so within 15 s')
    await new Promise((done) => setTimeout(done, 50))
  }
}
