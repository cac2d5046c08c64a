import { describe, expect, it } from 'vitest'
import { alterPartitionReassignments } from '../../../src/broker/handlers/alter-partition-reassignments.ts'
import { fakeContext, topicState } from '../fakes.ts'

const context = fakeContext({
  cluster: {
    lookup: async ({ names = [] }) => ({
      clusterId: 'c',
      topics: names.map((name) =>
        name === 't' ? { error: 0, topic: topicState('t', 2) } : { error: 3 },
      ),
    }),
  },
})

async function move(name: string, partitionIndex: number, replicas: number[] | null) {
  const topics = [{ name, partitions: [{ partitionIndex, replicas }] }]
  const request = { timeoutMs: 1, allowReplicationFactorChange: false, topics }
  const got = await alterPartitionReassignments(request, { version: 1, clientId: null }, context)
  expect(got).toMatchObject({ errorCode: 0, allowReplicationFactorChange: false })
  return got.responses[0]!.partitions[0]
}

describe('AlterPartitionReassignments', () => {
  it('to where the replica is is done', async () => {
    expect(await move('t', 1, [1])).toEqual({ partitionIndex: 1, errorCode: 0, errorMessage: null })
  })

  it.each<[number[], string]>([
    [[], 'an empty replica list'],
    [[2], 'includes broker 2, but no such broker is registered'],
    [[1, 2], 'includes broker 2'],
    [[1, 1], 'the broker 1 more than once'],
  ])('to %j gets INVALID_REPLICA_ASSIGNMENT', async (replicas, sentence) => {
    const got = await move('t', 0, replicas)
    expect(got?.errorCode).toBe(39)
    expect(got?.errorMessage).toContain(sentence)
  })

  it('cancelled gets NO_REASSIGNMENT_IN_PROGRESS', async () => {
    expect(await move('t', 0, null)).toMatchObject({ errorCode: 85 })
  })

  it('of what does not exist gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    expect(await move('t', 2, [1])).toMatchObject({ errorCode: 3 })
    expect(await move('t', -1, null)).toMatchObject({ errorCode: 3 })
    expect(await move('none', 0, null)).toMatchObject({ errorCode: 3 })
  })
})
