import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { baseOffsetAt, patchBaseOffset } from '../../src/record/header.ts'
import {
  BatchBoundaryError,
  batchesIn,
  batchesInPieces,
  endOfBatches,
} from '../../src/record/stored.ts'
import { goldenBatch, goldenBatches } from './golden.ts'

const batches = goldenBatches.map(({ bytes }, index) => {
  const batch = bytes.slice()
  patchBaseOffset(batch, 0, index * 1000)
  return batch
})
const stored = new Uint8Array(Buffer.concat(batches))

describe('batches one behind the other', () => {
  it('are found whole and in order', () => {
    expect([...batchesIn(stored)].map((b) => Buffer.compare(b, batches.shift()!))).not.toContain(1)
  })

  it('are views of what holds them', () => {
    for (const batch of batchesIn(stored)) expect(batch.buffer).toBe(stored.buffer)
  })

  it('are put together from pieces cut anywhere', () => {
    const whole = [...batchesIn(stored)].map((batch) => baseOffsetAt(batch, 0))
    fc.assert(
      fc.property(fc.array(fc.nat(stored.length), { maxLength: 12 }), (cuts) => {
        const ends = [...cuts.sort((a, b) => a - b), stored.length]
        const pieces = ends.map((end, i) => stored.subarray(i === 0 ? 0 : ends[i - 1], end))
        const found = [...batchesInPieces(pieces)]
        expect(found.map((batch) => baseOffsetAt(batch, 0))).toEqual(whole)
        expect(Buffer.compare(Buffer.concat(found), stored)).toBe(0)
      }),
      { numRuns: 50 },
    )
  })

  it('that are cut are a mistake', () => {
    for (const length of [1, 12, 60, 61, stored.length - 1])
      expect(() => [...batchesIn(stored.subarray(0, length))]).toThrow(BatchBoundaryError)
    const damaged = goldenBatch('none', 'mixed')
    new DataView(damaged.buffer).setInt32(8, 10)
    expect(() => [...batchesIn(damaged)]).toThrow(BatchBoundaryError)
  })

  it('end behind the last offset of the last', () => {
    expect(endOfBatches([])).toBeNull()
    expect(endOfBatches([new Uint8Array(0)])).toBeNull()
    const one = goldenBatch('log append time', 'mixed')
    expect(endOfBatches([one])).toBe(9_007_205)
    expect(endOfBatches([one.subarray(0, 100), one.subarray(100)])).toBe(9_007_205)
  })
})
