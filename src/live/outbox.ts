// What goes to one client, and how much of it the client has not shown that it took. A WebSocket here has
// no back-pressure: what is sent is held until the network takes it. So a ping goes behind every so many
// bytes of records, and until its pong comes only so many more follow. Not the grants, which are feed.ts.

import { LIVE_PIECE_BYTES, LIVE_UNCONFIRMED_BYTES } from '../core/limits/live.ts'
import { PING } from './protocol.ts'

/** A ping goes behind so many bytes. */
const PING_AFTER_BYTES = LIVE_UNCONFIRMED_BYTES - LIVE_PIECE_BYTES

/** See the head of this file. */
export class Outbox {
  readonly #send: (text: string) => void
  /** Bytes of records sent, and of them those in front of the ping under way. */
  #unconfirmed = 0
  #pinged: number | null = null
  #isLargeUnderWay = false
  #waiters: (() => void)[] = []
  #isClosed = false

  constructor(send: (text: string) => void) {
    this.#send = send
  }

  /** Bytes of records that the client has not shown that it took. */
  get unconfirmed(): number {
    return this.#unconfirmed
  }

  /** Something that is no record: there is little of it. */
  send(text: string): void {
    if (!this.#isClosed) this.#send(text)
  }

  /** A message of records. */
  sendRecords(text: string, bytes: number): void {
    if (this.#isClosed) return
    this.#send(text)
    this.#unconfirmed += bytes
    if (this.#unconfirmed - (this.#pinged ?? 0) >= PING_AFTER_BYTES) this.ping()
  }

  /** The client's answer to the ping: all in front of it was taken. */
  pong(): void {
    if (this.#pinged === null) return
    this.#unconfirmed -= this.#pinged
    this.#pinged = null
    if (this.#unconfirmed >= PING_AFTER_BYTES) this.ping()
    this.#wake()
  }

  /** Resolves when a piece may be read, LIVE_PIECE_BYTES of all feeds together; false when it is closed. */
  async room(): Promise<boolean> {
    while (!this.#isClosed) {
      if (this.#unconfirmed < PING_AFTER_BYTES && !this.#isLargeUnderWay) return true
      await this.#changed()
    }
    return false
  }

  /**
   * Resolves when all was taken: then one record larger than a piece may be read, and nothing else until
   * the answer of this is called. Null when it is closed.
   */
  async roomForLarge(): Promise<(() => void) | null> {
    while (!this.#isClosed) {
      if (this.#unconfirmed === 0 && !this.#isLargeUnderWay) {
        this.#isLargeUnderWay = true
        return () => {
          this.#isLargeUnderWay = false
          this.#wake()
        }
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
    this.#send(PING)
  }

  /** The client has gone. */
  close(): void {
    this.#isClosed = true
    this.#wake()
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
