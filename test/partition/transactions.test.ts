// Transactions in one partition (KIP-98, KIP-890): what is verified before it is appended, markers by
// number, the last stable offset, and what read_committed is given.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import {
  ENLIST_TIMEOUT_MS,
  OBJECT_MAX_BYTES,
  PRODUCERS_PER_PARTITION,
  VERIFY_QUEUE_BYTES,
} from '../../src/core/limits/partition.ts'
import type { AppendReply, AppendTransaction } from '../../src/partition/contract.ts'
import { Enlistments } from '../../src/partition/enlistments.ts'
import { SCHEMA_VERSION } from '../../src/partition/schema.ts'
import { readControlRecord } from '../../src/record/control.ts'
import { readBatchHeader } from '../../src/record/header.ts'
import { recordsOf } from '../../src/record/records.ts'
import { batchesInPieces } from '../../src/record/stored.ts'
import { Bench, batch, batchOfSize, SETTINGS, sequenced, settled, TARGET } from './harness.ts'
import { toLayout1 } from './layouts.ts'

const OLDER: AppendTransaction = { transactionalId: 't', topic: 'topic', implicit: false }
const NEWER: AppendTransaction = { ...OLDER, implicit: true }
const CONFIG_VERSION = 1

const INVALID_STATE = { error: KafkaError.INVALID_TXN_STATE }

interface Sent {
  readonly producerId?: number
  readonly epoch?: number
  readonly sequence: number
  readonly count?: number
}

function transactional({ producerId = 9, epoch = 0, sequence, count = 1 }: Sent): Uint8Array {
  const producer = { producerId, producerEpoch: epoch, baseSequence: sequence }
  return batch(count, { ...producer, transactional: true })
}

/** Sends a batch of a transaction; the coordinator says what the bench was told. */
function send(bench: Bench, sent: Sent, transaction: AppendTransaction | undefined = OLDER) {
  return bench.append(transactional(sent), CONFIG_VERSION, transaction)
}

async function sent(bench: Bench, batch: Sent): Promise<number> {
  const reply = await send(bench, batch)
  await settled()
  if (reply.kind !== 'appended') throw new Error(JSON.stringify(reply))
  return reply.baseOffset
}

interface End {
  readonly producerId?: number
  readonly epoch?: number
  readonly number?: number | null
  readonly coordinatorEpoch?: number
  readonly committed?: boolean
}

async function end(bench: Bench, marker: End = {}) {
  const { producerId = 9, epoch = 0, number = 1, coordinatorEpoch = 0, committed = true } = marker
  const reply = await bench.leader.endTransaction({
    ...TARGET,
    producerId,
    producerEpoch: epoch,
    number,
    coordinatorEpoch,
    committed,
  })
  await settled()
  return reply.error
}

/** What is in the log: 'v' for records, the marker's kind for a marker, with its offsets. */
async function log(bench: Bench): Promise<string[]> {
  const { pieces } = await bench.read(0)
  return [...batchesInPieces(pieces)].map((stored) => {
    const header = readBatchHeader(stored)
    if (!header.control) return `${header.baseOffset} records of ${header.producerId}`
    const record = recordsOf(stored).next().value
    const control = record === undefined ? null : readControlRecord(record)
    return `${header.baseOffset} ${control?.kind} of ${header.producerId} at ${header.producerEpoch}`
  })
}

async function committed(bench: Bench, from = 0, maxBytes = 1_000_000) {
  const reply = await bench.read(from, maxBytes, true, true)
  const batches = [...batchesInPieces(reply.pieces)].map((each) => readBatchHeader(each).baseOffset)
  const aborted = reply.abortedTransactions.map((one) => [one.producerId, one.firstOffset])
  return { batches, aborted, stable: reply.lastStableOffset, high: reply.highWatermark }
}

describe('a transactional batch', () => {
  it('is appended when its coordinator confirms the transaction, and asked for once', async () => {
    const bench = new Bench()
    expect(await sent(bench, { sequence: 0, count: 2 })).toBe(0)
    expect(await sent(bench, { sequence: 2 })).toBe(2)
    expect(bench.questions).toEqual([
      { transactionalId: 't', topic: 'topic', producerId: 9, producerEpoch: 0, verifyOnly: true },
    ])
  })

  it('joins its transaction by itself when the client is a newer one', async () => {
    const bench = new Bench()
    await send(bench, { sequence: 0 }, NEWER)
    expect(bench.questions).toMatchObject([{ verifyOnly: false }])
  })

  it('without a transactional id is refused', async () => {
    const bench = new Bench()
    const reply = await bench.append(transactional({ sequence: 0 }), CONFIG_VERSION)
    expect(reply).toMatchObject(INVALID_STATE)
    expect(bench.questions).toEqual([])
  })

  it.each([
    KafkaError.INVALID_TXN_STATE,
    KafkaError.CONCURRENT_TRANSACTIONS,
    KafkaError.PRODUCER_FENCED,
  ])('is refused with what the coordinator says: %i', async (error) => {
    const bench = new Bench()
    bench.enlistment = { error, number: -1 }
    expect(await send(bench, { sequence: 0 })).toMatchObject({ error })
    expect(await log(bench)).toEqual([])
  })

  it('is refused to be sent again when the coordinator cannot be reached', async () => {
    const bench = new Bench()
    bench.enlistment = new Error('down')
    const unavailable = { error: KafkaError.COORDINATOR_NOT_AVAILABLE }
    expect(await send(bench, { sequence: 0 })).toMatchObject(unavailable)
    // The second batch of a pipeline does not overtake the first that comes again.
    bench.enlistment = { error: KafkaError.NONE, number: 1 }
    const outOfOrder = { error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER }
    expect(await send(bench, { sequence: 1 })).toMatchObject(outOfOrder)
    expect(await sent(bench, { sequence: 0 })).toBe(0)
    expect(await sent(bench, { sequence: 1 })).toBe(1)
  })

  it('does not wait longer than the limit for a coordinator that says nothing', async () => {
    const bench = new Bench()
    bench.holdCoordinator = true
    const reply = send(bench, { sequence: 0 })
    await settled()
    await bench.pass(ENLIST_TIMEOUT_MS)
    expect(await reply).toMatchObject({ error: KafkaError.COORDINATOR_NOT_AVAILABLE })
    await bench.answerCoordinator({ error: KafkaError.NONE, number: 1 })
    expect(await log(bench)).toEqual([])
  })

  it('waits in arrival order with one question under way, beside batches of others', async () => {
    const bench = new Bench()
    bench.holdCoordinator = true
    const replies = [0, 1, 2].map((sequence) => send(bench, { sequence }))
    expect(await bench.appended(batch(1))).toBe(0)
    expect(bench.questions).toHaveLength(1)
    await bench.answerCoordinator({ error: KafkaError.NONE, number: 1 })
    expect(await Promise.all(replies)).toMatchObject([
      { baseOffset: 1 },
      { baseOffset: 2 },
      { baseOffset: 3 },
    ])
  })

  it('of another epoch than was asked for is asked for anew', async () => {
    const bench = new Bench()
    bench.holdCoordinator = true
    const old = send(bench, { sequence: 0 })
    const young = send(bench, { sequence: 0, epoch: 1 })
    await bench.answerCoordinator({ error: KafkaError.PRODUCER_FENCED, number: -1 })
    expect(await old).toMatchObject({ error: KafkaError.PRODUCER_FENCED })
    await bench.answerCoordinator({ error: KafkaError.NONE, number: 2 })
    expect(await young).toMatchObject({ baseOffset: 0 })
    expect(bench.questions.map(({ producerEpoch }) => producerEpoch)).toEqual([0, 1])
  })

  it('is not appended when a marker has come since it was asked for', async () => {
    const bench = new Bench()
    bench.holdCoordinator = true
    const late = send(bench, { sequence: 0 })
    expect(await end(bench, { number: 1 })).toBe(KafkaError.NONE)
    await bench.answerCoordinator({ error: KafkaError.NONE, number: 1 })
    expect(await late).toMatchObject(INVALID_STATE)
    expect(await log(bench)).toEqual(['0 commit of 9 at 0'])
  })

  it('is not appended when the marker waits in the same queue before it', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    bench.holdSync = true
    void bench.append(batch(1))
    const marker = bench.leader.endTransaction({
      ...TARGET,
      producerId: 9,
      producerEpoch: 0,
      number: 1,
      coordinatorEpoch: 0,
      committed: true,
    })
    const zombie = send(bench, { sequence: 1 })
    bench.holdSync = false
    await bench.confirm()
    expect((await marker).error).toBe(KafkaError.NONE)
    expect(await zombie).toMatchObject(INVALID_STATE)
  })

  it('that was stored before is a duplicate, also after its transaction', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await end(bench)
    bench.enlistment = { error: KafkaError.INVALID_TXN_STATE, number: -1 }
    expect(await send(bench, { sequence: 0 })).toMatchObject({ baseOffset: 0 })
    expect(await send(bench, { sequence: 1 })).toMatchObject(INVALID_STATE)
  })

  it('of a fenced epoch is refused without asking', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await end(bench, { epoch: 1, committed: false })
    const fenced = { error: KafkaError.INVALID_PRODUCER_EPOCH }
    expect(await send(bench, { sequence: 1 })).toMatchObject(fenced)
    expect(bench.questions).toHaveLength(1)
  })

  it('of an epoch that was fenced before its producer expired is asked for, not appended', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await end(bench, { epoch: 1, committed: false })
    bench.nowMs += SETTINGS.producerIdExpirationMs
    bench.enlistment = { error: KafkaError.PRODUCER_FENCED, number: -1 }
    const fenced = { error: KafkaError.PRODUCER_FENCED }
    expect(await send(bench, { sequence: 1 })).toMatchObject(fenced)
    // A batch that was stored, too: nobody remembers it any more.
    expect(await send(bench, { sequence: 0 })).toMatchObject(fenced)
    expect(await log(bench)).toEqual(['0 records of 9', '1 abort of 9 at 1'])
  })

  it('whose producer expires while it waits for its flush is not appended outside', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await end(bench)
    bench.holdSync = true
    void bench.append(batch(1))
    const again = send(bench, { sequence: 0 })
    bench.nowMs += SETTINGS.producerIdExpirationMs
    bench.holdSync = false
    await bench.confirm()
    expect(await again).toMatchObject({ kind: 'refused' })
    expect(await log(bench)).toHaveLength(3)
  })

  it('that finds no room to wait is refused without a question', async () => {
    const bench = new Bench()
    bench.holdCoordinator = true
    const half = { producerEpoch: 0, baseSequence: 0, transactional: true }
    const large = batchOfSize(VERIFY_QUEUE_BYTES / 2, { ...half, producerId: 1 })
    const waiting = bench.append(large, CONFIG_VERSION, OLDER)
    const more = batchOfSize(VERIFY_QUEUE_BYTES / 2 + 1, { ...half, producerId: 2 })
    const refused = { error: KafkaError.NOT_LEADER_OR_FOLLOWER }
    expect(await bench.append(more, CONFIG_VERSION, OLDER)).toMatchObject(refused)
    expect(bench.questions.map(({ producerId }) => producerId)).toEqual([1])
    await bench.answerCoordinator({ error: KafkaError.NONE, number: 1 })
    expect(await waiting).toMatchObject({ baseOffset: 0 })
  })

  it('is refused when as many transactions as may be open are open or asked about', async () => {
    const replies: AppendReply[] = []
    let asked = 0
    const enlistments = new Enlistments({
      enlist: () => {
        asked++
        return new Promise(() => {})
      },
      state: () => undefined,
      isCrowded: (joining) => PRODUCERS_PER_PARTITION - 2 + joining >= PRODUCERS_PER_PARTITION,
      push: () => {},
      refuse: (_, error) => replies.push({ kind: 'refused', error, logStartOffset: offset(-1) }),
      startTimer: () => () => {},
      report: () => {},
    })
    for (const producerId of [1, 2, 3]) {
      const bytes = transactional({ producerId, sequence: 0 })
      const header = readBatchHeader(bytes)
      const rest = { configVersion: 1, transaction: null, end: null, part: null, resolve: () => {} }
      enlistments.take({ batch: bytes, header, ...rest }, OLDER)
    }
    expect(asked).toBe(2)
    expect(replies).toMatchObject([{ error: KafkaError.COORDINATOR_NOT_AVAILABLE }])
  })

  it('larger than the room to wait may wait alone', async () => {
    const bench = new Bench()
    const fields = { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true }
    const huge = batchOfSize(VERIFY_QUEUE_BYTES + 1, fields)
    expect(await bench.append(huge, CONFIG_VERSION, OLDER)).toMatchObject({ baseOffset: 0 })
  })

  it('of a later epoch than an operator ends is not touched by that', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    bench.holdCoordinator = true
    const young = send(bench, { sequence: 0, epoch: 1 })
    expect(await end(bench, { number: null, committed: false })).toBe(KafkaError.NONE)
    await bench.answerCoordinator({ error: KafkaError.NONE, number: 2 })
    expect(await young).toMatchObject({ baseOffset: 2 })
  })

  it('and one outside of it do not mix while the transaction is open', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    expect(await bench.append(sequenced(9, 1))).toMatchObject(INVALID_STATE)
  })
})

describe('a marker', () => {
  it('is written once, however often it comes', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    expect([await end(bench), await end(bench)]).toEqual([0, 0])
    bench.restart()
    expect(await end(bench)).toBe(KafkaError.NONE)
    expect(await log(bench)).toEqual(['0 records of 9', '1 commit of 9 at 0'])
  })

  it('that comes twice in one flush is answered when it is durable', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    bench.holdSync = true
    void bench.append(batch(1))
    const both = [end(bench), end(bench)]
    let answered = 0
    for (const one of both) void one.then(() => answered++)
    await bench.confirm()
    expect(answered).toBe(0)
    bench.holdSync = false
    await bench.confirm()
    expect(await Promise.all(both)).toEqual([0, 0])
    expect(await log(bench)).toHaveLength(3)
  })

  it('of an earlier transaction does not end the later one', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await end(bench, { number: 1 })
    bench.enlistment = { error: KafkaError.NONE, number: 2 }
    await sent(bench, { sequence: 1 })
    expect(await end(bench, { number: 1, committed: false })).toBe(KafkaError.NONE)
    expect(await committed(bench)).toMatchObject({ stable: 2, high: 3, batches: [0, 1] })
    expect(await end(bench, { number: 2 })).toBe(KafkaError.NONE)
    expect(await committed(bench)).toMatchObject({ stable: 4 })
  })

  it('of an older epoch is refused', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0, epoch: 3 })
    expect(await end(bench, { epoch: 2 })).toBe(KafkaError.INVALID_PRODUCER_EPOCH)
  })

  it('without a number ends what is open; an older coordinator is fenced', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    expect(await end(bench, { number: null, committed: false, coordinatorEpoch: 5 })).toBe(0)
    expect(await committed(bench)).toMatchObject({ aborted: [[9, 0]], stable: 2 })
    const fenced = KafkaError.TRANSACTION_COORDINATOR_FENCED
    expect(await end(bench, { number: null, coordinatorEpoch: 4 })).toBe(fenced)
    // The coordinator's own marker for the same transaction comes later.
    expect(await end(bench, { number: 1, coordinatorEpoch: 5 })).toBe(KafkaError.NONE)
    expect(await log(bench)).toHaveLength(2)
  })

  it('of the coordinator is taken whatever epoch an operator claimed for it', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    expect(await end(bench, { number: null, committed: false, coordinatorEpoch: 5 })).toBe(0)
    bench.enlistment = { error: KafkaError.NONE, number: 2 }
    await sent(bench, { sequence: 1 })
    expect(await end(bench, { number: 2 })).toBe(KafkaError.NONE)
    expect(await committed(bench)).toMatchObject({ stable: 4, high: 4 })
  })

  it('without a coordinator epoch still fences, also after the state was stored whole', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await end(bench, { number: null, epoch: 3, committed: false, coordinatorEpoch: -1 })
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(1) })
    bench.restart()
    const fenced = { error: KafkaError.INVALID_PRODUCER_EPOCH }
    expect(await send(bench, { sequence: 1 })).toMatchObject(fenced)
  })

  it.each([-1, 2 ** 53])('of a producer id that was never given out is refused: %d', async (id) => {
    const bench = new Bench()
    await bench.appended(batch(1))
    const unknown = KafkaError.INVALID_PRODUCER_ID_MAPPING
    expect(await end(bench, { producerId: id, number: null })).toBe(unknown)
    expect(await log(bench)).toHaveLength(1)
  })

  it('raises the epoch: a new one starts at sequence 0', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0, count: 3 })
    await end(bench, { epoch: 1 })
    bench.enlistment = { error: KafkaError.NONE, number: 2 }
    const outOfOrder = { error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER }
    expect(await send(bench, { sequence: 3, epoch: 1 })).toMatchObject(outOfOrder)
    expect(await sent(bench, { sequence: 0, epoch: 1 })).toBe(4)
  })

  it('keeps the epoch of the older flow: sequences go on', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0, count: 3 })
    await end(bench)
    bench.enlistment = { error: KafkaError.NONE, number: 2 }
    bench.restart()
    expect(await sent(bench, { sequence: 3 })).toBe(4)
  })

  it('for a deleted topic says so', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await bench.leader.fence(TARGET)
    expect(await end(bench)).toBe(KafkaError.UNKNOWN_TOPIC_ID)
  })

  it('is written where there is no room for records any more', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    await sent(bench, { sequence: 0 })
    bench.storage.databaseSizeOverride = OBJECT_MAX_BYTES
    bench.restart()
    const full = { error: KafkaError.KAFKA_STORAGE_ERROR }
    expect(await send(bench, { sequence: 1 })).toMatchObject(full)
    expect(await end(bench)).toBe(KafkaError.NONE)
    expect(await committed(bench)).toMatchObject({ stable: 3 })
  })

  it('that could not be written is an error, and comes again', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    bench.storage.countFrom()
    // The chunk is the first statement, the aborted transaction the second.
    bench.storage.failAt = 2
    expect(await end(bench, { committed: false })).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    expect(await committed(bench)).toMatchObject({ stable: 0, aborted: [] })
    expect(await end(bench, { committed: false })).toBe(KafkaError.NONE)
    expect(await committed(bench)).toMatchObject({ stable: 2, aborted: [[9, 0]] })
  })
})

describe('read_committed', () => {
  it('sees nothing from the first open transaction on, and never goes back', async () => {
    const bench = new Bench()
    await bench.appended(batch(2))
    await sent(bench, { sequence: 0 })
    await bench.appended(batch(1))
    expect(await committed(bench)).toEqual({ batches: [0], aborted: [], stable: 2, high: 4 })
    bench.restart()
    expect(await committed(bench)).toEqual({ batches: [0], aborted: [], stable: 2, high: 4 })
    await end(bench)
    expect(await committed(bench)).toMatchObject({ batches: [0, 2, 3, 4], stable: 5 })
  })

  it('stops inside a chunk where the transaction begins', async () => {
    const bench = new Bench()
    bench.holdCluster = true
    void bench.append(batch(1))
    void bench.append(batch(1))
    const first = send(bench, { sequence: 0 })
    await settled()
    void bench.append(batch(1))
    await bench.answerCluster()
    await first
    await settled()
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 1 }])
    expect(await committed(bench)).toMatchObject({ batches: [0, 1], stable: 2, high: 4 })
    expect((await bench.read(2, 1_000_000, true, true)).pieces).toEqual([])
  })

  it('does not see a commit that is not durable yet', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    bench.holdSync = true
    const marker = end(bench)
    await settled()
    expect(await committed(bench)).toMatchObject({ stable: 0, batches: [] })
    await bench.confirm()
    expect(await marker).toBe(KafkaError.NONE)
    expect(await committed(bench)).toMatchObject({ stable: 2 })
  })

  it('is told of the aborted transactions that its range overlaps, by their first offsets', async () => {
    const bench = new Bench()
    await sent(bench, { producerId: 1, sequence: 0 })
    await sent(bench, { producerId: 2, sequence: 0 })
    await end(bench, { producerId: 2, committed: false })
    await end(bench, { producerId: 1, committed: false })
    bench.enlistment = { error: KafkaError.NONE, number: 2 }
    await sent(bench, { producerId: 1, sequence: 1 })
    await end(bench, { producerId: 1, number: 2, committed: false })
    const all = [
      [1, 0],
      [2, 1],
      [1, 4],
    ]
    expect((await committed(bench)).aborted).toEqual(all)
    bench.restart()
    expect((await committed(bench)).aborted).toEqual(all)
    expect((await committed(bench, 3)).aborted).toEqual([
      [1, 0],
      [1, 4],
    ])
    expect((await committed(bench, 0, 1)).aborted).toEqual([[1, 0]])
    expect((await committed(bench, 5)).aborted).toEqual([[1, 4]])
    // Committed records hide nothing.
    expect((await bench.read(0)).abortedTransactions).toEqual([])
  })

  it('finds latest and times only below the last stable offset', async () => {
    const bench = new Bench()
    await bench.appended(batch(1, { timestamps: [100] }))
    await bench.append(
      batch(1, {
        timestamps: [200],
        producerId: 9,
        producerEpoch: 0,
        baseSequence: 0,
        transactional: true,
      }),
      CONFIG_VERSION,
      OLDER,
    )
    await settled()
    const ask = async (timestamp: number, readCommitted: boolean) =>
      (await bench.leader.listOffset({ ...TARGET, timestamp, readCommitted })).offset
    expect([await ask(-1, true), await ask(-1, false)]).toEqual([1, 2])
    expect([await ask(150, true), await ask(150, false)]).toEqual([-1, 1])
    expect([await ask(-2, true), await ask(-3, false)]).toEqual([0, 1])
  })

  it('forgets aborted transactions with their records', async () => {
    const bench = new Bench()
    await sent(bench, { sequence: 0 })
    await end(bench, { committed: false })
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(2) })
    const count = 'SELECT count(*) AS n FROM aborted_transaction'
    expect(bench.storage.direct(count)).toEqual([{ n: 0 }])
  })
})

describe('DescribeProducers', () => {
  it('shows each producer with its transaction', async () => {
    const bench = new Bench()
    await bench.appended(sequenced(1, 0, 3))
    await sent(bench, { sequence: 0 })
    await end(bench, { coordinatorEpoch: 7 })
    bench.enlistment = { error: KafkaError.NONE, number: 2 }
    await sent(bench, { sequence: 1 })
    bench.restart()
    const { producers } = await bench.leader.producers(TARGET)
    const lastTimestamp = bench.nowMs
    expect(producers).toEqual([
      {
        producerId: 1,
        producerEpoch: 0,
        lastSequence: 2,
        lastTimestamp,
        coordinatorEpoch: -1,
        currentTransactionStartOffset: -1,
      },
      {
        producerId: 9,
        producerEpoch: 0,
        lastSequence: 1,
        lastTimestamp,
        coordinatorEpoch: 7,
        currentTransactionStartOffset: 5,
      },
    ])
  })
})

describe('storage of the version before transactions', () => {
  it('is upgraded when it is loaded', async () => {
    const bench = new Bench()
    await bench.appended(sequenced(1, 0))
    toLayout1(bench.storage)
    bench.restart()
    expect(await bench.append(sequenced(1, 0))).toMatchObject({ baseOffset: 0 })
    await sent(bench, { sequence: 0 })
    await end(bench, { committed: false })
    expect((await committed(bench)).aborted).toEqual([[9, 1]])
    expect(bench.storage.direct('SELECT version FROM schema_version')).toEqual([
      { version: SCHEMA_VERSION },
    ])
  })
})
