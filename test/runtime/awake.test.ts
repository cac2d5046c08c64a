// How many objects may be awake at once: those that are asked something, and those that were a moment ago.

import { describe, expect, it } from 'vitest'
import { OBJECT_ASLEEP_MS } from '../../src/core/limits.ts'
import { Awake, shareOfFiles } from '../../src/runtime/awake.ts'

function bench(most: number) {
  const clock = { nowMs: 0 }
  return { clock, awake: new Awake(most, () => clock.nowMs) }
}

describe('Objects that are awake', () => {
  it('are no more than allowed, and those that are awake may be called all the time', () => {
    const { awake } = bench(2)
    expect([awake.begin('a'), awake.begin('b'), awake.begin('c')]).toEqual([true, true, false])
    expect([awake.begin('a'), awake.begin('b')]).toEqual([true, true])
    expect(awake.size).toBe(2)
  })

  it('sleep a while after their last call, and leave their place to others then', () => {
    const { awake, clock } = bench(2)
    for (const name of ['a', 'b']) awake.begin(name)
    awake.end('a')
    clock.nowMs += OBJECT_ASLEEP_MS - 1
    expect(awake.begin('c')).toBe(false)
    clock.nowMs += 1
    expect(awake.begin('c')).toBe(true)
    // Of the other a call is under way, however long.
    clock.nowMs += 100 * OBJECT_ASLEEP_MS
    expect(awake.begin('d')).toBe(false)
  })

  it('stay awake with every call', () => {
    const { awake, clock } = bench(1)
    for (let call = 0; call < 10; call++) {
      expect(awake.begin('a')).toBe(true)
      awake.end('a')
      clock.nowMs += OBJECT_ASLEEP_MS - 1
      expect(awake.begin('b')).toBe(false)
    }
  })

  it('are asked by several calls at once and rest after the last', () => {
    const { awake, clock } = bench(1)
    awake.begin('a')
    awake.begin('a')
    awake.end('a')
    clock.nowMs += 10 * OBJECT_ASLEEP_MS
    expect(awake.begin('b')).toBe(false)
    awake.end('a')
    clock.nowMs += OBJECT_ASLEEP_MS
    expect(awake.begin('b')).toBe(true)
  })

  it('are not counted where there is no limit', () => {
    const { awake } = bench(Number.POSITIVE_INFINITY)
    for (let name = 0; name < 100; name++) expect(awake.begin(`${name}`)).toBe(true)
    expect(awake.size).toBe(0)
  })

  it('are as many as a share of the descriptors beside those of the runtime are for', () => {
    expect(shareOfFiles(1_124, 0.75, 3)).toBe(256)
    expect(shareOfFiles(null, 0.75, 3)).toBe(Number.POSITIVE_INFINITY)
    expect(shareOfFiles(50, 0.75, 3)).toBe(1)
  })
})
