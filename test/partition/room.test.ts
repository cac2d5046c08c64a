// A partition near the limit of its object: appends are refused with a retriable error, all else goes on, and
// what is deleted makes room for appends.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import {
  OBJECT_MAX_BYTES,
  OBJECT_MIN_BYTES,
  OBJECT_RESERVED_SHARE,
} from '../../src/core/limits/partition.ts'
import { Room } from '../../src/partition/room.ts'
import { Bench, batch, batchesOf, batchOfSize, SETTINGS, settled, TARGET } from './harness.ts'

const FULL = {
  kind: 'refused',
  error: KafkaError.KAFKA_STORAGE_ERROR,
  message: expect.stringContaining('bytes that it may have'),
}
const BATCH_BYTES = 500_000

/** A partition that took batches until it was full, and how many. */
async function full(): Promise<{ bench: Bench; taken: number }> {
  const bench = new Bench()
  bench.storage.keepsJournal = false
  bench.maxBytes = OBJECT_MIN_BYTES
  bench.restart()
  for (let taken = 0; ; taken++) {
    const reply = await bench.append(batchOfSize(BATCH_BYTES))
    await settled()
    if (reply.kind === 'appended') continue
    expect(reply).toMatchObject(FULL)
    return { bench, taken }
  }
}

/** Alarms until nothing more is freed. */
async function housekeep(bench: Bench): Promise<void> {
  for (let alarm = 0; alarm < 10; alarm++) {
    bench.nowMs += 1_000
    bench.leader.housekeep()
    await settled()
  }
}

describe('A partition near the limit of its object', () => {
  it('takes what fits and refuses what does not, with an error that producers retry', async () => {
    const { bench, taken } = await full()
    const limit = OBJECT_MIN_BYTES * (1 - OBJECT_RESERVED_SHARE)
    expect(bench.storage.sql.databaseSize).toBeLessThanOrEqual(limit)
    expect(bench.storage.sql.databaseSize).toBeGreaterThan(limit - 2 * BATCH_BYTES)
    expect(taken).toBeGreaterThan(60)
    expect(await bench.append(batchOfSize(BATCH_BYTES))).toMatchObject(FULL)
    // What still fits is taken.
    expect(await bench.append(batch(1))).toMatchObject({ kind: 'appended', baseOffset: taken })
  })

  it('says so in the log once a minute, not for each batch that is sent again', async () => {
    const { bench } = await full()
    expect(bench.reported).toEqual(['a flush was not written'])
    for (let again = 0; again < 10; again++) await bench.append(batchOfSize(BATCH_BYTES))
    expect(bench.reported).toHaveLength(1)
    bench.nowMs += 60_000
    await bench.append(batchOfSize(BATCH_BYTES))
    expect(bench.reported).toHaveLength(2)
  })

  it('is full after a restart too, and read from its first to its last record', async () => {
    const { bench, taken } = await full()
    bench.restart()
    expect(await bench.append(batchOfSize(BATCH_BYTES))).toMatchObject(FULL)
    for (let offset = 0; offset < taken; offset++) {
      expect(batchesOf(await bench.read(offset, BATCH_BYTES))).toHaveLength(1)
    }
    expect(await bench.leader.size(TARGET)).toMatchObject({ error: 0, highWatermark: taken })
  })

  it('takes appends again after DeleteRecords', async () => {
    const { bench, taken } = await full()
    const half = Math.floor(taken / 2)
    expect(await bench.leader.deleteRecords({ ...TARGET, offset: half })).toEqual({
      error: 0,
      lowWatermark: half,
    })
    await housekeep(bench)
    for (let again = 0; again < half - 1; again++) {
      expect(await bench.append(batchOfSize(BATCH_BYTES))).toMatchObject({
        kind: 'appended',
        baseOffset: taken + again,
      })
    }
  })

  it('takes appends again after retention', async () => {
    const { bench, taken } = await full()
    const settings = { ...SETTINGS, retentionBytes: 10, segmentBytes: 1_048_576 }
    await bench.leader.configure(TARGET, 2, { ...settings, retentionCheckMs: 1 })
    // The whole log is one segment, which the next chunk closes.
    expect(await bench.append(batch(1), 2)).toMatchObject({ kind: 'appended', baseOffset: taken })
    await housekeep(bench)
    expect(await bench.append(batchOfSize(BATCH_BYTES), 2)).toMatchObject({ kind: 'appended' })
  })

  it('is 10 GB where nothing else is said', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.storage.databaseSizeOverride = OBJECT_MAX_BYTES
    bench.restart()
    expect(await bench.append(batch(1))).toMatchObject(FULL)
    bench.storage.databaseSizeOverride = OBJECT_MAX_BYTES * 0.98
    expect(await bench.append(batch(1))).toMatchObject({ kind: 'appended' })
  })
})

describe('The count of what an object holds', () => {
  it('is measured once for the first gigabytes, not for each append', async () => {
    const bench = new Bench()
    for (let append = 0; append < 200; append++) await bench.appended(batch(1))
    expect(bench.storage.sizeQueries).toBe(1)
  })

  it('never lets the database pass the limit, and refuses nothing that fits', () => {
    const limit = 1_000_000
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.integer({ min: 61, max: 60_000 }), freed: fc.nat(40_000) })),
        fc.double({ min: 1, max: 2, noNaN: true }),
        (steps, overhead) => {
          let used = 0
          const room = new Room(() => used, limit / (1 - OBJECT_RESERVED_SHARE))
          for (const { bytes, freed } of steps) {
            const fits = used + bytes <= limit
            let taken = true
            try {
              room.take(bytes)
            } catch {
              taken = false
            }
            if (fits) expect(taken).toBe(true)
            // The chunk that passes the limit by its overhead is what the reserve is for.
            if (taken) {
              expect(used + bytes).toBeLessThanOrEqual(limit)
              used += bytes * overhead
            }
            used = Math.max(0, used - freed)
          }
        },
      ),
    )
  })
})
