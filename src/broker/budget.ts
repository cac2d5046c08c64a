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
import { Line } from './line.ts'
import { Turns } from './turns.ts'

/** How long a waiter sleeps between two looks at the pool: the first ones, and, later by so much for each before it, all others. */
const POLL_MS = 2
const POLL_PLACE_MS = 0.25
const POLL_MAX_MS = 200

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
  readonly #line: Line

  constructor(capacity: number, now: () => number = () => Date.now()) {
    this.#capacity = capacity
    this.#line = new Line(now)
  }

  /** Bytes reserved now. */
  get used(): number {
    return this.#used
  }

  /** True while somebody waits: holders that make no progress should let go. */
  get contended(): boolean {
    return this.#line.length > 0
  }

  /** Takes the bytes now or answers null. A request larger than the pool counts as the whole pool. */
  tryReserve(bytes: number): Reservation | null {
    if (this.contended) {
      this.#line.forgetGone()
      if (this.contended) return null
    }
    return this.#take(bytes)
  }

  /**
   * Waits for its turn, looking every 2 ms when it is near.
   * @param sleep the caller's own timer (a promise of another request context would hang)
   * @param abandoned says that the caller is gone: gives up its turn and answers null
   * @param owner whose turn it is: who asks for much at once waits behind all others who ask for little
   */
  async reserve(
    bytes: number,
    sleep: (ms: number) => Promise<void>,
    abandoned: () => boolean = () => false,
    owner: object = {},
  ): Promise<Reservation | null> {
    const now = this.tryReserve(bytes)
    if (now !== null) return now
    const ticket = this.#line.join(owner)
    try {
      while (!abandoned()) {
        const place = this.#line.place(ticket)
        if (place === 0) {
          const reservation = this.#take(bytes)
          if (reservation !== null) return reservation
        }
        await sleep(Math.min(POLL_MS + Math.floor(place * POLL_PLACE_MS), POLL_MAX_MS))
      }
      return null
    } finally {
      this.#line.leave(ticket)
    }
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
  /** Beside memory: the time in which requests begin. */
  readonly turns: Turns
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
    turns: new Turns(),
  }
}
