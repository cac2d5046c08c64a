// What is said to and by a Watch object over RPC: plain data only. Not behaviour: subscriptions.ts
// decides, object.ts hosts.

import type { TopicId } from '../core/ids.ts'
import type { PartitionTarget } from '../partition/contract.ts'

/** How far a partition is, as far as somebody who waits at its end is concerned: both only grow. */
export interface Level {
  readonly highWatermark: number
  readonly logStartOffset: number
}

/** One partition, and the level beyond which its reader wants to hear of it. Heard of once. */
export interface Subscription extends PartitionTarget, Level {}

/** A change of what one session waits for. */
export interface SubscribeRequest {
  /** Chosen by the subscriber, and never again for another session. */
  readonly session: string
  /** True with the first change of a session; a session that is not known is not made by any other. */
  readonly first: boolean
  readonly add: readonly Subscription[]
  readonly remove: readonly PartitionTarget[]
}

export interface SubscribeReply {
  /** False: this object remembers nothing of the session, so nothing is subscribed. */
  readonly known: boolean
  /** Too many subscriptions: nothing was added, what was to be removed is. */
  readonly full: boolean
}

export interface NewsReply {
  /** As in SubscribeReply. */
  readonly known: boolean
  /** Partitions with news: they are not subscribed any more. Empty when only time is up. */
  readonly news: readonly PartitionTarget[]
}

/** What a leader tells when its partition has moved, or was just loaded. */
export interface Told extends PartitionTarget, Level {
  /** The topic is deleted: everybody wants to know. */
  readonly gone: boolean
}

export interface ToldReply {
  /** Somebody still waits for a higher level, and wants to be told of the next. */
  readonly subscribed: boolean
}

/** The methods of a Watch object. A rejection means that whatever was subscribed is not any more. */
export interface WatchRpc {
  subscribe(request: SubscribeRequest): Promise<SubscribeReply>
  /** Parks until there is news for the session, about `waitMs` at most; one call per session at a time. */
  news(session: string, waitMs: number): Promise<NewsReply>
  tell(told: Told): Promise<ToldReply>
  /** Topics were deleted: also those of their partitions have news that were never written. */
  gone(topicIds: readonly TopicId[]): Promise<void>
}
