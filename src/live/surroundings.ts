// What a live session needs of the world around it: time, the socket's other end, the engine that reads
// topics, producing and the coordinators of groups. Types only: broker.ts is the one the Worker has, tests
// give their own.

import type { ErrorCode } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import type { Problem } from '../http/problem.ts'
import type { ProducedOffset } from '../http/produce-records.ts'
import type { AssignedPartition, Tail, TailAsk } from '../http/tail/contract.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../protocol/messages/consumer-group-heartbeat.ts'
import type { LiveTotals } from './outbox.ts'

/** Where records went; replayed: a request with the same idempotency key had stored them already. */
export interface Produced {
  readonly offsets: readonly ProducedOffset[]
  readonly replayed: boolean
}

/** What is to be produced. */
export interface ProduceAsk {
  readonly topic: string
  /** JSON text of an array of records, as it was sent: its values are stored as they stand there. */
  readonly records: string
  readonly idempotencyKey: string | null
}

/** A member as its coordinator knows it. */
export interface MemberIdentity {
  readonly group: string
  readonly memberId: string
  /** undefined: it names none. */
  readonly clientId: string | undefined
  readonly epoch: number
}

/** One partition of a commit. */
export interface CommitOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata?: string | undefined
}

/** A partition that a coordinator assigned. */
export interface TopicPartition {
  readonly topic: string
  readonly topicId: TopicId
  readonly partition: number
}

/** Where reading begins where a group has committed nothing. */
export interface StartOptions {
  readonly from: 'earliest' | 'latest'
  readonly readCommitted: boolean
}

/** The coordinators, asked as a Kafka client asks them. */
export interface GroupFace {
  /** One ConsumerGroupHeartbeat (KIP-848). Never rejects: a call that failed is an error code. */
  heartbeat(
    member: MemberIdentity,
    request: ConsumerGroupHeartbeatRequest,
  ): Promise<ConsumerGroupHeartbeatResponse>
  /** Error codes in the order of the offsets. */
  commit(member: MemberIdentity, offsets: readonly CommitOffset[]): Promise<ErrorCode[]>
  /** The problem with the first topic that does not exist; null when all do. */
  unknownTopic(names: readonly string[]): Promise<Problem | null>
  /** The names of topics; an id that is not alive is not in the answer. Null: nobody could say. */
  topicNames(ids: readonly TopicId[]): Promise<ReadonlyMap<TopicId, string> | null>
  /** What the group has committed of each, else the end of the log that is asked for. */
  startOffsets(
    member: MemberIdentity,
    partitions: readonly TopicPartition[],
    options: StartOptions,
  ): Promise<AssignedPartition[] | ErrorCode>
}

/** See the head of this file. */
export interface Surroundings {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once after `ms`; the answer cancels it. */
  after(ms: number, callback: () => void): () => void
  /** To the client. Never throws: to a socket that is closed nothing is sent. */
  send(text: string): void
  /** An id that nobody else has. */
  newId(): string
  openTail(ask: TailAsk): Promise<Tail | Problem>
  assignedTail(readCommitted: boolean): Tail
  produce(ask: ProduceAsk): Promise<Produced | Problem>
  readonly group: GroupFace
  /** Those of this isolate. */
  readonly totals: LiveTotals
  /** The session's state is another now: it is to be kept. */
  changed(): void
  /** A bug, said to whoever keeps this broker. */
  failed(what: string, error: unknown): void
}
