import { describe, expect, it } from 'vitest'
import { electLeaders } from '../../../src/broker/handlers/elect-leaders.ts'
import { fakeContext, topicState } from '../fakes.ts'

const TOPIC = topicState('t', 2)
const context = fakeContext({
  cluster: {
    lookup: async ({ all, names = [] }) => ({
      clusterId: 'c',
      topics:
        all === true
          ? [{ error: 0, topic: TOPIC }]
          : names.map((name) => (name === 't' ? { error: 0, topic: TOPIC } : { error: 3 })),
    }),
  },
})
const call = { version: 2, clientId: null }

function elect(
  topicPartitions: { topic: string; partitions: number[] }[] | null,
  electionType = 0,
) {
  return electLeaders({ electionType, topicPartitions, timeoutMs: 1 }, call, context)
}

describe('ElectLeaders', () => {
  it.each([0, 1])('of type %i needs no election for what exists', async (type) => {
    const got = await elect(
      [
        { topic: 't', partitions: [0, 1, 2, -1] },
        { topic: 'none', partitions: [0] },
      ],
      type,
    )
    expect(got).toMatchObject({
      errorCode: 0,
      replicaElectionResults: [
        {
          topic: 't',
          partitionResult: [
            { partitionId: 0, errorCode: 84 },
            { partitionId: 1, errorCode: 84 },
            { partitionId: 2, errorCode: 3, errorMessage: 'No such partition as t-2' },
            { partitionId: -1, errorCode: 3 },
          ],
        },
        {
          topic: 'none',
          partitionResult: [
            { partitionId: 0, errorCode: 3, errorMessage: 'No such topic as none' },
          ],
        },
      ],
    })
  })

  it('of all names the topics, no partition of which needs one', async () => {
    expect((await elect(null)).replicaElectionResults).toEqual([
      { topic: 't', partitionResult: [] },
    ])
  })

  it('of an unknown type gets INVALID_REQUEST, as a whole and for each partition', async () => {
    expect(await elect([{ topic: 't', partitions: [0] }], 2)).toMatchObject({
      errorCode: 42,
      replicaElectionResults: [
        {
          topic: 't',
          partitionResult: [{ errorCode: 42, errorMessage: 'Unknown election type 2' }],
        },
      ],
    })
    expect(await elect(null, -1)).toMatchObject({ errorCode: 42, replicaElectionResults: [] })
  })
})
