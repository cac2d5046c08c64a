// Transactions on the wire: the coordinator's APIs, the older flow (KIP-98) and the newer one (KIP-890),
// and what of it a partition and its readers see. Offsets of groups are not here.

import { describe, expect } from 'vitest'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { WriteTxnMarkers } from '../../../src/protocol/messages/write-txn-markers.ts'
import { readBatches } from '../batches.ts'
import { createTopic, fetch, listOffsets, until } from '../calls.ts'
import { suite } from '../target.ts'
import {
  addBatched,
  addOffsets,
  addPartitions,
  atRest,
  describeTransaction,
  end,
  endAndGoOn,
  init,
  listTransactions,
  produceIn,
  producer,
} from '../transaction-calls.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('transactions')
const NO_PRODUCER = { producerId: -1n, producerEpoch: -1 }
const COMMIT = true
const ABORT = false

let ids = 0
function transactionalId(): string {
  ids += 1
  return `txn-${ids}`
}

async function topicOf(wire: Wire, partitions = 1): Promise<string> {
  const name = topic()
  await createTopic(wire, name, partitions)
  return name
}

describe('InitProducerId', () => {
  scenario('gives a fresh id at epoch 0, then the same id at the next epoch', async () => {
    const wire = await connect()
    const id = transactionalId()
    const first = await init(wire, id)
    expect(first).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    const { producerId } = first
    expect(await init(wire, id)).toMatchObject({ errorCode: 0, producerId, producerEpoch: 1 })
    const other = await init(wire, transactionalId())
    expect(other.producerId).not.toBe(producerId)
  })

  scenario('refuses what cannot be meant', async () => {
    const wire = await connect()
    const id = transactionalId()
    const ask = (request: object) =>
      wire.call(InitProducerId, 4, {
        transactionalId: id,
        transactionTimeoutMs: 60_000,
        ...request,
      })
    await init(wire, id)
    const refused: [object, number][] = [
      [{ transactionalId: '' }, 42],
      [{ producerId: 1n }, 42],
      [{ producerEpoch: 1 }, 42],
      [{ transactionTimeoutMs: 0 }, 50],
      [{ transactionTimeoutMs: -1 }, 50],
      [{ transactionTimeoutMs: 900_001 }, 50],
    ]
    for (const [request, errorCode] of refused) {
      expect(await ask(request), JSON.stringify(Object.keys(request))).toMatchObject({
        errorCode,
        ...NO_PRODUCER,
      })
    }
  })

  scenario(
    'of a producer that says what it had is answered alike when it is repeated',
    async () => {
      const wire = await connect()
      const had = await producer(wire, transactionalId())
      const next = { errorCode: 0, producerId: had.producerId, producerEpoch: 1 }
      expect(await init(wire, had.transactionalId, { had })).toMatchObject(next)
      expect(await init(wire, had.transactionalId, { had })).toMatchObject(next)
    },
  )

  scenario('of a stale producer is fenced, by the code its version knows', async () => {
    const wire = await connect()
    const had = await producer(wire, transactionalId())
    await producer(wire, had.transactionalId)
    const foreign = { producerId: had.producerId + 1_000n, producerEpoch: 0 }
    for (const [version, errorCode] of [
      [3, 47],
      [4, 90],
      [5, 90],
    ] as const) {
      const refused = { errorCode, ...NO_PRODUCER }
      expect(await init(wire, had.transactionalId, { version, had })).toMatchObject(refused)
      const other = await init(wire, had.transactionalId, { version, had: foreign })
      expect(other).toMatchObject(refused)
    }
  })

  scenario('aborts an open transaction first and says CONCURRENT_TRANSACTIONS', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    const zombie = await producer(wire, transactionalId())
    const { transactionalId: id, producerId } = zombie
    expect(await addPartitions(wire, zombie, name, [0])).toEqual([0])
    expect(await init(wire, id)).toMatchObject({ errorCode: 51, ...NO_PRODUCER })
    expect(await atRest(wire, id)).toBe('CompleteAbort')
    expect(await describeTransaction(wire, id)).toMatchObject({ producerId, producerEpoch: 1 })
    expect(await producer(wire, id)).toMatchObject({ producerId, producerEpoch: 2 })
    expect(await addPartitions(wire, zombie, name, [0])).toEqual([90])
    expect(await end(wire, zombie, COMMIT, 4)).toMatchObject({ errorCode: 90 })
    expect(await end(wire, zombie, COMMIT, 5)).toMatchObject({ errorCode: 90 })
  })

  scenario(
    'of the producer whose own transaction is open aborts that and gives one epoch more',
    async () => {
      const wire = await connect()
      const name = await topicOf(wire)
      const had = await producer(wire, transactionalId())
      await addPartitions(wire, had, name, [0])
      expect(await init(wire, had.transactionalId, { had })).toMatchObject({ errorCode: 51 })
      const next = await producer(wire, had.transactionalId, { had })
      expect(next).toMatchObject({ producerId: had.producerId, producerEpoch: 1 })
    },
  )
})

describe('AddPartitionsToTxn', () => {
  scenario('begins a transaction', async () => {
    const wire = await connect()
    const name = await topicOf(wire, 3)
    const by = await producer(wire, transactionalId(), { timeoutMs: 45_000 })
    const before = await describeTransaction(wire, by.transactionalId)
    expect(before).toMatchObject({ transactionState: 'Empty', topics: [] })
    expect(before.transactionStartTimeMs).toBe(-1)
    expect(await addPartitions(wire, by, name, [0, 2])).toEqual([0, 0])
    expect(await addPartitions(wire, by, name, [1, 2])).toEqual([0, 0])
    const { topics, ...open } = await describeTransaction(wire, by.transactionalId)
    expect(open).toMatchObject({
      errorCode: 0,
      transactionState: 'Ongoing',
      transactionTimeoutMs: 45_000,
      producerId: by.producerId,
      producerEpoch: 0,
    })
    expect(open.transactionStartTimeMs).toBeGreaterThan(0)
    expect(topics.map((one) => [one.topic, one.partitions.toSorted()])).toEqual([[name, [0, 1, 2]]])
  })

  scenario('of a partition that is not there attempts none of the others', async () => {
    const wire = await connect()
    const name = await topicOf(wire, 2)
    const by = await producer(wire, transactionalId())
    expect(await addPartitions(wire, by, name, [0, 1, 2])).toEqual([55, 55, 3])
    expect(await addPartitions(wire, by, 'no-such-topic', [0])).toEqual([3])
    const { transactionState } = await describeTransaction(wire, by.transactionalId)
    expect(transactionState).toBe('Empty')
  })

  scenario('refuses producers that are not its own, by the code their version knows', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    const by = await producer(wire, transactionalId())
    const stale = { ...by, producerEpoch: by.producerEpoch + 1 }
    const foreign = { ...by, producerId: by.producerId + 1_000n }
    for (const [version, fenced] of [
      [0, 47],
      [1, 47],
      [2, 90],
      [3, 90],
    ] as const) {
      expect(await addPartitions(wire, stale, name, [0], version)).toEqual([fenced])
      expect(await addPartitions(wire, foreign, name, [0], version)).toEqual([49])
    }
    const unknown = { ...by, transactionalId: transactionalId() }
    expect(await addPartitions(wire, unknown, name, [0])).toEqual([49])
    expect(await addPartitions(wire, { ...by, transactionalId: '' }, name, [0])).toEqual([42])
  })

  scenario('in its batched form verifies without adding, and adds', async () => {
    const wire = await connect()
    const name = await topicOf(wire, 2)
    const by = await producer(wire, transactionalId())
    for (const version of [4, 5]) {
      const verify = { version, verifyOnly: true }
      expect(await addBatched(wire, by, name, [0, 1], verify)).toEqual([120, 120])
    }
    expect(await addBatched(wire, by, name, [0], { version: 4, verifyOnly: false })).toEqual([0])
    for (const version of [4, 5]) {
      const verify = { version, verifyOnly: true }
      expect(await addBatched(wire, by, name, [0, 1], verify)).toEqual([0, 120])
      const stale = { ...by, producerEpoch: 9 }
      expect(await addBatched(wire, stale, name, [0], verify)).toEqual([90])
      const foreign = { ...by, producerId: by.producerId + 1_000n }
      expect(await addBatched(wire, foreign, name, [0], verify)).toEqual([49])
      expect(await addBatched(wire, by, name, [0, 7], verify)).toEqual([55, 3])
    }
  })
})

describe('AddOffsetsToTxn', () => {
  scenario('begins a transaction and refuses as AddPartitionsToTxn does', async () => {
    const wire = await connect()
    const by = await producer(wire, transactionalId())
    const stale = { ...by, producerEpoch: 7 }
    expect(await addOffsets(wire, stale, 'a-group', 1)).toBe(47)
    expect(await addOffsets(wire, stale, 'a-group', 2)).toBe(90)
    expect(await addOffsets(wire, stale, 'a-group', 4)).toBe(90)
    const foreign = { ...by, producerId: by.producerId + 1_000n }
    expect(await addOffsets(wire, foreign, 'a-group')).toBe(49)
    expect(await addOffsets(wire, { ...by, transactionalId: '' }, 'a-group')).toBe(42)
    expect(await addOffsets(wire, by, 'a-group')).toBe(0)
    const { transactionState } = await describeTransaction(wire, by.transactionalId)
    expect(transactionState).toBe('Ongoing')
    expect(await end(wire, by, COMMIT, 3)).toMatchObject({ errorCode: 0 })
    expect(await atRest(wire, by.transactionalId)).toBe('CompleteCommit')
  })
})

describe('EndTxn before version 5', () => {
  scenario('keeps the epoch and may be repeated', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    const by = await producer(wire, transactionalId())
    for (const [committed, state] of [
      [COMMIT, 'CompleteCommit'],
      [ABORT, 'CompleteAbort'],
    ] as const) {
      expect(await addPartitions(wire, by, name, [0])).toEqual([0])
      expect(await end(wire, by, committed, 4)).toMatchObject({ errorCode: 0 })
      expect(await atRest(wire, by.transactionalId)).toBe(state)
      expect(await end(wire, by, committed, 4)).toMatchObject({ errorCode: 0 })
      expect(await end(wire, by, !committed, 4)).toMatchObject({ errorCode: 48 })
      const described = await describeTransaction(wire, by.transactionalId)
      expect(described).toMatchObject({ producerEpoch: 0, topics: [] })
      expect(described.transactionStartTimeMs).toBeGreaterThan(0)
    }
  })

  scenario('refuses what is not open and who is not its producer', async () => {
    const wire = await connect()
    const by = await producer(wire, transactionalId())
    expect(await end(wire, by, COMMIT, 4)).toMatchObject({ errorCode: 48 })
    expect(await end(wire, by, ABORT, 4)).toMatchObject({ errorCode: 48 })
    const stale = { ...by, producerEpoch: 7 }
    expect(await end(wire, stale, COMMIT, 1)).toMatchObject({ errorCode: 47 })
    expect(await end(wire, stale, COMMIT, 2)).toMatchObject({ errorCode: 90 })
    const foreign = { ...by, producerId: by.producerId + 1_000n }
    expect(await end(wire, foreign, COMMIT, 4)).toMatchObject({ errorCode: 49 })
    const unknown = { ...by, transactionalId: transactionalId() }
    expect(await end(wire, unknown, COMMIT, 4)).toMatchObject({ errorCode: 49 })
    expect(await end(wire, { ...by, transactionalId: '' }, COMMIT, 4)).toMatchObject({
      errorCode: 42,
    })
  })
})

describe('EndTxn version 5', () => {
  scenario('raises the epoch, and repeated answers the same', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    let by = await producer(wire, transactionalId())
    for (const committed of [COMMIT, ABORT]) {
      expect(await addPartitions(wire, by, name, [0])).toEqual([0])
      const { producerId, producerEpoch } = by
      const next = { errorCode: 0, producerId, producerEpoch: producerEpoch + 1 }
      expect(await end(wire, by, committed, 5)).toMatchObject(next)
      await atRest(wire, by.transactionalId)
      expect(await end(wire, by, committed, 5)).toMatchObject(next)
      expect(await end(wire, by, !committed, 5)).toMatchObject({ errorCode: 48, ...NO_PRODUCER })
      by = { ...by, producerEpoch: producerEpoch + 1 }
    }
    expect(await end(wire, by, COMMIT, 5)).toMatchObject({ errorCode: 48 })
  })

  scenario('aborts what was never begun, raising the epoch; commits none', async () => {
    const wire = await connect()
    const by = await producer(wire, transactionalId())
    const { transactionalId: id, producerId } = by
    expect(await end(wire, by, COMMIT, 5)).toMatchObject({ errorCode: 48 })
    expect(await end(wire, by, ABORT, 5)).toMatchObject({
      errorCode: 0,
      producerId,
      producerEpoch: 1,
    })
    expect(await atRest(wire, id)).toBe('CompleteAbort')
    const next = { ...by, producerEpoch: 1 }
    expect(await end(wire, next, ABORT, 5)).toMatchObject({ errorCode: 0, producerEpoch: 2 })
    const stale = { ...by, producerEpoch: 0 }
    expect(await end(wire, stale, ABORT, 5)).toMatchObject({ errorCode: 90 })
  })

  scenario('after an init by the newer flow refuses the epoch before', async () => {
    const wire = await connect()
    const by = await producer(wire, transactionalId())
    await producer(wire, by.transactionalId)
    expect(await end(wire, by, ABORT, 5)).toMatchObject({ errorCode: 90, ...NO_PRODUCER })
  })
})

describe('a transaction whose time is up', () => {
  scenario('is aborted and its producer fenced, who may go on with the next epoch', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    const by = await producer(wire, transactionalId(), { timeoutMs: 500 })
    const { transactionalId: id, producerId } = by
    await addPartitions(wire, by, name, [0])
    await until(async () => {
      const { transactionState } = await describeTransaction(wire, id)
      return transactionState === 'CompleteAbort'
    })
    const described = await describeTransaction(wire, id)
    expect(described).toMatchObject({ producerId, producerEpoch: 1, topics: [] })
    expect(await addPartitions(wire, by, name, [0])).toEqual([90])
    expect(await end(wire, by, COMMIT, 4)).toMatchObject({ errorCode: 90 })
    expect(await end(wire, by, COMMIT, 5)).toMatchObject({ errorCode: 48 })
    const next = { errorCode: 0, producerId, producerEpoch: 1 }
    expect(await end(wire, by, ABORT, 5)).toMatchObject(next)
    expect(await init(wire, id, { had: by })).toMatchObject(next)
  })
})

describe('DescribeTransactions', () => {
  scenario('says which ids it does not know', async () => {
    const wire = await connect()
    await producer(wire, transactionalId())
    expect(await describeTransaction(wire, 'never-initialised')).toMatchObject({
      errorCode: 105,
      transactionState: '',
      topics: [],
    })
    expect(await describeTransaction(wire, '')).toMatchObject({ errorCode: 42 })
  })
})

describe('ListTransactions', () => {
  scenario('filters by state, producer, duration and pattern', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    const idle = await producer(wire, 'list-idle')
    const open = await producer(wire, 'list-open')
    await addPartitions(wire, open, name, [0])
    const listed = async (options: Parameters<typeof listTransactions>[1]) => {
      const { transactionStates, errorCode } = await listTransactions(wire, options)
      expect(errorCode).toBe(0)
      return transactionStates
        .map((one) => one.transactionalId)
        .filter((one) => one.startsWith('list-'))
        .toSorted()
    }
    await until(async () => (await listed({ states: ['Ongoing'] })).length === 1)
    expect(await listed({})).toEqual(['list-idle', 'list-open'])
    expect(await listed({ version: 0 })).toEqual(['list-idle', 'list-open'])
    expect(await listed({ states: ['Ongoing'] })).toEqual(['list-open'])
    expect(await listed({ states: ['Empty', 'Ongoing'] })).toEqual(['list-idle', 'list-open'])
    expect(await listed({ states: ['Dead'] })).toEqual([])
    expect(await listed({ producerIds: [idle.producerId] })).toEqual(['list-idle'])
    expect(await listed({ producerIds: [open.producerId], states: ['Empty'] })).toEqual([])
    expect(await listed({ durationMs: 3_600_000, states: ['Ongoing'] })).toEqual([])
    expect(await listed({ durationMs: 0, states: ['Ongoing'] })).toEqual(['list-open'])
    expect(await listed({ pattern: 'list-.*' })).toEqual(['list-idle', 'list-open'])
    expect(await listed({ pattern: 'list' })).toEqual([])
    expect(await listed({ pattern: '.*-(open|shut)' })).toEqual(['list-open'])
    expect(await listed({ pattern: '' })).toEqual(['list-idle', 'list-open'])
    const { transactionStates } = await listTransactions(wire, { states: ['Ongoing'] })
    expect(transactionStates.find((one) => one.transactionalId === 'list-open')).toEqual({
      transactionalId: 'list-open',
      producerId: open.producerId,
      transactionState: 'Ongoing',
    })
  })

  scenario('names the states it does not know', async () => {
    const wire = await connect()
    await producer(wire, 'unknown-state')
    const got = await listTransactions(wire, { states: ['Ongoing', 'ongoing', 'Asleep'] })
    expect(got.errorCode).toBe(0)
    expect(got.unknownStateFilters.toSorted()).toEqual(['Asleep', 'ongoing'])
    const none = await listTransactions(wire, { states: ['Asleep'] })
    expect(none.unknownStateFilters).toEqual(['Asleep'])
    expect(none.transactionStates).toEqual([])
  })

  scenario('refuses a pattern that is none', async () => {
    const wire = await connect()
    const got = await listTransactions(wire, { pattern: '(' })
    expect(got).toMatchObject({ errorCode: 128, transactionStates: [] })
  })
})

describe('records of a transaction', () => {
  for (const [flow, version, endVersion] of [
    ['older', 11, 4],
    ['newer', 12, 5],
  ] as const) {
    scenario(`by the ${flow} flow are read committed all or not at all`, async () => {
      const wire = await connect()
      const name = await topicOf(wire, 2)
      let by = await producer(wire, transactionalId())
      const readable = async (partition: number) => {
        const got = await fetch(wire, name, partition, 0, { isolationLevel: 1 })
        return [got.lastStableOffset, readBatches(got.records).length]
      }
      if (flow === 'older') await addPartitions(wire, by, name, [0, 1])
      for (const partition of [0, 1]) {
        const got = await produceIn(wire, by, name, partition, { version })
        expect([got.errorCode, got.baseOffset]).toEqual([0, 0])
        expect(await readable(partition)).toEqual([0, 0])
      }
      const plain = await fetch(wire, name, 0, 0)
      expect([plain.highWatermark, readBatches(plain.records).length]).toEqual([1, 1])
      const ended = await end(wire, by, COMMIT, endVersion)
      expect(ended.errorCode).toBe(0)
      if (flow === 'newer') by = { ...by, producerEpoch: ended.producerEpoch }
      for (const partition of [0, 1]) {
        // Kafka gives the marker below the last stable offset or, while nothing comes behind it, does not.
        await until(async () => {
          const [stable, batches = 0] = await readable(partition)
          return stable === 2 && batches >= 1
        })
      }

      if (flow === 'older') await addPartitions(wire, by, name, [0])
      const sequence = flow === 'older' ? 1 : 0
      const second = await produceIn(wire, by, name, 0, { version, sequence })
      expect([second.errorCode, second.baseOffset]).toEqual([0, 2])
      expect((await end(wire, by, ABORT, endVersion)).errorCode).toBe(0)
      await until(async () => (await readable(0))[0] === 4)
      const aborted = [{ producerId: by.producerId, firstOffset: 2 }]
      await until(async () => {
        const got = await fetch(wire, name, 0, 2, { isolationLevel: 1 })
        return got.abortedTransactions?.length === 1
      })
      const got = await fetch(wire, name, 0, 2, { isolationLevel: 1 })
      expect(got.abortedTransactions).toEqual(aborted)
      const beside = await fetch(wire, name, 0, 0)
      expect(beside.abortedTransactions ?? []).toEqual([])
      const latest = await listOffsets(wire, name, [0], -1)
      expect(latest.topics[0]!.partitions[0]!.offset).toBe(4)
    })
  }

  scenario('by the newer flow add their partition themselves', async () => {
    const wire = await connect()
    const name = await topicOf(wire, 2)
    const by = await producer(wire, transactionalId())
    expect(await produceIn(wire, by, name, 1, { version: 12 })).toMatchObject({ errorCode: 0 })
    const described = await describeTransaction(wire, by.transactionalId)
    expect(described.transactionState).toBe('Ongoing')
    expect(described.topics).toEqual([{ topic: name, partitions: [1] }])
    const next = await endAndGoOn(wire, by, COMMIT)
    expect(await produceIn(wire, next, name, 0, { version: 12 })).toMatchObject({ errorCode: 0 })
    await endAndGoOn(wire, next, ABORT)
  })

  scenario('by the older flow are refused in a partition that was not added', async () => {
    const wire = await connect()
    const name = await topicOf(wire, 2)
    const by = await producer(wire, transactionalId())
    await addPartitions(wire, by, name, [0])
    expect(await produceIn(wire, by, name, 1, { version: 10 })).toMatchObject({ errorCode: 48 })
    expect(await produceIn(wire, by, name, 1, { version: 11 })).toMatchObject({ errorCode: 120 })
    expect(await produceIn(wire, by, name, 0, { version: 11 })).toMatchObject({ errorCode: 0 })
  })

  scenario('of a fenced producer are refused', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    const zombie = await producer(wire, transactionalId())
    await produceIn(wire, zombie, name, 0, { version: 12 })
    await producer(wire, zombie.transactionalId)
    const late = await produceIn(wire, zombie, name, 0, { version: 12, sequence: 1 })
    expect(late).toMatchObject({ errorCode: 47, baseOffset: -1 })
    const { topics } = await listOffsets(wire, name, [0], -1)
    // The record and the marker of the abort.
    expect(topics[0]!.partitions[0]!.offset).toBe(2)
  })
})

describe('WriteTxnMarkers', () => {
  scenario('of an operator ends a transaction on one partition', async () => {
    const wire = await connect()
    const name = await topicOf(wire)
    const by = await producer(wire, transactionalId())
    await produceIn(wire, by, name, 0, { version: 12 })
    const got = await wire.call(WriteTxnMarkers, 1, {
      markers: [
        {
          producerId: by.producerId,
          producerEpoch: by.producerEpoch,
          transactionResult: ABORT,
          topics: [
            { name, partitionIndexes: [0, 5] },
            { name: 'no-such-topic', partitionIndexes: [0] },
          ],
          coordinatorEpoch: 0,
        },
      ],
    })
    const codes = got.markers[0]!.topics.flatMap((one) =>
      one.partitions.map((each) => [one.name, each.partitionIndex, each.errorCode]),
    )
    expect(codes.toSorted()).toEqual([
      ['no-such-topic', 0, 3],
      [name, 0, 0],
      [name, 5, 3],
    ])
    const stable = await fetch(wire, name, 0, 0, { isolationLevel: 1 })
    expect(stable.lastStableOffset).toBe(2)
    expect(stable.abortedTransactions).toEqual([{ producerId: by.producerId, firstOffset: 0 }])
  })
})
