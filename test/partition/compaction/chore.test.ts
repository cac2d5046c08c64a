// How long the steps of compaction and the pauses between them are.

import { describe, expect, it } from 'vitest'
import {
  COMPACTION_BUSY_MS,
  COMPACTION_BUSY_STEP_BYTES,
  COMPACTION_BUSY_STEP_MS,
  COMPACTION_STEP_BYTES,
  COMPACTION_STEP_MS,
} from '../../../src/core/limits/partition.ts'
import { CompactionChore } from '../../../src/partition/compaction/chore.ts'
import type { StepBudget } from '../../../src/partition/compaction/compactable.ts'
import { CompactionSlot } from '../../../src/partition/compaction/slot.ts'

/** Steps that take so long each, and the timers between them. */
class Stage {
  nowMs = 1_000_000
  readonly slot = new CompactionSlot()
  readonly budgets: StepBudget[] = []
  readonly pauses: number[] = []
  timer: (() => void) | null = null
  readonly chore: CompactionChore

  constructor(stepMs: number) {
    const steps = {
      dueMs: (nowMs: number) => nowMs,
      step: (_: number, budget: StepBudget) => {
        this.budgets.push(budget)
        this.nowMs += stepMs
        return true
      },
      drop() {},
    }
    this.chore = new CompactionChore(steps, {
      now: () => this.nowMs,
      startTimer: (fire, ms) => {
        this.pauses.push(ms)
        this.timer = fire
        return () => {}
      },
      report() {},
      isOpen: () => true,
      isBusy: (nowMs) => this.slot.isBusy(nowMs),
      backoffMs: () => 1,
      wrote() {},
      rested() {},
    })
  }
}

describe('the steps of compaction', () => {
  it('are long, and the pauses short, while nobody needs the thread', () => {
    const stage = new Stage(20)
    stage.chore.step(stage.nowMs)
    expect(stage.budgets).toEqual([{ bytes: COMPACTION_STEP_BYTES, ms: COMPACTION_STEP_MS }])
    expect(stage.pauses).toEqual([2])
  })

  it('are short, and the pauses long, until others have not needed it for a while', () => {
    const stage = new Stage(5)
    stage.slot.served(stage.nowMs)
    stage.chore.step(stage.nowMs)
    const busy = { bytes: COMPACTION_BUSY_STEP_BYTES, ms: COMPACTION_BUSY_STEP_MS }
    expect(stage.budgets).toEqual([busy])
    expect(stage.pauses).toEqual([20])
    stage.nowMs += COMPACTION_BUSY_MS - 6
    stage.timer?.()
    expect(stage.budgets).toEqual([busy, busy])
    stage.timer?.()
    expect(stage.budgets[2]?.ms).toBe(COMPACTION_STEP_MS)
  })
})
