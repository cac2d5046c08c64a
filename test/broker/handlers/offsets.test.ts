import { describe, expect, it } from 'vitest'
import type { Call } from '../../../src/broker/call.ts'
import { offsetCommit } from '../../../src/broker/handlers/offset-commit.ts'
import { offsetFetch } from '../../../src/broker/handlers/offset-fetch.ts'
import type { TopicState } from '../../../src/cluster/contract.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import type { CommitRequest, GroupRpc } from '../../../src/group/contract.ts'
import type { OffsetCommitRequest } from '../../../src/protocol/messages/offset-commit.ts'
import type { OffsetFetchRequest } from '../../../src/protocol/messages/offset-fetch.ts'
import { fakeContext, topicState } from '../fakes.ts'

const CALL: Call = { version: 8, clientId: null }

function commitOf(...topics: readonly (readonly [name: string, partition: number])[]) {
  const request: OffsetCommitRequest = {
    groupId: 'g',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: topics.map(([name, partitionIndex]) => ({
      name,
      partitions: [
        { partitionIndex, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: null },
      ],
    })),
  }
  return request
}

/** A group that knows these ids as dead and takes the rest. */
function group(dead: ReadonlySet<TopicId>, asked: CommitRequest[]): Partial<GroupRpc> {
  return {
    commitOffsets: async (request) => {
      asked.push(request)
      return {
        topics: request.topics.map(({ topicId, partitions }) => ({
          errors: partitions.map(() => (dead.has(topicId) ? 100 : 0)),
        })),
      }
    },
  }
}

/** A cluster with these topics. */
function lookups(topics: readonly TopicState[], asked: string[]) {
  return {
    lookup: async ({
      names = [],
      ids = [],
    }: {
      names?: readonly string[]
      ids?: readonly TopicId[]
    }) => {
      asked.push(names.join())
      const found = (topic: TopicState | undefined) =>
        topic === undefined ? ({ error: 3 } as const) : ({ error: 0, topic } as const)
      return {
        clusterId: 'c',
        topics: [
          ...names.map((name) => found(topics.find((one) => one.name === name))),
          ...ids.map((id) => found(topics.find((one) => one.id === id))),
        ],
      }
    },
  }
}

const errorsOf = (
  topics: readonly { readonly partitions: readonly { readonly errorCode: number }[] }[],
) => topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))

describe('OffsetCommit', () => {
  it('leaves in its own turn when its topics are known, with one call', async () => {
    const asked: CommitRequest[] = []
    const context = fakeContext({ topics: [topicState('t')], group: () => group(new Set(), asked) })
    const { effect, response, appends } = offsetCommit(commitOf(['t', 0]), CALL, context)
    expect([effect, appends, asked.length]).toEqual([undefined, true, 1])
    expect(errorsOf((await response)?.topics ?? [])).toEqual([[0]])
    expect(asked).toHaveLength(1)
  })

  it('asks for topics that are not cached before it has taken effect', async () => {
    const asked: CommitRequest[] = []
    const names: string[] = []
    const context = fakeContext({
      cluster: lookups([topicState('t', 2)], names),
      topics: [topicState('t', 1)],
      group: () => group(new Set(), asked),
    })
    const request = commitOf(['t', 1], ['no', 0], ['t', 2])
    const { effect, response } = offsetCommit(request, CALL, context)
    expect(asked).toEqual([])
    await effect
    expect(asked).toHaveLength(1)
    expect(errorsOf((await response)?.topics ?? [])).toEqual([[0], [3], [3]])
    expect(names).toEqual(['t,no'])
  })

  it('goes to the topic that took the name of a deleted one', async () => {
    const asked: CommitRequest[] = []
    const old = topicState('t')
    const next = { ...old, id: 'another'.padEnd(22, 'A') as TopicId }
    const context = fakeContext({
      cluster: lookups([next], []),
      topics: [old, topicState('u')],
      group: () => group(new Set([old.id]), asked),
    })
    const { response } = offsetCommit(commitOf(['u', 0], ['t', 0]), CALL, context)
    expect(errorsOf((await response)?.topics ?? [])).toEqual([[0], [0]])
    const ids = asked.map(({ topics }) => topics.map(({ topicId }) => topicId))
    expect(ids).toEqual([[topicState('u').id, old.id], [next.id]])
  })

  it('of a deleted topic without a successor gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const old = topicState('t')
    const context = fakeContext({
      cluster: lookups([], []),
      topics: [old],
      group: () => group(new Set([old.id]), []),
    })
    const { response } = offsetCommit(commitOf(['t', 0]), CALL, context)
    expect(errorsOf((await response)?.topics ?? [])).toEqual([[3]])
    expect(context.topics.byName('t')).toBeUndefined()
  })

  it('is to be asked again when the call failed', async () => {
    const context = fakeContext({
      topics: [topicState('t')],
      group: () => ({ commitOffsets: () => Promise.reject(new Error('lost')) }),
    })
    const { response } = offsetCommit(commitOf(['t', 0]), CALL, context)
    expect(errorsOf((await response)?.topics ?? [])).toEqual([[15]])
  })
})

function fetchOf(topics: OffsetFetchRequest['groups'][number]['topics']): OffsetFetchRequest {
  const groups = [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }]
  return { groupId: '', topics: [], groups, requireStable: false }
}

describe('OffsetFetch', () => {
  const kept = (topicId: TopicId, name: string) => ({
    topicId,
    name,
    partitions: [{ partition: 0, offset: 9, leaderEpoch: -1, metadata: '', error: 0 }],
  })

  it('asks by the id that the name has now, not by the cached one', async () => {
    const next = { ...topicState('t'), id: 'another'.padEnd(22, 'A') as TopicId }
    const ids: unknown[] = []
    const context = fakeContext({
      cluster: lookups([next], []),
      topics: [topicState('t')],
      group: () => ({
        fetchOffsets: async ({ topics }) => {
          ids.push(...(topics ?? []).map(({ topicId }) => topicId))
          return { error: 0, topics: [kept(next.id, '')] }
        },
      }),
    })
    const topics = [
      { name: 'gone', partitionIndexes: [0] },
      { name: 't', partitionIndexes: [0] },
    ]
    const got = await offsetFetch(fetchOf(topics), CALL, context)
    expect(ids).toEqual([next.id])
    const flat = got.groups?.[0]?.topics.map(({ name, partitions }) => [
      name,
      partitions[0]?.committedOffset,
    ])
    expect(flat).toEqual([
      ['gone', -1],
      ['t', 9],
    ])
  })

  it('of everything leaves out topics that have been deleted', async () => {
    const alive = topicState('t')
    const dead = topicState('u')
    const context = fakeContext({
      cluster: lookups([alive], []),
      group: () => ({
        fetchOffsets: async () => ({ error: 0, topics: [kept(dead.id, 'u'), kept(alive.id, 't')] }),
      }),
    })
    const got = await offsetFetch(fetchOf(null), CALL, context)
    expect(got.groups?.[0]?.topics.map(({ name }) => name)).toEqual(['t'])
  })

  it('never takes a failure for "nothing committed"', async () => {
    const topics = [{ name: 't', partitionIndexes: [0] }]
    const unreachable = fakeContext({
      cluster: { lookup: () => Promise.reject(new Error('lost')) },
    })
    const failing = fakeContext({
      cluster: lookups([topicState('t')], []),
      group: () => ({ fetchOffsets: () => Promise.reject(new Error('lost')) }),
    })
    for (const context of [unreachable, failing]) {
      const got = await offsetFetch(fetchOf(topics), CALL, context)
      expect(got.groups).toEqual([{ groupId: 'g', topics: [], errorCode: 14 }])
    }
    const old = { ...fetchOf([]), groupId: 'g', topics }
    const got = await offsetFetch(old, { ...CALL, version: 1 }, failing)
    expect(got.topics?.[0]?.partitions).toMatchObject([{ committedOffset: -1, errorCode: 14 }])
  })
})
