// Moves records from a tail to the client, as many bytes as the client has granted and never one more:
// what a subscription to topics and a member of a group have in common. Not where it starts, and not what
// is done with what a tail says beside records.

import {
  LIVE_GRANT_MAX,
  LIVE_PIECE_BYTES,
  LIVE_PIECE_FIRST_BYTES,
  LIVE_PIECE_MIN_BYTES,
  LIVE_WAIT_MS,
} from '../core/limits/live.ts'
import type { Problem } from '../http/problem.ts'
import type { RecordsStep, ResetStep, Tail, TailStep, TopicRecords } from '../http/tail/contract.ts'
import type { Outbox } from './outbox.ts'
import { Wake } from './wake.ts'

/** What is done with what comes. */
export interface FeedEvents {
  /** Sends them: they are within the grant, which was taken off already. */
  records(records: TopicRecords): void
  position(position: string): void
  reset(step: ResetStep): void
  /** The next record takes so many bytes, and less is granted. Said once for a record. */
  starved(bytes: number): void
  /** Nothing more will come. Null after a reset that leaves nothing to follow. */
  over(problem: Problem | null): void
}

export interface FeedOptions {
  readonly outbox: Outbox
  readonly granted: number
  /** Feeds of this session that share what may be read at once. */
  readonly sharers: () => number
  readonly events: FeedEvents
}

/** One stream of records to one client. */
export class Feed {
  readonly #tail: Tail
  readonly #outbox: Outbox
  readonly #sharers: () => number
  readonly #events: FeedEvents
  readonly #wake = new Wake()
  readonly #abort = new AbortController()
  #granted: number
  /** Bytes of the next record where it is known to be larger than what was asked for; 0 where not. */
  #needed = 0
  /** Bytes of the next piece: many that wait must not all read much at once, who catches up gets more and more. */
  #piece = LIVE_PIECE_FIRST_BYTES
  /** What was said to be starved for. */
  #told = 0

  constructor(tail: Tail, { outbox, granted, sharers, events }: FeedOptions) {
    this.#tail = tail
    this.#outbox = outbox
    this.#granted = granted
    this.#sharers = sharers
    this.#events = events
  }

  /** Bytes that the client still takes. */
  get granted(): number {
    return this.#granted
  }

  /** Nothing goes on until more is granted. */
  get isWaiting(): boolean {
    return this.#granted === 0 || this.#needed > this.#granted
  }

  grant(bytes: number): void {
    this.#granted = Math.min(LIVE_GRANT_MAX, this.#granted + bytes)
    this.#wake.wake()
  }

  /** What the tail follows is another now: the record that was waited for may not come. */
  changed(): void {
    this.#needed = 0
    this.#wake.wake()
  }

  close(): void {
    this.#abort.abort()
    this.#tail.close()
    this.#wake.wake()
  }

  /** Runs until it is closed or over. Rejects with a bug only. */
  async run(): Promise<void> {
    while (!this.#isClosed) {
      if (this.isWaiting) await this.#wake.wait()
      else await this.#step()
    }
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted
  }

  /** Of so many bytes for all feeds, this one's. */
  #share(bytes: number): number {
    return Math.max(LIVE_PIECE_MIN_BYTES, Math.floor(bytes / Math.max(1, this.#sharers())))
  }

  async #step(): Promise<void> {
    const room = await this.#outbox.room()
    if (room === 0) return
    const share = this.#share(room)
    if (this.#needed > share) {
      await this.#stepForLarge()
      return
    }
    const piece = Math.min(share, Math.max(this.#piece, this.#needed))
    await this.#next(Math.min(this.#granted, piece), LIVE_WAIT_MS)
  }

  /** It is there: nothing is waited for while all others are kept waiting. */
  async #stepForLarge(): Promise<void> {
    const done = await this.#outbox.roomForLarge(this.#needed)
    if (done === null) return
    try {
      await this.#next(Math.min(this.#granted, Math.max(this.#needed, 1)), 0)
    } finally {
      done()
    }
  }

  async #next(maxBytes: number, waitMs: number): Promise<void> {
    if (this.#isClosed || maxBytes === 0) return
    const step = await this.#tail.next({ maxBytes, waitMs, signal: this.#abort.signal })
    if (!this.#isClosed) this.#take(step)
  }

  #take(step: TailStep): void {
    this.#needed = 0
    switch (step.kind) {
      case 'records':
        this.#takeRecords(step)
        break
      case 'position':
        this.#events.position(step.position)
        break
      case 'large':
        this.#takeLarge(step.bytes)
        break
      case 'reset':
        this.#events.reset(step)
        if (step.next === null) this.#end(null)
        break
      case 'problem':
        this.#end(step.problem)
        break
      case 'idle':
        this.#piece = LIVE_PIECE_FIRST_BYTES
        break
    }
  }

  #takeRecords({ topics }: RecordsStep): void {
    this.#told = 0
    let bytes = 0
    for (const records of topics) {
      bytes += records.bytes
      this.#granted -= records.bytes
      this.#events.records(records)
    }
    const isBehind = bytes >= this.#piece / 2
    const more = Math.min(LIVE_PIECE_BYTES, 2 * Math.max(this.#piece, bytes))
    this.#piece = isBehind ? more : LIVE_PIECE_FIRST_BYTES
  }

  #takeLarge(bytes: number): void {
    this.#needed = bytes
    if (bytes <= this.#granted || this.#told === bytes) return
    this.#told = bytes
    this.#events.starved(bytes)
  }

  #end(problem: Problem | null): void {
    this.close()
    this.#events.over(problem)
  }
}
