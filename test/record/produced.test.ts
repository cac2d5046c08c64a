import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { buildBatch } from '../../src/record/build.ts'
import { Codec } from '../../src/record/compression.ts'
import { readBatchHeader } from '../../src/record/header.ts'
import {
  type BatchRefusal,
  checkProduced,
  checkTimestamps,
  isRefusal,
  validateRecords,
} from '../../src/record/produced.ts'
import vectors from '../vectors/produce-errors.json' with { type: 'json' }
import { contentOf, fromHex, goldenBatch } from './golden.ts'

const CONFIG = {
  'max.message.bytes': '1048588',
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'CreateTime',
  'message.timestamp.before.max.ms': String(Number.MAX_SAFE_INTEGER),
  'message.timestamp.after.max.ms': '3600000',
}

/** All checks in Kafka's order: what Kafka does before it appends. */
function verdict(records: Uint8Array, version: number, config: object): BatchRefusal | null {
  const all = { ...CONFIG, ...config }
  const settings = {
    maxMessageBytes: Number(all['max.message.bytes']),
    segmentBytes: 2 ** 30,
    messageTimestampType: all['message.timestamp.type'] as 'CreateTime' | 'LogAppendTime',
    timestampBeforeMaxMs: Number(all['message.timestamp.before.max.ms']),
    timestampAfterMaxMs: Number(all['message.timestamp.after.max.ms']),
  }
  const produced = checkProduced(records, version, settings)
  if (isRefusal(produced)) return produced
  const { batch, header } = produced
  const late = checkTimestamps(header, settings, vectors.now)
  if (late !== null) return late
  const keysRequired = all['cleanup.policy'].includes('compact')
  const walk = validateRecords(batch, header, { keysRequired, maxBytes: 1e6 })
  return isRefusal(walk) ? walk : null
}

/** Where we answer otherwise than Kafka, and why. */
const differences: Record<string, { error: keyof typeof KafkaError; why: string }> = {
  'a max timestamp that is wrong in the future': {
    error: 'INVALID_TIMESTAMP',
    why: 'the bounds are checked on the header; Kafka corrects the field from the records',
  },
  'no timestamps': {
    error: 'NONE',
    why: 'the bounds are checked on the header, which says that there are none',
  },
  'a varint of six bytes': {
    error: 'INVALID_RECORD',
    why: 'Kafka lets an IllegalArgumentException through, as UNKNOWN_SERVER_ERROR',
  },
  'an offset delta other than 0': {
    error: 'INVALID_RECORD',
    why: 'Kafka stores an uncompressed batch whose offsets then overlap',
  },
  'offset deltas 0 and 2': { error: 'INVALID_RECORD', why: 'as above' },
  'offset deltas 1 and 0': { error: 'INVALID_RECORD', why: 'as above' },
  'offset deltas 0 and 0': { error: 'INVALID_RECORD', why: 'as above' },
}

describe('what Apache Kafka 4.1.1 answers to produced bytes', () => {
  it.each(vectors.cases)('$name in version $version', (example) => {
    const { name, version, config, error, recordErrors, records, stored } = example
    const bytes = fromHex(records)
    const before = bytes.slice()
    const refusal = verdict(bytes, version, config)
    const expected = differences[name]?.error ?? error
    expect(refusal?.error ?? 0).toBe(KafkaError[expected as keyof typeof KafkaError])
    // Kafka lists each record that is out of time; we look at the header only.
    if (error !== 'INVALID_TIMESTAMP')
      expect(refusal?.recordErrors.map(({ batchIndex }) => batchIndex) ?? []).toEqual(recordErrors)
    if (refusal !== null) expect(refusal.message).not.toBe('')
    expect(bytes).toEqual(before)
    if (refusal === null && stored !== null) {
      const produced = checkProduced(bytes, version, { maxMessageBytes: 1e6, segmentBytes: 1e9 })
      expect(produced.kind === 'produced' && produced.batch.length).toBe(stored.length / 2)
    }
  })

  it('every difference is one that the vectors have', () => {
    const names = new Set(vectors.cases.map(({ name }) => name))
    for (const name of Object.keys(differences)) expect(names).toContain(name)
  })
})

describe('checking produced bytes', () => {
  const limits = { maxMessageBytes: 1e6, segmentBytes: 1e6 }

  it('null records are no batch', () => {
    expect(checkProduced(null, 9, limits)).toMatchObject({ error: KafkaError.INVALID_RECORD })
  })

  it('a batch larger than a segment is RECORD_LIST_TOO_LARGE', () => {
    const batch = goldenBatch('none', 'mixed')
    const segmentBytes = batch.length - 1
    expect(checkProduced(batch, 9, { ...limits, segmentBytes })).toMatchObject({
      error: KafkaError.RECORD_LIST_TOO_LARGE,
    })
  })

  it('a producer id beyond 2^53 is refused', () => {
    const batch = buildBatch({
      records: contentOf('mixed'),
      producerId: 2 ** 53,
      producerEpoch: 0,
      baseSequence: 0,
    })
    expect(checkProduced(batch, 9, limits)).toMatchObject({ error: KafkaError.INVALID_RECORD })
  })

  it('no prefix of a batch is accepted, and no flipped bit behind the epoch', () => {
    const batch = buildBatch({ records: contentOf('mixed') })
    for (let length = 0; length < batch.length; length++)
      expect(checkProduced(batch.subarray(0, length), 9, limits).kind).toBe('refused')
    for (let bit = 16 * 8; bit < batch.length * 8; bit++) {
      const flipped = batch.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(checkProduced(flipped, 9, limits).kind).toBe('refused')
    }
  })

  it('a decompressed size over the bound is MESSAGE_TOO_LARGE', () => {
    const batch = buildBatch({ records: contentOf('noise'), codec: Codec.zstd })
    const header = readBatchHeader(batch)
    const options = { keysRequired: false, maxBytes: 100_000 }
    expect(validateRecords(batch, header, options)).toMatchObject({
      error: KafkaError.MESSAGE_TOO_LARGE,
    })
    expect(isRefusal(validateRecords(batch, header, { ...options, maxBytes: 300_000 }))).toBe(false)
  })

  it('the walk answers the records’ true largest timestamp', () => {
    const batch = goldenBatch('snappy', 'mixed')
    const header = readBatchHeader(batch)
    const walk = validateRecords(batch, header, { keysRequired: false, maxBytes: 1e6 })
    expect(walk).toMatchObject({ problem: null, maxTimestamp: header.maxTimestamp })
  })
})
