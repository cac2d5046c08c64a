// Following partitions at their leaders for one tail: what is new comes encoded, from memory that this
// isolate shares or through a stream. Not reading the log: whatever cannot be followed any more is said to
// be gone, and its records from the tail's position on are somebody else's to read.

import type { BrokerContext, Timers } from '../../broker/context.ts'
import { offset, partitionName, type TopicId } from '../../core/ids.ts'
import {
  EVENTS_FOLLOW_AGAIN_MS,
  EVENTS_FOLLOWED_PARTITIONS,
  EVENTS_PACE_MAX_MS,
  EVENTS_PACE_MS,
  EVENTS_SHARED_IDLE_MS,
  EVENTS_SHARED_STALE_MS,
} from '../../core/limits.ts'
import { publishedPieces, type SharedPieces, type Taken } from '../../partition/fanout-pieces.ts'
import { EventReader } from './event-reader.ts'

/** How soon after the leader's next look a reader looks, and how often it tries when the leader is late. */
const LOOK_BEHIND_MS = 5
const LOOK_AGAIN_MS = 50

/** A partition as leaders are asked for it. */
export interface Followable {
  readonly topicId: TopicId
  readonly partition: number
}

/** What a partition is followed under: made once and not at every look, which a thousand readers do ten times a second. */
export function followedKey({ topicId, partition }: Followable): string {
  return partitionName(topicId, partition)
}

/** One partition that is followed. */
interface Source {
  /** What is taken is forgotten: what is not used of it has to be read again. */
  readonly forgets: boolean
  /** null: nothing yet; else read the log from `next` on: 'behind' to come back, 'gone' when this ended. */
  take(next: number, bytesMax: number): Taken | null | 'behind' | 'gone'
  /** How long until there may be more; what comes by itself calls back. */
  waitMs(): number
  close(): void
}

/** The partitions that one tail follows. */
export class Following {
  readonly #context: BrokerContext
  readonly #readCommitted: boolean
  readonly #sources = new Map<string, { readonly source: Source; newsMs: number }>()
  /** Who would not be followed, and when it is asked again. */
  readonly #refused = new Map<string, number>()
  #wake: () => void = () => {}
  #isClosed = false
  /** How late the last wait ended. */
  #lateMs = 0

  constructor(context: BrokerContext, readCommitted: boolean) {
    this.#context = context
    this.#readCommitted = readCommitted
  }

  get size(): number {
    return this.#sources.size
  }

  has(key: string): boolean {
    return this.#sources.has(key)
  }

  /** Follows a partition that was read up to `next`, its end, if its leader lets us. */
  async follow(which: Followable, next: number): Promise<void> {
    const { objects, timers, log } = this.#context
    const { topicId, partition } = which
    const key = followedKey(which)
    if (this.#sources.size >= EVENTS_FOLLOWED_PARTITIONS) return
    if ((this.#refused.get(key) ?? 0) > timers.now()) return
    this.#refused.delete(key)
    try {
      const { shared, stream } = await objects
        .partition(topicId, partition)
        .follow({ topicId, partition, offset: offset(next), readCommitted: this.#readCommitted })
      const pieces = shared === undefined ? undefined : publishedPieces(shared)
      const source =
        pieces !== undefined
          ? new Near(pieces, timers)
          : stream && new EventReader(stream, () => this.#wake())
      if (source === undefined) return
      if (this.#isClosed) source.close()
      else this.#sources.set(key, { source, newsMs: timers.now() })
    } catch (error) {
      // Reading it will tell why.
      log('debug', 'a partition is not followed', { partition, reason: String(error) })
      this.#refuse(key)
    }
  }

  /** What is new of a partition, about so many bytes; null when there is nothing, or it is not followed any more. */
  take(key: string, next: number, bytesMax: number): Taken | null {
    const followed = this.#sources.get(key)
    if (followed === undefined) return null
    const nowMs = this.#context.timers.now()
    const taken = followed.source.take(next, bytesMax)
    if (taken === 'behind' || taken === 'gone') {
      this.#drop(key)
      // What ended had a reason: too much is written, or the leader is gone.
      if (taken === 'gone') this.#refuse(key)
      return null
    }
    if (taken !== null && taken.parts.length > 0) followed.newsMs = nowMs
    // Its leader may go to sleep: from here on it is watched.
    else if (nowMs - followed.newsMs > EVENTS_SHARED_IDLE_MS) this.#drop(key)
    return taken
  }

  /** Not all that was taken last was used: it comes again, or is read. */
  unused(key: string): void {
    if (this.#sources.get(key)?.source.forgets) this.#drop(key)
  }

  /** Follows it no longer. */
  leave(key: string): void {
    this.#drop(key)
  }

  /** Follows no others than these any longer. */
  keep(wanted: ReadonlySet<string>): void {
    for (const key of [...this.#sources.keys()]) if (!wanted.has(key)) this.#drop(key)
  }

  /**
   * Waits until one of them may have more. Where timers are late, because this isolate has too much to do,
   * it waits longer: pieces come less often and hold more.
   */
  async news(): Promise<void> {
    const { timers } = this.#context
    let ms = EVENTS_PACE_MS
    for (const { source } of this.#sources.values()) ms = Math.min(ms, source.waitMs())
    ms += this.#lateMs
    const dueMs = timers.now() + ms
    await new Promise<void>((resolve) => {
      const cancel = timers.after(ms, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
    this.#wake = () => {}
    const lateMs = Math.max(0, timers.now() - dueMs)
    this.#lateMs = Math.min(lateMs, EVENTS_PACE_MAX_MS - EVENTS_PACE_MS)
  }

  /** Ends a wait for news. */
  wake(): void {
    this.#wake()
  }

  close(): void {
    this.#isClosed = true
    for (const key of [...this.#sources.keys()]) this.#drop(key)
    this.#wake()
  }

  #drop(key: string): void {
    this.#sources.get(key)?.source.close()
    this.#sources.delete(key)
  }

  #refuse(key: string): void {
    this.#refused.set(key, this.#context.timers.now() + EVENTS_FOLLOW_AGAIN_MS)
  }
}

/** The leader lives in this isolate: its memory is looked at, without a call. */
class Near implements Source {
  readonly forgets = false
  readonly #pieces: SharedPieces
  readonly #timers: Timers
  #takenMs = 0

  constructor(pieces: SharedPieces, timers: Timers) {
    this.#pieces = pieces
    this.#timers = timers
  }

  take(next: number, bytesMax: number): Taken | null | 'behind' | 'gone' {
    const pieces = this.#pieces
    const nowMs = this.#timers.now()
    if (!pieces.open || nowMs - pieces.lookedMs > EVENTS_SHARED_STALE_MS) return 'gone'
    pieces.wantedMs = nowMs
    const taken = pieces.take(next, bytesMax)
    if (taken !== null) this.#takenMs = nowMs
    return taken
  }

  waitMs(): number {
    const nextLookMs = this.#pieces.lookedMs + EVENTS_PACE_MS + LOOK_BEHIND_MS
    const dueMs = Math.max(nextLookMs, this.#takenMs + EVENTS_PACE_MS)
    return Math.max(LOOK_AGAIN_MS, dueMs - this.#timers.now())
  }

  close(): void {}
}
