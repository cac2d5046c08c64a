import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topicNameFault } from '../../src/cluster/names.ts'
import { randomId } from '../../src/cluster/topic-ids.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { PARTITIONS_PER_CLUSTER, PARTITIONS_PER_TOPIC } from '../../src/core/limits.ts'
import { memoryStorage, openCluster } from './fakes.ts'

const broker = (...brokerIds: number[]) => brokerIds
const assigned = (...lists: number[][]) =>
  lists.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))

describe('CreateTopics', () => {
  it('takes -1 for the broker defaults', () => {
    const cluster = openCluster(memoryStorage(), { 'num.partitions': '7' })
    expect(cluster.create([{ name: 'a' }])).toMatchObject([
      { name: 'a', errorCode: 0, errorMessage: null, numPartitions: 7, replicationFactor: 1 },
    ])
    expect(cluster.lookup({ names: ['a'] }).topics[0]?.topic?.partitions).toBe(7)
  })

  it('answers the id and the configurations that the topic then has', () => {
    const cluster = openCluster()
    const configs = [
      { name: 'retention.ms', value: '5' },
      { name: 'retention.ms', value: ' 6 ' },
    ]
    const [result] = cluster.create([{ name: 'a', numPartitions: 2, configs }])
    expect(result?.topicId).toBe(cluster.lookup({ names: ['a'] }).topics[0]?.topic?.id)
    expect(result?.configs).toHaveLength(34)
    const shown = new Map(result?.configs?.map((config) => [config.name, config]))
    expect(shown.get('retention.ms')).toMatchObject({ value: '6', configSource: 1 })
    expect(shown.get('segment.ms')).toMatchObject({ value: '604800000', configSource: 5 })
  })

  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    [{ name: 'a.b' }, 36, "Topic 'a.b' already exists."],
    [{ name: 'a_b' }, 17, "Topic 'a_b' collides with existing topic: a.b"],
    [{ name: '' }, 17, 'Topic name is invalid: the empty string is not allowed'],
    [{ name: '..' }, 17, "Topic name is invalid: '..' is not allowed"],
    [
      { name: 'sp ace' },
      17,
      "Topic name is invalid: 'sp ace' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    [{ numPartitions: 0 }, 37, 'Number of partitions was set to an invalid non-positive value.'],
    [{ numPartitions: -2 }, 37, 'Number of partitions was set to an invalid non-positive value.'],
    [
      { replicationFactor: 0 },
      38,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    ],
    [
      { replicationFactor: -2 },
      38,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    ],
    [
      { name: '__cluster_metadata' },
      42,
      'Creation of internal topic __cluster_metadata is prohibited.',
    ],
    [
      { configs: [{ name: 'retention.ms', value: null }] },
      40,
      'Null value not supported for topic configs: retention.ms',
    ],
    [{ configs: [{ name: 'nope', value: '1' }] }, 40, 'Unknown topic config name: nope'],
    [
      { numPartitions: PARTITIONS_PER_TOPIC + 1 },
      44,
      'Excessively large number of partitions per request.',
    ],
    [
      { replicationFactor: 1, assignments: assigned([1]) },
      42,
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    ],
    [
      { numPartitions: 1, assignments: assigned([1]) },
      42,
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    ],
    [
      { assignments: assigned(broker(2)) },
      39,
      'The manual partition assignment includes broker 2, but no such broker is registered.',
    ],
    [
      { assignments: assigned(broker()) },
      39,
      'The manual partition assignment includes an empty replica list.',
    ],
    [
      { assignments: assigned(broker(1, 1)) },
      39,
      'The manual partition assignment includes the broker 1 more than once.',
    ],
    [
      { assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
      39,
      'partitions should be a consecutive 0-based integer sequence',
    ],
    [
      { assignments: [...assigned([1]), ...assigned([1])] },
      39,
      'Found multiple manual partition assignments for partition 0',
    ],
  ])('of %j answers %i as Kafka does', (topic, errorCode, errorMessage) => {
    const cluster = openCluster()
    cluster.create([{ name: 'a.b' }])
    expect(cluster.create([topic])).toMatchObject([
      { errorCode, errorMessage, numPartitions: -1, replicationFactor: -1, configs: [] },
    ])
    expect(cluster.state.topics.size).toBe(1)
  })

  it('judges topics one by one, and a name given twice once', () => {
    const cluster = openCluster()
    const results = cluster.create([{ name: 'twice' }, { name: 'ok' }, { name: 'twice' }])
    expect(results.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['twice', KafkaError.INVALID_REQUEST],
      ['ok', KafkaError.NONE],
    ])
  })

  it('with manual assignments makes as many partitions', () => {
    const cluster = openCluster()
    const results = cluster.create([{ name: 'a', assignments: assigned([1], [1], [1]) }])
    expect(results).toMatchObject([{ errorCode: 0, numPartitions: 3, replicationFactor: 1 }])
  })

  it('with validate_only says the same and makes nothing', () => {
    const cluster = openCluster()
    expect(cluster.create([{ name: 'a' }], true)).toMatchObject([{ errorCode: 0 }])
    expect(cluster.lookup({ all: true }).topics).toEqual([])
  })

  it('takes any replication factor for 1, unless strict', () => {
    const request = [{ name: 'a', replicationFactor: 3 }]
    expect(openCluster().create(request)).toMatchObject([{ errorCode: 0, replicationFactor: 1 }])
    const strict = openCluster(memoryStorage(), { 'ottla.strict.replication': 'true' })
    expect(strict.create(request)).toMatchObject([
      {
        errorCode: KafkaError.INVALID_REPLICATION_FACTOR,
        errorMessage:
          'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered.',
      },
    ])
  })

  it('stops at the most partitions a cluster may have', () => {
    const cluster = openCluster()
    const full = PARTITIONS_PER_CLUSTER / PARTITIONS_PER_TOPIC
    for (let i = 0; i < full; i++) {
      cluster.create([{ name: `t${i}`, numPartitions: PARTITIONS_PER_TOPIC }])
    }
    expect(cluster.create([{ name: 'more', numPartitions: 1 }])).toMatchObject([
      { errorCode: KafkaError.POLICY_VIOLATION },
    ])
    cluster.delete([{ name: 't0' }])
    expect(cluster.create([{ name: 'more', numPartitions: 1 }])).toMatchObject([{ errorCode: 0 }])
  })
})

describe('a topic id', () => {
  it('is 22 characters of base64url, not starting with a dash, and a version 4 UUID', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 3 }), (draws) => {
        let draw = 0
        const id = randomId((buffer) => {
          buffer.set(draws[draw++] ?? new Uint8Array(16).fill(7))
        })
        expect(id).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
        const raw = Buffer.from(id, 'base64url')
        expect([raw.length, raw[6]! >> 4, raw[8]! >> 6]).toEqual([16, 4, 2])
      }),
    )
  })

  it('is drawn again when it would start with a dash', () => {
    const draws = [new Uint8Array(16).fill(0xfb), new Uint8Array(16).fill(1)]
    expect(randomId((buffer) => buffer.set(draws.shift()!))).toMatch(/^A/)
    expect(draws).toEqual([])
  })
})

describe('a topic name', () => {
  it('is 1 to 249 of the characters that Kafka allows', () => {
    const legal = fc.string({
      unit: fc.constantFrom(...'abzAZ059._-'),
      minLength: 1,
      maxLength: 249,
    })
    fc.assert(
      fc.property(legal, (name) => {
        expect(topicNameFault(name) === null).toBe(name !== '.' && name !== '..')
        expect(topicNameFault(`${name}/`)).not.toBeNull()
      }),
    )
    expect(topicNameFault('a'.repeat(250))).toMatch(/longer than the max allowed length 249/)
  })
})
