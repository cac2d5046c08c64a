// What an object that cannot be loaded says: once a minute and cause, and what it throws is what went wrong.

import { describe, expect, it } from 'vitest'
import { loading } from '../../src/runtime/loading.ts'

describe('loading', () => {
  it('gives what is loaded and says nothing', () => {
    const lines: unknown[] = []
    const named = { log: (...line: unknown[]) => lines.push(line), name: 'whole', now: () => 0 }
    expect(loading(named, () => 7)).toBe(7)
    expect(lines).toEqual([])
  })

  it('says which object was not loaded and why, the same not again within a minute, and throws it', () => {
    const lines: unknown[] = []
    let nowMs = 0
    const named = { log: (...line: unknown[]) => lines.push(line), name: 'a', now: () => nowMs }
    const fail = (reason: string) => () =>
      loading(named, () => {
        throw new Error(reason)
      })
    const line = (reason: string) => [
      'error',
      'what is stored was not loaded',
      { object: 'a', reason: `Error: ${reason}` },
    ]
    expect(fail('x')).toThrow('x')
    expect(fail('x')).toThrow('x')
    expect(lines).toEqual([line('x')])
    expect(fail('y')).toThrow('y')
    expect(lines).toEqual([line('x'), line('y')])
    nowMs += 60_000
    expect(fail('x')).toThrow('x')
    expect(lines).toHaveLength(3)
  })
})
