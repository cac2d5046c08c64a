import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64Url, toBase64Url, utf8Length } from '../../src/core/text.ts'

describe('the length of a text in UTF-8', () => {
  it('is that of what an encoder makes of it, halves of characters included', () => {
    // The ends of what has one, two and three bytes, and of both halves of what has four.
    const ends = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000]
    const unit = fc.oneof(fc.constantFrom(...ends), fc.nat({ max: 0xffff }))
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 8 }), (units) => {
        const text = String.fromCharCode(...units)
        expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length)
      }),
    )
  })
})

describe('base64url', () => {
  it('has one text for each bytes', () => {
    const bytes = new Uint8Array([255, 254, 1, 0])
    const text = toBase64Url(bytes)
    expect(text).toBe('__4BAA')
    expect(fromBase64Url(text)).toEqual(bytes)
    for (const other of ['__4BAB', '__4BAA=', '__4BAA==', '//4BAA', '__4B A', '__4BB']) {
      expect(fromBase64Url(other), other).toBeNull()
    }
  })
})
