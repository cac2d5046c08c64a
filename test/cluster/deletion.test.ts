import { describe, expect, it } from 'vitest'
import { type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import { memoryStorage, openCluster } from './fakes.ts'

function withTopic() {
  const cluster = openCluster()
  const [created] = cluster.create([{ name: 'full', numPartitions: 2 }])
  return { cluster, id: created?.topicId as TopicId }
}

const UNKNOWN_ID = 'nobodynobodynobodynobo' as TopicId
const NOT_HOSTED = 'This server does not host this topic-partition.'

describe('DeleteTopics', () => {
  it('by name or by id answers both', () => {
    for (const by of ['name', 'id']) {
      const { cluster, id } = withTopic()
      const asked = by === 'name' ? { name: 'full' } : { topicId: id }
      expect(cluster.delete([asked])).toEqual([
        { name: 'full', topicId: id, errorCode: 0, errorMessage: null },
      ])
    }
  })

  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    [{ name: 'nope' }, 3, NOT_HOSTED],
    [{ name: '' }, 3, NOT_HOSTED],
    [{ topicId: UNKNOWN_ID }, 100, 'This server does not host this topic ID.'],
    [{ name: null, topicId: ZERO_TOPIC_ID }, 42, 'Neither topic name nor id were specified.'],
    [
      { name: 'full', topicId: UNKNOWN_ID },
      42,
      'You may not specify both topic name and topic id.',
    ],
  ])('of %j answers %i', (topic, errorCode, errorMessage) => {
    const { cluster } = withTopic()
    expect(cluster.delete([topic])).toMatchObject([{ errorCode, errorMessage }])
    expect(cluster.state.topics.size).toBe(1)
  })

  it('refuses what is named twice, also by name and by id', () => {
    const { cluster, id } = withTopic()
    const duplicate = { errorCode: 42, errorMessage: 'Duplicate topic name.' }
    expect(cluster.delete([{ name: 'full' }, { name: 'full' }])).toMatchObject([duplicate])
    expect(cluster.state.topics.size).toBe(1)
    expect(cluster.delete([{ name: 'full' }, { topicId: id }])).toMatchObject([
      { errorCode: 0 },
      { errorCode: 42 },
    ])
  })

  it('below version 6 goes by the list of names', () => {
    const { cluster } = withTopic()
    expect(cluster.delete([{ name: 'full' }, { name: 'nope' }], 5)).toMatchObject([
      { name: 'full', errorCode: 0 },
      { name: 'nope', errorCode: 3 },
    ])
  })

  it.each([
    [2, 42],
    [3, 73],
    [6, 73],
  ])('of version %i is refused with %i where delete.topic.enable is off', (version, errorCode) => {
    const cluster = openCluster(memoryStorage(), { 'delete.topic.enable': 'false' })
    cluster.create([{ name: 'full' }])
    expect(cluster.delete([{ name: 'full' }], version)).toMatchObject([{ errorCode }])
    expect(cluster.state.topics.size).toBe(1)
  })

  it('makes the topic invisible at once, also by id and after a restart', () => {
    const { cluster, id } = withTopic()
    cluster.admit(id, 0, true)
    cluster.delete([{ name: 'full' }])
    for (const { lookup, state } of [cluster, openCluster(cluster.storage)]) {
      expect(lookup({ all: true }).topics).toEqual([])
      expect(lookup({ names: ['full'], ids: [id] }).topics).toMatchObject([
        { error: 3 },
        { error: 100 },
      ])
      expect([state.deleting.get(id), state.written.get(id)]).toEqual(['fencing', new Set([0])])
    }
  })

  it('lets the name be taken at once by a new topic with a new id', () => {
    const { cluster, id } = withTopic()
    cluster.delete([{ name: 'full' }])
    const [again] = cluster.create([{ name: 'full' }])
    expect(again?.errorCode).toBe(0)
    expect(again?.topicId).not.toBe(id)
    expect(openCluster(cluster.storage).lookup({ names: ['full'] }).topics[0]?.topic?.id).toBe(
      again?.topicId,
    )
  })
})
