// One partition of the isolate compacts at a time: the map of keys is the largest thing that an object
// holds. And whoever does is brief while any partition of the isolate is written to or read, for all of
// them have one thread. Plain data, shared by all objects. Whoever has not been heard of for a while has
// lost its turn, for an object may end without a word.

import { COMPACTION_BUSY_MS, COMPACTION_IDLE_MS } from '../../core/limits/partition.ts'

/** The turn to compact. */
export class CompactionSlot {
  #holder: object | null = null
  #heardMs = 0
  #servedMs = Number.NEGATIVE_INFINITY

  /** Somebody has written to a partition, or read it. */
  served(nowMs: number): void {
    this.#servedMs = nowMs
  }

  /** Whether others need the thread. */
  isBusy(nowMs: number): boolean {
    return Math.abs(nowMs - this.#servedMs) < COMPACTION_BUSY_MS
  }

  /** True when it is, or stays, the turn of `holder`. */
  take(holder: object, nowMs: number): boolean {
    const isFree = this.#holder === null || this.#holder === holder
    if (!isFree && Math.abs(nowMs - this.#heardMs) < COMPACTION_IDLE_MS) return false
    this.#holder = holder
    this.#heardMs = nowMs
    return true
  }

  /** The turn is over, if it was `holder`'s. */
  release(holder: object): void {
    if (this.#holder === holder) this.#holder = null
  }
}

/** The turn of this isolate. */
export const isolateCompaction: CompactionSlot = new CompactionSlot()
