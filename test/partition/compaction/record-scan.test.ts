// The module's walk over records against RecordCursor, record by record: sound batches, damaged ones, and
// windows of every size.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError } from '../../../src/core/wasm.ts'
import { KeyHash } from '../../../src/partition/compaction/key-hash.ts'
import {
  type Content,
  RecordScan,
  type ScanWindow,
} from '../../../src/partition/compaction/record-scan.ts'
import { buildBatch } from '../../../src/record/build.ts'
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  readBatchHeader,
} from '../../../src/record/header.ts'
import { RecordCursor } from '../../../src/record/record-cursor.ts'

const SECRET = Uint32Array.of(1, 2, 3, 4)
const hash = new KeyHash(SECRET)

interface Row {
  readonly offsetDelta: number
  readonly timestampDelta: number
  readonly start: number
  readonly end: number
  readonly hasValue: boolean
  /** null without a key. */
  readonly hash: readonly number[] | null
}

function byCursor({ content, at }: Content, header: BatchHeader): Row[] | string {
  const rows: Row[] = []
  try {
    const cursor = new RecordCursor(content, at, header)
    while (cursor.next()) {
      const { offsetDelta, timestampDelta, start, end, hasValue, keyLength } = cursor
      if (keyLength >= 0) hash.hash(content, cursor.keyAt, keyLength)
      const key = keyLength < 0 ? null : [...hash.words]
      rows.push({ offsetDelta, timestampDelta, start, end, hasValue, hash: key })
    }
    return rows
  } catch (error) {
    return (error as CodecError).message
  }
}

function byScan(content: Content, header: BatchHeader, window?: ScanWindow): Row[] | string {
  const rows: Row[] = []
  try {
    const scan = new RecordScan(new KeyHash(SECRET), window)
    scan.begin(content, header)
    while (scan.next(true)) {
      expect(scan.first).toBe(rows.length)
      for (let record = 0; record < scan.count; record++) {
        const at = scan.wordsOf(record)
        rows.push({
          offsetDelta: scan.offsetDelta(record),
          timestampDelta: scan.timestampDelta(record),
          start: scan.start(record),
          end: scan.end(record),
          hasValue: scan.hasValue(record),
          hash: scan.hasKey(record) ? [...scan.words.subarray(at, at + 4)] : null,
        })
      }
    }
    expect(scan.next(true)).toBe(false)
    return rows
  } catch (error) {
    if (error instanceof CodecError) return error.message
    throw error
  }
}

const bytes = (maxLength: number) => fc.option(fc.uint8Array({ maxLength }))
const record = fc.record({
  timestamp: fc.oneof(fc.nat(100), fc.nat(Number.MAX_SAFE_INTEGER)),
  key: bytes(40),
  value: bytes(300),
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 70 }), value: bytes(70) }), {
    maxLength: 3,
  }),
})
const records = fc.array(record, { minLength: 1, maxLength: 30 })
const windows = fc.record({
  records: fc.constantFrom(2, 6, 64),
  bytes: fc.integer({ min: 1, max: 600 }),
  largestBytes: fc.integer({ min: 1, max: 2_000 }),
})

function plain(batch: Uint8Array): { content: Content; header: BatchHeader } {
  return { content: { content: batch, at: BATCH_HEADER_BYTES }, header: readBatchHeader(batch) }
}

describe('a scan of records', () => {
  it('finds what a cursor finds, in windows of any size', () => {
    fc.assert(
      fc.property(records, windows, (all, window) => {
        const { content, header } = plain(buildBatch({ records: all, codec: 0 }))
        const expected = byCursor(content, header)
        expect(expected).toHaveLength(all.length)
        expect(byScan(content, header)).toEqual(expected)
        expect(byScan(content, header, window)).toEqual(expected)
      }),
    )
  })

  it('finds wrong what a cursor finds wrong, and says the same of it', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
    const counts = { wrong: 0, right: 0 }
    fc.assert(
      fc.property(
        records,
        damage,
        fc.option(fc.nat(40)),
        fc.integer({ min: -2, max: 2 }),
        windows,
        (all, damaged, cut, more, window) => {
          const batch = buildBatch({ records: all, codec: 0 })
          const records = batch.subarray(BATCH_HEADER_BYTES, batch.length - (cut ?? 0))
          if (records.length === 0) return
          for (const [at, byte] of damaged) records[at % records.length] = byte
          const header = readBatchHeader(batch)
          const told = { ...header, recordCount: header.recordCount + (cut === null ? more : 0) }
          const content = { content: records, at: 0 }
          const expected = byCursor(content, told)
          counts[typeof expected === 'string' ? 'wrong' : 'right']++
          expect(byScan(content, told)).toEqual(expected)
          expect(byScan(content, told, window)).toEqual(expected)
        },
      ),
      { numRuns: 3_000 },
    )
    // About a hundred are right all the same.
    expect(Math.min(counts.wrong, counts.right)).toBeGreaterThan(40)
  })

  it('takes varints of any length, and none that are too long for their type', () => {
    // A record of 12 bytes and more whose number at each place is written in several ways.
    const header = readBatchHeader(
      buildBatch({ records: [{ timestamp: 0, key: null, value: null }], codec: 0 }),
    )
    const ways = [
      [0],
      [0x80, 0],
      [0x80, 0x80, 0x80, 0x80, 0],
      [0x80, 0x80, 0x80, 0x80, 0x10],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
      [0xfe, 0xff, 0xff, 0xff, 0x0f],
      [1],
    ]
    let right = 0
    for (const time of ways) {
      for (const offset of ways) {
        for (const key of ways) {
          for (const value of ways) {
            const body = [0, ...time, ...offset, ...key, ...value, 0]
            const content = { content: Uint8Array.of(body.length * 2, ...body), at: 0 }
            const expected = byCursor(content, header)
            if (typeof expected !== 'string') right++
            expect(byScan(content, header)).toEqual(expected)
          }
        }
      }
    }
    expect(right).toBeGreaterThan(50)
  })

  it('takes a record and a key that are larger than the module', () => {
    const large = new Uint8Array(9 * 1024 * 1024).fill(7)
    large[5_000_000] = 8
    const small = { timestamp: 1, key: Uint8Array.of(1), value: Uint8Array.of(2) }
    const all = [small, { timestamp: 2, key: large, value: null }, small, small]
    const { content, header } = plain(buildBatch({ records: all, codec: 0 }))
    const expected = byCursor(content, header)
    expect(expected).toHaveLength(4)
    expect(byScan(content, header)).toEqual(expected)
  })
})
