// Appends: order, group commit, what a failure leaves behind.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import { APPEND_QUEUE_BYTES, FLUSH_BYTES } from '../../src/core/limits/partition.ts'
import { MESSAGE_MAX_BYTES } from '../../src/core/limits.ts'
import { computeBatchCrc, readBatchHeader } from '../../src/record/header.ts'
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

const STORAGE_ERROR = { kind: 'refused', error: KafkaError.KAFKA_STORAGE_ERROR }

describe('append', () => {
  it('gives each batch the next offset and the leader epoch, and keeps its CRC', async () => {
    const bench = new Bench()
    const sent = batch(3)
    const { crc } = readBatchHeader(sent)
    expect(await bench.appended(batch(2))).toBe(0)
    expect(await bench.appended(sent)).toBe(2)
    const [, stored] = batchesOf(await bench.read(0))
    const header = readBatchHeader(stored!)
    expect(header).toMatchObject({ baseOffset: 2, leaderEpoch: 0, recordCount: 3, crc })
    expect(computeBatchCrc(stored!)).toBe(crc)
  })

  it('is written in its own turn by an idle leader', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.storage.countFrom()
    void bench.append(batch(1))
    expect(
      bench.storage.queries.filter((query) => query.includes('INSERT INTO chunk')),
    ).toHaveLength(1)
  })

  it('commits what one caller sends together, even to an idle leader', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    bench.storage.countFrom()
    const rowsBefore = bench.storage.rowsWritten
    const append = () => ({ ...TARGET, configVersion: 1, batch: batch(2) })
    const stale = { ...append(), configVersion: 0 }
    const replies = bench.leader.appendAll([append(), stale, append()])
    expect(bench.storage.rowsWritten - rowsBefore).toBe(1)
    await bench.confirm()
    expect((await replies).map((reply) => reply.kind === 'appended' && reply.baseOffset)).toEqual([
      1,
      false,
      3,
    ])
  })

  it('commits what arrives during a commit together, one row per flush', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    bench.storage.countFrom()
    const rowsBefore = bench.storage.rowsWritten
    const replies = Array.from({ length: 64 }, () => bench.append(batch(1)))
    expect(bench.storage.rowsWritten - rowsBefore).toBe(1)
    await bench.confirm()
    expect(bench.storage.rowsWritten - rowsBefore).toBe(2)
    await bench.confirm()
    const offsets = (await Promise.all(replies)).map((reply) =>
      reply.kind === 'appended' ? reply.baseOffset : -1,
    )
    expect(offsets).toEqual(Array.from({ length: 64 }, (_, index) => index + 1))
    expect(bench.storage.rowsWritten - rowsBefore).toBe(2)
    expect(bench.syncsWaiting).toBe(0)
  })

  it('lets the answers of a commit leave before it begins the next one', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    let turn = () => {}
    bench.turn = () => new Promise((resolve) => (turn = resolve))
    bench.storage.countFrom()
    const rowsBefore = bench.storage.rowsWritten
    const first = bench.append(batch(1))
    const second = bench.append(batch(1))
    await bench.confirm()
    expect(await first).toMatchObject({ kind: 'appended', baseOffset: 1 })
    const rows = () => bench.storage.rowsWritten - rowsBefore
    expect(rows(), 'the second write waits for the turn').toBe(1)
    turn()
    await settled()
    expect(rows()).toBe(2)
    await bench.confirm()
    expect(await second).toMatchObject({ kind: 'appended', baseOffset: 2 })
  })

  it('takes at most FLUSH_BYTES into one chunk, or one larger batch', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    const sizes = [1000, 600_000, 600_000, 400_000, 3_000_000, 500]
    const replies = sizes.map((size) => bench.append(batchOfSize(size)))
    for (let flush = 0; flush < 6; flush++) await bench.confirm()
    await Promise.all(replies)
    const chunks = bench.storage.direct('SELECT size FROM chunk ORDER BY first_offset').slice(1)
    expect(chunks.map((row) => row.size)).toEqual([1000, 600_000, 1_000_000, 3_000_000, 500])
    expect(1_000_000).toBeLessThanOrEqual(FLUSH_BYTES)
  })

  it('keeps a batch larger than a row in parts that the same commit writes', async () => {
    const bench = new Bench()
    const large = batchOfSize(MESSAGE_MAX_BYTES)
    await bench.appended(batch(1))
    await bench.append(large)
    await bench.appended(batch(1))
    const reply = await bench.read(1, 100)
    expect(reply.pieces.length).toBeGreaterThan(1)
    expect(Buffer.concat(reply.pieces).equals(large)).toBe(true)
    expect((await bench.read(1, 100, false)).pieces).toEqual([])
  })

  it('shows and acknowledges nothing before the disk has confirmed it', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    let acknowledged = false
    void bench.append(batch(1)).then(() => {
      acknowledged = true
    })
    const woken = bench.leader.watch(TARGET, offset(1), 1000)
    await settled()
    expect(acknowledged).toBe(false)
    expect(await bench.read(1)).toMatchObject({ error: 0, highWatermark: 1, pieces: [] })
    expect(await bench.read(2)).toMatchObject({ error: KafkaError.OFFSET_OUT_OF_RANGE })
    await bench.confirm()
    expect(acknowledged).toBe(true)
    expect(await woken).toEqual({ error: 0, highWatermark: 2 })
    expect(batchesOf(await bench.read(1))).toHaveLength(1)
  })

  it('refuses with a retriable error what the queue cannot hold', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    const first = bench.append(batch(1))
    const queued = Array.from({ length: 4 }, () =>
      bench.append(batchOfSize(APPEND_QUEUE_BYTES / 4)),
    )
    expect(await bench.append(batch(1))).toMatchObject({
      kind: 'refused',
      error: KafkaError.NOT_LEADER_OR_FOLLOWER,
    })
    for (let flush = 0; flush < 6; flush++) await bench.confirm()
    expect(await first).toMatchObject({ kind: 'appended' })
    for (const reply of await Promise.all(queued)) expect(reply.kind).toBe('appended')
  })

  it('answers a batch checked against older settings with the newer ones and stores nothing', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    const newer = { ...SETTINGS, maxMessageBytes: 5 }
    await bench.leader.configure(TARGET, 3, newer)
    expect(await bench.append(batch(1), 2)).toEqual({
      kind: 'stale',
      configVersion: 3,
      settings: newer,
    })
    expect(await bench.append(batch(1), 3)).toMatchObject({ baseOffset: 1 })
    // The broker may hear of newer settings before the leader does.
    expect(await bench.append(batch(1), 4)).toMatchObject({ baseOffset: 2 })
    await bench.leader.configure(TARGET, 2, SETTINGS)
    bench.restart()
    expect(await bench.append(batch(1), 2)).toEqual({
      kind: 'stale',
      configVersion: 3,
      settings: newer,
    })
  })

  it.each([
    [
      'transactional',
      batch(1, { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true }),
      KafkaError.INVALID_TXN_STATE,
    ],
    ['control', batch(1, { control: true }), KafkaError.INVALID_RECORD],
    ['shorter than its header says', batch(1).slice(0, -1), KafkaError.CORRUPT_MESSAGE],
    ['shorter than a header', batch(1).slice(0, 60), KafkaError.CORRUPT_MESSAGE],
    [
      'idempotent without a sequence',
      batch(1, { producerId: 1, producerEpoch: 0, baseSequence: -1 }),
      KafkaError.INVALID_RECORD,
    ],
    [
      'of a producer id beyond 2^53',
      batch(1, { producerId: 2 ** 53, producerEpoch: 0, baseSequence: 0 }),
      KafkaError.INVALID_PRODUCER_ID_MAPPING,
    ],
  ])('refuses a batch that is %s', async (_, refusedBatch, error) => {
    const bench = new Bench()
    expect(await bench.append(refusedBatch)).toMatchObject({ kind: 'refused', error })
    expect(bench.storage.tables()).toEqual([])
  })
})

describe('a flush that fails', () => {
  /** The statements of a first flush, and of a later one with parts and a producer. */
  const cases = [
    { title: 'the first flush', before: 0 },
    { title: 'a later flush', before: 1 },
  ]

  it.each(cases)(
    '$title: each statement that fails errors its appends and leaves memory as before',
    async ({ before }) => {
      for (let failAt = 1; ; failAt++) {
        const bench = new Bench()
        await bench.read(0)
        for (let index = 0; index < before; index++) await bench.append(sequenced(7, index))
        const state = await bench.leader.size(TARGET)
        const tables = bench.storage.tables()
        const large = batchOfSize(4_000_000, {
          producerId: 7,
          producerEpoch: 0,
          baseSequence: before,
        })
        bench.storage.countFrom()
        bench.storage.failAt = failAt
        const parked = bench.leader.watch(TARGET, state.highWatermark, 60_000)
        const reply = await bench.append(large)
        const failed = bench.storage.failAt === 0
        bench.storage.failAt = 0
        if (!failed) {
          expect(reply).toMatchObject({ kind: 'appended' })
          expect(failAt).toBeGreaterThan(3)
          break
        }
        expect(reply).toMatchObject(STORAGE_ERROR)
        expect(bench.reported).toEqual(['a flush was not written'])
        expect(await bench.leader.size(TARGET)).toEqual(state)
        expect(await bench.read(state.highWatermark)).toMatchObject({ error: 0, pieces: [] })
        expect(bench.storage.tables()).toEqual(tables)
        // The same batch again: nothing is known of it.
        expect(await bench.append(large)).toMatchObject({ kind: 'appended', baseOffset: before })
        expect(await parked).toMatchObject({ highWatermark: before + 1 })
        bench.restart()
        expect(Buffer.concat((await bench.read(before)).pieces).equals(large)).toBe(true)
      }
    },
  )

  it('errors every append of the flush and none of the next', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    const first = bench.append(batch(1))
    const flush = [
      bench.append(batch(1)),
      bench.append(sequenced(5, 0)),
      bench.append(sequenced(5, 0)),
    ]
    bench.storage.countFrom()
    bench.storage.failAt = 1
    await bench.confirm()
    expect(await first).toMatchObject({ baseOffset: 1 })
    for (const reply of await Promise.all(flush)) expect(reply).toMatchObject(STORAGE_ERROR)
    bench.holdSync = false
    expect(await bench.append(batch(1))).toMatchObject({ baseOffset: 2 })
  })

  it('lets no later batch of a new producer in before its refused first one', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.storage.countFrom()
    bench.storage.failAt = 1
    const replies = await Promise.all([
      bench.append(sequenced(5, 0, 10)),
      bench.append(sequenced(5, 10, 10)),
    ])
    expect(replies).toMatchObject([
      STORAGE_ERROR,
      { kind: 'refused', error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER },
    ])
    expect(await bench.append(sequenced(5, 0, 10))).toMatchObject({ baseOffset: 1 })
    expect(await bench.append(sequenced(5, 10, 10))).toMatchObject({ baseOffset: 11 })
  })

  it('lets no later batch of a new producer in before its first one, which found no log', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.restart()
    bench.storage.countFrom()
    bench.storage.failAt = 1
    expect(await bench.append(sequenced(5, 0, 10))).toMatchObject(STORAGE_ERROR)
    expect(await bench.append(sequenced(5, 10, 10))).toMatchObject({
      error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    })
    expect(await bench.append(sequenced(5, 0, 10))).toMatchObject({ baseOffset: 1 })
    expect(await bench.append(sequenced(5, 10, 10))).toMatchObject({ baseOffset: 11 })
  })

  it('lets no later batch of a new producer in before its first one was checked against new settings', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    await bench.leader.configure(TARGET, 2, SETTINGS)
    const first = sequenced(5, 0, 10)
    expect(await bench.append(first, 1)).toMatchObject({ kind: 'stale' })
    expect(await bench.append(sequenced(5, 10, 10), 2)).toMatchObject({
      error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    })
    expect(await bench.append(first, 2)).toMatchObject({ baseOffset: 1 })
    // Forgotten with the producer: an unknown one may start anywhere.
    await bench.pass(SETTINGS.producerIdExpirationMs)
    expect(await bench.append(sequenced(5, 77), 2)).toMatchObject({ baseOffset: 11 })
  })

  it('answers appends, waiters and reads with a storage error when a commit is lost, and ends the object', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    bench.holdSync = true
    const flushed = bench.append(batch(1))
    const queued = bench.append(batch(1))
    const parked = bench.leader.watch(TARGET, offset(1), 60_000)
    await settled()
    await bench.loseCommit()
    expect(await flushed).toMatchObject(STORAGE_ERROR)
    expect(await queued).toMatchObject(STORAGE_ERROR)
    expect(await parked).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    expect(bench.aborted).not.toBeNull()
    expect(await bench.append(batch(1))).toMatchObject(STORAGE_ERROR)
    expect(await bench.read(0)).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    bench.holdSync = false
    bench.crash()
    expect(await bench.read(1)).toMatchObject({ error: 0, highWatermark: 1 })
    expect(await bench.append(batch(1))).toMatchObject({ baseOffset: 1 })
  })
})
