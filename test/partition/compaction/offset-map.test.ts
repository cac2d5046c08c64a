// The map of keys against a Map, in fixed memory.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyHash } from '../../../src/partition/compaction/key-hash.ts'
import { OffsetBits } from '../../../src/partition/compaction/offset-bits.ts'
import { OffsetMap, SLOT_BYTES } from '../../../src/partition/compaction/offset-map.ts'

const text = new TextEncoder()

const hash = new KeyHash(Uint32Array.of(1, 2, 3, 4))

function map(first: number, keys: number, maxBytes: number): OffsetMap {
  return new OffsetMap(first, keys, maxBytes)
}

/** Words of hash with others around them. */
function wordsOf(key: string): Int32Array {
  const bytes = text.encode(key)
  hash.hash(bytes, 0, bytes.length)
  return Int32Array.of(7, 8, 9, ...hash.words, 10)
}

function put(into: OffsetMap, key: string, offset: number): boolean {
  return into.put(wordsOf(key), 3, offset)
}

function last(of: OffsetMap, key: string): number {
  return of.lastOffset(wordsOf(key), 3)
}

describe('the map of keys', () => {
  it('knows the last offset of every key, until it is full', () => {
    const keys = fc.array(fc.string({ maxLength: 12 }), { maxLength: 200 })
    fc.assert(
      fc.property(keys, fc.integer({ min: 2, max: 60 }), fc.nat(2 ** 40), (all, slots, first) => {
        const tested = map(first, Number.MAX_SAFE_INTEGER, slots * SLOT_BYTES)
        const model = new Map<string, number>()
        for (const [index, key] of all.entries()) {
          if (!put(tested, key, first + index)) {
            expect(model.has(key)).toBe(false)
            expect(tested.size).toBe(Math.max(1, Math.floor(slots * 0.8)))
            break
          }
          model.set(key, first + index)
        }
        expect(tested.size).toBe(model.size)
        for (const key of all) expect(last(tested, key)).toBe(model.get(key) ?? -1)
      }),
    )
  })

  it('keeps keys apart that differ in one word of hash', () => {
    const tested = map(0, 10, 1 << 10)
    const hashes = [0, 1, 2, 3].map((word) => {
      const words = Int32Array.of(5, 6, 7, 8)
      words[word]! += 1
      return words
    })
    for (const [offset, words] of hashes.entries()) expect(tested.put(words, 0, offset)).toBe(true)
    for (const [offset, words] of hashes.entries()) expect(tested.lastOffset(words, 0)).toBe(offset)
    expect(tested.lastOffset(Int32Array.of(5, 6, 7, 8), 0)).toBe(-1)
  })

  it('marks the last offset of every key', () => {
    const tested = map(100, 10, 1 << 10)
    for (const [index, key] of ['a', 'b', 'a', 'c', 'b'].entries()) put(tested, key, 100 + index)
    const bits = new OffsetBits(100, 200, 1 << 10)
    tested.markLast(bits)
    expect([100, 101, 102, 103, 104, 105].filter((offset) => bits.has(offset))).toEqual([
      102, 103, 104,
    ])
  })

  it('takes no more memory than its keys need, or than it may', () => {
    expect(map(0, 10, 1 << 24).sizeBytes).toBeLessThan(20 * SLOT_BYTES)
    expect(map(0, Number.MAX_SAFE_INTEGER, 1 << 24).sizeBytes).toBeLessThanOrEqual(1 << 24)
  })

  it('holds as many keys as are likely', () => {
    for (const count of [1, 2, 3, 10, 1_000]) {
      const tested = map(0, count, 1 << 24)
      for (let key = 0; key < count; key++) expect(put(tested, `${key}`, key)).toBe(true)
    }
  })

  it('refuses an offset too far from its first', () => {
    const tested = map(5, 10, 1 << 10)
    expect(put(tested, 'a', 5 + 0xffff_fffd)).toBe(true)
    expect(last(tested, 'a')).toBe(5 + 0xffff_fffd)
    expect(put(tested, 'b', 5 + 0xffff_fffe)).toBe(false)
  })
})
