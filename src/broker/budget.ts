// Counts bytes in flight in the isolate against the lines of core/limits.ts, before they are
// allocated. Not a queue of promises: connections live in different request contexts and share plain
// data only, so who must wait polls for its turn in its own context.

import {
  LARGE_FRAMES_TOTAL_BYTES,
  LARGE_REPLIES_TOTAL_BYTES,
  SMALL_BYTES,
  SMALL_FRAMES_TOTAL_BYTES,
  SMALL_REPLIES_TOTAL_BYTES,
} from '../core/limits.ts'

/** How long a waiter sleeps between two looks at the pool. */
const POLL_MS = 2

/**
 * Who has not looked for so long is gone: its context ended, with its timers, while it waited. Nobody else could
 * give up its turn.
 */
const GONE_MS = 1_000

/** A waiter's place. */
interface Ticket {
  lookedAtMs: number
}

/** Bytes held; give them back exactly once, when the memory can be collected. */
export interface Reservation {
  readonly bytes: number
  /** Gives back all but `bytes`. */
  shrink(bytes: number): void
  release(): void
}

/** One line of the memory budget, first come first served. */
export class BytePool {
  readonly #capacity: number
  #used = 0
  readonly #tickets: Ticket[] = []
  readonly #now: () => number

  constructor(capacity: number, now: () => number = () => Date.now()) {
    this.#capacity = capacity
    this.#now = now
  }

  /** Bytes reserved now. */
  get used(): number {
    return this.#used
  }

  /** True while somebody waits: holders that make no progress should let go. */
  get contended(): boolean {
    return this.#tickets.length > 0
  }

  /** Takes the bytes now or answers null. A request larger than the pool counts as the whole pool. */
  tryReserve(bytes: number): Reservation | null {
    if (this.#tickets.length > 0) {
      this.#forgetGone()
      if (this.#tickets.length > 0) return null
    }
    return this.#take(bytes)
  }

  /**
   * Waits for its turn, looking every 2 ms.
   * @param sleep the caller's own timer (a promise of another request context would hang)
   * @param abandoned says that the caller is gone: gives up its turn and answers null
   */
  async reserve(
    bytes: number,
    sleep: (ms: number) => Promise<void>,
    abandoned: () => boolean = () => false,
  ): Promise<Reservation | null> {
    const now = this.tryReserve(bytes)
    if (now !== null) return now
    const ticket: Ticket = { lookedAtMs: this.#now() }
    this.#tickets.push(ticket)
    try {
      while (!abandoned()) {
        ticket.lookedAtMs = this.#now()
        // Late timers can have cost it its place.
        if (!this.#tickets.includes(ticket)) this.#tickets.push(ticket)
        this.#forgetGone()
        if (this.#tickets[0] === ticket) {
          const reservation = this.#take(bytes)
          if (reservation !== null) return reservation
        }
        await sleep(POLL_MS)
      }
      return null
    } finally {
      const at = this.#tickets.indexOf(ticket)
      if (at >= 0) this.#tickets.splice(at, 1)
    }
  }

  /** Only the first in the line holds up others. */
  #forgetGone(): void {
    const goneMs = this.#now() - GONE_MS
    while ((this.#tickets[0]?.lookedAtMs ?? goneMs) < goneMs) this.#tickets.shift()
  }

  #take(bytes: number): Reservation | null {
    let held = Math.min(bytes, this.#capacity)
    if (this.#used + held > this.#capacity) return null
    this.#used += held
    return {
      get bytes() {
        return held
      },
      shrink: (to: number) => {
        const rest = Math.min(held, Math.max(0, to))
        this.#used -= held - rest
        held = rest
      },
      release: () => {
        this.#used -= held
        held = 0
      },
    }
  }
}

/** The pools of one isolate. */
export interface MemoryBudget {
  /** Request frames up to SMALL_BYTES. */
  readonly smallFrames: BytePool
  /** Fetch answers up to SMALL_BYTES. */
  readonly smallReplies: BytePool
  /** Larger frames and answers take turns in pools of their own, so that they keep no small one waiting. */
  readonly largeFrames: BytePool
  readonly largeReplies: BytePool
}

/** Where the memory of an answer of this size comes from. */
export function repliesPool(budget: MemoryBudget, bytes: number): BytePool {
  return bytes <= SMALL_BYTES ? budget.smallReplies : budget.largeReplies
}

/** A budget with the sizes of core/limits.ts; one per isolate. */
export function memoryBudget(): MemoryBudget {
  return {
    smallFrames: new BytePool(SMALL_FRAMES_TOTAL_BYTES),
    smallReplies: new BytePool(SMALL_REPLIES_TOTAL_BYTES),
    largeFrames: new BytePool(LARGE_FRAMES_TOTAL_BYTES),
    largeReplies: new BytePool(LARGE_REPLIES_TOTAL_BYTES),
  }
}
