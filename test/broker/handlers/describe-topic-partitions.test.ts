import { describe, expect, it } from 'vitest'
import { describeTopicPartitions } from '../../../src/broker/handlers/describe-topic-partitions.ts'
import { openCluster } from '../../cluster/fakes.ts'
import { fakeContext } from '../fakes.ts'

interface Page {
  readonly topics?: readonly string[]
  readonly limit?: number
  readonly cursor?: { readonly topicName: string; readonly partitionIndex: number } | null
}

function broker(brokerLimit?: string) {
  const cluster = openCluster()
  cluster.create([
    { name: 'a', numPartitions: 3 },
    { name: 'b', numPartitions: 1 },
    { name: 'c', numPartitions: 2 },
  ])
  const context = fakeContext({
    cluster: { lookup: async (request) => cluster.lookup(request) },
    context: { brokerConfig: async () => brokerLimit },
  })
  return async ({ topics = [], limit = 2_000, cursor = null }: Page) => {
    const request = {
      topics: topics.map((name) => ({ name })),
      responsePartitionLimit: limit,
      cursor,
    }
    const response = await describeTopicPartitions(request, { version: 0, clientId: null }, context)
    const shown = response.topics.map(({ name, errorCode, partitions }) =>
      errorCode === 0
        ? `${name} ${partitions.map(({ partitionIndex }) => partitionIndex).join()}`
        : `${name} error ${errorCode}`,
    )
    return { response, shown, next: response.nextCursor ?? null }
  }
}

describe('DescribeTopicPartitions', () => {
  it('of no topics gives all, sorted by name', async () => {
    const { shown, next } = await broker()({})
    expect(shown).toEqual(['a 0,1,2', 'b 0', 'c 0,1'])
    expect(next).toBeNull()
  })

  it('of named topics gives those, sorted, with their errors', async () => {
    const { shown } = await broker()({ topics: ['nope', 'sp ace', 'c', 'a', 'a'] })
    expect(shown).toEqual(['a 0,1,2', 'c 0,1', 'nope error 3', 'sp ace error 17'])
  })

  it.each([1, 2, 3, 4, 5, 6])('in pages of %i gives every partition once', async (limit) => {
    const ask = broker()
    const seen: string[] = []
    let cursor: Page['cursor'] = null
    let pages = 0
    do {
      const { response, next } = await ask({ limit, cursor })
      for (const { name, partitions } of response.topics) {
        for (const { partitionIndex } of partitions) seen.push(`${name}-${partitionIndex}`)
      }
      cursor = next
      expect(++pages).toBeLessThan(10)
    } while (cursor !== null)
    expect(seen).toEqual(['a-0', 'a-1', 'a-2', 'b-0', 'c-0', 'c-1'])
    expect(pages).toBe(Math.ceil(6 / limit))
  })

  it.each([
    [0, undefined],
    [-1, undefined],
    [10, '1'],
  ])('with a limit of %i where the broker has %s gives one partition', async (limit, of) => {
    const { shown, next } = await broker(of)({ limit })
    expect(shown).toEqual(['a 0'])
    expect(next).toEqual({ topicName: 'a', partitionIndex: 1 })
  })

  it.each([
    ['before the first partition', ['a'], { topicName: 'a', partitionIndex: -1 }],
    ['at a topic that is not asked', ['a'], { topicName: 'b', partitionIndex: 0 }],
  ])('refuses a cursor %s', async (_, topics, cursor) => {
    const { shown, next } = await broker()({ topics, cursor })
    expect(shown).toEqual(['a error 42'])
    expect(next).toBeNull()
  })

  it('goes on at a topic that was deleted meanwhile', async () => {
    const { shown } = await broker()({ cursor: { topicName: 'aa', partitionIndex: 5 } })
    expect(shown).toEqual(['b 0', 'c 0,1'])
  })

  it('always tells the operations of a topic, and no eligible leaders', async () => {
    const { response } = await broker()({ topics: ['b', 'nope'] })
    expect(response.topics).toMatchObject([
      {
        topicAuthorizedOperations: 3576,
        partitions: [{ leaderId: 1, eligibleLeaderReplicas: [], lastKnownElr: [] }],
      },
      { topicAuthorizedOperations: 3576 },
    ])
  })
})
