// Tiny rows become large ones: what is merged and when, and that nobody can tell from outside.

import { describe, expect, it } from 'vitest'
import type { TopicSettings } from '../../../src/core/configs.ts'
import {
  FLUSH_BYTES,
  MERGE_BELOW_BYTES,
  MERGE_DELAY_MS,
  MERGE_MIN_ROWS,
  MERGE_STEP_ROWS,
  PRODUCER_SNAPSHOT_CHUNKS,
} from '../../../src/core/limits/partition.ts'
import { planMerge } from '../../../src/partition/lifecycle/merging.ts'
import type { ChunkHeader } from '../../../src/partition/stored.ts'
import { lastOffsetAt } from '../../../src/record/header.ts'
import {
  Bench,
  batch,
  batchesOf,
  batchOfSize,
  SETTINGS,
  sequenced,
  settled,
  TARGET,
} from '../harness.ts'

/** Chunks of these sizes, of ten offsets each. */
function chunks(sizes: readonly number[]): ChunkHeader[] {
  return sizes.map((sizeBytes, index) => ({
    firstOffset: index * 10,
    lastOffset: index * 10 + 9,
    maxTimestamp: 0,
    runningMaxTimestamp: 0,
    sizeBytes,
    runningSizeBytes: 0,
  }))
}

/** What is merged, as indexes of its first and last chunk; null without. */
function merged(sizes: readonly number[], starts: readonly number[] = [], isEnd = true) {
  const headers = chunks(sizes)
  const { run } = planMerge(headers, new Set(starts.map((index) => index * 10)), isEnd)
  return run && [headers.indexOf(run[0]!), headers.indexOf(run.at(-1)!)]
}

const K = 1024
const BIG = MERGE_BELOW_BYTES

describe('a run', () => {
  // biome-ignore format: a table reads best with a row a line
  const CASES: readonly (readonly [title: string, sizes: number[], starts: number[], expected: number[] | null])[] = [
    ['that is too small to be worth it waits for more', Array(6).fill(7 * K), [], null],
    ['of enough bytes is merged', Array(7).fill(7 * K), [], [0, 6]],
    ['of enough bytes and few rows waits', [40 * K, 40 * K, 40 * K], [], null],
    ['goes up to the size of a flush', Array(40).fill(40 * K), [], [0, 24]],
    ['does not exist among flushes of 64 batches of 1,023 bytes', Array(20).fill(64 * 1_023), [], null],
    ['of tiny rows goes up to what a step takes', Array(MERGE_STEP_ROWS + 5).fill(70), [], [0, MERGE_STEP_ROWS - 1]],
    ['before a large chunk is merged, however small', [70, 70, 70, 70, BIG, 70], [], [0, 3]],
    ['before a large chunk stays when it is only a few rows', [70, 70, 70, BIG, 70], [], null],
    ['never goes across the start of a segment', Array(20).fill(7 * K), [6], [0, 5]],
    ['of a segment that is closed is merged, however small', [70, 70, 70, 70, 70], [4], [0, 3]],
    ['begins behind what is large', [BIG, BIG, 9 * K, 9 * K, 9 * K, 9 * K, 9 * K, 9 * K, 9 * K, 9 * K], [], [2, 9]],
    ['does not exist among large chunks', Array(20).fill(BIG), [], null],
    ['does not exist in an empty log', [], [], null],
  ]
  it.each(CASES)('%s', (_, sizes, starts, expected) => {
    expect(merged(sizes, starts)).toEqual(expected)
  })

  it('never goes across offsets that no chunk holds', () => {
    const headers = chunks(Array(20).fill(7 * K)).filter((_, index) => index !== 6)
    const { run } = planMerge(headers, new Set(), true)
    expect(run?.map(({ firstOffset }) => firstOffset)).toEqual([0, 10, 20, 30, 40, 50])
  })

  it('at the end of what was read, not of the log, is read on', () => {
    const headers = chunks([BIG, ...Array(20).fill(10 * K)])
    const plan = planMerge(headers, new Set(), false)
    expect(plan).toEqual({ run: null, settled: 10, open: { rows: 20, bytes: 200 * K } })
  })

  it('below which all is settled is not looked at again', () => {
    const settled = (sizes: number[], starts: number[] = []) =>
      planMerge(chunks(sizes), new Set(starts), true).settled
    expect(settled([70, 70, BIG, 70, 70])).toBe(30)
    expect(settled([70, 70, 70, 70], [20])).toBe(20)
    expect(settled([BIG, BIG])).toBe(20)
    expect(settled([70, 70])).toBe(0)
  })
})

/** What readers can see of a log: every batch, from each offset, by time and by its highest time. */
async function view(bench: Bench) {
  const { logStartOffset, highWatermark } = await bench.leader.size(TARGET)
  const batches: string[] = []
  for (let at: number = logStartOffset; at < highWatermark; ) {
    const reply = await bench.read(at, 3_000)
    for (const each of batchesOf(reply)) {
      batches.push(Buffer.from(each).toString('base64'))
    }
    at = lastOffsetAt(batchesOf(reply).at(-1)!, 0) + 1
  }
  const times = []
  for (const timestamp of [-3, 0, 1_010, 1_150, 1_200, 5_000]) {
    times.push(await bench.leader.listOffset({ ...TARGET, timestamp, readCommitted: false }))
  }
  return { logStartOffset, highWatermark, batches, times }
}

/** The alarm comes when it is asked for, until nothing is due soon. */
async function rest(bench: Bench): Promise<number> {
  let turns = 0
  for (; ; turns++) {
    const next = Math.min(...bench.wakeUps)
    if (next > bench.nowMs + MERGE_DELAY_MS) return turns
    bench.wakeUps.length = 0
    bench.nowMs = Math.max(next, bench.nowMs)
    bench.leader.housekeep()
    await settled()
  }
}

function rows(bench: Bench): Record<string, unknown>[] {
  return bench.storage.direct('SELECT first_offset, last_offset, size FROM chunk')
}

async function log(settings: Partial<TopicSettings> = {}): Promise<Bench> {
  const bench = new Bench()
  const all = { ...SETTINGS, retentionMs: -1, ...settings }
  bench.admission = { alive: true, name: 'topic', configVersion: 1, settings: all }
  return bench
}

describe('a slow topic', () => {
  it('keeps few rows, and everything else as it was', async () => {
    const bench = await log()
    for (let index = 0; index < 300; index++) {
      const timestamps = [1_000 + ((index * 37) % 211), 1_000]
      await bench.appended(batch(2, { timestamps, valueBytes: 150 }))
    }
    const before = await view(bench)
    const { sizeBytes } = await bench.leader.size(TARGET)
    expect(rows(bench)).toHaveLength(300)
    await rest(bench)
    expect(rows(bench)).toEqual([{ first_offset: 0, last_offset: 599, size: sizeBytes }])
    for (const state of ['at once', 'after a restart']) {
      expect(await view(bench), state).toEqual(before)
      expect(await bench.leader.size(TARGET), state).toMatchObject({ sizeBytes })
      bench.restart()
    }
  })

  it('is merged though its object is evicted after every record', async () => {
    const bench = await log()
    for (let index = 0; index < 200; index++) {
      await bench.appended(batchOfSize(700))
      bench.restart()
      bench.wakeUps.length = 0
    }
    await bench.appended(batchOfSize(700))
    await rest(bench)
    expect(rows(bench)).toHaveLength(1)
  })

  it('is merged though its object is evicted before the alarm, whatever came behind', async () => {
    for (const behind of ['a large chunk', 'a new segment', 'both, many times'] as const) {
      const bench = await log({ segmentMs: 1_000 })
      for (let index = 0; index < 10; index++) {
        await bench.appended(batch(1, { timestamps: [1_000], valueBytes: 500 }))
      }
      for (let index = 0; index < (behind.startsWith('both') ? 80 : 1); index++) {
        const valueBytes = behind === 'a new segment' ? 10 : BIG
        await bench.appended(batch(1, { timestamps: [5_000 + index * 2_000], valueBytes }))
      }
      bench.restart()
      bench.wakeUps.length = 0
      await bench.leader.size(TARGET)
      await rest(bench)
      expect(rows(bench)[0], behind).toMatchObject({ first_offset: 0, last_offset: 9 })
      // Loaded again, there is nothing to do.
      bench.restart()
      bench.wakeUps.length = 0
      await bench.leader.size(TARGET)
      expect(bench.wakeUps, behind).toEqual([])
    }
  })

  it('is left alone for a while, and costs no alarm before there is enough', async () => {
    const bench = await log()
    const each = 8 * K
    for (let index = 0; index < BIG / each - 1; index++) await bench.appended(batchOfSize(each))
    expect(bench.wakeUps).toEqual([])
    await bench.appended(batchOfSize(each))
    expect(bench.wakeUps).toEqual([bench.nowMs + MERGE_DELAY_MS])
    bench.nowMs += MERGE_DELAY_MS - 1
    bench.leader.housekeep()
    expect(rows(bench)).toHaveLength(BIG / each)
    bench.nowMs += 1
    bench.leader.housekeep()
    expect(rows(bench)).toHaveLength(1)
  })

  it('writes each byte at most twice, and with it two rows for one and few more', async () => {
    const bench = await log({ segmentBytes: 1_048_576 })
    let bytes = 0
    let count = 0
    const before = bench.storage.rowsWritten
    for (let index = 0; index < 3_000; index++) {
      const size = 200 + ((index * 7_919) % 3_000)
      await bench.appended(batchOfSize(size))
      bytes += size
      count++
      if (index % 10 === 0) await rest(bench)
    }
    await rest(bench)
    // An insert and a delete or update for each, and for each large row how far merging is, and segments.
    expect(bench.storage.rowsWritten - before).toBeLessThan(2 * count + 3 * (bytes / BIG) + 10)
    expect(rows(bench).length).toBeLessThan(2 * (bytes / BIG) + 40)
  })
})

describe('chunks', () => {
  it('of different segments stay apart', async () => {
    const bench = await log({ segmentMs: 100 })
    for (let index = 0; index < 40; index++) {
      const timestamps = [1_000 + (index >= 25 ? 500 : 0)]
      await bench.appended(batch(1, { timestamps, valueBytes: 4_000 }))
    }
    await rest(bench)
    expect(rows(bench)).toMatchObject([
      { last_offset: 24 },
      { first_offset: 25 },
      ...Array(rows(bench).length - 2).fill({}),
    ])
    expect(bench.storage.direct('SELECT base_offset FROM segment')).toEqual([
      { base_offset: 0 },
      { base_offset: 25 },
    ])
  })

  it('that are not confirmed are not merged', async () => {
    const bench = await log()
    for (let index = 0; index < 20; index++) await bench.appended(batchOfSize(5_000))
    bench.nowMs += MERGE_DELAY_MS
    bench.holdSync = true
    void bench.append(batchOfSize(5_000))
    await settled()
    bench.leader.housekeep()
    expect(rows(bench)).toHaveLength(2)
    bench.holdSync = false
    bench.crash()
    expect(await bench.leader.size(TARGET)).toMatchObject({ highWatermark: 20, sizeBytes: 100_000 })
  })

  it('in memory are read there after they were merged', async () => {
    const bench = await log()
    for (let index = 0; index < 20; index++) await bench.appended(batchOfSize(5_000))
    await rest(bench)
    await bench.read(7)
    bench.storage.countFrom()
    expect(batchesOf(await bench.read(7))).toHaveLength(13)
    expect(bench.storage.queries).toEqual([])
  })

  it('are read from a stale piece of memory only as far as it is right', async () => {
    const bench = new Bench(20_000)
    bench.admission = {
      alive: true,
      name: 't',
      configVersion: 1,
      settings: { ...SETTINGS, retentionMs: -1 },
    }
    for (let index = 0; index < 40; index++) await bench.appended(batchOfSize(2_000))
    // Stops inside a chunk again and again: those are kept in memory.
    await bench.read(3, 2_500)
    await rest(bench)
    for (let at = 0; at < 40; at++) {
      const found = batchesOf(await bench.read(at, 4_500))
      expect(Number(Buffer.from(found[0]!).readBigInt64BE(0))).toBe(at)
    }
  })

  it('that were merged are deleted with the records they have, and not before', async () => {
    const bench = await log()
    for (let index = 0; index < 40; index++) await bench.appended(batchOfSize(3_000))
    await rest(bench)
    await bench.leader.deleteRecords({ ...TARGET, offset: 25 })
    expect(await bench.leader.size(TARGET)).toMatchObject({
      logStartOffset: 25,
      sizeBytes: 120_000,
    })
    expect(batchesOf(await bench.read(25))).toHaveLength(15)
    bench.restart()
    expect(batchesOf(await bench.read(25))).toHaveLength(15)
    await bench.leader.deleteRecords({ ...TARGET, offset: 40 })
    expect(await bench.leader.size(TARGET)).toMatchObject({ logStartOffset: 40, sizeBytes: 0 })
  })

  it('larger than a row are not touched', async () => {
    const bench = await log()
    for (let index = 0; index < 12; index++) {
      await bench.appended(index % 6 === 5 ? batchOfSize(4_000_000) : batchOfSize(3_000))
    }
    await rest(bench)
    expect(rows(bench).map(({ size }) => size)).toEqual([15_000, 4_000_000, 15_000, 4_000_000])
    for (const at of [5, 11]) {
      expect(Buffer.concat((await bench.read(at)).pieces)).toHaveLength(4_000_000)
    }
  })

  it('that are not as their headers say are left for those who repair them', async () => {
    const bench = await log()
    for (let index = 0; index < 20; index++) await bench.appended(batchOfSize(5_000))
    bench.storage.direct("UPDATE chunk SET data = x'00' WHERE first_offset = 7")
    await rest(bench)
    expect(bench.reported).toEqual(['small chunks were not merged'])
    expect(rows(bench)).toHaveLength(20)
    for (let index = 0; index < 20; index++) await bench.appended(batchOfSize(5_000))
    await rest(bench)
    expect(bench.reported).toHaveLength(1)
    expect(rows(bench)).toHaveLength(21)
  })
})

describe('producers', () => {
  it('are known after their chunks were merged, before and behind a snapshot', async () => {
    for (const count of [30, PRODUCER_SNAPSHOT_CHUNKS + 30]) {
      const bench = await log()
      for (let index = 0; index < count; index++) {
        await bench.appended(sequenced(index % 3, Math.floor(index / 3)))
      }
      const large = batch(1, {
        valueBytes: BIG,
        producerId: 7,
        producerEpoch: 0,
        baseSequence: 0,
      })
      await bench.appended(large)
      await rest(bench)
      expect(rows(bench).length).toBeLessThanOrEqual(3)
      const known = (await bench.leader.producers(TARGET)).producers
      bench.restart()
      const loaded = (await bench.leader.producers(TARGET)).producers
      const byId = (all: typeof known) => all.toSorted((a, b) => a.producerId - b.producerId)
      expect(byId(loaded)).toEqual(byId(known))
      expect(loaded).toHaveLength(4)
      const last = Math.floor((count - 1) / 3)
      const again = await bench.append(sequenced((count - 1) % 3, last))
      expect(again).toMatchObject({ kind: 'appended', baseOffset: count - 1 })
    }
  })
})

describe('a step that fails', () => {
  it('leaves the log and what is known of it as they were, at each of its statements', async () => {
    for (let failAt = 1; ; failAt++) {
      const bench = await log()
      for (let index = 0; index < 30; index++) await bench.appended(sequenced(1, index))
      await bench.appended(batchOfSize(BIG))
      bench.nowMs += MERGE_DELAY_MS
      const before = await view(bench)
      bench.storage.countFrom()
      bench.storage.failAt = failAt
      bench.leader.housekeep()
      const failed = bench.storage.failAt === 0
      bench.storage.failAt = 0
      if (!failed) {
        expect(failAt).toBeGreaterThan(5)
        expect(rows(bench)).toHaveLength(2)
        return
      }
      expect(rows(bench)).toHaveLength(31)
      expect(await view(bench)).toEqual(before)
      expect(bench.reported).toEqual(['small chunks were not merged'])
      bench.crash()
      expect(await view(bench)).toEqual(before)
      bench.nowMs += MERGE_DELAY_MS
    }
  })

  it('loses nothing when the machine dies after it', async () => {
    const bench = await log()
    for (let index = 0; index < 20; index++) await bench.appended(batchOfSize(5_000))
    const before = await view(bench)
    bench.nowMs += MERGE_DELAY_MS
    bench.holdSync = true
    bench.leader.housekeep()
    expect(rows(bench)).toHaveLength(1)
    bench.holdSync = false
    bench.crash()
    expect(rows(bench)).toHaveLength(20)
    expect(await view(bench)).toEqual(before)
  })
})

describe('a row', () => {
  it('is never larger than what a flush makes', async () => {
    const bench = await log()
    for (let index = 0; index < 60; index++) await bench.appended(batchOfSize(40_000))
    await rest(bench)
    for (const { size } of rows(bench)) expect(size).toBeLessThanOrEqual(FLUSH_BYTES)
    expect(rows(bench).length).toBeLessThanOrEqual(4 + MERGE_MIN_ROWS)
  })
})
