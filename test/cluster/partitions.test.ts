import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import { openCluster } from './fakes.ts'

function withTopic(partitions = 2) {
  const cluster = openCluster()
  const [created] = cluster.create([{ name: 't', numPartitions: partitions }])
  return { cluster, id: created?.topicId as TopicId }
}

describe('CreatePartitions', () => {
  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    [{ count: 2 }, 37, 'Topic already has 2 partition(s).'],
    [{ count: 1 }, 37, 'The topic t currently has 2 partition(s); 1 would not be an increase.'],
    [{ count: -1 }, 37, 'The topic t currently has 2 partition(s); -1 would not be an increase.'],
    [{ name: 'nope', count: 3 }, 3, null],
    [
      { count: 4, assignments: [{ brokerIds: [1] }] },
      39,
      'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.',
    ],
    [
      { count: 3, assignments: [] },
      39,
      'Attempted to add 1 additional partition(s), but only 0 assignment(s) were specified.',
    ],
    [
      { count: 3, assignments: [{ brokerIds: [2] }] },
      39,
      'The manual partition assignment includes broker 2, but no such broker is registered.',
    ],
    [{ count: 10_001 }, 44, 'A topic has at most 10000 partitions.'],
  ])('of %j answers %i', (topic, errorCode, errorMessage) => {
    const { cluster } = withTopic()
    expect(cluster.grow([topic])).toMatchObject([{ errorCode, errorMessage }])
    expect(cluster.lookup({ names: ['t'] }).topics[0]?.topic?.partitions).toBe(2)
  })

  it('makes the count the new total and keeps the id', () => {
    const { cluster, id } = withTopic()
    expect(cluster.grow([{ count: 5, assignments: null }])).toMatchObject([{ errorCode: 0 }])
    expect(cluster.lookup({ names: ['t'] }).topics[0]?.topic).toMatchObject({ id, partitions: 5 })
  })

  it('with validate_only changes nothing, and refuses a topic named twice', () => {
    const { cluster } = withTopic()
    expect(cluster.grow([{ count: 5 }], true)).toMatchObject([{ errorCode: 0 }])
    expect(cluster.grow([{ count: 5 }, { count: 6 }])).toMatchObject([
      { errorCode: 42, errorMessage: 'Duplicate topic name.' },
    ])
    expect(cluster.lookup({ names: ['t'] }).topics[0]?.topic?.partitions).toBe(2)
  })
})

describe('the first touch of a partition', () => {
  it('tells name, version and settings of a living one', () => {
    const { cluster, id } = withTopic()
    const { topic } = cluster.lookup({ ids: [id] }).topics[0]!
    expect(cluster.admit(id, 1, false)).toEqual({
      alive: true,
      name: 't',
      configVersion: topic?.configVersion,
      settings: topic?.settings,
    })
  })

  it.each([2, -1])('says that partition %i of two is not there', (partition) => {
    const { cluster, id } = withTopic()
    expect(cluster.admit(id, partition, true)).toEqual({ alive: false })
    expect(cluster.state.written.size).toBe(0)
  })

  it('says that a deleted or unknown topic is not there', () => {
    const { cluster, id } = withTopic()
    cluster.delete([{ name: 't' }])
    expect(cluster.admit(id, 0, true)).toEqual({ alive: false })
    expect(cluster.admit('nobody' as TopicId, 0, true)).toEqual({ alive: false })
  })

  it('records who writes, durably and once', () => {
    const { cluster, id } = withTopic()
    cluster.admit(id, 0, false)
    expect(cluster.state.written.size).toBe(0)
    cluster.admit(id, 1, true)
    cluster.admit(id, 1, true)
    expect(openCluster(cluster.storage).state.written.get(id)).toEqual(new Set([1]))
  })
})
