// First touch, configuration, deletion of records and of the topic.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset, type TopicId } from '../../src/core/ids.ts'
import { HOUSEKEEPING_PAUSE_MS, HOUSEKEEPING_RETRY_MS } from '../../src/core/limits/partition.ts'
import { REREAD_IDLE_MS, WATCH_AT_LEADER_MAX_MS } from '../../src/core/limits/watch.ts'
import { SCHEMA_VERSION } from '../../src/partition/schema.ts'
import { readBatchHeader } from '../../src/record/header.ts'
import {
  Bench,
  batch,
  batchesOf,
  batchOfSize,
  SETTINGS,
  sequenced,
  settled,
  TARGET,
} from './harness.ts'

const UNKNOWN = { error: KafkaError.UNKNOWN_TOPIC_ID }

/** Every question and command a client can cause, with the error of its answer. */
const CALLS: Record<string, (bench: Bench) => Promise<{ error?: number }>> = {
  append: (bench) => bench.append(batch(1)) as Promise<{ error?: number }>,
  read: (bench) => bench.read(0),
  watch: (bench) => bench.leader.watch(TARGET, offset(0), 1000),
  subscribed: (bench) => bench.leader.subscribed(TARGET),
  listOffset: (bench) =>
    bench.leader.listOffset({ ...TARGET, timestamp: -1, readCommitted: false }),
  deleteRecords: (bench) => bench.leader.deleteRecords({ ...TARGET, offset: -1 }),
  size: (bench) => bench.leader.size(TARGET),
}

describe('first touch', () => {
  it.each(Object.entries(CALLS))(
    '%s of a partition that is not alive is refused and stores nothing',
    async (_, call) => {
      const bench = new Bench()
      bench.admission = { alive: false }
      expect(await call(bench)).toMatchObject(UNKNOWN)
      expect(bench.storage.tables()).toEqual([])
      // Not remembered: the partition may be created.
      bench.admission = { alive: true, name: 't', configVersion: 1, settings: SETTINGS }
      await settled()
      expect(await bench.append(batch(1))).toMatchObject({ kind: 'appended' })
    },
  )

  it.each(Object.entries(CALLS))(
    '%s is refused with a retriable error when Cluster cannot be asked',
    async (_, call) => {
      const bench = new Bench()
      bench.admission = new Error('down')
      expect(await call(bench)).toMatchObject({ error: KafkaError.NOT_LEADER_OR_FOLLOWER })
      expect(bench.storage.tables()).toEqual([])
    },
  )

  it('asks Cluster in order to write before the first append, and never again', async () => {
    const bench = new Bench()
    await bench.read(0)
    await bench.read(0)
    expect(bench.asked).toEqual([false])
    expect(bench.storage.tables()).toEqual([])
    await Promise.all([bench.append(batch(1)), bench.append(batch(1))])
    await bench.appended(batch(1))
    expect(bench.asked).toEqual([false, true])
    bench.restart()
    await bench.append(batch(1))
    await bench.read(0)
    expect(bench.asked).toEqual([false, true])
  })

  it('asks again now and then while nothing is written: the topic may be deleted', async () => {
    const bench = new Bench()
    await bench.read(0)
    bench.admission = { alive: false }
    await bench.pass(REREAD_IDLE_MS - 1)
    expect(await bench.read(0)).toMatchObject({ error: 0 })
    await bench.pass(1)
    expect(await bench.read(0)).toMatchObject(UNKNOWN)
  })

  it('keeps the order of appends that arrive while Cluster is asked', async () => {
    const bench = new Bench()
    bench.holdCluster = true
    const replies = [sequenced(1, 0), sequenced(1, 1), sequenced(1, 2)].map((each) =>
      bench.append(each),
    )
    await settled()
    expect(bench.asked).toEqual([true])
    await bench.answerCluster()
    expect(await Promise.all(replies)).toMatchObject([
      { baseOffset: 0 },
      { baseOffset: 1 },
      { baseOffset: 2 },
    ])
  })

  it('refuses calls that mean another partition', async () => {
    const bench = new Bench()
    for (const other of [
      { ...TARGET, partition: 1 },
      { ...TARGET, topicId: 'another' as TopicId },
    ]) {
      expect(await bench.leader.size(other)).toMatchObject(UNKNOWN)
      const request = { ...other, configVersion: 1, batch: batch(1) }
      expect(await bench.leader.append(request)).toMatchObject(UNKNOWN)
      await expect(bench.leader.fence(other)).rejects.toThrow('another partition')
    }
    expect(bench.asked).toEqual([])
  })

  it('refuses storage of another partition and of a newer release', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.storage.direct('UPDATE leader SET partition = 4, checksum = NULL')
    bench.restart()
    expect(await bench.read(0)).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    bench.storage.direct('UPDATE leader SET partition = 0')
    expect(await bench.read(0)).toMatchObject({ error: 0 })
    bench.storage.direct('UPDATE schema_version SET version = ?', SCHEMA_VERSION + 1)
    bench.restart()
    const before = bench.storage.rowsWritten
    expect(await bench.append(batch(1))).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    expect(await bench.read(0)).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    expect(bench.storage.rowsWritten).toBe(before)
  })
})

describe('deleteRecords', () => {
  it.each([
    ['inside a batch', 3, { error: 0, lowWatermark: 3 }],
    ['at a batch', 5, { error: 0, lowWatermark: 5 }],
    ['at the high watermark', 9, { error: 0, lowWatermark: 9 }],
    ['-1, the high watermark', -1, { error: 0, lowWatermark: 9 }],
    ['at the log start', 0, { error: 0, lowWatermark: 0 }],
    ['above the high watermark', 10, { error: KafkaError.OFFSET_OUT_OF_RANGE, lowWatermark: -1 }],
    ['below -1', -2, { error: KafkaError.OFFSET_OUT_OF_RANGE, lowWatermark: -1 }],
  ])('moves the log start %s', async (_, to, answer) => {
    const bench = new Bench()
    await bench.appended(batch(5))
    await bench.appended(batch(4))
    expect(await bench.leader.deleteRecords({ ...TARGET, offset: to })).toEqual(answer)
    const logStart = answer.error === 0 ? answer.lowWatermark : 0
    for (const state of ['at once', 'after a restart']) {
      expect(await bench.leader.size(TARGET), state).toMatchObject({
        logStartOffset: logStart,
        highWatermark: 9,
        sizeBytes: [batch(5), batch(4)]
          .filter((__, index) => logStart < [5, 9][index]!)
          .reduce((sum, each) => sum + each.length, 0),
      })
      bench.restart()
    }
    expect(await bench.append(batch(1))).toMatchObject({ baseOffset: 9, logStartOffset: logStart })
  })

  it('never moves the log start back', async () => {
    const bench = new Bench()
    await bench.appended(batch(9))
    await bench.leader.deleteRecords({ ...TARGET, offset: 6 })
    expect(await bench.leader.deleteRecords({ ...TARGET, offset: 2 })).toEqual({
      error: 0,
      lowWatermark: 6,
    })
  })

  it('is not answered before what another has moved is on disk', async () => {
    const bench = new Bench()
    await bench.appended(batch(9))
    bench.holdSync = true
    const answered: string[] = []
    const first = bench.leader.deleteRecords({ ...TARGET, offset: 6 })
    const second = bench.leader.deleteRecords({ ...TARGET, offset: 6 })
    void first.then(() => answered.push('first'))
    void second.then(() => answered.push('second'))
    await settled()
    expect(answered).toEqual([])
    await bench.confirm()
    await bench.confirm()
    expect(await Promise.all([first, second])).toMatchObject([
      { lowWatermark: 6 },
      { lowWatermark: 6 },
    ])
  })

  it('takes a large batch away under its reader: it is gone, not damaged', async () => {
    const bench = new Bench()
    const large = batchOfSize(8_000_000)
    await bench.appended(large)
    const { crc } = readBatchHeader(large)
    const ask = { ...TARGET, baseOffset: offset(0), crc }
    expect((await bench.leader.readPiece({ ...ask, piece: 1 })).bytes).not.toBeNull()
    await bench.leader.deleteRecords({ ...TARGET, offset: -1 })
    expect(await bench.leader.readPiece({ ...ask, piece: 2 })).toEqual({ bytes: null })
    expect(bench.reported).toEqual([])
  })

  it('is a policy violation unless the cleanup policy has delete', async () => {
    const bench = new Bench()
    await bench.appended(batch(9))
    await bench.leader.configure(TARGET, 2, { ...SETTINGS, cleanupDelete: false })
    expect(await bench.leader.deleteRecords({ ...TARGET, offset: 2 })).toEqual({
      error: KafkaError.POLICY_VIOLATION,
      lowWatermark: -1,
    })
  })

  it('frees the chunks in bounded steps, the rest from the alarm, also after a restart', async () => {
    const bench = new Bench()
    for (let index = 0; index < 2_100; index++) await bench.appended(batch(1))
    const kept = () => bench.storage.direct('SELECT count(*) AS n FROM chunk')[0]!.n
    await bench.leader.deleteRecords({ ...TARGET, offset: 2_050 })
    expect(kept()).toBe(1_100)
    expect(bench.wakeUps.at(-1)).toBe(bench.nowMs + HOUSEKEEPING_PAUSE_MS)
    bench.wakeUps.length = 0
    bench.restart()
    expect(await bench.read(2_049)).toMatchObject({ error: KafkaError.OFFSET_OUT_OF_RANGE })
    expect(bench.wakeUps).toEqual([bench.nowMs + HOUSEKEEPING_PAUSE_MS])
    bench.leader.housekeep()
    bench.leader.housekeep()
    expect(kept()).toBe(50)
    const { rowsWritten } = bench.storage
    bench.leader.housekeep()
    expect(bench.storage.rowsWritten).toBe(rowsWritten)
    expect(batchesOf(await bench.read(2_050))).toHaveLength(50)
  })

  it('bounds a step in bytes, and frees the parts of large batches', async () => {
    const bench = new Bench()
    for (let index = 0; index < 6; index++) await bench.appended(batchOfSize(16_000_000))
    await bench.leader.deleteRecords({ ...TARGET, offset: -1 })
    for (const left of [4, 2, 0]) {
      expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: left }])
      bench.leader.housekeep()
    }
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk_part')).toEqual([{ n: 0 }])
    expect(await bench.leader.size(TARGET)).toMatchObject({ logStartOffset: 6, sizeBytes: 0 })
  })

  it('keeps the log start where it was when storing it fails', async () => {
    const bench = new Bench()
    await bench.appended(sequenced(1, 0, 9))
    for (const failAt of [1, 2]) {
      bench.storage.countFrom()
      bench.storage.failAt = failAt
      expect(await bench.leader.deleteRecords({ ...TARGET, offset: 5 })).toMatchObject({
        error: KafkaError.KAFKA_STORAGE_ERROR,
      })
      expect(await bench.leader.size(TARGET)).toMatchObject({ logStartOffset: 0 })
    }
    expect(await bench.leader.deleteRecords({ ...TARGET, offset: 5 })).toMatchObject({
      lowWatermark: 5,
    })
  })

  it('is tried again by the alarm when freeing fails', async () => {
    for (let failAt = 1; ; failAt++) {
      const bench = new Bench()
      await bench.appended(batch(9))
      bench.storage.countFrom()
      bench.storage.failAt = failAt
      const { error } = await bench.leader.deleteRecords({ ...TARGET, offset: -1 })
      bench.storage.failAt = 0
      // The statements before those move the log start.
      if (error !== 0) continue
      expect(bench.reported).toEqual(['deleted records were not freed'])
      expect(bench.wakeUps.at(-1)).toBe(bench.nowMs + HOUSEKEEPING_RETRY_MS)
      expect(failAt).toBeGreaterThan(1)
      bench.leader.housekeep()
      expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 0 }])
      return
    }
  })
})

describe('a deleted topic', () => {
  it.each(Object.entries(CALLS))(
    '%s is refused after the fence, and after a restart',
    async (_, call) => {
      const bench = new Bench()
      await bench.appended(batch(1))
      await bench.leader.fence(TARGET)
      expect(await call(bench)).toMatchObject(UNKNOWN)
      bench.crash()
      expect(await call(bench)).toMatchObject(UNKNOWN)
    },
  )

  it('acknowledges nothing once the fence has come, and wakes who waits', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    const inFlight = bench.append(batch(1))
    const queued = bench.append(batch(1))
    const parked = bench.leader.watch(TARGET, offset(1), 60_000)
    await settled()
    const fenced = bench.leader.fence(TARGET)
    expect(await queued).toMatchObject(UNKNOWN)
    expect(await parked).toMatchObject(UNKNOWN)
    await bench.confirm()
    expect(await inFlight).toMatchObject(UNKNOWN)
    await fenced
    expect(bench.timers).toEqual([])
  })

  it('is not written by an append whose admission was on its way when the fence came', async () => {
    const bench = new Bench()
    bench.holdCluster = true
    const pending = bench.append(batch(1))
    await bench.leader.fence(TARGET)
    await bench.answerCluster()
    expect(await pending).toMatchObject(UNKNOWN)
    expect(bench.storage.direct('SELECT count(*) AS n FROM sqlite_master')).toEqual([{ n: 0 }])
    bench.restart()
    bench.holdCluster = false
    bench.admission = { alive: false }
    expect(await bench.append(batch(1))).toMatchObject(UNKNOWN)
    expect(bench.asked).toEqual([true, true])
  })

  it('stores nothing when a fence comes late, after all was freed', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    await bench.leader.fence(TARGET)
    while ((await bench.leader.free(TARGET)) !== 'freed');
    bench.restart()
    await bench.leader.fence(TARGET)
    expect(bench.storage.tables()).toEqual([])
    expect(await bench.append(batch(1))).toMatchObject(UNKNOWN)
  })

  it('frees its storage in bounded steps until nothing is left, and then stores nothing again', async () => {
    const bench = new Bench()
    for (let index = 0; index < 2_500; index++) await bench.appended(sequenced(1, index))
    await expect(bench.leader.free(TARGET)).rejects.toThrow('fenced')
    await bench.leader.fence(TARGET)
    await bench.leader.fence(TARGET)
    expect(await bench.leader.free(TARGET)).toBe('more')
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 1_500 }])
    bench.storage.confirm()
    bench.crash()
    expect(await bench.leader.free(TARGET)).toBe('more')
    expect(await bench.leader.free(TARGET)).toBe('freed')
    expect(bench.storage.tables()).toEqual([])
    expect(await bench.leader.free(TARGET)).toBe('freed')
    expect(await bench.append(batch(1))).toMatchObject(UNKNOWN)
    bench.leader.housekeep()
    bench.restart()
    bench.admission = { alive: false }
    expect(await bench.leader.free(TARGET)).toBe('freed')
    expect(await bench.append(batch(1))).toMatchObject(UNKNOWN)
    expect(bench.storage.tables()).toEqual([])
  })
})

describe('watch', () => {
  it('answers at once when there is news, or no time', async () => {
    const bench = new Bench()
    await bench.appended(batch(3))
    expect(await bench.leader.watch(TARGET, offset(2), 60_000)).toEqual({
      error: 0,
      highWatermark: 3,
    })
    expect(await bench.leader.watch(TARGET, offset(3), 0)).toEqual({ error: 0, highWatermark: 3 })
  })

  it('is woken by the append, and always answered by its deadline', async () => {
    const bench = new Bench()
    await bench.appended(batch(3))
    const answers: string[] = []
    const watch = (name: string, after: number, ms: number) =>
      void bench.leader.watch(TARGET, offset(after), ms).then(({ highWatermark }) => {
        answers.push(`${name} ${highWatermark} at ${bench.nowMs}`)
      })
    bench.nowMs = 0
    watch('late', 3, 500)
    watch('early', 3, 100)
    watch('ahead', 4, 600)
    await settled()
    expect(bench.timers).toHaveLength(1)
    await bench.pass(200)
    expect(answers).toEqual(['early 3 at 100'])
    await bench.appended(batch(1))
    expect(answers).toEqual(['early 3 at 100', 'late 4 at 200'])
    await bench.pass(10_000)
    expect(answers.at(-1)).toBe('ahead 4 at 600')
    expect(bench.timers).toEqual([])
  })

  it('is parked for some seconds at most: nothing keeps the leader of an idle partition awake', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    let answered = false
    void bench.leader.watch(TARGET, offset(1), Number.MAX_SAFE_INTEGER).then(() => {
      answered = true
    })
    await settled()
    await bench.pass(WATCH_AT_LEADER_MAX_MS)
    expect(answered).toBe(true)
    expect(bench.timers).toEqual([])
  })
})
