// The turns of connections at being read. The local runtime looks at no socket and at no timer while anything is ready to
// run, and a client that sends without end always has something ready: with forty of them nobody else was heard for tens
// of seconds. So only so much begins until all sockets have been looked at again, and who wants more waits in a line, by
// a timer. Plain data, shared by all that an isolate serves. Not memory (budget.ts).

import {
  TURN_BYTES,
  TURN_LEAST,
  TURN_REQUESTS,
  TURN_ROUND_MAX_MS,
  TURN_ROUND_MS,
  TURN_SHARED_REQUESTS,
} from '../core/limits.ts'
import { Line } from './line.ts'

/** What a request of this size costs: one, and one more for each TURN_BYTES. */
export function costOf(requestBytes: number): number {
  return 1 + Math.floor(requestBytes / TURN_BYTES)
}

/** See the head of this file. */
export class Turns {
  readonly #line: Line
  readonly #now: () => number
  /** Counts how often all sockets have been looked at: a timer fires only then. */
  #round = 0
  #begun = 0
  #beganMs = Number.NEGATIVE_INFINITY

  constructor(now: () => number = () => Date.now()) {
    this.#line = new Line(now)
    this.#now = now
  }

  /**
   * A turn without waiting: what may begin, at least `cost`; null when there is somebody to wait for.
   * @param least of a turn, when it is more than `cost`
   */
  tryTake(cost: number, least: number = TURN_LEAST): number | null {
    if (this.#now() - this.#beganMs > TURN_ROUND_MAX_MS) this.#beginRound()
    if (this.#line.length > 0 || this.#begun >= TURN_REQUESTS) return null
    return this.#take(Math.max(least, cost))
  }

  /**
   * Waits for a turn; answers what may begin in it, at least `cost`.
   * @param sleep the caller's own timer
   * @param isGone says that the caller needs no turn any more
   */
  async take(
    cost: number,
    sleep: (ms: number) => Promise<void>,
    isGone: () => boolean = () => false,
  ): Promise<number> {
    return this.#wait(cost, TURN_LEAST, sleep, isGone)
  }

  /** Waits for the turn of one request alone. */
  async takeOne(cost: number, sleep: (ms: number) => Promise<void>): Promise<void> {
    await this.#wait(cost, cost, sleep, () => false)
  }

  async #wait(
    cost: number,
    least: number,
    sleep: (ms: number) => Promise<void>,
    isGone: () => boolean,
  ): Promise<number> {
    const ticket = this.#line.join()
    try {
      let waitMs = 0
      while (!isGone()) {
        const round = this.#round
        await sleep(waitMs)
        if (round === this.#round) this.#beginRound()
        const place = this.#line.place(ticket)
        const share =
          least < TURN_LEAST ? cost : Math.max(least, TURN_SHARED_REQUESTS / this.#line.length)
        const ahead = this.#begun + place * share
        if (ahead < TURN_SHARED_REQUESTS) return this.#take(Math.max(Math.floor(share), cost))
        // Who is far behind need not look each time.
        waitMs = (Math.floor(ahead / TURN_SHARED_REQUESTS) - 1) * TURN_ROUND_MS
      }
      return 0
    } finally {
      this.#line.leave(ticket)
    }
  }

  #take(units: number): number {
    this.#begun += units
    return units
  }

  #beginRound(): void {
    this.#round++
    this.#begun = 0
    this.#beganMs = this.#now()
  }
}
