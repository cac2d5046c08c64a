// Whether the object store does what it is asked to, as far as one partition knows: what is wrong, since when, and
// how long to wait before it is asked again. An episode is told once, however often it is met.

import { TIER_RETRY_MAX_MS, TIER_RETRY_MIN_MS } from '../../core/limits/tier.ts'
import { ObjectStoreError } from '../../tier/object-store.ts'

/** What goes on in an episode. */
export interface TierFailure {
  readonly sinceMs: number
  readonly reason: string
}

/** Episodes of one kind of work. */
export class TierCondition {
  readonly #event: string
  readonly #report: (event: string, error: unknown) => void
  #failure: TierFailure | null = null
  #failures = 0
  /** It may be over without anything else being done. */
  #mayPass = false

  /** @param event what the log says at the begin of an episode */
  constructor(event: string, report: (event: string, error: unknown) => void) {
    this.#event = event
    this.#report = report
  }

  /** null while all is well. */
  get failure(): TierFailure | null {
    return this.#failure
  }

  /** It failed again. How long to wait, in milliseconds. */
  failed(error: unknown, nowMs: number): number {
    const reason = error instanceof Error ? error.message : String(error)
    if (this.#failure === null) this.#report(this.#event, error)
    this.#failure = { sinceMs: this.#failure?.sinceMs ?? nowMs, reason }
    this.#failures += 1
    this.#mayPass = error instanceof ObjectStoreError && error.retriable
    return Math.min(TIER_RETRY_MAX_MS, TIER_RETRY_MIN_MS * 2 ** (this.#failures - 1))
  }

  /** The store did something else that it was asked to: what was a matter of reaching it is over. */
  reached(): void {
    if (this.#mayPass) this.worked()
  }

  /** It worked, or nothing is left to do. */
  worked(): void {
    this.#failure = null
    this.#failures = 0
    this.#mayPass = false
  }
}
