// Compaction as one of a log's chores. The alarm begins it; its steps then follow each other by timer, for
// an alarm a step would be a row written a step. A later alarm takes it up should the object end before it.
// Steps are short, and pauses long, while others need the thread. What a step does is compactor.ts.

import {
  COMPACTION_BUSY_STEP_BYTES,
  COMPACTION_BUSY_STEP_MS,
  COMPACTION_RESUME_MS,
  COMPACTION_STEP_BYTES,
  COMPACTION_STEP_MS,
  HOUSEKEEPING_RETRY_MS,
} from '../../core/limits/partition.ts'
import type { StartTimer } from '../../runtime/waiters.ts'
import type { Chore } from '../lifecycle/housekeeping.ts'
import type { StepBudget } from './compactable.ts'
import type { Compactor } from './compactor.ts'

/** Pauses are so many times as long as the step before: idle, and while others need the thread. */
const IDLE_PAUSE = 0.1
const BUSY_PAUSE = 4

const IDLE: StepBudget = { bytes: COMPACTION_STEP_BYTES, ms: COMPACTION_STEP_MS }
const BUSY: StepBudget = { bytes: COMPACTION_BUSY_STEP_BYTES, ms: COMPACTION_BUSY_STEP_MS }

/** What the chore runs on. */
export interface CompactionChoreHost {
  readonly now: () => number
  readonly startTimer: StartTimer
  readonly report: (event: string, error: unknown) => void
  /** False when nothing is stored, all is deleted, or what is in memory is not on disk. */
  readonly isOpen: () => boolean
  /** Others need the thread. */
  readonly isBusy: (nowMs: number) => boolean
  /** The broker's pause between two looks at the log. */
  readonly backoffMs: () => number
  /** A step has written: its commit is to be waited for. */
  readonly wrote: () => void
  /** Nothing more for now: when the next look is due may have changed. */
  readonly rested: () => void
  /** Instead of what a step may take otherwise: tests. */
  readonly budget?: StepBudget
}

/** What the chore calls. */
type Steps = Pick<Compactor, 'dueMs' | 'step' | 'drop'>

/** One log's compaction in its schedule. */
export class CompactionChore implements Chore {
  readonly failure = 'the log was not compacted'
  readonly #compactor: Steps
  readonly #host: CompactionChoreHost
  /** While steps follow by timer: when an alarm would take them up in another object. */
  #resumeMs: number | null = null
  /** Not before this, after a failure. */
  #retryMs = 0

  constructor(compactor: Steps, host: CompactionChoreHost) {
    this.#compactor = compactor
    this.#host = host
  }

  readonly intervalMs = (): number => Math.max(1, this.#host.backoffMs())

  dueMs(nowMs: number): number | null {
    if (!this.#host.isOpen()) return null
    if (this.#resumeMs !== null) return this.#resumeMs
    const dueMs = this.#compactor.dueMs(nowMs)
    return dueMs === null ? null : Math.max(dueMs, this.#retryMs)
  }

  /** The alarm: begins what is due. The steps after the first are never the schedule's to call. */
  step(nowMs: number): boolean {
    const isUnderWay = this.#resumeMs !== null
    this.#resumeMs = nowMs + COMPACTION_RESUME_MS
    if (!isUnderWay) this.#timed()
    return false
  }

  /** One step, and the timer for the next. */
  #timed(): void {
    const { now, startTimer, rested } = this.#host
    const startedMs = now()
    const pause = this.#work(startedMs)
    if (pause !== null) {
      const tookMs = Math.max(1, now() - startedMs)
      startTimer(() => this.#timed(), Math.ceil(tookMs * pause))
      return
    }
    this.#resumeMs = null
    rested()
  }

  /** Steps once. How many times as long the pause is to be; null when there is no more to do. */
  #work(nowMs: number): number | null {
    if (!this.#host.isOpen()) {
      this.#compactor.drop()
      return null
    }
    const isBusy = this.#host.isBusy(nowMs)
    try {
      const more = this.#compactor.step(nowMs, this.#host.budget ?? (isBusy ? BUSY : IDLE))
      this.#host.wrote()
      if (!more) return null
      return isBusy ? BUSY_PAUSE : IDLE_PAUSE
    } catch (error) {
      this.#host.report(this.failure, error)
      this.#retryMs = nowMs + HOUSEKEEPING_RETRY_MS
      return null
    }
  }
}
