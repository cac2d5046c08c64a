import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError } from '../../src/core/wasm.ts'
import { buildBatch, recompress } from '../../src/record/build.ts'
import { Codec, type CodecName } from '../../src/record/compression.ts'
import { computeBatchCrc, readBatchHeader } from '../../src/record/header.ts'
import { checkProduced } from '../../src/record/produced.ts'
import { recordsOf } from '../../src/record/records.ts'
import { contentOf, goldenBatch } from './golden.ts'

const codecs = Object.entries(Codec) as [CodecName, (typeof Codec)[CodecName]][]
const limits = { maxMessageBytes: 2 ** 24, segmentBytes: 2 ** 30 }

const bytes = fc.option(fc.uint8Array({ maxLength: 200 }))
const anyRecords = fc.array(
  fc.record({
    timestamp: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
    key: bytes,
    value: bytes,
    headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: bytes }), {
      maxLength: 4,
    }),
  }),
  { minLength: 1, maxLength: 150 },
)

describe('building a batch', () => {
  it('gives the bytes that the Java client gives', () => {
    const records = contentOf('mixed')
    expect(buildBatch({ records })).toEqual(goldenBatch('none', 'mixed'))
    expect(buildBatch({ records: contentOf('many') })).toEqual(goldenBatch('none', 'many'))
    const producer = { producerId: 4_000_000_123, producerEpoch: 7, baseSequence: 2_147_483_646 }
    expect(buildBatch({ records, ...producer, leaderEpoch: 3, transactional: true })).toEqual(
      goldenBatch('transactional', 'mixed'),
    )
  })

  it.each(codecs)('in %s gives a batch that is admitted and read back', (_, codec) => {
    fc.assert(
      fc.property(anyRecords, fc.nat(2 ** 40), (records, baseOffset) => {
        const batch = buildBatch({ records, codec, baseOffset })
        expect(batch.byteOffset).toBe(0)
        expect(batch.buffer.byteLength).toBe(batch.length)
        const read = [...recordsOf(batch)]
        expect(read).toEqual(records.map((r, index) => ({ ...r, offset: baseOffset + index })))
        const header = readBatchHeader(batch)
        expect(header.maxTimestamp).toBe(Math.max(...records.map((r) => r.timestamp)))
        expect(header.baseTimestamp).toBe(records[0]!.timestamp)
        expect(checkProduced(buildBatch({ records, codec }), 9, limits).kind).toBe('produced')
      }),
      { numRuns: 40 },
    )
  })

  it('without records is a mistake of the caller', () => {
    expect(() => buildBatch({ records: [] })).toThrow(RangeError)
  })
})

describe('recompressing a batch', () => {
  it.each(codecs)('from %s keeps header and records in every other codec', (name) => {
    const original = goldenBatch(name, 'many')
    const before = readBatchHeader(original)
    for (const [, codec] of codecs) {
      const batch = recompress(original, codec)
      const { sizeBytes, crc, attributes, ...kept } = readBatchHeader(batch)
      expect({ ...before, ...kept, codec: before.codec }).toEqual(before)
      expect(attributes).toBe(codec)
      expect(sizeBytes).toBe(batch.length)
      expect(crc).toBe(computeBatchCrc(batch))
      expect([...recordsOf(batch)]).toEqual([...recordsOf(original)])
    }
  })

  it('keeps the other attribute bits', () => {
    const batch = recompress(goldenBatch('transactional', 'mixed'), Codec.lz4)
    expect(readBatchHeader(batch).attributes).toBe(0x13)
    const stamped = recompress(goldenBatch('log append time', 'mixed'), Codec.zstd)
    expect(readBatchHeader(stamped).attributes).toBe(0x0c)
  })

  it('refuses a damaged blob and one over the bound', () => {
    const batch = goldenBatch('lz4', 'many')
    expect(() => recompress(batch, Codec.none, 20_000)).toThrow(CodecError)
    batch[70]! ^= 0xff
    expect(() => recompress(batch, Codec.none)).toThrow(CodecError)
  })
})
