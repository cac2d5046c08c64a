// Callers parked until a level rises above what they have seen, or their time is over. One timer serves
// them all: each pending timer keeps a Durable Object awake. Only inside an object: its requests share
// one context, the stateless Worker's do not.

/** Calls `fire` once after so many milliseconds; the answer cancels it. */
export type StartTimer = (fire: () => void, ms: number) => () => void

interface Parked<Reply> {
  readonly after: number
  readonly deadlineMs: number
  readonly resolve: (reply: Reply) => void
}

/** What a set of waiters needs. */
export interface WaitersOptions<Reply> {
  readonly now: () => number
  readonly startTimer: StartTimer
  /** Answers whose time is over. */
  readonly expired: () => Reply
  /** Waiters above this number wait `crowdedMs` at most, so that they cannot pile up. */
  readonly capacity: number
  readonly crowdedMs: number
}

/** Parked callers of one object. */
export class Waiters<Reply> {
  readonly #options: WaitersOptions<Reply>
  readonly #parked = new Set<Parked<Reply>>()
  #cancelTimer: (() => void) | null = null
  #firesAtMs = Number.POSITIVE_INFINITY

  constructor(options: WaitersOptions<Reply>) {
    this.#options = options
  }

  get size(): number {
    return this.#parked.size
  }

  /** Resolves when the level is above `after`, or after `timeoutMs`. */
  park(after: number, timeoutMs: number): Promise<Reply> {
    const { capacity, crowdedMs, now } = this.#options
    const waitMs = this.#parked.size < capacity ? timeoutMs : Math.min(timeoutMs, crowdedMs)
    return new Promise((resolve) => {
      const deadlineMs = now() + waitMs
      this.#parked.add({ after, deadlineMs, resolve })
      if (deadlineMs < this.#firesAtMs) this.#arm(deadlineMs)
    })
  }

  /** Answers everybody who waits for a level above one that is now passed. */
  wake(level: number, reply: Reply): void {
    this.#answer((waiter) => waiter.after < level, reply)
  }

  /** Answers everybody. */
  wakeAll(reply: Reply): void {
    this.#answer(() => true, reply)
  }

  #answer(which: (waiter: Parked<Reply>) => boolean, reply: Reply): void {
    for (const waiter of this.#parked) {
      if (!which(waiter)) continue
      this.#parked.delete(waiter)
      waiter.resolve(reply)
    }
    if (this.#parked.size === 0) this.#disarm()
  }

  #arm(deadlineMs: number): void {
    this.#disarm()
    this.#firesAtMs = deadlineMs
    const ms = Math.max(0, deadlineMs - this.#options.now())
    this.#cancelTimer = this.#options.startTimer(() => this.#expire(), ms)
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#firesAtMs = Number.POSITIVE_INFINITY
  }

  #expire(): void {
    // A timer may fire a little early by the clock; the deadline it was set for has passed.
    const nowMs = Math.max(this.#options.now(), this.#firesAtMs)
    this.#disarm()
    this.#answer((waiter) => waiter.deadlineMs <= nowMs, this.#options.expired())
    let next = Number.POSITIVE_INFINITY
    for (const waiter of this.#parked) next = Math.min(next, waiter.deadlineMs)
    if (next < Number.POSITIVE_INFINITY) this.#arm(next)
  }
}
