// Calls of many contexts to one object: one is under way, what comes meanwhile makes the next.

import { describe, expect, it } from 'vitest'
import { JOINED_CALL_BYTES, JOINED_CALL_COUNT, LANE_LOST_MS } from '../../src/core/limits.ts'
import { Lane, type Sender } from '../../src/runtime/lanes.ts'

/** An object that is called: what was sent in each call, by whom, and how it is answered. */
function bench() {
  const lane = new Lane<string, string>()
  const calls: { readonly by: string; readonly requests: readonly string[] }[] = []
  const pending: { answer: () => void; fail: () => void }[] = []
  const kept: Promise<unknown>[] = []
  let nowMs = 0
  const sender = (by: string): Sender<string, string> => ({
    call: (requests) => {
      calls.push({ by, requests: [...requests] })
      return new Promise((resolve, reject) => {
        pending.push({
          answer: () => resolve(requests.map((request) => `${request}!`)),
          fail: () => reject(new Error('broken')),
        })
      })
    },
    keepAlive: (work) => kept.push(work),
    now: () => nowMs,
  })
  return {
    lane,
    calls,
    kept,
    add: (request: string, bytes = 1) => lane.add(request, bytes, sender(request)),
    /** Ends the oldest call that has not ended. */
    end: async (how: 'answer' | 'fail' = 'answer') => {
      pending.shift()?.[how]()
      await turns()
    },
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await null
}

describe('a lane', () => {
  it('calls at once for the first, and once for all that came meanwhile, by the first of them', async () => {
    const { add, calls, end, lane } = bench()
    const answers = [add('a'), add('b'), add('c')]
    expect(calls).toEqual([{ by: 'a', requests: ['a'] }])
    const late = add('d')
    await end()
    expect(calls.slice(1)).toEqual([{ by: 'b', requests: ['b', 'c', 'd'] }])
    const later = add('e')
    await end()
    expect(await Promise.all([...answers, late])).toEqual(['a!', 'b!', 'c!', 'd!'])
    expect([calls.length, lane.isIdle]).toEqual([3, false])
    await end()
    expect([await later, lane.isIdle]).toEqual(['e!', true])
  })

  it('keeps everybody who waits alive until the call is over, and who makes it until the next is begun', async () => {
    const { add, end, kept } = bench()
    void add('a')
    void add('b')
    void add('c')
    expect(kept).toHaveLength(5)
    await end()
    await end()
    await Promise.all(kept)
  })

  it('begins another group where one is full, and keeps the order', async () => {
    const { add, calls, end } = bench()
    const half = JOINED_CALL_BYTES / 2
    const answers = [add('a'), add('b', half), add('c', half), add('d', 1)]
    for (let more = 0; more < JOINED_CALL_COUNT; more++) answers.push(add(`e${more}`))
    for (let call = 0; call < 4; call++) await end()
    await Promise.all(answers)
    expect(calls.map(({ requests }) => requests.length)).toEqual([1, 2, JOINED_CALL_COUNT, 1])
    expect(calls[2]?.requests.at(0)).toBe('d')
    expect(calls[3]?.requests).toEqual([`e${JOINED_CALL_COUNT - 1}`])
  })

  it('tells all of a group why its call failed, and the next group is called', async () => {
    const { add, calls, end } = bench()
    const first = add('a')
    const group = [add('b'), add('c')]
    await end()
    const next = add('d')
    const settled = Promise.allSettled([first, ...group])
    await end('fail')
    expect((await settled).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ])
    await end()
    expect([await next, calls.at(-1)]).toEqual(['d!', { by: 'd', requests: ['d'] }])
  })

  it('gives up a call that never ends once somebody else comes', async () => {
    const { add, calls, end, pass } = bench()
    const lost = Promise.allSettled([add('a')])
    const waiting = add('b')
    pass(LANE_LOST_MS - 1)
    const same = add('c')
    expect(calls).toHaveLength(1)
    pass(1)
    const next = add('d')
    expect((await lost)[0]?.status).toBe('rejected')
    await turns()
    expect(calls[1]).toEqual({ by: 'b', requests: ['b', 'c'] })
    // The lost one ends after all: nobody is told twice, and nobody's turn comes early.
    const last = add('e')
    await end()
    expect(calls).toHaveLength(2)
    await end()
    expect(await Promise.all([waiting, same])).toEqual(['b!', 'c!'])
    expect(calls[2]).toEqual({ by: 'd', requests: ['d', 'e'] })
    await end()
    expect(await Promise.all([next, last])).toEqual(['d!', 'e!'])
  })
})
