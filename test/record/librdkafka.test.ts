import { describe, expect, it } from 'vitest'
import { Codec, type CodecName } from '../../src/record/compression.ts'
import { checkProduced, isRefusal, validateRecords } from '../../src/record/produced.ts'
import { recordsOf } from '../../src/record/records.ts'
import vectors from '../vectors/batches-librdkafka.json' with { type: 'json' }
import { contentOf, fromBase64, utf8 } from './golden.ts'

const limits = { maxMessageBytes: 1_048_588, segmentBytes: 2 ** 30 }

describe('batches of librdkafka', () => {
  it.each(vectors.batches)('in $name are admitted and read', ({ name, base64 }) => {
    const batch = fromBase64(base64)
    const produced = checkProduced(batch, 7, limits)
    if (isRefusal(produced)) throw new Error(produced.message)
    expect(produced.header.codec).toBe(Codec[name as CodecName])
    const walk = validateRecords(batch, produced.header, { keysRequired: true, maxBytes: 1e6 })
    expect(walk).toMatchObject({ problem: null, maxTimestamp: produced.header.maxTimestamp })
    const expected = contentOf('many').map(({ key, value }, offset) => ({ offset, key, value }))
    const read = [...recordsOf(batch)]
    expect(read.map(({ offset, key, value }) => ({ offset, key, value }))).toEqual(expected)
    expect(read.map(({ headers }) => headers)).toEqual(
      expected.map(() => [{ key: 'h', value: utf8('v') }]),
    )
  })

  it('are there for every codec', () => {
    expect(vectors.batches.map(({ name }) => name)).toEqual(Object.keys(Codec))
  })
})
