// Compacts one log, step by step, in as many passes (pass.ts) as it takes: says when there is something to
// do, and keeps how far it is. Readers see the log before or after a step and both are right: what a step
// removes has a later record that stays. Not the schedule: chore.ts calls.
//
// What is kept is one row: where the clean part ends, where the pass under way ends, and up to where it
// got. The map is made again after a restart; a part that is cleaned twice is the same.

import { COMPACTION_REPORTED, COMPACTION_SAVE_ROWS } from '../../core/limits/partition.ts'
import { type Cleanable, cleanable } from './cleanable.ts'
import type { CompactableLog, StepBudget } from './compactable.ts'
import type { CompactionState, CompactionStore } from './compaction-store.ts'
import type { HashSecret } from './key-hash.ts'
import { Pass, type PassHost } from './pass.ts'
import type { CompactionSlot } from './slot.ts'

/** What a compactor runs on. */
export interface CompactorHost {
  readonly now: () => number
  /** Drawn anew for each pass. */
  readonly secret: () => HashSecret
  readonly report: (event: string, error: unknown) => void
  readonly slot: CompactionSlot
  /** Most bytes of the map; COMPACTION_MAP_BYTES unless a test says otherwise. */
  readonly mapBytes?: number
  /** Rows written after which it is kept where the pass is; COMPACTION_SAVE_ROWS unless a test says otherwise. */
  readonly saveRows?: number
}

const NOTHING_CLEAN: CompactionState = { cleanEnd: 0, cleanBytes: 0, mapEnd: null, nextOffset: 0 }

/** Compaction of one log. `dueMs` and `step` are asked by the schedule. */
export class Compactor {
  readonly #log: CompactableLog
  readonly #store: CompactionStore
  readonly #host: CompactorHost
  readonly #passHost: PassHost
  #state: CompactionState | null = null
  /** There is a row of it. */
  #isKept = false
  /** Rows written since it was kept. */
  #unkept = 0
  #pass: Pass | null = null
  /** The dirty part goes on to here, whatever its ratio: the last map did not hold all its keys. */
  #until = 0
  /** Asked after every flush, and looked for only when something has changed. */
  #known: {
    readonly key: string
    readonly askedMs: number
    readonly cleanable: Cleanable | null
  } | null = null
  readonly #reported = new Set<number>()

  constructor(log: CompactableLog, store: CompactionStore, host: CompactorHost) {
    this.#log = log
    this.#store = store
    this.#host = host
    const { now, secret, mapBytes } = host
    this.#passHost = {
      log,
      store,
      now,
      secret,
      ...(mapBytes === undefined ? {} : { mapBytes }),
      state: () => this.#saved(),
      toKeep: (rows, mapEnd, nextOffset) => this.#toKeep(rows, mapEnd, nextOffset),
      kept: (state) => this.#keep(state),
      reportOnce: (offset, problem) => this.#reportOnce(offset, problem),
    }
  }

  /** When there is something to do; null while nothing will be. Reads a few rows when the log has changed. */
  dueMs(nowMs: number): number | null {
    if (!this.#isWanted()) return null
    const { cleanEnd, mapEnd } = this.#saved()
    if (this.#pass !== null || mapEnd !== null) return nowMs
    const found = this.#cleanable(nowMs)
    if (found === null) return null
    return found.from < found.end && cleanEnd < this.#until ? nowMs : found.dueMs
  }

  /** One step; true when the next should follow soon. */
  step(nowMs: number, budget: StepBudget): boolean {
    if (!this.#isWanted() || !this.#host.slot.take(this, nowMs)) {
      this.drop()
      return false
    }
    try {
      this.#pass ??= this.#begin(nowMs)
      if (this.#pass?.step(nowMs, budget) === true) return true
      if (this.#pass !== null) this.#finish(this.#pass)
      this.drop()
      const dueMs = this.dueMs(nowMs)
      return dueMs !== null && dueMs <= nowMs
    } catch (error) {
      this.drop()
      throw error
    }
  }

  /** Forgets the pass under way; a later step takes it up again. */
  drop(): void {
    this.#pass = null
    this.#known = null
    this.#host.slot.release(this)
  }

  #isWanted(): boolean {
    const { cleanupCompact, cleanerEnabled } = this.#log.settings
    return cleanupCompact && cleanerEnabled
  }

  #cleanable(nowMs: number): Cleanable | null {
    const { logStart, lastStableOffset, activeFrom, settings } = this.#log
    const { cleanEnd, cleanBytes } = this.#saved()
    const bound = Math.min(lastStableOffset, activeFrom)
    const lags = [settings.minCleanableDirtyRatio, settings.minCompactionLagMs]
    const key = [bound, logStart, cleanEnd, cleanBytes, ...lags, settings.maxCompactionLagMs].join()
    const known = this.#known
    if (known?.key === key) {
      const dueMs = known.cleanable?.dueMs ?? null
      // What was to be cleaned later may be more by now.
      if (dueMs === null || dueMs <= known.askedMs || dueMs > nowMs) return known.cleanable
    }
    const view = { logStart, bound, cleanEnd, cleanBytes, settings }
    this.#known = { key, askedMs: nowMs, cleanable: cleanable(this.#store, view, nowMs) }
    return this.#known.cleanable
  }

  /** A new pass, or the one that was under way; null when there is nothing to clean. */
  #begin(nowMs: number): Pass | null {
    const { cleanEnd, mapEnd } = this.#saved()
    const from = Math.max(this.#log.logStart, cleanEnd)
    if (mapEnd !== null && from < mapEnd) return new Pass(this.#passHost, from, mapEnd)
    // What was being cleaned is gone: its records were deleted.
    if (mapEnd !== null) this.#save({ ...this.#saved(), mapEnd: null, nextOffset: 0 })
    this.#known = null
    const found = this.#cleanable(nowMs)
    if (found === null || found.from >= found.end) return null
    const isDue = (found.dueMs !== null && found.dueMs <= nowMs) || cleanEnd < this.#until
    return isDue ? new Pass(this.#passHost, found.from, found.end) : null
  }

  /** The end of a pass is kept. */
  #finish(pass: Pass): void {
    const cleanEnd = pass.mapEnd
    const cleanBytes = this.#store.sizeBetween(0, cleanEnd)
    this.#save({ cleanEnd, cleanBytes, mapEnd: null, nextOffset: 0 })
    this.#until = pass.end
  }

  #saved(): CompactionState {
    if (this.#state === null) {
      const kept = this.#store.state()
      this.#isKept = kept !== null
      this.#state = kept ?? NOTHING_CLEAN
    }
    return this.#state
  }

  /** That a log was compacted at all is known from its first change on: its running sizes say too much. */
  #toKeep(rows: number, mapEnd: number, nextOffset: number): CompactionState | null {
    const state = { ...this.#saved(), mapEnd, nextOffset }
    this.#unkept += rows
    const isDue = this.#unkept >= (this.#host.saveRows ?? COMPACTION_SAVE_ROWS)
    return isDue || !this.#isKept ? state : null
  }

  #save(state: CompactionState): void {
    this.#store.transaction(() => this.#store.saveState(state))
    this.#keep(state)
  }

  #keep(state: CompactionState): void {
    this.#state = state
    this.#isKept = true
    this.#unkept = 0
  }

  #reportOnce(offset: number, problem: unknown): void {
    if (this.#reported.has(offset)) return
    if (this.#reported.size >= COMPACTION_REPORTED) this.#reported.clear()
    this.#reported.add(offset)
    this.#host.report(`records from offset ${offset} on were not compacted`, problem)
  }
}
