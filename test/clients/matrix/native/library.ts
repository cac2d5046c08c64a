// What the adapter uses of @confluentinc/kafka-javascript's node-rdkafka interface. The package is not
// among this repository's dependencies, so its own types are not there; these are the parts of them.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { PartitionOffset, TopicPartition } from '../protocol.ts'

type Done<T = void> = (error: LibraryError | null | undefined, result: T) => void
type Settings = Readonly<Record<string, unknown>>

/** An error of the library: a positive code is Kafka's. */
export interface LibraryError extends Error {
  readonly code: number
  readonly isFatal?: boolean
  readonly isRetriable?: boolean
  readonly isTxnRequiresAbort?: boolean
}
interface Client {
  connect(options: Settings, done: Done<unknown>): void
  disconnect(done: Done<unknown>): void
  // biome-ignore lint/suspicious/noExplicitAny: each event has its own arguments
  on(event: string, listener: (...values: any[]) => void): void
}
export interface Report extends PartitionOffset {
  readonly opaque: unknown
}
export interface Producer extends Client {
  setPollInterval(ms: number): void
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key: Buffer | null,
    timestamp: number | undefined,
    opaque: unknown,
    headers: readonly Readonly<Record<string, Buffer | null>>[],
  ): void
  initTransactions(timeoutMs: number, done: Done): void
  beginTransaction(done: Done): void
  commitTransaction(timeoutMs: number, done: Done): void
  abortTransaction(timeoutMs: number, done: Done): void
  sendOffsetsToTransaction(
    offsets: readonly PartitionOffset[],
    consumer: Consumer,
    timeoutMs: number,
    done: Done,
  ): void
}
export interface Message extends PartitionOffset {
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly Readonly<Record<string, Buffer | string | null>>[]
}
interface MaybePlaced extends TopicPartition {
  readonly offset?: number
  readonly error?: LibraryError
}
export interface Consumer extends Client {
  subscribe(topics: readonly (string | RegExp)[]): void
  assign(partitions: readonly TopicPartition[]): void
  unassign(): void
  incrementalAssign(partitions: readonly TopicPartition[]): void
  incrementalUnassign(partitions: readonly TopicPartition[]): void
  rebalanceProtocol(): string
  assignments(): TopicPartition[]
  setDefaultConsumeTimeout(ms: number): void
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void
  consume(count: number, done: Done<readonly Message[]>): void
  commitSync(offsets: readonly PartitionOffset[]): void
  committed(
    partitions: readonly TopicPartition[],
    timeoutMs: number,
    done: Done<MaybePlaced[]>,
  ): void
  position(partitions: readonly TopicPartition[]): MaybePlaced[]
  seek(to: PartitionOffset, timeoutMs: number, done: Done): void
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  offsetsForTimes(
    partitions: readonly PartitionOffset[],
    timeoutMs: number,
    done: Done<MaybePlaced[]>,
  ): void
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    done: Done<{ readonly lowOffset: number; readonly highOffset: number }>,
  ): void
}
interface Failed {
  readonly error?: LibraryError
}
interface Node {
  readonly id: number
}
export interface Group extends Failed {
  readonly groupId: string
  readonly state: number
  readonly type: number
  readonly members?: readonly {
    readonly memberId: string
    readonly groupInstanceId?: string | null
    readonly clientId: string
    readonly assignment: { readonly topicPartitions: readonly TopicPartition[] }
  }[]
}
export interface Admin {
  disconnect(): void
  createTopic(topic: Settings, timeoutMs: number, done: Done): void
  deleteTopic(topic: string, timeoutMs: number, done: Done): void
  createPartitions(topic: string, total: number, timeoutMs: number, done: Done): void
  describeTopics(
    topics: readonly string[],
    options: Settings,
    done: Done<
      readonly (Failed & {
        readonly name: string
        readonly partitions: readonly {
          readonly partition: number
          readonly leader: Node | null
          readonly replicas: readonly Node[]
          readonly isr: readonly Node[]
        }[]
      })[]
    >,
  ): void
  listGroups(options: Settings, done: Done<{ readonly groups: readonly Group[] }>): void
  describeGroups(
    groups: readonly string[],
    options: Settings,
    done: Done<{ readonly groups: readonly Group[] }>,
  ): void
  deleteGroups(groups: readonly string[], options: Settings, done: Done<readonly Failed[]>): void
  listConsumerGroupOffsets(
    groups: readonly { readonly groupId: string }[],
    options: Settings,
    done: Done<readonly (Failed & { readonly partitions: readonly MaybePlaced[] })[]>,
  ): void
  deleteRecords(
    offsets: readonly PartitionOffset[],
    options: Settings,
    done: Done<readonly (Failed & TopicPartition & { readonly lowWatermark: number })[]>,
  ): void
}
interface Library {
  readonly Producer: new (settings: Settings, topic: Settings) => Producer
  readonly KafkaConsumer: new (settings: Settings, topic: Settings) => Consumer
  readonly AdminClient: { create(settings: Settings): Admin }
  readonly features: readonly string[]
}

/** The library, from the folder it was built in (NATIVE_FOLDER). */
export const library: Library = load()

function load(): Library {
  const folder = process.env.NATIVE_FOLDER
  if (folder === undefined) throw new Error('NATIVE_FOLDER must name the folder of the build')
  return createRequire(join(folder, 'package.json'))('@confluentinc/kafka-javascript')
}

/** A call with a callback as a promise. */
export function settled<T>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((done, failed) => {
    call((error, result) => (error ? failed(error) : done(result)))
  })
}
