import { describe, expect, it } from 'vitest'
import { TopicCache } from '../../src/broker/topic-cache.ts'
import type { TopicLookup, TopicLookupReply, TopicState } from '../../src/cluster/contract.ts'
import { topicState } from './fakes.ts'

/** A directory of these topics that counts what it is asked. */
function directory(...topics: TopicState[]) {
  const asked: TopicLookup[] = []
  const find = (topic: TopicState | undefined, error: number) =>
    topic === undefined ? { error } : ({ error: 0, topic } as const)
  return {
    asked,
    topics,
    async lookup(request: TopicLookup): Promise<TopicLookupReply> {
      asked.push(request)
      const found = request.all
        ? topics.map((topic) => find(topic, 0))
        : [
            ...(request.names ?? []).map((name) =>
              find(
                topics.find((t) => t.name === name),
                3,
              ),
            ),
            ...(request.ids ?? []).map((id) =>
              find(
                topics.find((t) => t.id === id),
                100,
              ),
            ),
          ]
      return { clusterId: 'c', topics: found }
    },
  }
}

describe('the topic cache', () => {
  it('finds a topic by name and by id until it is forgotten', () => {
    const cache = new TopicCache()
    const a = topicState('a')
    cache.put(a)
    expect([cache.byName('a'), cache.byId(a.id)]).toEqual([a, a])
    cache.forget(a.id)
    expect([cache.byName('a'), cache.byId(a.id), cache.size]).toEqual([undefined, undefined, 0])
  })

  it('gives a recreated topic the name of the old one', () => {
    const cache = new TopicCache()
    const old = topicState('a')
    const recreated = { ...topicState('a'), id: topicState('b').id }
    cache.put(old)
    cache.put(recreated)
    expect([cache.byName('a'), cache.byId(old.id)]).toEqual([recreated, undefined])
    cache.forget(old.id)
    expect(cache.byName('a')).toEqual(recreated)
  })

  it.each([
    ['an older configuration', { configVersion: 1, partitions: 2 }],
    ['fewer partitions', { configVersion: 2, partitions: 1 }],
  ])('does not go back to %s', (_, older) => {
    const cache = new TopicCache()
    const newest = { ...topicState('a'), configVersion: 2, partitions: 2 }
    cache.put(newest)
    cache.put({ ...newest, ...older })
    expect(cache.byName('a')).toEqual(newest)
  })

  it('holds a bounded number and drops what was put longest ago', () => {
    const cache = new TopicCache(2)
    for (const name of ['a', 'b', 'c']) cache.put(topicState(name))
    expect(['a', 'b', 'c'].map((name) => cache.byName(name)?.name)).toEqual([undefined, 'b', 'c'])
    expect(cache.size).toBe(2)
  })

  it('asks only for what it does not hold, and answers in the order asked', async () => {
    const cache = new TopicCache()
    const [a, b, c] = [topicState('a'), topicState('b'), topicState('c')]
    const cluster = directory(a, b, c)
    cache.put(b)
    const results = await cache.lookup(cluster, { names: ['a', 'b', 'nope'], ids: [b.id, c.id] })
    expect(results.map(({ topic, error }) => topic?.name ?? error)).toEqual(['a', 'b', 3, 'b', 'c'])
    expect(cluster.asked).toEqual([{ names: ['a', 'nope'], ids: [c.id] }])
    await cache.lookup(cluster, { names: ['a'], ids: [c.id] })
    expect(cluster.asked).toHaveLength(1)
  })

  it('never remembers that a topic is unknown', async () => {
    const cache = new TopicCache()
    const cluster = directory()
    for (let i = 0; i < 2; i++) await cache.lookup(cluster, { names: ['a'] })
    expect(cluster.asked).toHaveLength(2)
  })

  it('on refresh drops names and ids that the controller denies', async () => {
    const cache = new TopicCache()
    const [a, b, c] = [topicState('a'), topicState('b'), topicState('c')]
    for (const topic of [a, b, c]) cache.put(topic)
    await cache.refresh(directory(c), { names: ['a', 'c'], ids: [b.id] })
    expect([cache.byName('a'), cache.byId(b.id), cache.byName('c')]).toEqual([
      undefined,
      undefined,
      c,
    ])
  })

  it('on refresh of all topics takes them all', async () => {
    const cache = new TopicCache()
    await cache.refresh(directory(topicState('a'), topicState('b')), { all: true })
    expect(cache.size).toBe(2)
  })
})
