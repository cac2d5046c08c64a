// Bits by offset against a Set, and what is known of a batch by them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LastOffsets } from '../../../src/partition/compaction/last-offsets.ts'
import { OffsetBits } from '../../../src/partition/compaction/offset-bits.ts'
import { OffsetMap } from '../../../src/partition/compaction/offset-map.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { readBatchHeader } from '../../../src/record/header.ts'

const FIRST = 2 ** 40 + 5

describe('bits by offset', () => {
  it('are set for what was marked, and counted', () => {
    const offsets = fc.array(fc.nat(300))
    fc.assert(
      fc.property(offsets, fc.nat(300), fc.nat(300), (marked, a, b) => {
        const bits = new OffsetBits(FIRST, FIRST + 301, 1 << 10)
        for (const offset of marked) bits.set(FIRST + offset)
        const all = new Set(marked)
        for (let offset = 0; offset <= 300; offset++) {
          expect(bits.has(FIRST + offset)).toBe(all.has(offset))
        }
        const [from, end] = [Math.min(a, b), Math.max(a, b)]
        const within = [...all].filter((offset) => offset >= from && offset < end)
        expect(bits.countBetween(FIRST + from, FIRST + end)).toBe(within.length)
      }),
    )
  })

  it('are no more than their memory holds', () => {
    const bits = new OffsetBits(FIRST, FIRST + 1_000, 8)
    expect(bits.end).toBe(FIRST + 64)
    for (const offset of [FIRST - 1, FIRST + 64, FIRST + 999]) {
      bits.set(offset)
      expect(bits.has(offset)).toBe(false)
    }
    expect(bits.countBetween(FIRST, FIRST + 64)).toBe(0)
  })
})

describe('the last offsets of a stretch', () => {
  function header(offset: number, records: number) {
    const value = new Uint8Array(1)
    const all = Array.from({ length: records }, () => ({ timestamp: 0, key: value, value }))
    return readBatchHeader(buildBatch({ records: all, baseOffset: FIRST + offset, codec: 0 }))
  }

  function made(maxBytes: number): LastOffsets {
    const last = new LastOffsets(FIRST, FIRST + 100, maxBytes)
    const map = new OffsetMap(FIRST, 10, 1 << 10)
    map.put(Int32Array.of(1, 2, 3, 4), 0, FIRST + 11)
    map.put(Int32Array.of(1, 2, 3, 5), 0, FIRST + 12)
    last.mapped(header(10, 5))
    last.mapped(header(70, 5))
    last.finish(map)
    return last
  }

  it('say how many records of a batch stay, and which', () => {
    const last = made(1 << 10)
    expect(last.countOf(header(10, 5), FIRST + 100)).toBe(2)
    expect(last.countOf(header(70, 5), FIRST + 100)).toBe(0)
    expect([10, 11, 12, 13].map((offset) => last.has(FIRST + offset))).toEqual([
      false,
      true,
      true,
      false,
    ])
  })

  it('say nothing of a batch that was not gone over, or reaches beyond the map or the bits', () => {
    expect(made(1 << 10).countOf(header(20, 5), FIRST + 100)).toBe(null)
    expect(made(1 << 10).countOf(header(70, 5), FIRST + 74)).toBe(null)
    expect(made(1 << 10).countOf(header(70, 5), FIRST + 75)).toBe(0)
    expect(made(8).countOf(header(70, 5), FIRST + 100)).toBe(null)
    expect(made(8).countOf(header(10, 5), FIRST + 100)).toBe(2)
  })
})
