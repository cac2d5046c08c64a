// Who waits for which idle partitions: sessions (one per connection), what each is subscribed to, the
// news that it has not taken yet, and its one parked call. In memory only: whoever is not known must
// subscribe again. Not the Durable Object: object.ts hosts it, tests host it on their own.

import type { TopicId } from '../core/ids.ts'
import {
  WATCH_PARKED_MS,
  WATCH_SESSION_GRACE_MS,
  WATCH_SUBSCRIPTIONS_PER_SHARD,
  WATCH_SWEEP_MS,
} from '../core/limits/watch.ts'
import type { PartitionTarget } from '../partition/contract.ts'
import type { StartTimer } from '../runtime/waiters.ts'
import type {
  Level,
  NewsReply,
  SubscribeReply,
  SubscribeRequest,
  Told,
  ToldReply,
} from './contract.ts'

interface Session {
  readonly id: string
  /** Told and not taken yet. */
  news: PartitionTarget[]
  parked: { readonly deadlineMs: number; readonly resolve: (reply: NewsReply) => void } | null
  /** Since when no call is parked. */
  aloneSinceMs: number
  /** What it is subscribed to, by topic. */
  readonly topics: Map<TopicId, Set<number>>
}

/** Subscribers of one partition. */
type Subscribers = Map<Session, Level>

export interface SubscriptionsOptions {
  readonly now: () => number
  readonly startTimer: StartTimer
  readonly capacity?: number
}

const UNKNOWN = { known: false, full: false, news: [] } as const

/** The subscriptions of one Watch object. */
export class Subscriptions {
  readonly #now: () => number
  readonly #startTimer: StartTimer
  readonly #capacity: number
  readonly #sessions = new Map<string, Session>()
  readonly #topics = new Map<TopicId, Map<number, Subscribers>>()
  #count = 0
  #sweeps = false

  constructor({ now, startTimer, capacity }: SubscriptionsOptions) {
    this.#now = now
    this.#startTimer = startTimer
    this.#capacity = capacity ?? WATCH_SUBSCRIPTIONS_PER_SHARD
  }

  /** Sessions that are remembered. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Partitions subscribed to, each as often as there are sessions that are. */
  get size(): number {
    return this.#count
  }

  subscribe({ session: id, first, add, remove }: SubscribeRequest): SubscribeReply {
    const session = this.#sessions.get(id) ?? (first ? this.#begin(id) : undefined)
    if (session === undefined) return UNKNOWN
    for (const target of remove) this.#remove(session, target)
    if (this.#count + add.length > this.#capacity) return { known: true, full: true }
    for (const { topicId, partition, highWatermark, logStartOffset } of add) {
      const subscribers = this.#subscribers(topicId, partition)
      if (!subscribers.has(session)) this.#count += 1
      subscribers.set(session, { highWatermark, logStartOffset })
      const partitions = session.topics.get(topicId)
      if (partitions === undefined) session.topics.set(topicId, new Set([partition]))
      else partitions.add(partition)
    }
    return { known: true, full: false }
  }

  /** An earlier call of the session that is still parked is answered: its caller must have given it up. */
  async news(id: string, waitMs: number): Promise<NewsReply> {
    const session = this.#sessions.get(id)
    if (session === undefined) return UNKNOWN
    this.#answer(session, [])
    if (session.news.length > 0) {
      const news = session.news
      session.news = []
      return { known: true, news }
    }
    return new Promise((resolve) => {
      const deadlineMs = this.#now() + Math.min(waitMs, WATCH_PARKED_MS)
      session.parked = { deadlineMs, resolve }
    })
  }

  tell(told: Told): ToldReply {
    const subscribers = this.#topics.get(told.topicId)?.get(told.partition)
    if (subscribers === undefined) return { subscribed: false }
    for (const [session, level] of subscribers) {
      if (told.gone || isAbove(told, level)) this.#deliver(session, told)
    }
    return { subscribed: subscribers.size > 0 }
  }

  gone(topicIds: readonly TopicId[]): void {
    for (const topicId of topicIds) {
      for (const [partition, subscribers] of this.#topics.get(topicId) ?? []) {
        for (const session of subscribers.keys()) this.#deliver(session, { topicId, partition })
      }
    }
  }

  #begin(id: string): Session {
    const session = { id, news: [], parked: null, aloneSinceMs: this.#now(), topics: new Map() }
    this.#sessions.set(id, session)
    this.#sweepLater()
    return session
  }

  #subscribers(topicId: TopicId, partition: number): Subscribers {
    const partitions = this.#topics.get(topicId) ?? new Map<number, Subscribers>()
    this.#topics.set(topicId, partitions)
    const subscribers = partitions.get(partition) ?? new Map<Session, Level>()
    partitions.set(partition, subscribers)
    return subscribers
  }

  /** A subscription is good for one message. */
  #deliver(session: Session, { topicId, partition }: PartitionTarget): void {
    const target = { topicId, partition }
    this.#remove(session, target)
    if (session.parked === null) session.news.push(target)
    else this.#answer(session, [target])
  }

  #answer(session: Session, news: readonly PartitionTarget[]): void {
    const { parked } = session
    if (parked === null) return
    session.parked = null
    session.aloneSinceMs = this.#now()
    parked.resolve({ known: true, news })
  }

  #remove(session: Session, { topicId, partition }: PartitionTarget): void {
    const partitions = this.#topics.get(topicId)
    const subscribers = partitions?.get(partition)
    if (partitions === undefined || !subscribers?.delete(session)) return
    this.#count -= 1
    if (subscribers.size === 0) partitions.delete(partition)
    if (partitions.size === 0) this.#topics.delete(topicId)
    const own = session.topics.get(topicId)
    own?.delete(partition)
    if (own?.size === 0) session.topics.delete(topicId)
  }

  /** One timer for all: calls whose time is up, and sessions whose connection does not come back. */
  #sweepLater(): void {
    if (this.#sweeps) return
    this.#sweeps = true
    this.#startTimer(() => {
      this.#sweeps = false
      this.#sweep()
      if (this.#sessions.size > 0) this.#sweepLater()
    }, WATCH_SWEEP_MS)
  }

  #sweep(): void {
    const nowMs = this.#now()
    for (const session of this.#sessions.values()) {
      if (session.parked !== null) {
        if (session.parked.deadlineMs <= nowMs) this.#answer(session, [])
      } else if (nowMs - session.aloneSinceMs > WATCH_SESSION_GRACE_MS) this.#end(session)
    }
  }

  #end(session: Session): void {
    this.#sessions.delete(session.id)
    for (const [topicId, partitions] of [...session.topics]) {
      for (const partition of [...partitions]) this.#remove(session, { topicId, partition })
    }
  }
}

function isAbove(told: Level, level: Level): boolean {
  return told.highWatermark > level.highWatermark || told.logStartOffset > level.logStartOffset
}
