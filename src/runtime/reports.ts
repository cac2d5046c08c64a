// When an object that is awake tells of itself: a moment after something has changed, and then once in a while as
// long as more changes. One timer while there is news, none otherwise: nobody wakes or stays awake for it. Nobody
// waits for a report either, and one that fails is not made again: the next change makes the next one.

import { STATISTICS_DELAY_MS, STATISTICS_INTERVAL_MS } from '../core/limits/statistics.ts'
import type { StartTimer } from './waiters.ts'

export interface ReportsOptions {
  readonly now: () => number
  readonly startTimer: StartTimer
  /**
   * Makes a report and sends it; answers when it was taken.
   * @param elapsedMs how long what is new took to happen
   */
  readonly send: (elapsedMs: number) => Promise<void>
  readonly report: (event: string, error: unknown) => void
}

/** The reports of one object. */
export class Reports {
  readonly #options: ReportsOptions
  #isPlanned = false
  #sentMs = Number.NEGATIVE_INFINITY
  #newsMs = 0

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  /** There is something to tell. It is told later: this only sets a timer, and only if none is set. */
  changed(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    const nowMs = this.#options.now()
    const sinceMs = nowMs - this.#sentMs
    this.#newsMs = nowMs
    const ms = Math.max(STATISTICS_DELAY_MS, STATISTICS_INTERVAL_MS - sinceMs)
    this.#options.startTimer(() => void this.#send(), ms)
  }

  async #send(): Promise<void> {
    const { now, send, report } = this.#options
    const nowMs = now()
    const sinceMs = Math.max(this.#sentMs, this.#newsMs)
    this.#isPlanned = false
    this.#sentMs = nowMs
    try {
      await send(Math.max(nowMs - sinceMs, STATISTICS_DELAY_MS))
    } catch (error) {
      report('figures were not reported', error)
    }
  }
}
