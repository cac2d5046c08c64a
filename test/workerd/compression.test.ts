import { describe, expect, it } from 'vitest'
import { CodecError } from '../../src/core/wasm.ts'
import { Codec, type CodecName, compress, decompress } from '../../src/record/compression.ts'

const codecs = Object.entries(Codec) as [CodecName, (typeof Codec)[CodecName]][]
const compressing = codecs.filter(([name]) => name !== 'none')

const content = new TextEncoder().encode('the same words again and again '.repeat(300))

function reasonOf(decode: () => unknown): string {
  try {
    decode()
  } catch (error) {
    if (error instanceof CodecError) return error.reason
    throw error
  }
  return 'none'
}

// workerd's zlib differs from Node's: errors without codes, and an empty zstd stream is no error.
describe('the codecs in workerd', () => {
  it.each(codecs)('%s gives back what it took', (_, codec) => {
    expect(decompress(codec, compress(codec, content), content.length)).toEqual(content)
  })

  it.each(codecs)('%s is bounded', (_, codec) => {
    const compressed = compress(codec, content)
    for (const bound of [content.length - 1, 1, 0])
      expect(reasonOf(() => decompress(codec, compressed, bound))).toBe('too-large')
  })

  it.each(codecs)('%s is given back when its bound is its size, whatever that is', (_, codec) => {
    for (const length of [1, 1_000, 16_384, 65_536, 100_000, 1_048_576, 3_000_000]) {
      const content = Uint8Array.from({ length }, (_, index) => index % 251)
      const compressed = compress(codec, content)
      for (const room of [0, 1, 20_000]) {
        expect(decompress(codec, compressed, length + room)).toEqual(content)
      }
      expect(reasonOf(() => decompress(codec, compressed, length - 1))).toBe('too-large')
    }
  })

  it.each(compressing)('%s refuses prefixes, nothing, noise and garbage', (_, codec) => {
    const compressed = compress(codec, content)
    const damaged = [0, 1, 9, compressed.length - 1].map((end) => compressed.subarray(0, end))
    for (const garbage of [[0], [1, 2, 3, 4]])
      damaged.push(Uint8Array.from([...compressed, ...garbage]))
    damaged.push(content)
    for (const bytes of damaged)
      expect(reasonOf(() => decompress(codec, bytes, content.length))).toBe('malformed')
  })

  it.each(compressing)(
    '%s with any byte changed is refused, or no larger than its bound',
    (_, codec) => {
      const compressed = compress(codec, content)
      for (let at = 0; at < compressed.length; at++) {
        const damaged = Uint8Array.from(compressed)
        damaged[at] = (damaged[at] as number) ^ 0x41
        // Anything but a CodecError would be thrown on.
        if (reasonOf(() => decompress(codec, damaged, content.length)) !== 'none') continue
        expect(decompress(codec, damaged, content.length).length).toBeLessThanOrEqual(
          content.length,
        )
      }
    },
  )
})
