import { describe, expect, it } from 'vitest'
import * as header from '../../src/record/header.ts'
import { recordsOf } from '../../src/record/records.ts'
import { goldenBatch, goldenBatches } from './golden.ts'

describe('the header of a batch', () => {
  it('of a transactional batch of the Java client has its fields', () => {
    const batch = goldenBatch('transactional', 'mixed')
    expect(header.readBatchHeader(batch)).toEqual({
      baseOffset: 0,
      sizeBytes: batch.length,
      leaderEpoch: 3,
      magic: 2,
      crc: new DataView(batch.buffer).getUint32(17),
      attributes: 0x10,
      codec: 0,
      logAppendTime: false,
      transactional: true,
      control: false,
      deleteHorizon: false,
      lastOffsetDelta: 5,
      baseTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_000_000 + 86_400_000 * 40,
      producerId: 4_000_000_123,
      producerEpoch: 7,
      baseSequence: 2_147_483_646,
      recordCount: 6,
    })
  })

  it.each(goldenBatches)('of $name $content has the CRC that is computed', ({ bytes }) => {
    expect(header.readBatchHeader(bytes).crc).toBe(header.computeBatchCrc(bytes))
  })

  it('shows codec, stamp and control bits', () => {
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    for (const [id, name] of codecs.entries())
      expect(header.readBatchHeader(goldenBatch(name, 'mixed')).codec).toBe(id)
    expect(header.readBatchHeader(goldenBatch('log append time', 'mixed')).logAppendTime).toBe(true)
    expect(header.isControlAt(goldenBatch('commit', 'control'), 0)).toBe(true)
    expect(header.isControlAt(goldenBatch('none', 'mixed'), 0)).toBe(false)
  })

  it('is read at any position by single fields', () => {
    const batch = goldenBatch('log append time', 'mixed')
    const bytes = new Uint8Array(batch.length + 100)
    bytes.set(batch, 33)
    expect(header.batchSizeAt(bytes, 33)).toBe(batch.length)
    expect(header.baseOffsetAt(bytes, 33)).toBe(9_007_199)
    expect(header.lastOffsetAt(bytes, 33)).toBe(9_007_204)
    expect(header.maxTimestampAt(bytes, 33)).toBe(1_700_000_000_777)
    expect(header.magicAt(bytes, 33)).toBe(2)
    expect(header.attributesAt(bytes, 33)).toBe(0x08)
  })

  it('keeps its CRC when offset and epoch are patched', () => {
    const batch = goldenBatch('none', 'mixed')
    header.patchBaseOffset(batch, 0, 2 ** 52 + 3)
    header.patchLeaderEpoch(batch, 0, 9)
    const patched = header.readBatchHeader(batch)
    expect(patched.baseOffset).toBe(2 ** 52 + 3)
    expect(patched.leaderEpoch).toBe(9)
    expect(patched.crc).toBe(header.computeBatchCrc(batch))
    expect([...recordsOf(batch)].map((record) => record.offset - 2 ** 52)).toEqual([
      3, 4, 5, 6, 7, 8,
    ])
  })

  it('gets a new CRC when the broker stamps it, and when a client’s stamp is taken away', () => {
    const batch = goldenBatch('lz4', 'mixed')
    const before = header.readBatchHeader(batch)
    header.patchLogAppendTime(batch, 1_800_000_000_001)
    const stamped = header.readBatchHeader(batch)
    expect(stamped.logAppendTime).toBe(true)
    expect(stamped.codec).toBe(3)
    expect(stamped.maxTimestamp).toBe(1_800_000_000_001)
    expect(stamped.crc).toBe(header.computeBatchCrc(batch))
    expect(stamped.crc).not.toBe(before.crc)
    expect(new Set([...recordsOf(batch)].map((record) => record.timestamp))).toEqual(
      new Set([1_800_000_000_001]),
    )
    header.patchCreateTime(batch)
    header.patchMaxTimestamp(batch, before.maxTimestamp)
    expect(header.readBatchHeader(batch)).toEqual(before)
  })

  it('tells 64-bit numbers that a double cannot hold', () => {
    const batch = goldenBatch('none', 'mixed')
    const view = new DataView(batch.buffer)
    expect(header.hasExactNumbers(header.readBatchHeader(batch))).toBe(true)
    for (const at of [27, 35, 43]) {
      for (const value of [2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 53n)]) {
        const damaged = batch.slice()
        new DataView(damaged.buffer).setBigInt64(at, value)
        expect(header.hasExactNumbers(header.readBatchHeader(damaged))).toBe(false)
      }
      view.setBigInt64(at, 2n ** 53n - 1n)
      expect(header.hasExactNumbers(header.readBatchHeader(batch))).toBe(true)
    }
  })

  it('is written and read back with negative and large numbers', () => {
    const batch = new Uint8Array(header.BATCH_HEADER_BYTES)
    const fields = {
      baseOffset: Number.MAX_SAFE_INTEGER,
      leaderEpoch: -1,
      attributes: 0x7f,
      lastOffsetDelta: 0x7fff_ffff,
      baseTimestamp: -1,
      maxTimestamp: -(2 ** 40) - 5,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      recordCount: -7,
    }
    header.writeBatchHeader(batch, fields)
    expect(header.readBatchHeader(batch)).toMatchObject({ ...fields, sizeBytes: 61, magic: 2 })
  })
})
