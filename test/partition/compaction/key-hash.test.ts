// SipHash with a 128-bit output: the reference's vectors, and that the secret counts.

import { describe, expect, it } from 'vitest'
import { KeyHash } from '../../../src/partition/compaction/key-hash.ts'

/** The key of the reference's vectors: bytes 0 to 15. */
const SECRET = new Uint32Array(Uint8Array.from({ length: 16 }, (_, index) => index).buffer)
const COUNTING = Uint8Array.from({ length: 64 }, (_, index) => index)

function hex({ words }: KeyHash): string {
  return Buffer.from(words.buffer).toString('hex')
}

describe('the hash of a key', () => {
  // Of 2 and 4 rounds, for the bytes 0, 1, 2, … of these lengths.
  it.each([
    [0, 'a3817f04ba25a8e66df67214c7550293'],
    [1, 'da87c1d86b99af44347659119b22fc45'],
    [2, '8177228da4a45dc7fca38bdef60affe4'],
    [8, '3b62a9ba6258f5610f83e264f31497b4'],
    [63, '5150d1772f50834a503e069a973fbd7c'],
  ])('of %i bytes is the reference’s', (length, expected) => {
    const hash = new KeyHash(SECRET, { word: 2, end: 4 })
    hash.hash(COUNTING, 0, length)
    expect(hex(hash)).toBe(expected)
  })

  it('does not depend on where the bytes are, and on no byte around them', () => {
    const hash = new KeyHash(SECRET)
    for (let length = 0; length < 20; length++) {
      hash.hash(COUNTING.subarray(7, 7 + length), 0, length)
      const alone = hex(hash)
      hash.hash(COUNTING, 7, length)
      expect(hex(hash)).toBe(alone)
    }
  })

  it('is another under another secret, and for bytes that differ in a bit', () => {
    const seen = new Set<string>()
    for (const secret of [SECRET, Uint32Array.of(0, 1, 2, 3), new Uint32Array(4)]) {
      const hash = new KeyHash(secret)
      for (let bit = 0; bit < 17 * 8; bit++) {
        const bytes = new Uint8Array(17)
        bytes[bit >> 3] = 1 << (bit & 7)
        hash.hash(bytes, 0, bytes.length)
        seen.add(hex(hash))
      }
    }
    expect(seen.size).toBe(3 * 17 * 8)
  })
})
