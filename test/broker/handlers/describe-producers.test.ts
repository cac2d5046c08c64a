import { describe, expect, it } from 'vitest'
import { describeProducers } from '../../../src/broker/handlers/describe-producers.ts'
import { KafkaError } from '../../../src/core/errors.ts'
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
})
