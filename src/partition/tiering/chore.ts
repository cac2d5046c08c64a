// Tiering as one of a log's chores. The alarm begins it; its steps then follow each other as the object store
// answers. A later alarm takes it up should the object end before it. When a step fails nothing is given up, and
// it is tried again after a while, longer each time. What a step does is worker.ts.

import { TIER_RESUME_MS, TIER_STEPS, TIER_TURN_MS } from '../../core/limits/tier.ts'
import type { StartTimer } from '../../runtime/waiters.ts'
import type { CompactionSlot } from '../compaction/slot.ts'
import type { Chore } from '../lifecycle/housekeeping.ts'
import type { TierCondition } from './condition.ts'

/** What is to be done. */
export interface TierWork {
  /** When there is something to do, or may be; null while nothing will be. Cheap: asked after every flush. */
  dueMs(nowMs: number): number | null
  /** One step; true when there may be more to do. */
  step(nowMs: number): Promise<boolean>
}

/** What the chore runs on. */
export interface TieringChoreHost {
  readonly now: () => number
  readonly startTimer: StartTimer
  /** False when nothing is stored, all is deleted, or what is in memory is not on disk. */
  readonly isOpen: () => boolean
  readonly intervalMs: () => number
  /** One partition of the isolate holds a segment in memory at a time. */
  readonly slot: CompactionSlot
  /** Nothing more for now: when the next look is due may have changed. */
  readonly rested: () => void
}

/** One log's tiering in its schedule. */
export class TieringChore implements Chore {
  readonly failure = 'the log was not tiered'
  readonly #worker: () => TierWork | null
  readonly #condition: TierCondition
  readonly #host: TieringChoreHost
  /** While steps follow each other: when an alarm would take them up in another object. */
  #resumeMs: number | null = null
  #running: Promise<void> | null = null
  /** Not before this, after a failure or while it is another's turn. */
  #retryMs = 0

  /** @param worker null while no tier is configured */
  constructor(worker: () => TierWork | null, condition: TierCondition, host: TieringChoreHost) {
    this.#worker = worker
    this.#condition = condition
    this.#host = host
  }

  readonly intervalMs = (): number => Math.max(1, this.#host.intervalMs())

  dueMs(nowMs: number): number | null {
    if (!this.#host.isOpen()) return null
    if (this.#resumeMs !== null) return this.#resumeMs
    const dueMs = this.#worker()?.dueMs(nowMs) ?? null
    if (dueMs !== null) return Math.max(dueMs, this.#retryMs)
    // What failed is not to be done any more: it has expired, or is not to be tiered.
    this.#condition.worked()
    return null
  }

  /** The alarm: begins what is due. The steps after the first are never the schedule's to call. */
  step(nowMs: number): boolean {
    this.#resumeMs = nowMs + TIER_RESUME_MS
    this.#running ??= this.#run()
    return false
  }

  /** Resolves when no step is under way. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { isOpen, now, rested, slot } = this.#host
    // Its end must not come before step() has noted that it runs.
    await null
    try {
      for (let steps = 0; steps < TIER_STEPS; steps++) {
        const worker = this.#worker()
        if (worker === null || !isOpen()) break
        if (!slot.take(this, now())) {
          this.#retryMs = now() + TIER_TURN_MS
          break
        }
        const more = await worker.step(now())
        this.#resumeMs = now() + TIER_RESUME_MS
        if (more) await this.pause()
        // Only now: before a step that fails again there may be others that do not.
        if (!more || steps === TIER_STEPS - 1) this.#condition.worked()
        if (!more) break
      }
    } catch (error) {
      this.#retryMs = now() + this.#condition.failed(error, now())
    } finally {
      slot.release(this)
      this.#running = null
      this.#resumeMs = null
      rested()
    }
  }

  /** Others get their turn. */
  pause(): Promise<void> {
    this.#host.slot.take(this, this.#host.now())
    return new Promise((resolve) => this.#host.startTimer(resolve, 0))
  }
}
