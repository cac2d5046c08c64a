// What a tail is asked for and what it gives: the language between the engine (tail.ts) and the surfaces
// that write it down, which are server-sent events (../events.ts) and the WebSocket. Types only.
//
// A position is text: what was delivered last of each partition. Of one topic `0:123,1:88`; of several
// `<topic id>/0:123,1:88;<topic id>/0:5`. -1 is a partition of which nothing was delivered, and
// `<topic id>/` alone a topic whose reader has been told that it is gone. Read and written in position.ts.

import type { TopicId } from '../../core/ids.ts'
import type { Problem } from '../problem.ts'

/** Where a tail starts. */
export interface TailFrom {
  /** What the client calls it, for the answer when it is wrong: `from`, `last-event-id`. */
  readonly field: string
  /** `earliest`, `latest`, an RFC 3339 time, or a position: then behind it. */
  readonly text: string
  /**
   * The position is one that this server gave (Last-Event-ID, a client that comes back): where it lies
   * outside the log, the topic was recreated, which is told by a reset. false: it is refused, 416.
   */
  readonly resumes: boolean
}

/** What is to be followed. */
export interface TailAsk {
  /** By name, in the order in which positions name them: at least one, none twice. */
  readonly topics: readonly string[]
  /** Of one topic only, and then no others, also of those added later. By default all. */
  readonly partitions?: readonly number[] | undefined
  /** Records of this key only: of each topic only the partition that the key hashes to is read. Not with partitions. */
  readonly key?: Uint8Array | undefined
  readonly from: TailFrom
  readonly readCommitted: boolean
  /**
   * Positions name the topic's id also where there is one topic: a reader who comes back then hears for certain
   * that it was recreated. Without, that is noticed only where its position lies outside the new log.
   */
  readonly namesTopics?: boolean | undefined
}

/** Bounds of one step. */
export interface TailLimits {
  /** UTF-8 bytes of the records as text of JSON arrays, one for each topic, brackets and commas included. */
  readonly maxBytes: number
  /** How long to wait for something to tell. */
  readonly waitMs: number
  /** Ends the wait: the step is `idle`. */
  readonly signal?: AbortSignal | undefined
}

/** Why a reader does not get what follows its position. */
export type ResetReason = 'trimmed' | 'recreated' | 'deleted'

/** Records of one topic, in order within each partition, in the form of GET …/records: a message of its own. */
export interface TopicRecords {
  readonly topic: string
  readonly topicId: TopicId
  /** The JSON text of each: a record, or a malformed stretch of the log. */
  readonly records: readonly string[]
  /** UTF-8 bytes of `[${records.join(',')}]`. */
  readonly bytes: number
  /** Behind all of them, and all of the elements before. */
  readonly position: string
}

/** What was read of several topics at once: an element for each topic that has any, in the order to be sent. */
export interface RecordsStep {
  readonly kind: 'records'
  /** Their `bytes` together are never more than asked for. At least one. */
  readonly topics: readonly TopicRecords[]
}

/** Not all that follows can be had. The tail goes on from `next`, where there is one. */
export interface ResetStep {
  readonly kind: 'reset'
  readonly topic: string
  /** The one that was trimmed; null where it is the whole topic. */
  readonly partition: number | null
  readonly reason: ResetReason
  /** What the client had. */
  readonly position: string
  /** null: nothing is left to follow, and the tail is over. */
  readonly next: string | null
}

/** One step of a tail. */
export type TailStep =
  | RecordsStep
  | ResetStep
  /** What was read and is not shown (another key, control records, aborted) moved it; at most one a second. */
  | { readonly kind: 'position'; readonly position: string }
  /** The next record alone has so many bytes, as `bytes` of a step of its own: it waits until it may have them. */
  | { readonly kind: 'large'; readonly bytes: number }
  /** Nothing in time, or the signal came, or what is followed has changed. */
  | { readonly kind: 'idle' }
  /** The tail is over. */
  | { readonly kind: 'problem'; readonly problem: Problem }

/** A partition and the offset of the record to read next, as a group's offsets have it. */
export interface AssignedPartition {
  readonly topic: string
  readonly topicId: TopicId
  readonly partition: number
  readonly offset: number
}

/**
 * What tail.ts makes: `openTail(context, ask): Promise<Tail | Problem>` follows whole topics, also as they
 * grow; `assignedTail(context, readCommitted): Tail` follows what `assign` gives it and no more, and is never
 * over because a topic is deleted. Reads nothing ahead: between two calls of `next` it holds no records.
 */
export interface Tail {
  /** Behind all that was given. `openTail` with it goes on exactly there. */
  position(): string
  /** What is next. One call at a time. After `problem`, or a reset without `next`, there is no other. */
  next(limits: TailLimits): Promise<TailStep>
  /** Follows these too, each from its offset on; of one that is followed already, from there on. A wait under way ends. */
  assign(partitions: readonly AssignedPartition[]): void
  /** No more is read of these. A wait under way ends; a step that had found something may still bring it. */
  revoke(partitions: readonly { readonly topicId: TopicId; readonly partition: number }[]): void
  /** Ends it; a wait under way ends as idle. */
  close(): void
}
