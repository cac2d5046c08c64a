// Reads: they start at the covering batch, end at a batch, and keep KIP-74's limits.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { discard } from '../../src/core/bytes.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import { STORAGE_TOUCH_MS } from '../../src/core/limits.ts'
import { baseOffsetAt, lastOffsetAt } from '../../src/record/header.ts'
import { Bench, batch, batchesOf, batchOfSize, settled, TARGET } from './harness.ts'

const KIB = 1024

/** A bench whose log is one chunk of the given batches, in memory or (`cold`) only in storage. */
async function oneChunk(batches: readonly Uint8Array[], cold: boolean): Promise<Bench> {
  const bench = new Bench()
  bench.holdCluster = true
  const replies = batches.map((each) => bench.append(each))
  await bench.answerCluster()
  await Promise.all(replies)
  if (cold) bench.restart()
  bench.holdCluster = false
  return bench
}

describe.each([
  { title: 'from memory', cold: false },
  { title: 'from storage', cold: true },
])('read $title', ({ cold }) => {
  it('starts at the batch that covers the offset and ends at a batch boundary', async () => {
    const bench = await oneChunk([batch(5), batch(3), batch(4)], cold)
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 1 }])
    const reply = await bench.read(6, batch(3).length + 10)
    const [only] = batchesOf(reply)
    expect(batchesOf(reply)).toHaveLength(1)
    expect([baseOffsetAt(only!, 0), lastOffsetAt(only!, 0)]).toEqual([5, 7])
  })

  it('makes progress with 64 KiB at every offset of a 1 MiB chunk of 16 KiB batches', async () => {
    const bench = await oneChunk(
      Array.from({ length: 64 }, () => batchOfSize(16 * KIB)),
      cold,
    )
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 1 }])
    for (let from = 0; from < 64; from++) {
      const found = batchesOf(await bench.read(from, 64 * KIB))
      expect(baseOffsetAt(found[0]!, 0)).toBe(from)
      expect(found).toHaveLength(Math.min(4, 64 - from))
    }
  })

  it('does not read a chunk from SQLite again for each of its parts', async () => {
    const bench = await oneChunk(
      Array.from({ length: 64 }, () => batchOfSize(16 * KIB)),
      cold,
    )
    bench.storage.countFrom()
    for (let from = 0; from < 64; from += 4) await bench.read(from, 64 * KIB)
    const reads = bench.storage.queries.filter((query) => query.includes('data FROM chunk'))
    expect(reads).toHaveLength(cold ? 1 : 0)
  })

  it('returns one batch larger than the limit only when asked to', async () => {
    const bench = await oneChunk([batchOfSize(500), batchOfSize(500)], cold)
    expect(batchesOf(await bench.read(0, 100, true))).toHaveLength(1)
    expect(batchesOf(await bench.read(0, 100, false))).toHaveLength(0)
    expect(batchesOf(await bench.read(0, 999, true))).toHaveLength(1)
    expect(batchesOf(await bench.read(0, 1000, false))).toHaveLength(2)
  })

  it('hands out pieces that own their buffers', async () => {
    const bench = await oneChunk(
      Array.from({ length: 20 }, () => batchOfSize(16 * KIB)),
      cold,
    )
    for (const maxBytes of [20 * KIB, 100 * KIB, 1024 * KIB]) {
      for (const piece of (await bench.read(3, maxBytes)).pieces) {
        expect(piece.byteOffset).toBe(0)
        expect(piece.length).toBe(piece.buffer.byteLength)
      }
    }
  })
})

describe('read', () => {
  it('goes on across chunks, in few pieces when they are small', async () => {
    const bench = new Bench()
    for (let index = 0; index < 100; index++) await bench.appended(batch(2))
    for (const state of ['in memory', 'stored']) {
      const reply = await bench.read(11)
      expect(
        batchesOf(reply).map((each) => baseOffsetAt(each, 0)),
        state,
      ).toEqual(Array.from({ length: 95 }, (_, index) => 10 + 2 * index))
      expect(reply.pieces).toHaveLength(1)
      bench.restart()
    }
  })

  it.each([
    ['below the log start', 3, KafkaError.OFFSET_OUT_OF_RANGE],
    ['at the log start', 4, 0],
    ['at the high watermark', 10, 0],
    ['above the high watermark', 11, KafkaError.OFFSET_OUT_OF_RANGE],
    ['negative', -1, KafkaError.OFFSET_OUT_OF_RANGE],
  ])('answers an offset %s', async (_, from, error) => {
    const bench = new Bench()
    await bench.appended(batch(10))
    await bench.leader.deleteRecords({ ...TARGET, offset: 4 })
    const reply = await bench.read(from)
    expect(reply).toMatchObject({
      error,
      highWatermark: 10,
      lastStableOffset: 10,
      logStartOffset: 4,
    })
    expect(batchesOf(reply)).toHaveLength(error === 0 && from < 10 ? 1 : 0)
  })

  it('goes on behind a gap that compaction left between chunks', async () => {
    const bench = new Bench()
    for (let index = 0; index < 4; index++) await bench.appended(batch(10))
    bench.storage.direct('DELETE FROM chunk WHERE first_offset = 10')
    bench.storage.direct('INSERT INTO compaction VALUES (0, 20, 0, NULL, 0)')
    bench.restart()
    const found = batchesOf(await bench.read(15))
    expect(found.map((each) => baseOffsetAt(each, 0))).toEqual([20, 30])
  })

  it('answers a storage error when SQLite does not read', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.restart()
    await bench.leader.size(TARGET)
    bench.storage.countFrom()
    bench.storage.failAt = 1
    expect(await bench.read(0)).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR, pieces: [] })
    expect(batchesOf(await bench.read(0))).toHaveLength(1)
  })

  it('reads a chunk of any size under any limit: whole batches, in order, never nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3000 }), fc.boolean()),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        fc.integer({ min: 1, max: 8000 }),
        fc.boolean(),
        async (batches, maxBytes, cold) => {
          const bench = new Bench(64 * KIB)
          const sent: Uint8Array[] = []
          for (const [count, valueBytes, alone] of batches) {
            const made = batch(count, { valueBytes })
            sent.push(made)
            const reply = bench.append(made)
            if (alone) await reply
          }
          await bench.appended(batch(1))
          if (cold) bench.restart()
          const { highWatermark } = await bench.leader.size(TARGET)
          const seen: number[] = []
          for (let from = 0; from < highWatermark; ) {
            const found = batchesOf(await bench.read(from, maxBytes))
            const bytes = found.reduce((sum, each) => sum + each.length, 0)
            if (found.length > 1) expect(bytes).toBeLessThanOrEqual(maxBytes)
            expect(lastOffsetAt(found[0]!, 0)).toBeGreaterThanOrEqual(from)
            seen.push(...found.map((each) => baseOffsetAt(each, 0)))
            from = lastOffsetAt(found.at(-1)!, 0) + 1
          }
          const expected = sent.map((each) => baseOffsetAt(each, 0))
          expect(seen.slice(0, -1)).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a reader in the same isolate', () => {
  it('shares large chunks in memory, which outlive their eviction', async () => {
    const bench = new Bench(1024 * 1024)
    const sent = batch(1, { valueBytes: 100_000 })
    await bench.append(sent)
    await settled()
    const read = (isolate: string) =>
      bench.leader.read({
        ...TARGET,
        offset: offset(0),
        maxBytes: 1_000_000,
        atLeastOneBatch: true,
        readCommitted: false,
        isolate,
      })
    const [here] = (await read('here')).pieces
    const [again] = (await read('here')).pieces
    const [elsewhere] = (await read('elsewhere')).pieces
    expect(here?.buffer).toBe(again?.buffer)
    expect(elsewhere?.buffer).not.toBe(here?.buffer)
    discard(here!)
    for (let count = 0; count < 20; count++) await bench.appended(batch(1, { valueBytes: 100_000 }))
    expect(Buffer.from(here!).equals(sent)).toBe(true)
  })
})

describe('a leader that another has replaced', () => {
  it('answers nothing from memory once its storage has refused it', async () => {
    const bench = new Bench()
    await bench.appended(batch(3))
    const reads = async () => (await bench.read(0)).error
    const latest = { ...TARGET, timestamp: -1, readCommitted: false }
    const finds = async () => (await bench.leader.listOffset(latest)).error
    expect([await reads(), await finds()]).toEqual([0, 0])
    bench.nowMs += STORAGE_TOUCH_MS
    for (const ask of [reads, finds]) {
      bench.storage.countFrom()
      bench.storage.failAt = 1
      bench.storage.failure = () => new Error('this object has been replaced')
      expect(await ask()).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    }
    // It was not so.
    expect([await reads(), await finds()]).toEqual([0, 0])
  })

  it('tells no client that its place is beyond the end, however lately it was current', async () => {
    const bench = new Bench()
    await bench.appended(batch(3))
    expect((await bench.read(4)).error).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
    bench.storage.countFrom()
    bench.storage.failAt = 1
    bench.storage.failure = () => new Error('this object has been replaced')
    expect((await bench.read(4)).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
  })
})
