import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { snappyCompress, snappyDecompress, xerialCompress } from '../../src/core/snappy.ts'
import { snappyElements } from '../../src/core/snappy-elements.ts'
import { CodecError } from '../../src/core/wasm.ts'
import { fromBase64, fromHex, noise, text, utf8 } from '../record/golden.ts'
import vectors from '../vectors/batches.json' with { type: 'json' }

const MiB = 1024 * 1024
const BOUND = 32 * MiB
const XERIAL = '82534e4150505900 00000001 00000001'

function reasonOf(decode: () => unknown): string {
  try {
    decode()
  } catch (error) {
    if (error instanceof CodecError) return error.reason
    throw error
  }
  return 'none'
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function contentOf(name: string): Uint8Array {
  if (name === 'x*100000') return new Uint8Array(100_000).fill(0x78)
  if (name.startsWith('noise')) {
    const bytes = new Uint8Array(75_000)
    bytes.set(noise(5000))
    return bytes
  }
  return utf8(name)
}

/** Decodes in WebAssembly and in plain TypeScript, which must agree. */
function decode(bytes: Uint8Array): Uint8Array {
  const out = snappyDecompress(bytes, BOUND)
  const plain = new Uint8Array(out.length + 64)
  const header = bytes.findIndex((byte) => byte < 0x80) + 1
  expect(snappyElements(bytes, header, bytes.length, plain, 32, out.length)).toBe(out.length)
  expect(equal(plain.subarray(32, 32 + out.length), out)).toBe(true)
  expect(plain.subarray(0, 32).some((byte) => byte !== 0)).toBe(false)
  expect(plain.subarray(32 + out.length).some((byte) => byte !== 0)).toBe(false)
  return out
}

const anyContent = fc.oneof(
  fc.uint8Array({ maxLength: 500 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 90 }), fc.integer({ min: 1, max: 3000 }))
    .map(([part, times]) =>
      new Uint8Array(part.length * times).map((_, i) => part[i % part.length]!),
    ),
  fc.integer({ min: 1, max: 200_000 }).map(text),
)

describe('raw Snappy', () => {
  it.each(vectors.rawSnappy)('Google’s library’s block of “%s” is read', (name, base64) => {
    expect(equal(decode(fromBase64(base64 as string)), contentOf(name as string))).toBe(true)
  })

  it('what is written is read back, raw and xerial', () => {
    fc.assert(
      fc.property(anyContent, (content) => {
        expect(equal(decode(snappyCompress(content)), content)).toBe(true)
        expect(equal(snappyDecompress(xerialCompress(content), content.length), content)).toBe(true)
      }),
    )
  })

  it('sizes around the fragments are written right and never much larger than the input', () => {
    for (const length of [0, 1, 14, 15, 16, 17, 60, 61, 256, 257, 65_535, 65_536, 65_537, 200_000])
      for (const content of [text(length), noise(length), new Uint8Array(length)]) {
        const compressed = snappyCompress(content)
        expect(equal(decode(compressed), content)).toBe(true)
        expect(compressed.length).toBeLessThanOrEqual(32 + length + Math.ceil(length / 6))
      }
  })

  it.each([
    ['a literal', '05 10 68656c6c6f', 'hello'],
    ['a literal with a length of one byte', '05 f004 68656c6c6f', 'hello'],
    ['a literal with a length of two bytes', '05 f40400 68656c6c6f', 'hello'],
    ['a literal with a length of three bytes', '05 f8040000 68656c6c6f', 'hello'],
    ['a literal with a length of four bytes', '05 fc04000000 68656c6c6f', 'hello'],
    ['a copy with an offset of 11 bits', '07 08 616263 0103', 'abcabca'],
    ['a copy with an offset of two bytes', '06 08 616263 0a0300', 'abcabc'],
    ['a copy with an offset of four bytes', '06 08 616263 0b03000000', 'abcabc'],
    ['a copy of one byte', '04 08 616263 020300', 'abca'],
    ['a copy that overlaps itself', '0b 00 61 2601 00', 'aaaaaaaaaaa'],
    ['a padded length', '8500 10 68656c6c6f', 'hello'],
    ['nothing', '00', ''],
  ])('%s is read', (_, hex, expected) => {
    expect(Buffer.from(decode(fromHex(hex))).toString()).toBe(expected)
  })

  it('overlapping copies repeat, for every distance', () => {
    for (let distance = 1; distance <= 60; distance++) {
      const seed = noise(distance)
      const total = distance + 64
      const preamble = total < 128 ? [total] : [(total & 127) | 128, total >> 7]
      const block = Uint8Array.from([
        ...preamble,
        (distance - 1) << 2,
        ...seed,
        (63 << 2) | 2,
        distance,
        0,
      ])
      const expected = Uint8Array.from({ length: total }, (_, i) => seed[i % distance]!)
      expect(equal(decode(block), expected)).toBe(true)
    }
  })

  it('an offset of four bytes reaches the first byte of a large output', () => {
    const length = 12 * MiB
    const head = noise(length)
    const bytes = Buffer.alloc(4 + 5 + length + 5)
    const total = length + 64
    let at = 0
    for (let rest = total; rest > 0; rest = Math.floor(rest / 128))
      bytes[at++] = rest >= 128 ? (rest & 127) | 128 : rest
    bytes[at++] = 0xfc
    bytes.writeUInt32LE(length - 1, at)
    bytes.set(head, at + 4)
    at += 4 + length
    bytes[at++] = (63 << 2) | 3
    bytes.writeUInt32LE(length, at)
    const out = snappyDecompress(bytes.subarray(0, at + 4), BOUND)
    expect(equal(out.subarray(length), head.subarray(0, 64))).toBe(true)
    expect(equal(out.subarray(0, length), head)).toBe(true)
  })

  it('32 MiB are read and written', () => {
    const content = text(32 * MiB)
    const compressed = snappyCompress(content)
    expect(equal(snappyDecompress(compressed, BOUND), content)).toBe(true)
    expect(reasonOf(() => snappyDecompress(compressed, BOUND - 1))).toBe('too-large')
    const streamed = xerialCompress(content)
    expect(equal(snappyDecompress(streamed, BOUND), content)).toBe(true)
    expect(reasonOf(() => snappyDecompress(streamed, BOUND - 1))).toBe('too-large')
  })

  it.each([
    ['nothing at all', ''],
    ['an unfinished length', '80'],
    ['a length of more than 32 bits', 'ffffffff1f 00'],
    ['a length of six bytes', '808080808000'],
    ['a length that so few bytes cannot reach', 'ffffff7f 00 61'],
    ['a literal beyond the input', '05 10 68656c6c'],
    ['a literal length beyond the input', '05 f4 04'],
    ['a literal of 2^32 bytes', '05 fcffffffff 68656c6c6f'],
    ['more output than its length', '04 10 68656c6c6f'],
    ['less output than its length', '06 10 68656c6c6f'],
    ['a copy beyond its length', '05 08 616263 0a0300'],
    ['a copy at the start', '04 0104'],
    ['offset 0', '06 08 616263 0a0000'],
    ['an offset before the start', '06 08 616263 0a0400'],
    ['an offset of 2^31', '06 08 616263 0b00000080'],
    ['half an offset', '06 08 616263 0a03'],
    ['half an offset of four bytes', '06 08 616263 0b030000'],
    ['a byte behind the end', '05 10 68656c6c6f 00'],
  ])('a block with %s is malformed', (_, hex) => {
    const bytes = fromHex(hex)
    expect(reasonOf(() => snappyDecompress(bytes, BOUND))).toBe('malformed')
    const end = bytes.findIndex((byte) => byte < 0x80)
    const declared = bytes[0] ?? 0
    if (end === 0 && declared < 10)
      expect(snappyElements(bytes, 1, bytes.length, new Uint8Array(10), 0, declared)).toBe(-1)
  })

  it('no prefix is read, and a flipped bit never leaves the bound', () => {
    const content = text(20_000)
    for (const bytes of [snappyCompress(content), xerialCompress(content)]) {
      for (let length = 0; length < bytes.length; length += 7)
        if (length !== 16)
          expect(reasonOf(() => snappyDecompress(bytes.subarray(0, length), BOUND))).toBe(
            'malformed',
          )
      for (let at = 0; at < bytes.length; at += 3) {
        const flipped = bytes.slice()
        flipped[at]! ^= 1 << (at % 8)
        try {
          expect(snappyDecompress(flipped, 30_000).length).toBeLessThanOrEqual(30_000)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }
    }
  })

  it('WebAssembly and TypeScript agree about any damage', () => {
    const sound = snappyCompress(text(5000))
    fc.assert(
      fc.property(fc.nat(sound.length - 3), fc.nat(255), (at, byte) => {
        const bytes = sound.slice()
        bytes[2 + at] = byte
        const out = new Uint8Array(5000)
        const written = snappyElements(bytes, 2, bytes.length, out, 0, 5000)
        if (written === -1) {
          expect(reasonOf(() => snappyDecompress(bytes, BOUND))).toBe('malformed')
        } else {
          expect(equal(snappyDecompress(bytes, BOUND), out)).toBe(true)
        }
      }),
    )
  })
})

describe('xerial streams', () => {
  it('are blocks of 32 KiB behind a header', () => {
    const bytes = xerialCompress(text(70_000))
    expect(equal(bytes.subarray(0, 16), fromHex(XERIAL))).toBe(true)
    const sizes: number[] = []
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    for (let at = 16; at < bytes.length; at += 4 + view.getInt32(at))
      sizes.push(snappyDecompress(bytes.subarray(at + 4, at + 4 + view.getInt32(at)), BOUND).length)
    expect(sizes).toEqual([32_768, 32_768, 70_000 - 65_536])
    expect(xerialCompress(new Uint8Array(0)).length).toBe(16)
  })

  it.each([
    ['a header alone', XERIAL, ''],
    ['one block', `${XERIAL} 00000007 05 10 68656c6c6f`, 'hello'],
    ['two blocks', `${XERIAL} 00000003 01 00 61 00000003 01 00 62`, 'ab'],
    ['two streams', `${XERIAL} 00000003 01 00 61 ${XERIAL} 00000003 01 00 62`, 'ab'],
    ['a newer version', `82534e4150505900 00000002 00000001 00000003 01 00 61`, 'a'],
  ])('%s is read', (_, hex, expected) => {
    expect(Buffer.from(snappyDecompress(fromHex(hex), 5)).toString()).toBe(expected)
  })

  it.each([
    ['version 0', '82534e4150505900 00000000 00000000'],
    ['half a header', '82534e4150505900 000000'],
    ['half a block size', `${XERIAL} 0000`],
    ['a block beyond the end', `${XERIAL} 00000008 05 10 68656c6c6f`],
    ['a negative block size', `${XERIAL} ffffffff 05 10 68656c6c6f`],
    ['an empty block', `${XERIAL} 00000000`],
    ['a byte behind a block', `${XERIAL} 00000007 05 10 68656c6c6f 00`],
    ['a damaged block', `${XERIAL} 00000007 06 10 68656c6c6f`],
  ])('%s is malformed', (_, hex) => {
    expect(reasonOf(() => snappyDecompress(fromHex(hex), BOUND))).toBe('malformed')
  })
})
