// The chunks in memory: one budget for all partitions, the least recently used first.

import { describe, expect, it } from 'vitest'
import { ChunkCache, Tail } from '../../src/partition/tail.ts'

const chunk = (firstOffset: number, bytes = 744) => ({
  firstOffset,
  lastOffset: firstOffset + 9,
  data: new Uint8Array(bytes),
})

describe('Tail', () => {
  it('finds the chunk that holds an offset', () => {
    const tail = new Tail(new ChunkCache(100_000))
    tail.keepWritten(chunk(20))
    tail.keepWritten(chunk(0))
    tail.keepWritten(chunk(40))
    const found = [0, 9, 10, 19, 20, 29, 30, 45, 50].map(
      (at) => tail.covering(at)?.firstOffset ?? null,
    )
    expect(found).toEqual([0, 0, null, null, 20, 20, null, 40, null])
  })

  it('drops the least recently used chunk of any partition', () => {
    const cache = new ChunkCache(8_000)
    const [one, two] = [new Tail(cache), new Tail(cache)]
    for (let at = 0; at < 8; at++) (at % 2 === 0 ? one : two).keepWritten(chunk(at * 10))
    expect(cache.usedBytes).toBe(8_000)
    one.covering(0)
    two.keepWritten(chunk(90))
    expect(one.covering(0)?.firstOffset).toBe(0)
    expect(two.covering(10)).toBeNull()
    expect(cache.usedBytes).toBe(8_000)
  })

  it('finds what is left while the oldest go and any may be dropped', () => {
    const cache = new ChunkCache(10_000)
    const tail = new Tail(cache)
    const kept: number[] = []
    for (let at = 0; at < 5_000; at += 10) {
      tail.keepWritten(chunk(at))
      kept.push(at)
      if (kept.length > 10) kept.shift()
      if (at % 70 === 0) {
        const [dropped] = kept.splice(Math.floor(kept.length / 2), 1)
        expect(tail.dropBetween(dropped!, dropped!)).toBe(1)
      }
      const found = kept.map((offset) => tail.covering(offset + 9)?.firstOffset)
      expect([found, cache.usedBytes]).toEqual([kept, kept.length * 1_000])
    }
    expect(tail.dropBetween(0, 4_900)).toBeGreaterThan(0)
    tail.clear()
    expect(cache.usedBytes).toBe(0)
  })

  it('keeps no chunk that would push out everybody else’s', () => {
    const cache = new ChunkCache(8_000)
    const tail = new Tail(cache)
    tail.keepWritten(chunk(0, 1_001))
    expect(tail.covering(0)).toBeNull()
    expect(cache.usedBytes).toBe(0)
  })

  it('keeps few chunks that were only read', () => {
    const tail = new Tail(new ChunkCache(100_000))
    for (let at = 0; at < 100; at += 10) tail.keepRead(chunk(at))
    const kept = Array.from({ length: 10 }, (_, index) => tail.covering(index * 10) !== null)
    expect(kept.filter(Boolean)).toHaveLength(4)
    expect(kept.at(-1)).toBe(true)
  })

  it('gives back its bytes when chunks fall below the log start or the log ends', () => {
    const cache = new ChunkCache(100_000)
    const tail = new Tail(cache)
    tail.keepRead(chunk(0))
    tail.keepWritten(chunk(10))
    tail.keepWritten(chunk(20))
    tail.dropBelow(19)
    expect([tail.covering(0), tail.covering(19)?.firstOffset]).toEqual([null, 10])
    expect(cache.usedBytes).toBe(2_000)
    tail.clear()
    expect(cache.usedBytes).toBe(0)
  })
})
