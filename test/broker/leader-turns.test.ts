import { describe, expect, it } from 'vitest'
import { LeaderTurns } from '../../src/broker/leader-turns.ts'
import {
  LEADERS_AT_ONCE,
  LEADERS_AT_ONCE_FIRST,
  LEADERS_AT_ONCE_LEAST,
  LEADERS_PAUSE_AFTER_MS,
} from '../../src/core/limits.ts'
import { timers } from './fakes.ts'

/** Turns with a clock that the test moves and a pause that it ends. */
function held() {
  let nowMs = 0
  const pauses: (() => void)[] = []
  const turns = new LeaderTurns({
    ...timers,
    now: () => nowMs,
    sleep: () => new Promise<void>((done) => pauses.push(done)),
  })
  let begun = 0
  const settled = () => new Promise<void>((done) => setImmediate(done))
  return {
    turns,
    pauses,
    begun: () => begun,
    ask(count: number) {
      for (let i = 0; i < count; i++) {
        const waits = turns.begin()
        if (waits === undefined) begun++
        else
          void waits.then(() => {
            begun++
          })
      }
    },
    async end(count: number) {
      for (let i = 0; i < count; i++) turns.end()
      await settled()
    },
    move(ms: number) {
      nowMs += ms
    },
    async resume() {
      for (const done of pauses.splice(0)) done()
      await settled()
    },
  }
}

describe('leaders asked by one connection', () => {
  it('are asked at once while they are few', () => {
    const { turns, ask, begun } = held()
    ask(LEADERS_AT_ONCE_FIRST)
    expect(begun()).toBe(LEADERS_AT_ONCE_FIRST)
    expect(turns.underWay).toBe(LEADERS_AT_ONCE_FIRST)
  })

  it('go on as others end, and pause when that has gone on for long', async () => {
    const { ask, begun, end, move, pauses, resume } = held()
    ask(100)
    await end(5)
    expect(begun()).toBe(LEADERS_AT_ONCE_FIRST + 5)
    move(LEADERS_PAUSE_AFTER_MS + 1)
    await end(5)
    expect(begun()).toBe(LEADERS_AT_ONCE_FIRST + 5)
    expect(pauses).toHaveLength(1)
    await resume()
    expect(begun()).toBeGreaterThan(LEADERS_AT_ONCE_FIRST + 5)
  })

  it('are fewer at once where they take long, and more where they do not', async () => {
    const slow = held()
    slow.ask(1_000)
    for (let round = 0; round < 10; round++) {
      slow.move(LEADERS_PAUSE_AFTER_MS * 10)
      await slow.end(slow.turns.underWay)
      await slow.resume()
    }
    expect(slow.turns.underWay).toBe(LEADERS_AT_ONCE_LEAST)
    const fast = held()
    fast.ask(5_000)
    for (let round = 0; round < 10; round++) {
      fast.move(LEADERS_PAUSE_AFTER_MS + 1)
      await fast.end(1)
      await fast.resume()
    }
    expect(fast.turns.underWay).toBe(LEADERS_AT_ONCE)
  })

  it('all have their turn', async () => {
    const { turns, ask, begun, end, move, resume } = held()
    ask(500)
    for (let round = 0; round < 500 && begun() < 500; round++) {
      move(7)
      await end(1)
      await resume()
    }
    await end(turns.underWay)
    expect(begun()).toBe(500)
    expect(turns.underWay).toBe(0)
  })
})
