// Calls joined into one: what goes together, in which order, and what becomes of each.

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JOINED_CALL_BYTES, JOINED_CALL_COUNT } from '../../src/core/limits.ts'
import { JoinedCalls } from '../../src/runtime/joined.ts'

function world(
  answer: (requests: readonly number[]) => readonly string[] = (all) => all.map(String),
) {
  const calls: number[][] = []
  const use = { calls: 0 }
  const joined = new JoinedCalls<number, string>(async (requests) => {
    calls.push([...requests])
    return answer(requests)
  }, use)
  return { calls, use, joined }
}

describe('joined calls', () => {
  it('leave together at the end of the turn, each with its own reply', async () => {
    const { calls, joined } = world()
    const replies = [1, 2, 3].map((request) => joined.add(request, 1))
    expect(calls).toEqual([])
    expect(await Promise.all(replies)).toEqual(['1', '2', '3'])
    expect(calls).toEqual([[1, 2, 3]])
  })

  it('leave before another call to the object, and only once', async () => {
    const { calls, joined } = world()
    const reply = joined.add(1, 1)
    joined.send()
    expect(calls).toEqual([[1]])
    joined.send()
    await reply
    expect(calls).toEqual([[1]])
  })

  it('leave at once when they are many bytes or many', () => {
    const { calls, joined } = world()
    void joined.add(1, JOINED_CALL_BYTES)
    expect(calls).toEqual([[1]])
    for (let request = 0; request < JOINED_CALL_COUNT; request++) void joined.add(request, 0)
    expect(calls).toHaveLength(2)
  })

  it('count as one call under way from the first request on', async () => {
    const { use, joined } = world()
    const replies = [joined.add(1, 1), joined.add(2, 1)]
    expect(use.calls).toBe(1)
    await Promise.all(replies)
    expect(use.calls).toBe(0)
  })

  it('fail together, and those after them do not', async () => {
    let fails = true
    const { joined } = world((all) => {
      if (fails) throw new Error('broken')
      return all.map(String)
    })
    const replies = await Promise.allSettled([joined.add(1, 1), joined.add(2, 1)])
    expect(replies.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    fails = false
    expect(await joined.add(3, 1)).toBe('3')
  })

  it('reject what was not answered', async () => {
    const { joined } = world(() => ['first'])
    const replies = await Promise.allSettled([joined.add(1, 1), joined.add(2, 1)])
    expect(replies.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  it('keep the order in which requests were made, however turns and sends fall', async () => {
    const step = fc.constantFrom('add', 'add', 'add', 'send', 'turn')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { calls, joined } = world()
        const replies: Promise<string>[] = []
        for (const next of steps) {
          if (next === 'add') replies.push(joined.add(replies.length, 1))
          else if (next === 'send') joined.send()
          else await Promise.resolve()
        }
        const numbers = replies.map((_, at) => at)
        expect(await Promise.all(replies)).toEqual(numbers.map(String))
        expect(calls.flat()).toEqual(numbers)
        expect(calls.every((call) => call.length > 0)).toBe(true)
      }),
    )
  })
})
