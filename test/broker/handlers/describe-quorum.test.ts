import { describe, expect, it } from 'vitest'
import { describeQuorum } from '../../../src/broker/handlers/describe-quorum.ts'
import { fakeContext } from '../fakes.ts'

const context = fakeContext({
  cluster: { groupMetadata: async () => ({ version: 7, topics: [] }) },
})

function quorum(...topics: [string, ...number[]][]) {
  const request = {
    topics: topics.map(([topicName, ...partitions]) => ({
      topicName,
      partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
    })),
  }
  return describeQuorum(request, { version: 2, clientId: null }, context)
}

describe('DescribeQuorum', () => {
  it('shows a quorum of one at the address the client was told', async () => {
    expect(await quorum(['__cluster_metadata', 0])).toMatchObject({
      errorCode: 0,
      topics: [
        {
          topicName: '__cluster_metadata',
          partitions: [
            {
              errorCode: 0,
              leaderId: 1,
              highWatermark: 7,
              currentVoters: [{ replicaId: 1, logEndOffset: 7 }],
              observers: [],
            },
          ],
        },
      ],
      nodes: [{ nodeId: 1, listeners: [{ host: '127.0.0.1', port: 9092 }] }],
    })
  })

  it('knows nothing beside partition 0 of the metadata topic alone', async () => {
    for (const topics of [
      [['t', 0]],
      [['__cluster_metadata', 1]],
      [['__cluster_metadata', 0, 1]],
      [
        ['__cluster_metadata', 0],
        ['t', 0],
      ],
    ] as [string, ...number[]][][]) {
      const got = await quorum(...topics)
      expect(got).toMatchObject({ errorCode: 0, nodes: [] })
      const partitions = got.topics.flatMap((topic) => topic.partitions)
      expect(partitions.length).toBeGreaterThan(0)
      expect(partitions.every(({ errorCode }) => errorCode === 3)).toBe(true)
    }
    expect(await quorum()).toMatchObject({ errorCode: 0, topics: [] })
  })
})
