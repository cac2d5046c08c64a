// Deletes objects: those whose keys stand with what is to go, and, in a sweep, those that nobody knows (a put that
// was given up on may take effect later, a data folder may have been put back to an earlier day). A key is
// forgotten after its object is gone; that of an upload not before no late put can bring it back.

import { TIER_GARBAGE_AT_ONCE, TIER_LATE_PUT_MS, TIER_SWEEP_MS } from '../../core/limits/tier.ts'
import type { ObjectStore } from '../../tier/object-store.ts'
import type { TierStore } from './tier-store.ts'

/** The objects of one partition that are to go. */
export class Collector {
  readonly #store: TierStore
  readonly #objects: ObjectStore
  readonly #prefix: string
  /** When there is something to delete, or may be; null while nothing is known of. */
  #dueMs: number | null = 0
  #sweepMs = 0
  /** Where the sweep under way goes on; null when none is. */
  #sweepAfter: string | null = null

  constructor(store: TierStore, objects: ObjectStore, prefix: string) {
    this.#store = store
    this.#objects = objects
    this.#prefix = prefix
  }

  get dueMs(): number | null {
    return this.#dueMs
  }

  /** There is more to delete. */
  added(nowMs: number): void {
    this.#dueMs = nowMs
  }

  /** Deletes some; true when there may be more. `uploading` is no garbage yet. */
  async step(nowMs: number, uploading: string | null): Promise<boolean> {
    const known = this.#store.garbage(TIER_GARBAGE_AT_ONCE)
    const garbage = known.filter(({ key }) => key !== uploading)
    await this.#delete(garbage.map(({ key }) => key))
    const settled = garbage.filter(({ sinceMs }) => nowMs >= sinceMs + TIER_LATE_PUT_MS)
    const keys = settled.map(({ key }) => key)
    if (keys.length > 0) this.#store.transaction(() => this.#store.removeGarbage(keys))
    if (known.length === TIER_GARBAGE_AT_ONCE && keys.length > 0) return true
    const late = garbage.filter((one) => !settled.includes(one)).map(({ sinceMs }) => sinceMs)
    this.#dueMs = late.length === 0 ? null : Math.min(...late) + TIER_LATE_PUT_MS
    return false
  }

  /** Whether the next sweep may begin, or one is under way. It wakes nobody: done when there is other work. */
  sweeps(nowMs: number): boolean {
    return this.#sweepAfter !== null || nowMs >= this.#sweepMs
  }

  /** One page of the listing; true when there are more. */
  async sweep(nowMs: number, uploading: () => string | null): Promise<boolean> {
    if (this.#sweepAfter === null) this.#sweepMs = nowMs + TIER_SWEEP_MS
    const { objects, next } = await this.#objects.list(this.#prefix, this.#sweepAfter)
    const unknown = objects.map(({ key }) => key).filter((key) => !this.#isNamed(key, uploading()))
    await this.#delete(unknown)
    this.#sweepAfter = next
    return next !== null
  }

  /** Deletes every object of the partition, known or not. */
  async deleteAll(): Promise<void> {
    for (let after: string | null = null; ; ) {
      const { objects, next } = await this.#objects.list(this.#prefix, after)
      await this.#delete(objects.map(({ key }) => key))
      if (next === null) return
      after = next
    }
  }

  /** What is noted as garbage is deleted in its own time. */
  #isNamed(key: string, uploading: string | null): boolean {
    if (key === uploading) return true
    const firstOffset = Number.parseInt(key.slice(this.#prefix.length), 10)
    return Number.isSafeInteger(firstOffset) && this.#store.names(firstOffset, key)
  }

  async #delete(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#objects.delete(keys)
  }
}
