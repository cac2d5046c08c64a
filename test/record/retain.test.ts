// Batches with fewer records, or none, as compaction writes them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch } from '../../src/record/build.ts'
import type { CodecId } from '../../src/record/compression.ts'
import { buildEndTransaction } from '../../src/record/control.ts'
import {
  BATCH_HEADER_BYTES,
  computeBatchCrc,
  patchLogAppendTime,
  readBatchHeader,
} from '../../src/record/header.ts'
import { RecordCursor } from '../../src/record/record-cursor.ts'
import { recordBytes, recordsOf } from '../../src/record/records.ts'
import { emptyBatch, retainRecords } from '../../src/record/retain.ts'

const text = new TextEncoder()

const record = fc.record({
  timestamp: fc.integer({ min: 0, max: 2 ** 42 }),
  key: fc.option(fc.uint8Array({ maxLength: 9 })),
  value: fc.option(fc.uint8Array({ maxLength: 200 })),
  headers: fc.array(
    fc.record({
      key: fc.string({ maxLength: 5 }),
      value: fc.option(fc.uint8Array({ maxLength: 5 })),
    }),
    { maxLength: 3 },
  ),
})

function retain(batch: Uint8Array, isKept: (index: number) => boolean, horizon: number | null) {
  const header = readBatchHeader(batch)
  const content = recordBytes(batch, header)
  const stretches: number[] = []
  const left = [...recordsOf(batch)].filter((_, index) => isKept(index))
  const cursor = new RecordCursor(content, 0, header)
  for (let index = 0; cursor.next(); index++) {
    if (!isKept(index)) continue
    // Some neighbours as one stretch, some as two.
    if (stretches.at(-1) === cursor.start && index % 3 !== 0) stretches.pop()
    else stretches.push(cursor.start)
    stretches.push(cursor.end)
  }
  const maxTimestamp = Math.max(...left.map(({ timestamp }) => timestamp))
  const count = left.length
  const made = { content, at: 0, stretches, count, maxTimestamp, deleteHorizonMs: horizon }
  return { left, header, batch: retainRecords(header, made) }
}

describe('a batch with fewer records', () => {
  it('has just those, as they were, and everything else of the header', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.boolean()),
        fc.constantFrom<CodecId>(0, 1, 2, 3, 4),
        fc.option(fc.integer({ min: 0, max: 2 ** 43 })),
        fc.boolean(),
        (records, choose, codec, horizon, isAppendTime) => {
          const before = buildBatch({
            records,
            codec,
            baseOffset: 1_000_000_007,
            leaderEpoch: 3,
            producerId: 77,
            producerEpoch: 5,
            baseSequence: 12,
            transactional: true,
          })
          if (isAppendTime) patchLogAppendTime(before, 2 ** 41)
          const choice = records.map(() => choose.next().value as boolean)
          choice[0] ||= !choice.includes(true)
          const { batch, header, left } = retain(before, (index) => choice[index]!, horizon)
          expect([...recordsOf(batch)]).toEqual(left)
          const after = readBatchHeader(batch)
          expect(after.crc).toBe(computeBatchCrc(batch))
          expect(after.maxTimestamp).toBe(
            isAppendTime ? 2 ** 41 : Math.max(...left.map(({ timestamp }) => timestamp)),
          )
          expect(after).toEqual({
            ...header,
            crc: after.crc,
            sizeBytes: batch.length,
            recordCount: left.length,
            maxTimestamp: after.maxTimestamp,
            attributes: header.attributes | (horizon === null ? 0 : 0x40),
            deleteHorizon: horizon !== null,
            baseTimestamp: horizon ?? header.baseTimestamp,
          })
          // And once more, from the horizon that it has now.
          const again = retain(batch, (index) => index === left.length - 1, null)
          expect([...recordsOf(again.batch)]).toEqual(left.slice(-1))
          expect(readBatchHeader(again.batch).baseTimestamp).toBe(after.baseTimestamp)
        },
      ),
    )
  })

  it('may be a marker with a horizon', () => {
    const marker = buildEndTransaction({
      commit: true,
      producerId: 4,
      producerEpoch: 1,
      coordinatorEpoch: 0,
      timestamp: 1_000,
    })
    const { batch } = retain(marker, () => true, 90_000)
    expect(readBatchHeader(batch)).toMatchObject({ control: true, baseTimestamp: 90_000 })
    expect([...recordsOf(batch)]).toEqual([...recordsOf(marker)])
  })
})

describe('a batch without records', () => {
  it('keeps offsets, producer and highest time, and is read as empty', () => {
    const records = [1, 2, 3].map((timestamp) => ({
      timestamp,
      key: text.encode('k'),
      value: null,
    }))
    const producer = { producerId: 9, producerEpoch: 2, baseSequence: 40, transactional: true }
    const full = buildBatch({ records, codec: 4, baseOffset: 55, leaderEpoch: 1, ...producer })
    const batch = emptyBatch(readBatchHeader(full))
    expect(batch.length).toBe(BATCH_HEADER_BYTES)
    expect([...recordsOf(batch)]).toEqual([])
    const header = readBatchHeader(batch)
    expect(header.crc).toBe(computeBatchCrc(batch))
    expect(header).toMatchObject({
      baseOffset: 55,
      lastOffsetDelta: 2,
      recordCount: 0,
      codec: 0,
      transactional: true,
      producerId: 9,
      producerEpoch: 2,
      baseSequence: 40,
      baseTimestamp: -1,
      maxTimestamp: 3,
    })
  })
})

describe('going through records', () => {
  const two = [1, 2].map((timestamp) => ({
    timestamp,
    key: text.encode(`k${timestamp}`),
    value: text.encode('v'),
  }))

  function walk(batch: Uint8Array): string[] {
    const cursor = new RecordCursor(batch, BATCH_HEADER_BYTES, readBatchHeader(batch))
    const seen = []
    while (cursor.next()) {
      const { keyAt, keyLength, offsetDelta, timestamp, hasValue } = cursor
      const key = Buffer.from(batch.subarray(keyAt, keyAt + keyLength)).toString()
      seen.push(`${offsetDelta} ${key} ${timestamp} ${hasValue}`)
    }
    return seen
  }

  it('sees each with its key', () => {
    expect(walk(buildBatch({ records: two }))).toEqual(['0 k1 1 true', '1 k2 2 true'])
  })

  it('ends with an error at any byte that is cut or changed to nonsense, and never goes beyond', () => {
    const batch = buildBatch({ records: two })
    for (let end = BATCH_HEADER_BYTES; end < batch.length; end++) {
      expect(() => walk(batch.slice(0, end))).toThrow('records')
    }
    fc.assert(
      fc.property(
        fc.integer({ min: BATCH_HEADER_BYTES, max: batch.length - 1 }),
        fc.nat(255),
        (at, byte) => {
          const changed = batch.slice()
          changed[at] = byte
          try {
            walk(changed)
          } catch (error) {
            expect(error).toMatchObject({ name: 'CodecError' })
          }
        },
      ),
    )
  })

  it('does not believe a count', () => {
    const batch = buildBatch({ records: two })
    new DataView(batch.buffer).setInt32(57, 2_000_000_000)
    expect(() => walk(batch)).toThrow('not as many')
  })
})
