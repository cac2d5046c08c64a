// What tools and consoles ask beside topics and configuration: elections, reassignments, the quorum, the
// resources that have configurations, and the configurations of groups. KIP-183, KIP-455, KIP-595,
// KIP-848, KIP-1142.

import { describe, expect } from 'vitest'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { AlterPartitionReassignments } from '../../../src/protocol/messages/alter-partition-reassignments.ts'
import { CreateAcls } from '../../../src/protocol/messages/create-acls.ts'
import { DeleteAcls } from '../../../src/protocol/messages/delete-acls.ts'
import { DescribeAcls } from '../../../src/protocol/messages/describe-acls.ts'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { DescribeQuorum } from '../../../src/protocol/messages/describe-quorum.ts'
import { ElectLeaders } from '../../../src/protocol/messages/elect-leaders.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { ListConfigResources } from '../../../src/protocol/messages/list-config-resources.ts'
import { ListPartitionReassignments } from '../../../src/protocol/messages/list-partition-reassignments.ts'
import { createTopic, until } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('admin')
const TIMEOUT = { timeoutMs: 10_000 }

describe('ElectLeaders', () => {
  for (let version = 0; version <= 2; version += 1) {
    scenario(`in version ${version} needs no election, and knows what is unknown`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 2)
      const topicPartitions = [
        { topic: name, partitions: [0, 1, 2, -1] },
        { topic: `${name}-not`, partitions: [0] },
        { topic: 'not a name', partitions: [0] },
      ]
      for (const electionType of version === 0 ? [0] : [0, 1]) {
        const got = await wire.call(ElectLeaders, version, {
          ...TIMEOUT,
          electionType,
          topicPartitions,
        })
        expect(got.errorCode).toBe(0)
        expect(codes(got.replicaElectionResults)).toEqual([
          [name, [0, 84], [1, 84], [2, 3], [-1, 3]],
          [`${name}-not`, [0, 3]],
          ['not a name', [0, 3]],
        ])
      }
    })
  }

  const codes = (
    results: readonly {
      topic: string
      partitionResult: readonly { partitionId: number; errorCode: number }[]
    }[],
  ) =>
    results.map(({ topic, partitionResult }) => [
      topic,
      ...partitionResult.map((one) => [one.partitionId, one.errorCode]),
    ])

  scenario('of all partitions names every topic and no partition', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 2)
    const got = await wire.call(ElectLeaders, 2, { ...TIMEOUT, topicPartitions: null })
    expect(got.errorCode).toBe(0)
    expect(got.replicaElectionResults).toContainEqual({ topic: name, partitionResult: [] })
    expect(got.replicaElectionResults.flatMap((one) => one.partitionResult)).toEqual([])
  })

  scenario('of nothing answers nothing', async () => {
    const wire = await connect()
    const got = await wire.call(ElectLeaders, 2, { ...TIMEOUT, topicPartitions: [] })
    expect(got).toMatchObject({ errorCode: 0, replicaElectionResults: [] })
  })

  scenario('of an unknown type gets INVALID_REQUEST', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const topicPartitions = [{ topic: name, partitions: [0, 7] }]
    for (const electionType of [2, -1]) {
      const body = { ...TIMEOUT, electionType, topicPartitions }
      const got = await wire.call(ElectLeaders, 2, body)
      expect(got.errorCode).toBe(42)
      expect(codes(got.replicaElectionResults)).toEqual([[name, [0, 42], [7, 42]]])
    }
  })
})

describe('Partition reassignments', () => {
  scenario('are never under way', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    for (const topics of [
      null,
      [],
      [
        { name, partitionIndexes: [0, 9] },
        { name: `${name}-not`, partitionIndexes: [0] },
      ],
    ]) {
      const got = await wire.call(ListPartitionReassignments, 0, { ...TIMEOUT, topics })
      expect(got).toMatchObject({ errorCode: 0, topics: [] })
    }
  })

  const CASES: readonly { title: string; replicas: number[] | null; error: number }[] = [
    { title: 'to where the replica is are done', replicas: [1], error: 0 },
    { title: 'that are cancelled get NO_REASSIGNMENT_IN_PROGRESS', replicas: null, error: 85 },
    {
      title: 'to a broker that is not there get INVALID_REPLICA_ASSIGNMENT',
      replicas: [2],
      error: 39,
    },
    { title: 'to one broker more get INVALID_REPLICA_ASSIGNMENT', replicas: [1, 2], error: 39 },
    {
      title: 'to the same broker twice get INVALID_REPLICA_ASSIGNMENT',
      replicas: [1, 1],
      error: 39,
    },
    { title: 'to no broker get INVALID_REPLICA_ASSIGNMENT', replicas: [], error: 39 },
    { title: 'to a negative broker get INVALID_REPLICA_ASSIGNMENT', replicas: [-1], error: 39 },
  ]
  for (const { title, replicas, error } of CASES) {
    scenario(title, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name)
      for (const version of [0, 1]) {
        const topics = [{ name, partitions: [{ partitionIndex: 0, replicas }] }]
        const got = await wire.call(AlterPartitionReassignments, version, { ...TIMEOUT, topics })
        expect(got).toMatchObject({
          errorCode: 0,
          responses: [{ name, partitions: [{ partitionIndex: 0, errorCode: error }] }],
        })
      }
    })
  }

  scenario('of what does not exist get UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const moved = [9, -1].map((partitionIndex) => ({ partitionIndex, replicas: [1] }))
    const topics = [
      { name, partitions: moved },
      { name: `${name}-not`, partitions: [{ partitionIndex: 0, replicas: null }] },
    ]
    const got = await wire.call(AlterPartitionReassignments, 1, { ...TIMEOUT, topics })
    const codes = got.responses.flatMap((one) => one.partitions.map((two) => two.errorCode))
    expect(codes).toEqual([3, 3, 3])
  })
})

describe('DescribeQuorum', () => {
  const METADATA = '__cluster_metadata'
  const of = (...topics: [string, ...number[]][]) => ({
    topics: topics.map(([topicName, ...partitions]) => ({
      topicName,
      partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
    })),
  })

  for (let version = 0; version <= 2; version += 1) {
    scenario(`in version ${version} shows node 1 as the leader and only voter`, async () => {
      const wire = await connect()
      const got = await wire.call(DescribeQuorum, version, of([METADATA, 0]))
      expect(got.errorCode).toBe(0)
      const partition = got.topics[0]?.partitions[0]
      expect(partition).toMatchObject({
        partitionIndex: 0,
        errorCode: 0,
        leaderId: 1,
        observers: [],
      })
      expect(partition?.leaderEpoch).toBeGreaterThanOrEqual(0)
      const end = partition?.currentVoters[0]?.logEndOffset ?? -1n
      expect(partition?.currentVoters).toMatchObject([{ replicaId: 1 }])
      expect(partition?.highWatermark).toBeLessThanOrEqual(end)
      const nodes = got.nodes.map((one) => one.nodeId)
      expect(nodes).toEqual(version < 2 ? [] : [1])
    })
  }

  scenario('of anything else gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    for (const request of [
      of([name, 0]),
      of([METADATA, 1]),
      of([METADATA, 0, 1]),
      of([METADATA, 0], [name, 0]),
    ]) {
      const got = await wire.call(DescribeQuorum, 2, request)
      expect(got).toMatchObject({ errorCode: 0, nodes: [] })
      const partitions = got.topics.flatMap((one) => one.partitions)
      expect(partitions).toHaveLength(request.topics.flatMap((one) => one.partitions).length)
      expect(new Set(partitions.map((one) => one.errorCode))).toEqual(new Set([3]))
    }
    expect(await wire.call(DescribeQuorum, 2, of())).toMatchObject({ errorCode: 0, topics: [] })
  })
})

const GROUP = 32
const SESSION = 'consumer.session.timeout.ms'
const HEARTBEAT = 'consumer.heartbeat.interval.ms'

/** Sets (or, with null, deletes) configurations of a group; gives the answer. */
async function set(wire: Wire, group: string, configs: Record<string, string | null>) {
  const edits = Object.entries(configs).map(([name, value]) => ({
    name,
    value,
    configOperation: value === null ? 1 : 0,
  }))
  const resources = [{ resourceType: GROUP, resourceName: group, configs: edits }]
  const got = await wire.call(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
  return got.responses[0]!
}

async function describeGroup(wire: Wire, group: string, keys: string[] | null = null) {
  const resources = [{ resourceType: GROUP, resourceName: group, configurationKeys: keys }]
  const got = await wire.call(DescribeConfigs, 4, { resources, includeSynonyms: true })
  return got.results[0]!
}

/** Waits until a configuration of a group has this value: Kafka's broker hears of it after the answer. */
async function becomes(wire: Wire, group: string, name: string, value: string): Promise<void> {
  await until(async () => (await describeGroup(wire, group, [name])).configs[0]?.value === value)
}

describe('The configurations of a group', () => {
  scenario('need no group, and show Kafka 4.1 names and defaults', async () => {
    const wire = await connect()
    const got = await describeGroup(wire, topic())
    expect(got.errorCode).toBe(0)
    const shown = got.configs.map((one) => [one.name, one.value, one.configSource, one.readOnly])
    expect(shown.sort()).toEqual([
      [HEARTBEAT, '5000', 5, false],
      [SESSION, '45000', 5, false],
      ['share.auto.offset.reset', 'latest', 5, false],
      ['share.heartbeat.interval.ms', '5000', 5, false],
      ['share.isolation.level', 'read_uncommitted', 5, false],
      ['share.record.lock.duration.ms', '30000', 5, false],
      ['share.session.timeout.ms', '45000', 5, false],
      ['streams.heartbeat.interval.ms', '5000', 5, false],
      ['streams.num.standby.replicas', '0', 5, false],
      ['streams.session.timeout.ms', '45000', 5, false],
    ])
  })

  scenario("are set, shown as the group's own and deleted", async () => {
    const wire = await connect()
    const group = topic()
    expect(await set(wire, group, { [SESSION]: ' 50000 ', [HEARTBEAT]: '6000' })).toMatchObject({
      errorCode: 0,
      errorMessage: null,
      resourceType: GROUP,
      resourceName: group,
    })
    await becomes(wire, group, SESSION, '50000')
    expect((await describeGroup(wire, group, [SESSION])).configs).toMatchObject([
      {
        configSource: 8,
        configType: 3,
        synonyms: [{ name: SESSION, value: '50000', source: 8 }],
      },
    ])
    expect((await set(wire, group, { [SESSION]: null, 'not.there': null })).errorCode).toBe(0)
    await becomes(wire, group, SESSION, '45000')
    expect((await describeGroup(wire, group, [HEARTBEAT])).configs[0]?.value).toBe('6000')
  })

  scenario('are replaced as a whole by AlterConfigs', async () => {
    const wire = await connect()
    const group = topic()
    await set(wire, group, { [SESSION]: '50000' })
    const configs = [{ name: HEARTBEAT, value: '6000' }]
    const resources = [{ resourceType: GROUP, resourceName: group, configs }]
    const got = await wire.call(AlterConfigs, 2, { resources, validateOnly: false })
    expect(got.responses).toMatchObject([{ errorCode: 0 }])
    await becomes(wire, group, HEARTBEAT, '6000')
    expect((await describeGroup(wire, group, [SESSION])).configs[0]?.value).toBe('45000')
  })

  const REFUSED: readonly (readonly [string, string])[] = [
    ['no.such.config', '1'],
    [SESSION, 'soon'],
    [SESSION, '0'],
    [SESSION, '44999'],
    [SESSION, '60001'],
    [SESSION, '99999999999'],
    [HEARTBEAT, '4999'],
    [HEARTBEAT, '15001'],
    ['share.session.timeout.ms', '1'],
    ['share.heartbeat.interval.ms', '70000'],
    ['share.record.lock.duration.ms', '1000'],
    ['share.auto.offset.reset', 'EARLIEST'],
    ['share.auto.offset.reset', 'by_duration:-P1D'],
    ['share.isolation.level', 'READ_COMMITTED'],
    ['streams.session.timeout.ms', '1'],
    ['streams.heartbeat.interval.ms', '70000'],
    ['streams.num.standby.replicas', '3'],
    ['streams.num.standby.replicas', '-1'],
  ]
  for (const [name, value] of REFUSED) {
    scenario(`${name}=${value} gets INVALID_CONFIG`, async () => {
      const wire = await connect()
      const got = await set(wire, topic(), { [name]: value })
      expect(got).toMatchObject({ errorCode: 40, errorMessage: expect.stringContaining(name) })
    })
  }

  scenario('of the empty name get INVALID_REQUEST', async () => {
    const wire = await connect()
    expect(await set(wire, '', { [SESSION]: '50000' })).toMatchObject({ errorCode: 42 })
    expect(await describeGroup(wire, '')).toMatchObject({ errorCode: 42, configs: [] })
  })

  scenario('are no lists, and have no null values', async () => {
    const wire = await connect()
    for (const [configOperation, value, errorCode] of [
      [2, '50000', 40],
      [3, '50000', 40],
      [0, null, 42],
    ] as const) {
      const configs = [{ name: SESSION, configOperation, value }]
      const resources = [{ resourceType: GROUP, resourceName: topic(), configs }]
      const got = await wire.call(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
      expect(got.responses).toMatchObject([{ errorCode }])
    }
  })
})

describe('ListConfigResources', () => {
  async function list(wire: Wire, resourceTypes: number[], version = 1) {
    const got = await wire.call(ListConfigResources, version, { resourceTypes })
    const names = got.configResources.map((one) => `${one.resourceType} ${one.resourceName}`)
    return { errorCode: got.errorCode, names }
  }

  scenario('lists topics, the broker and groups with configurations', async () => {
    const wire = await connect()
    const name = topic()
    const group = topic()
    await createTopic(wire, name)
    await set(wire, group, { [SESSION]: '50000' })
    await until(async () => (await list(wire, [GROUP])).names.includes(`32 ${group}`))
    const all = await list(wire, [])
    expect(all.errorCode).toBe(0)
    expect(all.names).toEqual(expect.arrayContaining([`2 ${name}`, '4 1', '8 1', `32 ${group}`]))
    expect((await list(wire, [4, 4])).names).toEqual(['4 1'])
    expect(await list(wire, [16])).toEqual({ errorCode: 0, names: [] })
  })

  scenario('in version 0 lists client metrics', async () => {
    const wire = await connect()
    expect(await list(wire, [], 0)).toEqual({ errorCode: 0, names: [] })
  })

  for (const type of [0, 1, 3, 64, -1]) {
    scenario(`of type ${type} gets UNSUPPORTED_VERSION`, async () => {
      const wire = await connect()
      expect(await list(wire, [2, type])).toEqual({ errorCode: 35, names: [] })
    })
  }
})

describe('Access rules without an authorizer', () => {
  scenario('are answered SECURITY_DISABLED, whatever is asked', async () => {
    const wire = await connect()
    const anything = {
      resourceTypeFilter: 1,
      resourceNameFilter: null,
      patternTypeFilter: 1,
      principalFilter: null,
      hostFilter: null,
      operation: 1,
      permissionType: 1,
    }
    const rule = {
      resourceType: 9,
      resourceName: '',
      principal: 'a',
      host: '*',
      operation: 3,
      permissionType: 3,
    }
    const why = 'No Authorizer is configured.'
    expect(await wire.call(DescribeAcls, 3, anything)).toMatchObject({
      errorCode: 54,
      errorMessage: 'No Authorizer is configured on the broker',
      resources: [],
    })
    const { results } = await wire.call(CreateAcls, 2, { creations: [rule, rule] })
    const disabled = { errorCode: 54, errorMessage: why }
    expect(results).toEqual([disabled, disabled])
    const { filterResults } = await wire.call(DeleteAcls, 1, { filters: [anything] })
    expect(filterResults).toEqual([{ ...disabled, matchingAcls: [] }])
  })
})
