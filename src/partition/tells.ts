// Tells the Watch object of a partition's shard that the partition has moved, as long as somebody may be
// subscribed there. Coalesced, one call under way, made again until it succeeds; it writes nothing and
// nobody waits for it. Not the watches parked at the leader itself: those are runtime/waiters.ts.
//
// Why no subscriber is forgotten: it subscribes first and then comes here, where it sees what has moved
// and is remembered. "Nobody is subscribed" is believed only if nobody has come since it was asked.

import { TELL_LOADED_MS, TELL_RETRY_MAX_MS, TELL_RETRY_MIN_MS } from '../core/limits/watch.ts'
import type { StartTimer } from '../runtime/waiters.ts'

export interface TellsOptions {
  /** Sends where the partition is now; answers whether somebody waits for more. */
  readonly tell: () => Promise<{ readonly subscribed: boolean }>
  readonly startTimer: StartTimer
  readonly report: (event: string, error: unknown) => void
}

/** What one leader owes to those who are subscribed to its partition. */
export class Tells {
  readonly #options: TellsOptions
  /** An evicted leader forgets who is subscribed: a new one takes it that somebody is. */
  #isWatched = true
  /** How often somebody came. */
  #arrivals = 0
  #isUnderWay = false
  /** Something has moved that no call has carried. */
  #isUntold = false
  #retryMs = TELL_RETRY_MIN_MS
  #cancelTimer: (() => void) | null = null

  constructor(options: TellsOptions) {
    this.#options = options
  }

  /** Somebody has subscribed and now sees where the partition is. */
  subscribed(): void {
    this.#arrivals += 1
    this.#isWatched = true
  }

  /**
   * The log was loaded: the leader before may have ended with something untold. What loaded it is
   * likely to be an append, so the next flush may tell first.
   */
  loaded(): void {
    this.#isUntold = true
    this.#sendAfter(TELL_LOADED_MS)
  }

  /** The partition has moved, where readers see it. */
  moved(): void {
    if (!this.#isWatched) return
    this.#isUntold = true
    if (!this.#isUnderWay) void this.#send()
  }

  async #send(): Promise<void> {
    const { tell, report } = this.#options
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#isUnderWay = true
    while (this.#isUntold) {
      this.#isUntold = false
      const arrivals = this.#arrivals
      try {
        const { subscribed } = await tell()
        this.#retryMs = TELL_RETRY_MIN_MS
        if (subscribed || this.#arrivals !== arrivals) continue
        this.#isWatched = false
        this.#isUntold = false
      } catch (error) {
        report('subscribers were not told', error)
        this.#isUntold = true
        this.#sendAfter(this.#retryMs)
        this.#retryMs = Math.min(this.#retryMs * 2, TELL_RETRY_MAX_MS)
        break
      }
    }
    this.#isUnderWay = false
  }

  #sendAfter(ms: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.startTimer(() => {
      this.#cancelTimer = null
      if (!this.#isUnderWay) void this.#send()
    }, ms)
  }
}
