import { describe, expect, it } from 'vitest'
import { metadata } from '../../../src/broker/handlers/metadata.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../../../src/core/ids.ts'
import type { MetadataRequest } from '../../../src/protocol/messages/metadata.ts'
import { type Access, OPEN_ACCESS, Operation, Resource } from '../../../src/security/access.ts'
import { memoryStorage, openCluster } from '../../cluster/fakes.ts'
import { fakeContext } from '../fakes.ts'

const NOT_ASKED = -2_147_483_648

function broker(staticConfigs: Record<string, string> = {}, access: Access = OPEN_ACCESS) {
  const cluster = openCluster(memoryStorage(), staticConfigs)
  const context = fakeContext({
    cluster: { lookup: async (request) => cluster.lookup(request) },
    context: { access, brokerConfig: async (name) => staticConfigs[name] },
  })
  const ask = (version: number, request: Partial<MetadataRequest>) =>
    metadata(
      {
        topics: [],
        allowAutoTopicCreation: true,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
        ...request,
      },
      { version, clientId: null },
      context,
    )
  return { cluster, context, ask }
}

const named = (...names: string[]) => names.map((name) => ({ name, topicId: ZERO_TOPIC_ID }))

describe('Metadata', () => {
  it('tells of one broker, which is the controller, at the address of the connection', async () => {
    const { ask } = broker()
    expect(await ask(13, {})).toMatchObject({
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: 9092, rack: null }],
      clusterId: 'cluster-id-of-22-chars',
      controllerId: 1,
      topics: [],
    })
  })

  it.each([
    [0, [], 2],
    [0, null, 2],
    [1, [], 0],
    [1, null, 2],
    [13, null, 2],
  ])('version %i of %j gives %i of two topics', async (version, topics, count) => {
    const { cluster, ask } = broker()
    cluster.create([{ name: 'a' }, { name: 'b' }])
    expect((await ask(version, { topics })).topics).toHaveLength(count)
  })

  it('tells of each partition that this broker leads it, in epoch 0', async () => {
    const { cluster, ask } = broker()
    const [created] = cluster.create([{ name: 'a', numPartitions: 2 }])
    const { topics } = await ask(12, { topics: named('a') })
    const partition = {
      errorCode: 0,
      leaderId: 1,
      leaderEpoch: 0,
      replicaNodes: [1],
      isrNodes: [1],
      offlineReplicas: [],
    }
    expect(topics).toEqual([
      {
        errorCode: 0,
        name: 'a',
        topicId: created?.topicId,
        isInternal: false,
        partitions: [
          { ...partition, partitionIndex: 0 },
          { ...partition, partitionIndex: 1 },
        ],
        topicAuthorizedOperations: NOT_ASKED,
      },
    ])
  })

  it('creates a missing topic where client and broker allow it, never for all topics', async () => {
    const allowed = broker()
    expect((await allowed.ask(4, { topics: named('new') })).topics).toMatchObject([
      { errorCode: 0, name: 'new', partitions: [{}] },
    ])
    const client = { topics: named('new'), allowAutoTopicCreation: false }
    expect((await broker().ask(4, client)).topics).toMatchObject([{ errorCode: 3, name: 'new' }])
    const refused = broker({ 'auto.create.topics.enable': 'false' })
    expect((await refused.ask(4, { topics: named('new') })).topics).toMatchObject([
      { errorCode: 3, name: 'new', topicId: ZERO_TOPIC_ID, partitions: [] },
    ])
    const every = broker()
    await every.ask(13, { topics: null })
    expect(every.cluster.state.topics.size).toBe(0)
  })

  it('of an invalid name answers INVALID_TOPIC_EXCEPTION', async () => {
    const { topics } = await broker().ask(12, { topics: named('sp ace', '') })
    expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['sp ace', 17],
      ['', 17],
    ])
  })

  it('by id gives the name, and echoes an id that is unknown', async () => {
    const { cluster, ask } = broker()
    const [created] = cluster.create([{ name: 'a' }])
    const unknown = '1dw-6PtwTRyx_Olph5jpsA' as TopicId
    const topics = [created?.topicId as TopicId, unknown].map((topicId) => ({
      name: null,
      topicId,
    }))
    const response = await ask(12, { topics, includeTopicAuthorizedOperations: true })
    expect(response.topics).toMatchObject([
      { errorCode: 0, name: 'a' },
      { errorCode: 100, name: null, topicId: unknown, topicAuthorizedOperations: NOT_ASKED },
    ])
  })

  it.each([10, 11])('version %i refuses ids and null names, with the brokers', async (version) => {
    const { ask } = broker()
    const id = '1dw-6PtwTRyx_Olph5jpsA' as TopicId
    const topics = [
      { name: 'a', topicId: id },
      { name: null, topicId: ZERO_TOPIC_ID },
    ]
    const response = await ask(version, { topics })
    expect(response.brokers).toHaveLength(1)
    expect(response.topics).toMatchObject([
      { errorCode: 42, name: 'a', topicId: id },
      { errorCode: 42, name: '' },
    ])
  })

  it('answers a topic once that is named twice, in the order asked', async () => {
    const { cluster, ask } = broker()
    cluster.create([{ name: 'a' }, { name: 'b' }])
    const { topics } = await ask(12, { topics: named('b', 'a', 'b') })
    expect(topics.map(({ name }) => name)).toEqual(['b', 'a'])
  })

  it('tells the operations of a broker without an authorizer when they are asked', async () => {
    const { cluster, ask } = broker()
    cluster.create([{ name: 'a' }])
    const response = await ask(8, {
      topics: named('a'),
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    })
    expect(response.clusterAuthorizedOperations).toBe(8096)
    expect(response.topics[0]?.topicAuthorizedOperations).toBe(3576)
    expect((await ask(8, {})).clusterAuthorizedOperations).toBe(NOT_ASKED)
  })

  it('fills the cache, and empties it of what is gone', async () => {
    const { cluster, context, ask } = broker()
    const [created] = cluster.create([{ name: 'a' }])
    await ask(12, { topics: null })
    expect(context.topics.byName('a')?.id).toBe(created?.topicId)
    cluster.delete([{ name: 'a' }])
    await ask(12, { topics: named('a'), allowAutoTopicCreation: false })
    expect(context.topics.byName('a')).toBeUndefined()
  })

  describe('for who may not create every topic', () => {
    const { DESCRIBE, CREATE } = Operation
    const allowed = [
      [DESCRIBE, 'there'],
      [DESCRIBE, 'mine'],
      [CREATE, 'mine'],
      [DESCRIBE, 'other'],
      [CREATE, 'unseen'],
    ] as const
    const access: Access = {
      ...OPEN_ACCESS,
      isOpen: false,
      may: (operation, resource, name) =>
        resource === Resource.TOPIC &&
        allowed.some(([one, topic]) => one === operation && topic === name),
    }
    const names = ['other', 'unseen', 'there', 'mine']

    it('creates those that it may, and says of the others that it may not', async () => {
      const { cluster, ask } = broker({}, access)
      cluster.create([{ name: 'there' }])
      const { topics } = await ask(9, { topics: named(...names) })
      expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
        ['other', KafkaError.TOPIC_AUTHORIZATION_FAILED],
        ['unseen', KafkaError.TOPIC_AUTHORIZATION_FAILED],
        ['there', KafkaError.NONE],
        ['mine', KafkaError.NONE],
      ])
      expect(cluster.lookup({ names }).topics.map(({ error }) => error)).toEqual([3, 3, 0, 0])
    })

    it('tells what is unknown where no topic is created', async () => {
      const { ask } = broker({ 'auto.create.topics.enable': 'false' }, access)
      const { topics } = await ask(9, { topics: named(...names) })
      expect(topics.map(({ errorCode }) => errorCode)).toEqual([3, 29, 3, 3])
    })
  })
})
