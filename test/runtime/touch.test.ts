// An object that another has replaced learns of it at its storage.

import { describe, expect, it } from 'vitest'
import { STORAGE_TOUCH_MS } from '../../src/core/limits.ts'
import { StorageTouch } from '../../src/runtime/touch.ts'

function bench() {
  const world = { nowMs: 5_000, touches: 0, replaced: false }
  const exec = () => {
    world.touches++
    if (world.replaced) throw new Error('this object has been replaced')
    return { toArray: () => [] }
  }
  return { world, touch: new StorageTouch({ sql: { exec } }, () => world.nowMs) }
}

describe('StorageTouch', () => {
  it('reaches the storage once in a while, however often it is asked', () => {
    const { world, touch } = bench()
    for (let index = 0; index < 40; index++) {
      touch.lately()
      world.nowMs += STORAGE_TOUCH_MS / 10
    }
    expect(world.touches).toBe(3)
  })

  it('throws when the storage refuses, and each time from then on', () => {
    const { world, touch } = bench()
    world.replaced = true
    expect(() => touch.lately()).not.toThrow()
    world.nowMs += STORAGE_TOUCH_MS
    expect(() => touch.lately()).toThrow('replaced')
    expect(() => touch.lately()).toThrow('replaced')
  })

  it('reaches the storage at once where it matters', () => {
    const { world, touch } = bench()
    touch.now()
    world.replaced = true
    expect(() => touch.now()).toThrow('replaced')
    expect(world.touches).toBe(2)
  })

  it('does not wait for a clock that was put back', () => {
    const { world, touch } = bench()
    world.nowMs -= 10 * STORAGE_TOUCH_MS
    touch.lately()
    expect(world.touches).toBe(1)
  })
})
