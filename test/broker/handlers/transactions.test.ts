// The handlers of the transaction APIs: topics resolved, old versions' codes, and what is answered when
// a coordinator, a leader or Cluster cannot be reached.

import { describe, expect, it } from 'vitest'
import { addOffsetsToTxn } from '../../../src/broker/handlers/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../../src/broker/handlers/add-partitions-to-txn.ts'
import { describeTransactions } from '../../../src/broker/handlers/describe-transactions.ts'
import { endTxn } from '../../../src/broker/handlers/end-txn.ts'
import { listTransactions } from '../../../src/broker/handlers/list-transactions.ts'
import { writeTxnMarkers } from '../../../src/broker/handlers/write-txn-markers.ts'
import type { TransactionEntry } from '../../../src/cluster/contract.ts'
import type { TransactionMarker } from '../../../src/partition/contract.ts'
import type { AddRequest, EnlistRequest } from '../../../src/transaction/contract.ts'
import { fakeContext, topicState } from '../fakes.ts'

const call = (version: number) => ({ version, clientId: null })
const BY = { transactionalId: 'tx', producerId: 7n, producerEpoch: 2 }
const BROKEN = { ...BY, transactionalId: 'broken' }
const orders = topicState('orders', 3)

/** A coordinator that answers `error`; the one of 'broken' cannot be reached. */
function coordinators(error: number) {
  const added: AddRequest[] = []
  const enlisted: EnlistRequest[] = []
  const answer = <T extends object>(id: string, rest: T) =>
    id === 'broken' ? Promise.reject(new Error('restarted')) : Promise.resolve({ error, ...rest })
  const context = fakeContext({
    topics: [orders],
    cluster: {
      lookup: async ({ names = [] }) => ({
        clusterId: 'c',
        topics: names.map((name) =>
          name === 'orders' ? { error: 0 as const, topic: orders } : { error: 3 },
        ),
      }),
    },
    transaction: (id) => ({
      add: (request) => {
        added.push(request)
        return answer(id, {})
      },
      enlist: (request) => {
        enlisted.push(request)
        return answer(id, { number: 4 })
      },
      endTransaction: () => answer(id, { producerId: 8, producerEpoch: 3 }),
      describe: () =>
        answer(id, {
          state: 'Ongoing',
          timeoutMs: 60_000,
          startTimeMs: 99,
          producerId: 7,
          producerEpoch: 2,
          partitions: [2, 0].map((partition) => ({
            topicId: orders.id,
            topic: 'orders',
            partition,
          })),
        }),
    }),
  })
  return { context, added, enlisted }
}

function v3(by: typeof BY, topics: readonly { name: string; partitions: readonly number[] }[]) {
  return {
    transactions: [],
    v3AndBelowTransactionalId: by.transactionalId,
    v3AndBelowProducerId: by.producerId,
    v3AndBelowProducerEpoch: by.producerEpoch,
    v3AndBelowTopics: topics,
  }
}

function codes(topics: Awaited<ReturnType<typeof addPartitionsToTxn>>['resultsByTopicV3AndBelow']) {
  return topics?.flatMap((one) =>
    one.resultsByPartition.map((each) => [one.name, each.partitionIndex, each.partitionErrorCode]),
  )
}

describe('AddPartitionsToTxn', () => {
  it('adds partitions by the ids of their topics', async () => {
    const { context, added } = coordinators(0)
    const request = v3(BY, [{ name: 'orders', partitions: [0, 2] }])
    const { resultsByTopicV3AndBelow } = await addPartitionsToTxn(request, call(3), context)
    expect(codes(resultsByTopicV3AndBelow)).toEqual([
      ['orders', 0, 0],
      ['orders', 2, 0],
    ])
    const partition = { kind: 'partition', topicId: orders.id, topic: 'orders' }
    expect(added).toEqual([
      {
        transactionalId: 'tx',
        producerId: 7,
        producerEpoch: 2,
        participants: [
          { ...partition, partition: 0 },
          { ...partition, partition: 2 },
        ],
      },
    ])
  })

  it('asks no coordinator when a partition is not there', async () => {
    const { context, added } = coordinators(0)
    const topics = [
      { name: 'orders', partitions: [0, -1] },
      { name: 'gone', partitions: [0] },
    ]
    const { resultsByTopicV3AndBelow } = await addPartitionsToTxn(v3(BY, topics), call(0), context)
    expect(codes(resultsByTopicV3AndBelow)).toEqual([
      ['orders', 0, 55],
      ['orders', -1, 3],
      ['gone', 0, 3],
    ])
    expect(added).toEqual([])
  })

  it.each([
    [0, 90, 47],
    [1, 90, 47],
    [2, 90, 90],
    [3, 51, 51],
  ])('in version %i answers %i as %i', async (version, error, expected) => {
    const { context } = coordinators(error)
    const request = v3(BY, [{ name: 'orders', partitions: [1] }])
    const got = await addPartitionsToTxn(request, call(version), context)
    expect(codes(got.resultsByTopicV3AndBelow)).toEqual([['orders', 1, expected]])
  })

  it('answers COORDINATOR_NOT_AVAILABLE when its coordinator or Cluster cannot be reached', async () => {
    const { context } = coordinators(0)
    const topics = [{ name: 'orders', partitions: [1] }]
    const got = await addPartitionsToTxn(v3(BROKEN, topics), call(3), context)
    expect(codes(got.resultsByTopicV3AndBelow)).toEqual([['orders', 1, 15]])
    const alone = fakeContext({ cluster: { lookup: () => Promise.reject(new Error('away')) } })
    const unknown = await addPartitionsToTxn(v3(BY, topics), call(3), alone)
    expect(codes(unknown.resultsByTopicV3AndBelow)).toEqual([['orders', 1, 15]])
  })

  it('in its batched form answers each transaction for itself', async () => {
    const { context, added, enlisted } = coordinators(0)
    const topics = [{ name: 'orders', partitions: [0, 1] }]
    const request = {
      ...v3(BY, []),
      transactions: [
        { ...BY, verifyOnly: true, topics },
        { ...BROKEN, verifyOnly: false, topics },
        { ...BY, transactionalId: '', verifyOnly: false, topics },
      ],
    }
    const got = await addPartitionsToTxn(request, call(5), context)
    const results = got.resultsByTransaction?.map((one) => [
      one.transactionalId,
      codes(one.topicResults)?.map(([, , code]) => code),
    ])
    expect(results).toEqual([
      ['tx', [0, 0]],
      ['broken', [15, 15]],
      ['', [42, 42]],
    ])
    expect(enlisted.map(({ verifyOnly }) => verifyOnly)).toEqual([true, true])
    expect(added.map(({ transactionalId }) => transactionalId)).toEqual(['broken'])
  })
})

describe('AddOffsetsToTxn', () => {
  it('adds the group, and nobody for the group without a name', async () => {
    const { context, added } = coordinators(0)
    const ok = { throttleTimeMs: 0, errorCode: 0 }
    expect(await addOffsetsToTxn({ ...BY, groupId: 'g' }, call(3), context)).toEqual(ok)
    expect(await addOffsetsToTxn({ ...BY, groupId: '' }, call(3), context)).toEqual(ok)
    const participants = added.map((one) => one.participants)
    expect(participants).toEqual([[{ kind: 'group', groupId: 'g' }], []])
  })

  it.each([
    [1, 90, 47],
    [2, 90, 90],
    [4, 49, 49],
  ])('in version %i answers %i as %i', async (version, error, errorCode) => {
    const { context } = coordinators(error)
    const got = await addOffsetsToTxn({ ...BY, groupId: 'g' }, call(version), context)
    expect(got).toMatchObject({ errorCode })
  })
})

describe('EndTxn', () => {
  it('gives the id and epoch to go on with', async () => {
    const { context } = coordinators(0)
    const got = await endTxn({ ...BY, committed: true }, call(5), context)
    expect(got).toEqual({ throttleTimeMs: 0, errorCode: 0, producerId: 8n, producerEpoch: 3 })
  })

  it.each([
    [1, BY, 90, 47],
    [2, BY, 90, 90],
    [5, BY, 48, 48],
    [5, BROKEN, 0, 15],
    [5, { ...BY, transactionalId: '' }, 0, 42],
  ])('in version %i of %o answers %i as %i', async (version, by, error, errorCode) => {
    const { context } = coordinators(error)
    const got = await endTxn({ ...by, committed: false }, call(version), context)
    expect(got).toMatchObject({ errorCode, producerId: -1n, producerEpoch: -1 })
  })
})

describe('DescribeTransactions', () => {
  it('answers each id for itself, its partitions by topic', async () => {
    const { context } = coordinators(0)
    const request = { transactionalIds: ['tx', 'broken', ''] }
    const { transactionStates } = await describeTransactions(request, call(0), context)
    expect(transactionStates[0]).toEqual({
      errorCode: 0,
      transactionalId: 'tx',
      transactionState: 'Ongoing',
      transactionTimeoutMs: 60_000,
      transactionStartTimeMs: 99,
      producerId: 7n,
      producerEpoch: 2,
      topics: [{ topic: 'orders', partitions: [2, 0] }],
    })
    expect(transactionStates.slice(1).map((one) => one.errorCode)).toEqual([15, 42])
  })
})

describe('ListTransactions', () => {
  const all = { stateFilters: [], producerIdFilters: [], durationFilter: -1 }
  const entry = (transactionalId: string, more: Partial<TransactionEntry>): TransactionEntry => ({
    transactionalId,
    producerId: 1,
    state: 'Ongoing',
    startTimeMs: Date.now() - 10_000,
    ...more,
  })
  const context = fakeContext({
    cluster: {
      listTransactions: async () => [
        entry('a-long', {}),
        entry('b-short', { startTimeMs: Date.now(), producerId: 2 }),
        entry('c-idle', { state: 'Empty', startTimeMs: -1, producerId: 3 }),
      ],
    },
  })
  const listed = async (request: Partial<Parameters<typeof listTransactions>[0]>) => {
    const asked = { ...all, transactionalIdPattern: null, ...request }
    const { transactionStates } = await listTransactions(asked, call(2), context)
    return transactionStates.map((one) => one.transactionalId)
  }

  it('filters by what is asked', async () => {
    expect(await listed({})).toEqual(['a-long', 'b-short', 'c-idle'])
    expect(await listed({ durationFilter: 5_000, stateFilters: ['Ongoing'] })).toEqual(['a-long'])
    // Kafka counts the time of one that was never begun from before all time.
    expect(await listed({ durationFilter: 5_000 })).toEqual(['a-long', 'c-idle'])
    expect(await listed({ producerIdFilters: [2n, 3n] })).toEqual(['b-short', 'c-idle'])
    expect(await listed({ transactionalIdPattern: '[ab]-.+' })).toEqual(['a-long', 'b-short'])
    expect(await listed({ transactionalIdPattern: 'a' })).toEqual([])
  })

  it.each(['(', 'x'.repeat(2_001), '(x{1000}){1000}'])(
    'refuses a pattern it cannot take',
    async (pattern) => {
      const request = { ...all, transactionalIdPattern: pattern }
      expect(await listTransactions(request, call(2), context)).toMatchObject({ errorCode: 128 })
    },
  )

  it('takes no longer for a pattern that others choke on', async () => {
    const ids = fakeContext({
      cluster: { listTransactions: async () => [entry('a'.repeat(30_000), {})] },
    })
    const started = performance.now()
    const request = { ...all, transactionalIdPattern: '(a*)*b' }
    const { transactionStates } = await listTransactions(request, call(2), ids)
    expect(transactionStates).toEqual([])
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  it('answers COORDINATOR_NOT_AVAILABLE when Cluster cannot be reached', async () => {
    const alone = fakeContext({
      cluster: { listTransactions: () => Promise.reject(new Error('away')) },
    })
    const request = { ...all, transactionalIdPattern: null }
    expect(await listTransactions(request, call(2), alone)).toMatchObject({ errorCode: 15 })
  })
})

describe('WriteTxnMarkers', () => {
  it('writes to each partition what the operator says, without a number', async () => {
    const written: TransactionMarker[] = []
    const context = fakeContext({
      topics: [orders],
      cluster: {
        lookup: async ({ names = [] }) => ({
          clusterId: 'c',
          topics: names.map(() => ({ error: 3 })),
        }),
      },
      partition: (_, partition) => ({
        async endTransaction(marker) {
          if (partition === 2) throw new Error('restarted')
          written.push(marker)
          return { error: 0 }
        },
      }),
    })
    const marker = {
      producerId: 7n,
      producerEpoch: 2,
      transactionResult: false,
      coordinatorEpoch: 5,
    }
    const topics = [
      { name: 'orders', partitionIndexes: [0, 2] },
      { name: '__consumer_offsets', partitionIndexes: [4] },
    ]
    const got = await writeTxnMarkers({ markers: [{ ...marker, topics }] }, call(1), context)
    expect(got.markers[0]?.topics).toEqual([
      {
        name: 'orders',
        partitions: [
          { partitionIndex: 0, errorCode: 0 },
          { partitionIndex: 2, errorCode: 6 },
        ],
      },
      { name: '__consumer_offsets', partitions: [{ partitionIndex: 4, errorCode: 3 }] },
    ])
    expect(written).toEqual([
      {
        topicId: orders.id,
        partition: 0,
        producerId: 7,
        producerEpoch: 2,
        number: null,
        coordinatorEpoch: 5,
        committed: false,
      },
    ])
  })
})
