import { describe, expect, it } from 'vitest'
import { CodecError } from '../../src/core/wasm.ts'
import { buildBatch } from '../../src/record/build.ts'
import { BATCH_HEADER_BYTES, readBatchHeader } from '../../src/record/header.ts'
import { recordBytes, recordsOf, walkRecords } from '../../src/record/records.ts'
import { contentOf, fromHex, goldenBatch, goldenBatches, utf8 } from './golden.ts'

const dataBatches = goldenBatches.filter(({ content }) => content !== 'control')

/** A batch whose records section is given; the CRC does not matter here. */
function withRecords(hex: string, count: number): Uint8Array {
  const records = fromHex(hex)
  const batch = new Uint8Array(BATCH_HEADER_BYTES + records.length)
  batch.set(goldenBatch('none', 'mixed').subarray(0, BATCH_HEADER_BYTES))
  batch.set(records, BATCH_HEADER_BYTES)
  const view = new DataView(batch.buffer)
  view.setInt32(8, batch.length - 12)
  view.setInt32(57, count)
  return batch
}

function problemOf(batch: Uint8Array): string | null {
  return walkRecords(batch, BATCH_HEADER_BYTES, readBatchHeader(batch)).problem
}

describe('the records of a batch', () => {
  it.each(dataBatches)(
    'of the Java client, $name $content, are read',
    ({ name, content, bytes }) => {
      const stamped = name === 'log append time'
      const base = stamped ? 9_007_199 : 0
      const expected = contentOf(content).map((record, index) => ({
        ...record,
        offset: base + index,
        timestamp: stamped ? 1_700_000_000_777 : record.timestamp,
      }))
      expect([...recordsOf(bytes)]).toEqual(expected)
    },
  )

  it.each(dataBatches)('of the Java client, $name $content, walk', ({ content, bytes }) => {
    const header = readBatchHeader(bytes)
    const records = contentOf(content)
    expect(walkRecords(recordBytes(bytes, header), 0, header)).toEqual({
      problem: null,
      withoutKey: records.flatMap(({ key }, index) => (key === null ? [index] : [])),
      maxTimestamp: Math.max(...records.map(({ timestamp }) => timestamp)),
    })
  })

  it('keep the gaps that compaction leaves', () => {
    const batch = withRecords('0c 00 00 06 01 01 00 0c 00 00 0a 01 01 00', 2)
    expect([...recordsOf(batch)].map(({ offset }) => offset)).toEqual([3, 5])
  })

  it('are bounded when decompressed', () => {
    const batch = goldenBatch('lz4', 'many')
    expect(() => [...recordsOf(batch, 20_000)]).toThrow(CodecError)
    expect([...recordsOf(batch, 30_000)].length).toBe(400)
  })

  it('before a damaged one are yielded', () => {
    const seen: number[] = []
    const read = () => {
      for (const { offset } of recordsOf(
        withRecords('0c 00 00 00 01 01 00 0e 00 00 02 01 01 00', 2),
      ))
        seen.push(offset)
    }
    expect(read).toThrow(CodecError)
    expect(seen).toEqual([0])
  })

  // length, attributes, timestamp delta, offset delta, key, value, header count, headers
  it.each([
    ['a record', '0c 00 00 00 01 01 00'],
    ['a record with key and value', '10 00 00 00 02 6b 02 76 00'],
    ['an empty key and value', '0c 00 00 00 00 00 00'],
    ['a header with an empty key and a null value', '10 00 00 00 01 01 02 00 01'],
    ['attributes that mean nothing', '0c 7f 00 00 01 01 00'],
    ['padded varints', '8e 00 00 00 00 81 00 01 00'],
    ['a key length of -2, which is null', '0c 00 00 00 03 01 00'],
  ])('with %s are well-formed', (_, hex) => {
    const batch = withRecords(hex, 1)
    expect(problemOf(batch)).toBeNull()
    expect([...recordsOf(batch)].length).toBe(1)
  })

  it.each([
    ['no record', ''],
    ['a length one too short', '0a 00 00 00 01 01 00'],
    ['a length one too long', '0e 00 00 00 01 01 00'],
    ['a length of 0', '00 00 00 00 01 01 00'],
    ['a negative length', '01 00 00 00 01 01 00'],
    ['a length of 2^31 - 1', 'feffffff0f 00 00 00 01 01 00'],
    ['a length of six bytes', '8c 80 80 80 80 00 00 00 00 01 01 00'],
    ['a byte behind the records', '0c 00 00 00 01 01 00 00'],
    ['another record behind the count', '0c 00 00 00 01 01 00 0c 00 00 02 01 01 00'],
    ['a key beyond the record', '0c 00 00 00 7e 01 00'],
    ['a key of 2^31 - 1 bytes', '14 00 00 00 feffffff0f 01 00'],
    ['a value beyond the record', '0c 00 00 00 01 7e 00'],
    ['a value that takes the header count', '0c 00 00 00 01 02 00'],
    ['a negative header count', '0c 00 00 00 01 01 01'],
    ['more headers than bytes', '0c 00 00 00 01 01 7e'],
    ['a header without a key', '10 00 00 00 01 01 02 01 01'],
    ['a header key beyond the record', '10 00 00 00 01 01 02 7e 01'],
    ['a header value beyond the record', '10 00 00 00 01 01 02 00 7e'],
    ['a timestamp delta of eleven bytes', '22 00 ffffffffffffffffffff00 00 01 01 00'],
    ['an end inside the timestamp delta', '04 00 80'],
  ])('with %s are malformed', (_, hex) => {
    const batch = withRecords(hex, 1)
    expect(problemOf(batch)).not.toBeNull()
    expect(() => [...recordsOf(batch)]).toThrow(CodecError)
  })

  it.each([
    ['0, 2', '0c 00 00 00 01 01 00 0c 00 00 04 01 01 00'],
    ['0, 0', '0c 00 00 00 01 01 00 0c 00 00 00 01 01 00'],
    ['1, 0', '0c 00 00 02 01 01 00 0c 00 00 00 01 01 00'],
    ['0, -1', '0c 00 00 00 01 01 00 0c 00 00 01 01 01 00'],
  ])('with offset deltas %s do not pass a walk', (_, hex) => {
    expect(problemOf(withRecords(hex, 2))).toBe('offset deltas do not count from 0')
  })

  it('never pass when cut short, and never crash when a byte changes', () => {
    const batch = goldenBatch('none', 'mixed')
    for (let length = BATCH_HEADER_BYTES; length < batch.length; length++) {
      const cut = batch.subarray(0, length)
      expect(problemOf(cut)).not.toBeNull()
      expect(() => [...recordsOf(cut)]).toThrow(CodecError)
    }
    for (let at = BATCH_HEADER_BYTES; at < batch.length; at++)
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const damaged = batch.slice()
        damaged[at] = byte
        let read = true
        try {
          for (const _ of recordsOf(damaged));
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
          read = false
        }
        // The walk also wants offset deltas in order; all else is the same.
        if (!read) expect(problemOf(damaged)).not.toBeNull()
        else expect([null, 'offset deltas do not count from 0']).toContain(problemOf(damaged))
      }
  })

  it('of an unknown codec, or without a whole header, are malformed', () => {
    const batch = goldenBatch('none', 'mixed')
    batch[22] = 5
    expect(() => [...recordsOf(batch)]).toThrow(CodecError)
    expect(() => [...recordsOf(batch.subarray(0, 60))]).toThrow(CodecError)
  })

  it('without keys are listed, a hundred at most', () => {
    const records = Array.from({ length: 250 }, (_, n) => ({
      timestamp: 1,
      key: n % 2 === 0 ? null : utf8('k'),
      value: null,
    }))
    const batch = buildBatch({ records })
    const { withoutKey } = walkRecords(batch, BATCH_HEADER_BYTES, readBatchHeader(batch))
    expect(withoutKey).toEqual(Array.from({ length: 100 }, (_, n) => n * 2))
  })
})
