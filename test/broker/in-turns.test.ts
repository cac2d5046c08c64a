// A request that names thousands is done a few at a time, and lets others have a turn: one DescribeGroups of twenty thousand
// groups, 98 KiB, kept a broker from looking at its sockets for two and a half seconds (found by fuzzing).

import { expect, it } from 'vitest'
import { inTurns } from '../../src/broker/in-turns.ts'
import {
  COORDINATORS_AT_ONCE,
  COORDINATORS_PAUSE_AFTER_MS,
} from '../../src/core/limits/coordinators.ts'

const ITEMS = 20_000

function world() {
  const state = { nowMs: 0, underWay: 0, most: 0, workedMs: 0, mostWorkedMs: 0 }
  const ask = async (item: number) => {
    state.underWay += 1
    state.most = Math.max(state.most, state.underWay)
    state.nowMs += 0.1
    state.workedMs += 0.1
    state.mostWorkedMs = Math.max(state.mostWorkedMs, state.workedMs)
    await null
    state.underWay -= 1
    return -item
  }
  const timers = {
    now: () => state.nowMs,
    sleep: async () => {
      state.workedMs = 0
    },
    after: () => () => {},
  }
  return { state, ask, timers }
}

it('answers in order, so many at once, and pauses after a few milliseconds', async () => {
  const { state, ask, timers } = world()
  const items = Array.from({ length: ITEMS }, (_, i) => i)
  expect(await inTurns(items, ask, timers)).toEqual(items.map((item) => -item))
  expect(state.most).toBe(COORDINATORS_AT_ONCE)
  const sliceMs = COORDINATORS_AT_ONCE * 0.1
  expect(state.mostWorkedMs).toBeLessThanOrEqual(COORDINATORS_PAUSE_AFTER_MS + 2 * sliceMs)
})
