// Parked callers: woken by a level, by their deadline, or all at once; one timer.

import { describe, expect, it } from 'vitest'
import { Waiters } from '../../src/runtime/waiters.ts'

function bench(capacity = 100) {
  const state = { nowMs: 0, timer: null as { atMs: number; fire: () => void } | null, started: 0 }
  const waiters = new Waiters<string>({
    now: () => state.nowMs,
    startTimer: (fire, ms) => {
      expect(state.timer).toBeNull()
      state.started++
      state.timer = { atMs: state.nowMs + ms, fire }
      return () => {
        state.timer = null
      }
    },
    expired: () => 'expired',
    capacity,
    crowdedMs: 50,
  })
  const answers: string[] = []
  const park = (name: string, after: number, ms: number) =>
    void waiters.park(after, ms).then((reply) => answers.push(`${name} ${reply}`))
  const fire = async (nowMs: number) => {
    const { timer } = state
    state.nowMs = nowMs
    state.timer = null
    timer?.fire()
    await Promise.resolve()
  }
  return { state, waiters, answers, park, fire }
}

describe('Waiters', () => {
  it('wakes those whose level is passed and leaves the others', async () => {
    const { waiters, answers, park } = bench()
    park('a', 5, 1000)
    park('b', 6, 1000)
    waiters.wake(6, 'news')
    await Promise.resolve()
    expect(answers).toEqual(['a news'])
    expect(waiters.size).toBe(1)
    waiters.wakeAll('end')
    await Promise.resolve()
    expect(answers).toEqual(['a news', 'b end'])
  })

  it('has one timer, for the earliest deadline, and none when nobody waits', async () => {
    const { state, waiters, answers, park, fire } = bench()
    park('late', 0, 300)
    expect(state.timer?.atMs).toBe(300)
    park('early', 0, 100)
    expect(state.timer?.atMs).toBe(100)
    await fire(100)
    expect(answers).toEqual(['early expired'])
    expect(state.timer?.atMs).toBe(300)
    waiters.wake(1, 'news')
    expect(state.timer).toBeNull()
  })

  it('answers the deadline it was set for when the timer fires early by the clock', async () => {
    const { state, answers, park, fire } = bench()
    park('one', 0, 100)
    await fire(99)
    expect(answers).toEqual(['one expired'])
    expect(state.timer).toBeNull()
  })

  it('lets those beyond its capacity wait only shortly', async () => {
    const { answers, park, fire } = bench(1)
    park('first', 0, 1000)
    park('crowd', 0, 1000)
    await fire(50)
    expect(answers).toEqual(['crowd expired'])
  })
})
