import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../src/group/base64.ts'
import { subscribedTopicsOf } from '../../src/group/classic/subscription.ts'
import { subscription } from './harness.ts'

describe('a subscription', () => {
  it('names its topics, whatever follows them', () => {
    expect(subscribedTopicsOf(subscription('a', 'bc'))).toEqual(['a', 'bc'])
    const later = Uint8Array.from([0, 3, ...subscription('a').subarray(2), 0, 0, 0, 0])
    expect(subscribedTopicsOf(later)).toEqual(['a'])
    expect(subscribedTopicsOf(subscription())).toEqual([])
  })

  it('that is garbage is not known, and never an exception', () => {
    for (const bytes of [
      [],
      [0],
      [255, 255, 0, 0, 0, 0],
      [0, 0, 127, 255, 255, 255],
      [0, 0, 255, 255, 255, 255],
      [0, 0, 0, 0, 0, 1, 0, 9, 65],
      [0, 0, 0, 0, 0, 1, 255, 255],
    ]) {
      expect(subscribedTopicsOf(Uint8Array.from(bytes))).toBeNull()
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const topics = subscribedTopicsOf(bytes)
        expect(topics === null || Array.isArray(topics)).toBe(true)
      }),
    )
  })
})

describe('base64', () => {
  it('keeps any bytes, also more than a call takes at once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(fromBase64(toBase64(bytes))).toEqual(bytes)
      }),
    )
    const large = new Uint8Array(1_000_000).map((_, at) => at * 7)
    expect(fromBase64(toBase64(large))).toEqual(large)
  })
})
