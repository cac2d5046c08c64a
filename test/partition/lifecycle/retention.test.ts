// Retention by time, by size and by both, on a leader: which segments go, when, and what clients see.

import { describe, expect, it } from 'vitest'
import type { TopicSettings } from '../../../src/core/configs.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import {
  HOUSEKEEPING_PAUSE_MS,
  RETENTION_STEP_SEGMENTS,
} from '../../../src/core/limits/partition.ts'
import { Bench, batch, batchOfSize, SETTINGS, sequenced, settled, TARGET } from '../harness.ts'
import { toLayout2 } from '../layouts.ts'

/** The smallest segment that Kafka's topic configuration takes holds two of these. */
const BYTES = 400_000
const SEGMENT = 1_048_576
const HOUR = 3_600_000
const NOTHING = { retentionMs: -1, retentionBytes: -1 }

/** A log whose every batch has half a segment's size, with settings of its own. */
async function log(settings: Partial<TopicSettings>): Promise<Bench> {
  const bench = new Bench()
  bench.nowMs = 1_000 * HOUR
  const all = { ...SETTINGS, segmentBytes: SEGMENT, retentionCheckMs: 1, ...NOTHING, ...settings }
  bench.admission = { alive: true, name: 'topic', configVersion: 1, settings: all }
  return bench
}

/** Appends one batch of each timestamp; a segment takes two. */
async function fill(bench: Bench, timestamps: readonly number[], version = 1): Promise<void> {
  for (const timestamp of timestamps) {
    expect(await bench.append(timedBatch(timestamp), version)).toMatchObject({ kind: 'appended' })
    await settled()
  }
  // No segment is looked at before a check later, which is a millisecond here.
  bench.nowMs += 1
}

const OVERHEAD_BYTES = batch(1, { valueBytes: BYTES }).length - BYTES

/** A batch of exactly BYTES. */
function timedBatch(timestamp: number): Uint8Array {
  return batch(1, { timestamps: [timestamp], valueBytes: BYTES - OVERHEAD_BYTES })
}

/** Lets the alarm fire until nothing is due; every time it is asked for lies ahead. */
async function rest(bench: Bench): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    const next = Math.min(...bench.wakeUps)
    if (next > bench.nowMs + HOUSEKEEPING_PAUSE_MS) return
    bench.wakeUps.length = 0
    bench.nowMs = Math.max(bench.nowMs, next)
    bench.leader.housekeep()
    await settled()
  }
  throw new Error('the alarm never rests')
}

async function logStart(bench: Bench): Promise<number> {
  return (await bench.leader.size(TARGET)).logStartOffset
}

describe('by size', () => {
  // Ten batches, two to a segment, 4 MB: what stays is at least retention.bytes, in whole segments.
  it.each([
    [10 * BYTES + 1, 0],
    [10 * BYTES, 0],
    [8 * BYTES + 1, 0],
    [8 * BYTES, 2],
    [6 * BYTES + 1, 2],
    [3 * BYTES, 6],
    [2 * BYTES, 8],
    [1, 8],
    [0, 10],
    [-1, 0],
  ])('of %d bytes keeps the records from %d on', async (retentionBytes, start) => {
    const bench = await log({ retentionBytes })
    await fill(bench, Array(10).fill(bench.nowMs))
    await rest(bench)
    const size = await bench.leader.size(TARGET)
    expect(size).toMatchObject({ logStartOffset: start, highWatermark: 10 })
    expect(size.sizeBytes).toBeGreaterThanOrEqual(Math.min(retentionBytes, 10 * BYTES))
  })

  it('follows a topic that grows', async () => {
    const bench = await log({ retentionBytes: 2 * SEGMENT })
    let largest = 0
    for (let index = 0; index < 40; index++) {
      await fill(bench, [bench.nowMs])
      await rest(bench)
      const { sizeBytes } = await bench.leader.size(TARGET)
      if (index > 8) expect(sizeBytes).toBeGreaterThanOrEqual(2 * SEGMENT)
      largest = Math.max(largest, sizeBytes)
    }
    expect(largest).toBeLessThan(4 * SEGMENT)
    expect(await logStart(bench)).toBe(34)
  })
})

describe('by time', () => {
  it('deletes a segment when its largest timestamp is older than retention.ms, and not before', async () => {
    const bench = await log({ retentionMs: HOUR })
    const start = bench.nowMs
    await fill(bench, [start, start - 50, start + 10, start + 20])
    const due = start + HOUR
    bench.nowMs = due
    bench.leader.housekeep()
    expect(await logStart(bench)).toBe(0)
    bench.nowMs = due + 1
    bench.leader.housekeep()
    expect(await logStart(bench)).toBe(2)
  })

  it('deletes the active segment too, once all of it is expired', async () => {
    const bench = await log({ retentionMs: HOUR })
    const start = bench.nowMs
    await fill(bench, [start])
    expect(bench.wakeUps).toEqual([start + HOUR + 1])
    bench.nowMs += HOUR + 1
    await rest(bench)
    const empty = { logStartOffset: 1, highWatermark: 1, sizeBytes: 0 }
    expect(await bench.leader.size(TARGET)).toMatchObject(empty)
    expect(bench.storage.direct('SELECT count(*) AS n FROM segment')).toEqual([{ n: 0 }])
    bench.restart()
    expect(await bench.leader.size(TARGET)).toMatchObject(empty)
    // The log goes on where it was, in a segment of its own.
    expect(await bench.appended(timedBatch(bench.nowMs))).toBe(1)
    expect(bench.storage.direct('SELECT base_offset FROM segment')).toEqual([{ base_offset: 1 }])
  })

  it('is held up by a timestamp of the future, and everything behind it waits', async () => {
    const bench = await log({ retentionMs: HOUR })
    const start = bench.nowMs
    await fill(bench, [start, start + 100 * HOUR, start, start, start, start])
    bench.nowMs += 2 * HOUR
    await rest(bench)
    expect(await logStart(bench)).toBe(0)
    // Woken for the segment that holds it up, and for no other.
    expect(Math.min(...bench.wakeUps)).toBe(start + 101 * HOUR + 1)
    bench.nowMs = start + 101 * HOUR + 1
    await rest(bench)
    expect(await logStart(bench)).toBe(6)
  })

  it('is not held up by a timestamp of the future that was deleted before', async () => {
    const bench = await log({ retentionMs: HOUR })
    const start = bench.nowMs
    await fill(bench, [start + 900 * HOUR, start, start, start, start, start])
    await bench.leader.deleteRecords({ ...TARGET, offset: 2 })
    await rest(bench)
    bench.nowMs += 2 * HOUR
    for (const state of ['at once', 'after a restart']) {
      await rest(bench)
      expect(await logStart(bench), state).toBe(6)
      bench.restart()
    }
  })

  it.each(['closed', 'active'])(
    'takes the clock where records have no timestamps: a segment that is %s',
    async (which) => {
      const bench = await log({ retentionMs: HOUR })
      const start = bench.nowMs
      await fill(bench, [-1, -1])
      bench.nowMs = start + HOUR / 2
      await fill(bench, which === 'closed' ? [-1] : [])
      // The object is evicted: when it was last written is known of a closed segment only.
      bench.restart()
      bench.nowMs = start + HOUR + HOUR / 2
      bench.leader.housekeep()
      expect(await logStart(bench)).toBe(0)
      bench.nowMs = which === 'closed' ? bench.nowMs + 1 : start + 3 * HOUR
      bench.restart()
      await rest(bench)
      expect(await logStart(bench)).toBe(2)
    },
  )

  it('without an end deletes nothing and asks for no alarm', async () => {
    for (const retentionMs of [-1, Number.MAX_SAFE_INTEGER]) {
      const bench = await log({ retentionMs })
      await fill(bench, Array(6).fill(bench.nowMs))
      bench.nowMs += 1e12
      bench.leader.housekeep()
      expect(await logStart(bench)).toBe(0)
      expect(bench.wakeUps).toEqual([])
    }
  })
})

describe('by both', () => {
  it('deletes what either would', async () => {
    const bench = await log({ retentionMs: HOUR, retentionBytes: 5 * BYTES })
    const start = bench.nowMs
    await fill(bench, [start, start, start, start, start + HOUR, start, start + HOUR, start])
    await rest(bench)
    expect(await logStart(bench)).toBe(2)
    bench.nowMs = start + HOUR + 1
    await rest(bench)
    expect(await logStart(bench)).toBe(4)
  })
})

describe('the settings', () => {
  it('let each segment live from one check to the next, however old its records are', async () => {
    for (const settings of [{ retentionMs: HOUR }, { retentionBytes: 0 }]) {
      const bench = await log({ ...settings, retentionCheckMs: 300_000 })
      const start = bench.nowMs
      await fill(bench, [start - 5 * HOUR])
      const [wake = 0] = bench.wakeUps
      expect(wake).toBeGreaterThanOrEqual(start + 300_000)
      expect(wake).toBeLessThanOrEqual(start + 600_000)
      // Woken for another reason, it does not touch the segment before.
      bench.nowMs = start + 299_999
      bench.leader.housekeep()
      expect(await logStart(bench)).toBe(0)
      bench.restart()
      bench.nowMs = wake
      bench.leader.housekeep()
      expect(await logStart(bench)).toBe(1)
    }
  })

  it('count from the moment they come, and wake a log that had nothing to do', async () => {
    const bench = await log({})
    await fill(bench, Array(6).fill(bench.nowMs))
    expect(bench.wakeUps).toEqual([])
    const settings = { ...SETTINGS, segmentBytes: SEGMENT, retentionMs: 1, retentionCheckMs: 1 }
    await bench.leader.configure(TARGET, 2, settings)
    bench.nowMs += 10
    await rest(bench)
    expect(await logStart(bench)).toBe(6)
  })

  it('that let time count after size did are about the age of the records, not of the segment', async () => {
    const bench = await log({ retentionBytes: 3 * BYTES })
    await fill(bench, Array(6).fill(bench.nowMs - 10 * HOUR))
    await rest(bench)
    expect(await logStart(bench)).toBe(2)
    bench.wakeUps.length = 0
    const settings = { ...SETTINGS, segmentBytes: SEGMENT, retentionMs: HOUR, retentionCheckMs: 1 }
    await bench.leader.configure(TARGET, 2, settings)
    await rest(bench)
    expect(await logStart(bench)).toBe(6)
  })

  it('of a compacted topic delete nothing, those of both policies do', async () => {
    for (const [cleanupDelete, start] of [
      [false, 0],
      [true, 4],
    ] as const) {
      const bench = await log({ cleanupDelete, cleanupCompact: true, retentionBytes: 2 * BYTES })
      await fill(bench, Array(6).fill(bench.nowMs))
      bench.leader.housekeep()
      expect(await logStart(bench)).toBe(start)
    }
  })

  it('say how often is looked: no later than the interval after it is due', async () => {
    const bench = await log({ retentionMs: HOUR, retentionCheckMs: 300_000 })
    await fill(bench, [bench.nowMs])
    const [wake = 0] = bench.wakeUps
    expect(wake).toBeGreaterThan(bench.nowMs + HOUR)
    expect(wake).toBeLessThanOrEqual(bench.nowMs + HOUR + 1 + 300_000)
    // The next one, whatever it is due for, comes an interval later.
    const other = await log({ retentionBytes: 0, retentionCheckMs: 300_000 })
    await fill(other, [bench.nowMs])
    expect(Math.abs(other.wakeUps[0]! - wake) % 300_000).toBe(0)
  })

  it('of a log written by a release that knew fewer are those of Kafka', async () => {
    const bench = await log({ retentionMs: HOUR })
    await fill(bench, [bench.nowMs])
    const { retentionCheckMs: _, ...older } = { ...SETTINGS, retentionMs: HOUR }
    bench.storage.direct('UPDATE leader SET checksum = NULL, settings = ?', JSON.stringify(older))
    bench.restart()
    await bench.leader.size(TARGET)
    const wake = Math.min(...bench.wakeUps.splice(0).slice(1))
    expect(wake).toBeGreaterThan(bench.nowMs + HOUR)
    expect(wake).toBeLessThanOrEqual(bench.nowMs + HOUR + 1 + 300_000)
  })
})

describe('what clients see', () => {
  it('is OFFSET_OUT_OF_RANGE below the log start, and the first record that is left', async () => {
    const bench = await log({ retentionBytes: 2 * BYTES })
    const start = bench.nowMs
    await fill(
      bench,
      [1, 2, 3, 4, 5, 6].map((each) => start + each),
    )
    await rest(bench)
    expect(await bench.read(3)).toMatchObject({
      error: KafkaError.OFFSET_OUT_OF_RANGE,
      logStartOffset: 4,
    })
    expect(await bench.read(4)).toMatchObject({ error: 0, logStartOffset: 4 })
    const at = (timestamp: number) =>
      bench.leader.listOffset({ ...TARGET, timestamp, readCommitted: false })
    expect(await at(-2)).toMatchObject({ offset: 4 })
    expect(await at(start)).toMatchObject({ offset: 4, timestamp: start + 5 })
    expect(await at(-3)).toMatchObject({ offset: 5, timestamp: start + 6 })
  })

  it('is the highest timestamp of the records that are left', async () => {
    const bench = await log({ retentionBytes: 2 * BYTES })
    const start = bench.nowMs
    await fill(
      bench,
      [99, 2, 3, 4, 6, 5].map((each) => start + each),
    )
    await rest(bench)
    for (const state of ['at once', 'after a restart']) {
      const reply = await bench.leader.listOffset({
        ...TARGET,
        timestamp: -3,
        readCommitted: false,
      })
      expect(reply, state).toMatchObject({ offset: 4, timestamp: start + 6 })
      bench.restart()
    }
  })

  it('never includes what is not confirmed: nothing at or above the high watermark goes', async () => {
    const bench = await log({ retentionBytes: 0 })
    await fill(bench, [bench.nowMs])
    bench.holdSync = true
    const pending = bench.append(timedBatch(bench.nowMs))
    await settled()
    bench.leader.housekeep()
    expect(await logStart(bench)).toBe(0)
    bench.holdSync = false
    await bench.confirm()
    expect(await pending).toMatchObject({ kind: 'appended' })
    await rest(bench)
    expect(await logStart(bench)).toBe(2)
  })

  it('is the last stable offset at the log start while a transaction is open whose records went', async () => {
    const bench = await log({ retentionMs: HOUR })
    const transaction = { transactionalId: 't', topic: 'topic', implicit: true }
    const first = batch(1, {
      timestamps: [bench.nowMs],
      valueBytes: 10,
      producerId: 1,
      producerEpoch: 0,
      baseSequence: 0,
      transactional: true,
    })
    expect(await bench.append(first, 1, transaction)).toMatchObject({ baseOffset: 0 })
    await fill(bench, [bench.nowMs])
    bench.nowMs += 2 * HOUR
    await rest(bench)
    expect(await bench.read(2, 1_000, true, true)).toMatchObject({
      error: 0,
      logStartOffset: 2,
      lastStableOffset: 2,
    })
    await fill(bench, [bench.nowMs])
    expect(await bench.read(2, 1_000, true, true)).toMatchObject({
      lastStableOffset: 2,
      pieces: [],
    })
    bench.restart()
    const marker = { producerId: 1, producerEpoch: 0, number: 1, coordinatorEpoch: 0 }
    await bench.leader.endTransaction({ ...TARGET, ...marker, committed: false })
    await settled()
    expect(await bench.read(2, 1_000, true, true)).toMatchObject({ lastStableOffset: 4 })
  })
})

describe('an alarm', () => {
  it('that loads the log asks for the next one and for no other', async () => {
    const bench = await log({ retentionMs: HOUR })
    await fill(bench, [bench.nowMs, bench.nowMs, bench.nowMs + HOUR])
    bench.nowMs += HOUR + 1
    bench.restart()
    bench.wakeUps.length = 0
    bench.leader.housekeep()
    expect(bench.wakeUps).toEqual([bench.nowMs + HOUSEKEEPING_PAUSE_MS])
    expect(await logStart(bench)).toBe(2)
    bench.nowMs += HOUSEKEEPING_PAUSE_MS
    bench.restart()
    bench.wakeUps.length = 0
    bench.leader.housekeep()
    expect(bench.wakeUps).toHaveLength(1)
    expect(bench.wakeUps[0]).toBeGreaterThan(bench.nowMs + HOUR / 2)
  })
})

describe('a step', () => {
  it('looks at a bounded number of segments, and the alarm goes on with the rest', async () => {
    const bench = await log({})
    const segments = 2 * RETENTION_STEP_SEGMENTS + 3
    // One batch larger than half a segment is one segment.
    for (let index = 0; index < segments; index++) await fill(bench, [bench.nowMs, bench.nowMs])
    await bench.leader.configure(TARGET, 2, {
      ...SETTINGS,
      segmentBytes: SEGMENT,
      retentionMs: 0,
      retentionCheckMs: HOUR,
    })
    bench.nowMs += HOUR
    const starts: number[] = []
    for (let turn = 0; turn < 3; turn++) {
      bench.wakeUps.length = 0
      bench.leader.housekeep()
      starts.push(await logStart(bench))
      bench.nowMs += HOUSEKEEPING_PAUSE_MS
    }
    const step = 2 * RETENTION_STEP_SEGMENTS
    expect(starts).toEqual([step, 2 * step, 2 * segments])
  })

  it('changes nothing in memory when a statement of it fails, and is done later', async () => {
    for (let failAt = 1; ; failAt++) {
      const bench = await log({ retentionBytes: 2 * BYTES })
      await fill(bench, Array(6).fill(bench.nowMs))
      await bench.appended(sequenced(9, 0))
      const before = await bench.leader.size(TARGET)
      bench.storage.countFrom()
      bench.storage.failAt = failAt
      bench.leader.housekeep()
      if (bench.storage.failAt !== 0) {
        expect(failAt).toBeGreaterThan(4)
        return
      }
      const after = await bench.leader.size(TARGET)
      // Whatever failed, the log is as it was or its start has moved: never something between.
      expect([0, 4]).toContain(after.logStartOffset)
      if (after.logStartOffset === 0) expect(after).toEqual(before)
      bench.restart()
      expect(await bench.leader.size(TARGET)).toMatchObject({
        logStartOffset: after.logStartOffset,
        highWatermark: 7,
      })
      bench.wakeUps.push(bench.nowMs)
      await rest(bench)
      expect(await bench.leader.size(TARGET)).toMatchObject({ logStartOffset: 4, highWatermark: 7 })
      // What the producer did is known, though its delta was among what could be freed.
      expect(await bench.append(sequenced(9, 0))).toMatchObject({ baseOffset: 6 })
    }
  })

  it('that is lost with the machine is done again, and nothing else is lost', async () => {
    const bench = await log({ retentionBytes: 2 * BYTES })
    await fill(bench, Array(6).fill(bench.nowMs))
    bench.holdSync = true
    bench.leader.housekeep()
    bench.leader.housekeep()
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 2 }])
    bench.holdSync = false
    bench.crash()
    expect(await bench.leader.size(TARGET)).toMatchObject({ logStartOffset: 0, highWatermark: 6 })
    expect((await bench.read(0)).pieces[0]).toHaveLength(BYTES)
    await rest(bench)
    expect(await bench.leader.size(TARGET)).toMatchObject({
      logStartOffset: 4,
      sizeBytes: 2 * BYTES,
    })
  })

  it('moves the log start in a commit before the one that frees the chunks', async () => {
    const bench = await log({ retentionBytes: 2 * BYTES })
    await fill(bench, Array(6).fill(bench.nowMs))
    bench.leader.housekeep()
    expect(bench.storage.direct('SELECT log_start FROM leader')).toEqual([{ log_start: 4 }])
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 6 }])
    bench.leader.housekeep()
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 2 }])
  })

  it('ends the object when its commit is lost', async () => {
    const bench = await log({ retentionBytes: 0 })
    await fill(bench, [bench.nowMs])
    bench.holdSync = true
    bench.leader.housekeep()
    await bench.loseCommit()
    expect(bench.aborted).not.toBeNull()
  })
})

describe('segments', () => {
  it('stay where they are over restarts, settings and deleted records', async () => {
    const bench = await log({})
    const starts = () =>
      bench.storage.direct('SELECT base_offset AS at FROM segment').map(({ at }) => at)
    await fill(bench, Array(5).fill(bench.nowMs))
    bench.restart()
    await fill(bench, [bench.nowMs])
    expect(starts()).toEqual([0, 2, 4])
    const larger = { ...SETTINGS, ...NOTHING, segmentBytes: 3 * BYTES, retentionCheckMs: 1 }
    await bench.leader.configure(TARGET, 2, larger)
    await fill(bench, Array(4).fill(bench.nowMs), 2)
    expect(starts()).toEqual([0, 2, 4, 7])
    await bench.leader.deleteRecords({ ...TARGET, offset: 3 })
    expect(starts()).toEqual([2, 4, 7])
    bench.restart()
    await bench.leader.deleteRecords({ ...TARGET, offset: -1 })
    expect(starts()).toEqual([7])
    // As in Kafka, what was deleted from the active segment counts for its size, as long as it is known.
    await fill(bench, [bench.nowMs], 2)
    expect(starts()).toEqual([7, 10])
  })

  it('are rolled by segment.ms, by the time of the records', async () => {
    const bench = await log({ segmentMs: 1_000 })
    for (const [offset, timestamp] of [5_000, 5_500, 6_000, 6_001, 5_900, 7_002].entries()) {
      await bench.appended(batch(1, { timestamps: [timestamp] }))
      bench.nowMs += offset
    }
    expect(bench.storage.direct('SELECT base_offset, first_timestamp FROM segment')).toEqual([
      { base_offset: 0, first_timestamp: 5_000 },
      { base_offset: 3, first_timestamp: 6_001 },
      { base_offset: 5, first_timestamp: 7_002 },
    ])
  })

  it('are rolled earlier by a part of segment.jitter.ms, each by its own, over restarts too', async () => {
    const spans = async (segmentJitterMs: number) => {
      const bench = await log({ segmentMs: 1_000, segmentJitterMs })
      for (let index = 0; index < 400; index++) {
        await bench.appended(batch(1, { timestamps: [5_000 + 20 * index] }))
        if (index % 7 === 0) bench.restart()
      }
      const rows = bench.storage.direct('SELECT first_timestamp AS at FROM segment')
      const starts = rows.map(({ at }) => Number(at))
      return starts.slice(1).map((start, index) => start - starts[index]!)
    }
    // The first record that is more than segment.ms younger.
    expect(new Set(await spans(0))).toEqual(new Set([1_020]))
    const some = await spans(600)
    for (const span of some) {
      expect(span).toBeGreaterThan(400)
      expect(span).toBeLessThanOrEqual(1_020)
    }
    expect(new Set(some).size).toBeGreaterThan(4)
  })

  it('are made for a log of a layout that knew none, where Kafka would have them', async () => {
    const bench = await log({ retentionBytes: 2 * BYTES })
    await bench.leader.size(TARGET)
    const settings = { ...SETTINGS, ...NOTHING, segmentBytes: SEGMENT }
    bench.admission = { alive: true, name: 'topic', configVersion: 1, settings }
    bench.restart()
    await fill(bench, Array(7).fill(-1))
    await bench.appended(batchOfSize(3_000_000))
    toLayout2(bench.storage)
    bench.restart()
    await fill(bench, [-1])
    const starts = bench.storage.direct('SELECT base_offset AS at FROM segment')
    expect(starts.map(({ at }) => at)).toEqual([0, 2, 4, 6, 7, 8])
    // Of those without timestamps it is not known when they came: time alone deletes none.
    await bench.leader.configure(TARGET, 2, { ...settings, retentionMs: 1, retentionCheckMs: 1 })
    bench.nowMs += 1_000 * HOUR
    bench.leader.housekeep()
    expect(await logStart(bench)).toBe(0)
    const bySize = { ...settings, retentionBytes: 3 * BYTES, retentionCheckMs: 1 }
    await bench.leader.configure(TARGET, 3, bySize)
    await rest(bench)
    expect(await logStart(bench)).toBe(7)
  })
})

describe('producers', () => {
  it('are known after their records went, until they expire', async () => {
    const bench = await log({ retentionMs: HOUR, producerIdExpirationMs: 10 * HOUR })
    await bench.appended(
      batch(1, { timestamps: [bench.nowMs], producerId: 5, producerEpoch: 0, baseSequence: 0 }),
    )
    bench.nowMs += 2 * HOUR
    await rest(bench)
    bench.restart()
    expect(await logStart(bench)).toBe(1)
    expect((await bench.leader.producers(TARGET)).producers).toHaveLength(1)
    expect(await bench.append(sequenced(5, 0))).toMatchObject({ kind: 'appended', baseOffset: 0 })
    bench.nowMs += 10 * HOUR
    expect((await bench.leader.producers(TARGET)).producers).toEqual([])
  })
})
