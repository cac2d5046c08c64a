// What goes to one client, and how much of it the client has not shown that it took. A WebSocket here has
// no back-pressure: what is sent is held until the network takes it. So a ping goes behind every so many
// bytes of records, and until its pong comes only so many more follow. Not the grants, which are feed.ts.

import {
  LIVE_PIECE_BYTES,
  LIVE_PIECE_FIRST_BYTES,
  LIVE_UNCONFIRMED_BYTES,
  LIVE_UNCONFIRMED_TOTAL_BYTES,
} from '../core/limits/live.ts'
import { STALLED_CONNECTION_MS } from '../core/limits.ts'
import { PING } from './protocol.ts'

/** A ping goes behind so many bytes. */
const PING_AFTER_BYTES = LIVE_UNCONFIRMED_BYTES - LIVE_PIECE_BYTES
/** How often a session looks whether others have left room. */
const TOTAL_POLL_MS = 50

/** Of all sessions of an isolate. Plain data: contexts share it, and cannot wake each other. */
export interface LiveTotals {
  /** Bytes of records sent of which clients have not shown that they took them. */
  unconfirmed: number
  /** Whether one of them is a record for which there was no room: there is one such at a time. */
  isLargeOut: boolean
  /** Sessions that wait for that. */
  largeWaiters: number
  /** Bytes of requests that are not answered. */
  pending: number
}

/** Totals of an isolate in which nothing goes on. */
export function noTotals(): LiveTotals {
  return { unconfirmed: 0, isLargeOut: false, largeWaiters: 0, pending: 0 }
}

/** What an outbox needs of a session's surroundings. */
export interface OutboxDeps {
  now(): number
  after(ms: number, callback: () => void): () => void
  send(text: string): void
  readonly totals: LiveTotals
}

/** See the head of this file. */
export class Outbox {
  readonly #deps: OutboxDeps
  /** Bytes of records sent, and of them those in front of the ping under way. */
  #unconfirmed = 0
  #pinged: number | null = null
  #pingedAtMs = 0
  /** A feed reads a record larger than a piece. */
  #isLargeUnderWay = false
  #holdsLarge = false
  #waiters: (() => void)[] = []
  #isClosed = false

  constructor(deps: OutboxDeps) {
    this.#deps = deps
  }

  /** The client stands still while others wait for what is held for it. */
  get isStalled(): boolean {
    const { totals, now } = this.#deps
    const isCrowded = isFull(totals) || totals.largeWaiters > 0
    if (!isCrowded || this.#unconfirmed === 0 || this.#pinged === null) return false
    return now() - this.#pingedAtMs > STALLED_CONNECTION_MS
  }

  /** Something that is no record: there is little of it. */
  send(text: string): void {
    if (!this.#isClosed) this.#deps.send(text)
  }

  /** A message of records. */
  sendRecords(text: string, bytes: number): void {
    if (this.#isClosed) return
    this.#deps.send(text)
    this.#count(bytes)
    if (this.#unconfirmed - (this.#pinged ?? 0) >= PING_AFTER_BYTES) this.ping()
  }

  /** The client's answer to the ping: all in front of it was taken. */
  pong(): void {
    if (this.#pinged === null) return
    this.#count(-this.#pinged)
    this.#pinged = null
    if (this.#unconfirmed >= PING_AFTER_BYTES) this.ping()
    this.#wake()
  }

  /** Resolves with the bytes that all feeds together may read when there may be any; 0 when it is closed. */
  async room(): Promise<number> {
    while (!this.#isClosed) {
      const room = this.#isLargeUnderWay ? 0 : this.#room()
      if (room > 0) return room
      // Where others have it all, what this client has taken is what there is to get back.
      if (this.#unconfirmed > 0) this.ping()
      await this.#changed()
    }
    return 0
  }

  /**
   * Resolves when the client has taken all, and there is room for one record of so many bytes: then that may be
   * read, and nothing else until the answer of this is called. Null when it is closed.
   */
  async roomForLarge(bytes: number): Promise<(() => void) | null> {
    while (!this.#isClosed) {
      if (this.#unconfirmed === 0 && !this.#isLargeUnderWay) {
        if (this.#takesLarge(bytes)) return this.#beginLarge()
        await this.#othersLeave()
        continue
      }
      if (this.#unconfirmed > 0) this.ping()
      await this.#changed()
    }
    return null
  }

  /** Asks the client for a sign of life, unless it is being asked already. */
  ping(): void {
    if (this.#pinged !== null || this.#isClosed) return
    this.#pinged = this.#unconfirmed
    this.#pingedAtMs = this.#deps.now()
    this.#deps.send(PING)
  }

  /** The client has gone. */
  close(): void {
    this.#isClosed = true
    this.#count(-this.#unconfirmed)
    this.#wake()
  }

  #room(): number {
    if (isFull(this.#deps.totals)) {
      // Who has taken all gets a little, whoever else stands still.
      return this.#unconfirmed === 0 ? LIVE_PIECE_FIRST_BYTES : 0
    }
    return this.#unconfirmed < PING_AFTER_BYTES ? LIVE_PIECE_BYTES : 0
  }

  #takesLarge(bytes: number): boolean {
    const { totals } = this.#deps
    if (bytes <= LIVE_PIECE_BYTES) return true
    if (totals.unconfirmed + bytes <= LIVE_UNCONFIRMED_TOTAL_BYTES) return true
    if (totals.isLargeOut) return false
    totals.isLargeOut = true
    this.#holdsLarge = true
    return true
  }

  #beginLarge(): () => void {
    this.#isLargeUnderWay = true
    return () => {
      this.#isLargeUnderWay = false
      // It may not have been sent.
      this.#leaveLarge()
      this.#wake()
    }
  }

  async #othersLeave(): Promise<void> {
    const { totals, after } = this.#deps
    totals.largeWaiters += 1
    const cancel = after(TOTAL_POLL_MS, () => this.#wake())
    await this.#changed()
    cancel()
    totals.largeWaiters -= 1
  }

  #count(bytes: number): void {
    this.#unconfirmed += bytes
    this.#deps.totals.unconfirmed += bytes
    this.#leaveLarge()
  }

  #leaveLarge(): void {
    if (!this.#holdsLarge || this.#unconfirmed > 0 || this.#isLargeUnderWay) return
    this.#holdsLarge = false
    this.#deps.totals.isLargeOut = false
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
    })
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }
}

function isFull({ unconfirmed }: LiveTotals): boolean {
  return unconfirmed + LIVE_PIECE_BYTES > LIVE_UNCONFIRMED_TOTAL_BYTES
}
