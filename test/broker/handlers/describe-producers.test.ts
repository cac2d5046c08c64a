import { describe, expect, it } from 'vitest'
import { describeProducers } from '../../../src/broker/handlers/describe-producers.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { LEADERS_AT_ONCE } from '../../../src/core/limits/coordinators.ts'
import { fakeContext, topicState } from '../fakes.ts'

const CALL = { version: 0, clientId: null }

describe('DescribeProducers', () => {
  it('answers per partition, in the order asked', async () => {
    const producer = {
      producerId: 4_000_000_000,
      producerEpoch: 3,
      lastSequence: 9,
      lastTimestamp: 1_700_000_000_000,
      coordinatorEpoch: 0,
      currentTransactionStartOffset: 17,
    }
    const unknown = { error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION }
    const context = fakeContext({
      topics: [topicState('a', 2)],
      cluster: { lookup: async () => ({ clusterId: 'c', topics: [unknown] }) },
      partition: (_, index) => ({
        producers: async () => ({ error: 0, producers: index === 1 ? [producer] : [] }),
      }),
    })
    const topics = [
      { name: 'a', partitionIndexes: [1, 0] },
      { name: 'no', partitionIndexes: [0] },
    ]
    const response = await describeProducers({ topics }, CALL, context)
    expect(response.topics).toMatchObject([
      {
        name: 'a',
        partitions: [
          {
            partitionIndex: 1,
            errorCode: 0,
            activeProducers: [
              {
                producerId: 4_000_000_000n,
                producerEpoch: 3,
                lastSequence: 9,
                currentTxnStartOffset: 17,
              },
            ],
          },
          { partitionIndex: 0, errorCode: 0, activeProducers: [] },
        ],
      },
      { name: 'no', partitions: [{ partitionIndex: 0, errorCode: 3, activeProducers: [] }] },
    ])
  })

  it('asks a bounded number of leaders at once', async () => {
    let asked = 0
    let most = 0
    const context = fakeContext({
      topics: [topicState('a', 500), topicState('b', 500)],
      partition: () => ({
        producers: async () => {
          asked++
          most = Math.max(most, asked)
          await Promise.resolve()
          asked--
          return { error: 0, producers: [] }
        },
      }),
    })
    const partitionIndexes = Array.from({ length: 500 }, (_, index) => index)
    const topics = ['a', 'b'].map((name) => ({ name, partitionIndexes }))
    const response = await describeProducers({ topics }, CALL, context)
    expect(response.topics.map(({ partitions }) => partitions.length)).toEqual([500, 500])
    expect(most).toBeLessThanOrEqual(LEADERS_AT_ONCE)
  })
})
