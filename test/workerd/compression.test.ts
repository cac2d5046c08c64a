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

  it.each(compressing)('%s refuses prefixes, nothing, noise and garbage', (_, codec) => {
    const compressed = compress(codec, content)
    const damaged = [0, 1, 9, compressed.length - 1].map((end) => compressed.subarray(0, end))
    for (const garbage of [[0], [1, 2, 3, 4]])
      damaged.push(Uint8Array.from([...compressed, ...garbage]))
    damaged.push(content)
    for (const bytes of damaged)
      expect(reasonOf(() => decompress(codec, bytes, content.length))).toBe('malformed')
  })
})
