import { describe, expect, it } from 'vitest'
import { initProducerId } from '../../../src/broker/handlers/init-producer-id.ts'
import type { InitRequest } from '../../../src/transaction/contract.ts'
import { fakeContext } from '../fakes.ts'

const call = { version: 4, clientId: null }
const NONE_HAD = { producerId: -1n, producerEpoch: -1 }

describe('InitProducerId', () => {
  let next = 40
  const context = fakeContext({
    cluster: {
      async allocateProducerIds(count) {
        next += count
        return { first: next }
      },
    },
    context: { brokerConfig: async () => '900000' },
  })
  const ask = (request: Partial<Parameters<typeof initProducerId>[0]>) =>
    initProducerId(
      {
        transactionalId: null,
        transactionTimeoutMs: 0,
        producerId: -1n,
        producerEpoch: -1,
        ...request,
      },
      call,
      context,
    )

  it('without a transactional id gives a fresh id in epoch 0, whatever the old one was', async () => {
    expect(await ask({})).toMatchObject({ errorCode: 0, producerId: 41n, producerEpoch: 0 })
    expect(await ask({ producerId: 5n, producerEpoch: 3 })).toMatchObject({
      errorCode: 0,
      producerId: 42n,
      producerEpoch: 0,
    })
  })

  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    ['an empty transactional id', { transactionalId: '', transactionTimeoutMs: 1_000 }, 42],
    ['an id without an epoch', { producerId: 5n }, 42],
    ['an epoch without an id', { producerEpoch: 5 }, 42],
    ['a timeout of 0', { transactionalId: 'tx', transactionTimeoutMs: 0 }, 50],
    ['a timeout over the most', { transactionalId: 'tx', transactionTimeoutMs: 900_001 }, 50],
  ])('with %s gives no id', async (_, request, errorCode) => {
    const expected = { errorCode, producerId: -1n, producerEpoch: -1 }
    expect(await ask(request)).toMatchObject(expected)
  })

  it('with a transactional id asks its coordinator', async () => {
    const asked: InitRequest[] = []
    const transactional = fakeContext({
      transaction: () => ({
        async initProducerId(request) {
          asked.push(request)
          return { error: 0, producerId: 7, producerEpoch: 3 }
        },
      }),
      context: { brokerConfig: async () => '900000' },
    })
    const request = { transactionalId: 'tx', transactionTimeoutMs: 900_000 }
    const had = { producerId: 7n, producerEpoch: 2 }
    const answer = await initProducerId({ ...request, ...had }, call, transactional)
    expect(answer).toMatchObject({ errorCode: 0, producerId: 7n, producerEpoch: 3 })
    expect(asked).toEqual([{ ...request, producerId: 7, producerEpoch: 2 }])
  })

  it.each([
    [3, 47],
    [4, 90],
  ])('of a fenced producer in version %i answers %i', async (version, errorCode) => {
    const fencing = fakeContext({
      transaction: () => ({
        initProducerId: async () => ({ error: 90, producerId: -1, producerEpoch: -1 }),
      }),
      context: { brokerConfig: async () => '900000' },
    })
    const request = { transactionalId: 'tx', transactionTimeoutMs: 1, ...NONE_HAD }
    const answer = await initProducerId(request, { ...call, version }, fencing)
    expect(answer).toMatchObject({ errorCode, producerId: -1n, producerEpoch: -1 })
  })

  it('answers COORDINATOR_NOT_AVAILABLE when no id can be had', async () => {
    const broken = fakeContext({
      cluster: { allocateProducerIds: () => Promise.reject(new Error('overloaded')) },
    })
    const request = {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: -1n,
      producerEpoch: -1,
    }
    expect(await initProducerId(request, call, broken)).toMatchObject({ errorCode: 15 })
  })
})
