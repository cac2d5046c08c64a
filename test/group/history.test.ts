import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  HISTORY_CHARACTERS,
  HISTORY_INTERVAL_MS,
  HISTORY_KEPT_MS,
} from '../../src/core/limits/statistics.ts'
import {
  historyAfter,
  type OffsetWithHistory,
  offsetAt,
  pointsOf,
} from '../../src/group/history.ts'
import { commit, idOf, World } from './harness.ts'

const MINUTE = HISTORY_INTERVAL_MS
const START = 29_000_000 * MINUTE

/** An offset after these commits, each so long after the one before. */
function committed(
  commits: readonly (readonly [afterMs: number, offset: number])[],
  most?: number,
): OffsetWithHistory {
  let state: OffsetWithHistory | undefined
  let nowMs = START
  for (const [afterMs, offset] of commits) {
    nowMs += afterMs
    state = { offset, committedMs: nowMs, history: historyAfter(state, nowMs, most) }
  }
  if (state === undefined) throw new Error('no commits')
  return state
}

describe('the history of an offset', () => {
  it('is empty while all commits are of one minute', () => {
    expect(
      committed([
        [0, 1],
        [10_000, 2],
        [49_999, 3],
      ]).history,
    ).toBe('')
  })

  it('has what was committed when a minute began, once a minute', () => {
    const state = committed([
      [30_000, 5],
      [20_000, 6],
      [20_000, 9],
      [180_000, 20],
    ])
    expect(pointsOf(state.history)).toEqual([
      { timeMs: START + MINUTE, offset: 6 },
      { timeMs: START + 2 * MINUTE, offset: 9 },
    ])
  })

  it('has no point for minutes in which nothing moved', () => {
    const commits = Array.from({ length: 50 }, () => [MINUTE, 7] as const)
    expect(pointsOf(committed(commits).history)).toEqual([
      { timeMs: START + 2 * MINUTE, offset: 7 },
    ])
  })

  it('goes back as a reset does', () => {
    const state = committed([
      [0, 1_000],
      [MINUTE, 2_000],
      [MINUTE, 10],
      [MINUTE, 11],
    ])
    expect(pointsOf(state.history).map(({ offset }) => offset)).toEqual([1_000, 2_000, 10])
  })

  it('has a point a minute for six hours, and none that is older', () => {
    const commits = Array.from({ length: 3_000 }, (_, at) => [MINUTE, at * 1_000] as const)
    const state = committed(commits)
    const points = pointsOf(state.history)
    const ages = points.map(({ timeMs }) => state.committedMs - timeMs)
    expect(Math.max(...ages)).toBeLessThanOrEqual(HISTORY_KEPT_MS)
    expect(points.length).toBeGreaterThan(320)
    expect(points.length).toBeLessThanOrEqual(360)
    expect(state.history.length).toBeLessThan(2_000)
  })

  it('knows where it stood at a long time ago while a group moves rarely', () => {
    const state = committed([
      [0, 5],
      [7 * 60 * MINUTE, 6],
      [MINUTE, 7],
    ])
    const points = pointsOf(state.history)
    expect(offsetAt(state, points, state.committedMs - MINUTE - 1)).toBe(5)
    expect(Math.min(...points.map(({ timeMs }) => timeMs))).toBeGreaterThanOrEqual(
      state.committedMs - HISTORY_KEPT_MS - 60 * MINUTE,
    )
  })

  it('gives up its older half where it becomes too long', () => {
    const commits = Array.from({ length: 200 }, (_, at) => [MINUTE, at * 12_345] as const)
    const state = committed(commits, 200)
    expect(state.history.length).toBeLessThanOrEqual(200)
    const points = pointsOf(state.history)
    expect(points.length).toBeGreaterThan(15)
    expect(points.at(-1)?.offset).toBe(198 * 12_345)
  })

  it('is at each minute what the commits say, whatever they were', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 5 * MINUTE }), fc.integer({ min: 0, max: 1e9 }))
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const state = committed(steps)
        const points = pointsOf(state.history)
        expect(state.history.length).toBeLessThanOrEqual(HISTORY_CHARACTERS)
        let atMs = START
        const times = steps.map(([afterMs, offset]) => {
          atMs += afterMs
          return { atMs, offset }
        })
        const first = Math.floor((times[0]?.atMs ?? 0) / MINUTE) + 1
        for (let minute = first; minute * MINUTE <= atMs + MINUTE; minute++) {
          // What was committed in the same moment is one or the other.
          if (times.some((one) => one.atMs === minute * MINUTE)) continue
          const truth = times.findLast((one) => one.atMs < minute * MINUTE)?.offset
          expect(offsetAt(state, points, minute * MINUTE)).toBe(truth)
        }
        expect(offsetAt(state, points, START - 1)).toBeNull()
      }),
      { numRuns: 300 },
    )
  })
})

describe('a group', () => {
  it('keeps the history with the commits that it writes anyway: no row more', () => {
    const world = new World()
    world.ask(commit('t', 1))
    for (let minute = 1; minute <= 10; minute++) {
      world.nowMs += MINUTE
      world.ask(commit('t', minute * 100))
      expect(world.rows).toBe(1)
    }
    const asked = { groupId: 'group', partitions: [{ topic: 't', partition: 0 }] }
    const before = world.ask({ kind: 'history', request: asked })
    expect(before.offsets[0]).toMatchObject({ offset: 1_000, committedMs: world.nowMs })
    expect(pointsOf(before.offsets[0]?.history ?? '').length).toBe(10)
    world.evict()
    expect(world.ask({ kind: 'history', request: asked })).toEqual(before)
  })

  it('has no history of what is not committed, and none of what was forgotten', () => {
    const world = new World()
    world.ask(commit('t', 1))
    world.nowMs += 5 * MINUTE
    world.ask(commit('t', 2))
    const partitions = [
      { topic: 't', partition: 0 },
      { topic: 't', partition: 1 },
      { topic: 'u', partition: 0 },
    ]
    const ask = () => world.ask({ kind: 'history', request: { groupId: 'group', partitions } })
    expect(ask().offsets.map((one) => one?.offset ?? null)).toEqual([2, null, null])
    const topics = [{ topicId: idOf('t'), name: 't', partitions: [0] }]
    world.ask({ kind: 'deleteOffsets', request: { groupId: 'group', topics } })
    expect(ask().offsets[0]).toBeNull()
    world.ask(commit('t', 3))
    expect(ask().offsets[0]?.history).toBe('')
  })
})
