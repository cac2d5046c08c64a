import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import { memoryStorage, openCluster } from './fakes.ts'

describe('a look-up', () => {
  it('answers per name, then per id, in the order asked', () => {
    const cluster = openCluster()
    const [a, b] = cluster.create([{ name: 'a' }, { name: 'b' }])
    const { clusterId, topics } = cluster.lookup({
      names: ['b', 'nope', 'a'],
      ids: [b?.topicId as TopicId, 'nobody' as TopicId],
    })
    expect(clusterId).toBe('cluster-id-of-22-chars')
    expect(topics.map(({ error, topic }) => topic?.id ?? error)).toEqual([
      b?.topicId,
      3,
      a?.topicId,
      b?.topicId,
      100,
    ])
  })

  it('of all topics gives them sorted by name', () => {
    const cluster = openCluster()
    cluster.create([{ name: 'b' }, { name: 'B' }, { name: 'a' }])
    const names = cluster
      .lookup({ all: true, autoCreate: true })
      .topics.map((one) => one.topic?.name)
    expect(names).toEqual(['B', 'a', 'b'])
  })

  it('creates what is missing where client and broker allow it', () => {
    const cluster = openCluster(memoryStorage(), { 'num.partitions': '3' })
    const { topics } = cluster.lookup({ names: ['new', 'new'], autoCreate: true })
    expect(topics).toMatchObject([{ error: 0, topic: { partitions: 3 } }, { error: 0 }])
    expect(topics[0]).toEqual(topics[1])
    expect(cluster.lookup({ names: ['new'] }).topics[0]).toEqual(topics[0])
  })

  it.each([
    ['the client does not allow it', {}, { names: ['new'] }, 3],
    [
      'the broker does not allow it',
      { 'auto.create.topics.enable': 'false' },
      { names: ['new'], autoCreate: true },
      3,
    ],
    ['it is asked by id', {}, { ids: ['new' as TopicId], autoCreate: true }, 100],
    ['the name is invalid', {}, { names: ['sp ace'], autoCreate: true }, 17],
    ['the name is invalid and creation is not asked', {}, { names: [''] }, 17],
    ['the name collides', {}, { names: ['a_b'], autoCreate: true }, 17],
    ['the topic is internal', {}, { names: ['__consumer_offsets'], autoCreate: true }, 3],
    [
      'the default replication factor is refused',
      { 'default.replication.factor': '3', 'ottla.strict.replication': 'true' },
      { names: ['new'], autoCreate: true },
      38,
    ],
  ])('creates nothing when %s', (_, configs, request, error) => {
    const cluster = openCluster(memoryStorage(), configs as unknown as Record<string, string>)
    cluster.create([{ name: 'a.b', replicationFactor: 1 }])
    expect(cluster.lookup(request).topics).toMatchObject([{ error }])
    expect(cluster.state.topics.size).toBe(1)
  })
})
