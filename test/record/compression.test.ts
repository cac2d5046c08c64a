import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError } from '../../src/core/wasm.ts'
import {
  Codec,
  type CodecName,
  codecOfTopic,
  compress,
  decompress,
  isCodec,
} from '../../src/record/compression.ts'
import { noise, text } from './golden.ts'

const codecs = Object.entries(Codec) as [CodecName, (typeof Codec)[CodecName]][]
const compressing = codecs.filter(([name]) => name !== 'none')

function reasonOf(decode: () => unknown): string {
  try {
    decode()
  } catch (error) {
    if (error instanceof CodecError) return error.reason
    throw error
  }
  return 'none'
}

describe('the codecs', () => {
  it.each(codecs)('%s gives back what it took', (_, codec) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect([...decompress(codec, compress(codec, bytes), bytes.length)]).toEqual([...bytes])
      }),
    )
  })

  it.each(codecs)('%s is bounded', (_, codec) => {
    const content = text(100_000)
    const compressed = compress(codec, content)
    expect(reasonOf(() => decompress(codec, compressed, content.length))).toBe('none')
    expect(reasonOf(() => decompress(codec, compressed, content.length - 1))).toBe('too-large')
    expect(reasonOf(() => decompress(codec, compressed, 0))).toBe('too-large')
  })

  it.each(compressing)('%s refuses every prefix', (_, codec) => {
    const compressed = compress(codec, text(5000))
    const step = Math.ceil(compressed.length / 200)
    for (let length = 0; length < compressed.length; length += step)
      // A xerial header alone is an empty stream.
      if (!(codec === Codec.snappy && length === 16))
        expect(reasonOf(() => decompress(codec, compressed.subarray(0, length), 1e6))).toBe(
          'malformed',
        )
  })

  it.each(compressing)('%s with a flipped bit stays within its bound', (_, codec) => {
    const compressed = compress(codec, text(5000))
    for (let at = 0; at < compressed.length; at += 3) {
      const flipped = compressed.slice()
      flipped[at]! ^= 1 << (at % 8)
      try {
        expect(decompress(codec, flipped, 6000).length).toBeLessThanOrEqual(6000)
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError)
      }
    }
  })

  it.each(compressing)('%s refuses noise and garbage behind its data', (_, codec) => {
    expect(reasonOf(() => decompress(codec, noise(100), 1e6))).toBe('malformed')
    for (const garbage of [[1, 2, 3, 4], [0], [0, 0, 0, 0], [0x1f, 0x8b, 0, 0]]) {
      const bytes = Buffer.concat([compress(codec, text(100)), Uint8Array.from(garbage)])
      expect(reasonOf(() => decompress(codec, bytes, 1e6))).toBe('malformed')
    }
  })

  it('gzip members behind each other are one content', () => {
    const bytes = Buffer.concat([gzipSync('one '), gzipSync('two')])
    expect(Buffer.from(decompress(Codec.gzip, bytes, 100)).toString()).toBe('one two')
    expect(reasonOf(() => decompress(Codec.gzip, bytes, 6))).toBe('too-large')
  })

  it('zstd frames behind each other are one content, and frames to be skipped are skipped', () => {
    const skip = Uint8Array.from([0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9])
    const frames = [skip, zstdCompressSync('one '), zstdCompressSync(''), zstdCompressSync('two')]
    const bytes = Buffer.concat([...frames, skip])
    expect(Buffer.from(decompress(Codec.zstd, bytes, 7)).toString()).toBe('one two')
    expect(reasonOf(() => decompress(Codec.zstd, bytes, 6))).toBe('too-large')
    expect(reasonOf(() => decompress(Codec.zstd, bytes.subarray(0, -1), 7))).toBe('malformed')
    expect(reasonOf(() => decompress(Codec.zstd, skip, 7))).toBe('malformed')
  })

  it('zstd frames of any header are found', () => {
    const contents = [0, 1, 200, 300, 70_000, 200_000, 400_000].flatMap((n) => [text(n), noise(n)])
    contents.push(new Uint8Array(1_000_000))
    for (const content of contents)
      for (const checksum of [0, 1])
        for (const size of [0, 1]) {
          const params = {
            [constants.ZSTD_c_checksumFlag]: checksum,
            [constants.ZSTD_c_contentSizeFlag]: size,
          }
          const frame = zstdCompressSync(content, { params })
          const out = decompress(Codec.zstd, Buffer.concat([frame, frame]), content.length * 2)
          expect(Buffer.compare(out, Buffer.concat([content, content]))).toBe(0)
        }
  })

  it('codec bits 0 to 4 name one', () => {
    expect([-1, 0, 1, 2, 3, 4, 5, 6, 7].filter(isCodec)).toEqual([0, 1, 2, 3, 4])
  })

  it.each([
    ['producer', null],
    ['uncompressed', 0],
    ['gzip', 1],
    ['snappy', 2],
    ['lz4', 3],
    ['zstd', 4],
  ] as const)('compression.type %s is codec %s', (type, codec) => {
    expect(codecOfTopic(type)).toBe(codec)
  })
})
