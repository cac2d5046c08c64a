// Metadata, DescribeCluster, DescribeTopicPartitions and FindCoordinator: what a client learns about
// brokers and topics. KIP-4, KIP-430, KIP-516, KIP-699, KIP-700, KIP-966.

import { describe, expect } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import { DescribeCluster } from '../../../src/protocol/messages/describe-cluster.ts'
import { DescribeTopicPartitions } from '../../../src/protocol/messages/describe-topic-partitions.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import type { ResponseRead } from '../../../src/protocol/schema.ts'
import { createTopic, topicMetadata, until } from '../calls.ts'
import { suite } from '../target.ts'

const shared = suite('metadata')
const { scenario, connect, topic } = shared
const UNKNOWN_ID = 'b3R0bGEtdW5rbm93bi1pZA' as TopicId
type Page = ResponseRead<typeof DescribeTopicPartitions>
const NOT_ASKED = -2147483648

describe('Metadata', () => {
  for (let version = 0; version <= 13; version += 1) {
    scenario(`in version ${version} describes the broker and a topic`, async () => {
      const wire = await connect()
      const name = topic()
      const topicId = await createTopic(wire, name, 3)
      const got = await wire.call(Metadata, version, { topics: [{ name }] })
      const { host, port } = shared.target.kafka
      expect(got.brokers).toEqual([{ nodeId: 1, host, port, rack: null }])
      expect(got.controllerId).toBe(version >= 1 ? 1 : -1)
      if (version >= 2) expect(got.clusterId).toEqual(expect.stringMatching(/^.{22}$/))
      expect(got.errorCode).toBe(0)
      expect(got.topics).toHaveLength(1)
      const [described] = got.topics
      expect(described).toMatchObject({ errorCode: 0, name, isInternal: false })
      expect(described?.topicId).toBe(version >= 10 ? topicId : 'AAAAAAAAAAAAAAAAAAAAAA')
      expect(described?.topicAuthorizedOperations).toBe(NOT_ASKED)
      const partitions = described!.partitions.toSorted(
        (a, b) => a.partitionIndex - b.partitionIndex,
      )
      expect(partitions).toEqual(
        [0, 1, 2].map((partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId: 1,
          leaderEpoch: version >= 7 ? 0 : -1,
          replicaNodes: [1],
          isrNodes: [1],
          offlineReplicas: [],
        })),
      )
    })
  }

  scenario(
    'of all topics is asked with an empty list in version 0 and with null later',
    async () => {
      const wire = await connect()
      const names = [topic(), topic()]
      for (const name of names) await createTopic(wire, name)
      const all = async (version: number, topics: [] | null) =>
        (await wire.call(Metadata, version, { topics })).topics.map((one) => one.name)
      expect(await all(0, [])).toEqual(expect.arrayContaining(names))
      for (const version of [1, 5, 9, 12, 13]) {
        expect(await all(version, null)).toEqual(expect.arrayContaining(names))
        expect(await all(version, [])).toEqual([])
      }
    },
  )

  scenario(
    'by topic id from version 12 on; an unknown id is echoed with UNKNOWN_TOPIC_ID',
    async () => {
      const wire = await connect()
      const name = topic()
      const topicId = await createTopic(wire, name)
      const topics = [
        { topicId, name: null },
        { topicId: UNKNOWN_ID, name: null },
      ]
      const got = await wire.call(Metadata, 12, { topics })
      const byId = new Map(got.topics.map((one) => [one.topicId, one]))
      expect(byId.get(topicId)).toMatchObject({ errorCode: 0, name })
      expect(byId.get(UNKNOWN_ID)).toMatchObject({ errorCode: 100, name: null, partitions: [] })
    },
  )

  scenario(
    'of an unknown topic without leave to create gets UNKNOWN_TOPIC_OR_PARTITION',
    async () => {
      const wire = await connect()
      const name = topic()
      const body = { topics: [{ name }], allowAutoTopicCreation: false }
      for (const version of [4, 9, 12]) {
        const got = await wire.call(Metadata, version, body)
        expect(got.topics).toMatchObject([{ errorCode: 3, name, partitions: [] }])
      }
      expect((await topicMetadata(wire, name)).errorCode).toBe(3)
    },
  )

  scenario(
    'of an unknown topic creates it where allowed, at the latest for the next question',
    async () => {
      const wire = await connect()
      const name = topic()
      const first = (await wire.call(Metadata, 4, { topics: [{ name }] })).topics[0]!
      expect([0, 3, 5]).toContain(first.errorCode)
      await until(async () => (await topicMetadata(wire, name)).errorCode === 0)
      expect((await topicMetadata(wire, name)).partitions).toHaveLength(1)
    },
  )

  scenario(
    'of an unknown topic gives the finished topic at once where it may be created',
    async () => {
      const wire = await connect()
      const name = topic()
      const got = await wire.call(Metadata, 4, { topics: [{ name }] })
      expect(got.topics).toMatchObject([
        { errorCode: 0, name, partitions: [{ partitionIndex: 0 }] },
      ])
    },
  )

  for (const name of ['', '.', '..', 'a b', 'a/b', 'ä', 'x'.repeat(250)]) {
    scenario(`of the bad name "${name.slice(0, 9)}" gets INVALID_TOPIC_EXCEPTION`, async () => {
      const wire = await connect()
      const got = await wire.call(Metadata, 9, { topics: [{ name }] })
      expect(got.topics).toMatchObject([{ errorCode: 17, name }])
    })
  }

  scenario('tells what everyone may do where no authorizer is, when asked', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const got = await wire.call(Metadata, 8, {
      topics: [{ name }],
      includeClusterAuthorizedOperations: true,
      includeTopicAuthorizedOperations: true,
    })
    expect(got.clusterAuthorizedOperations).toBe(0b1_1111_1010_0000)
    expect(got.topics[0]!.topicAuthorizedOperations).toBe(0b1101_1111_1000)
  })
})

describe('DescribeCluster', () => {
  for (const version of [0, 1, 2]) {
    scenario(`in version ${version} names the one broker, which is the controller`, async () => {
      const wire = await connect()
      const { host, port } = shared.target.kafka
      const got = await wire.call(DescribeCluster, version, {
        includeClusterAuthorizedOperations: false,
      })
      const metadata = await wire.call(Metadata, 9, { topics: [] })
      expect(got).toMatchObject({
        errorCode: 0,
        controllerId: 1,
        clusterAuthorizedOperations: NOT_ASKED,
      })
      expect(got.clusterId).toBe(metadata.clusterId)
      expect(got.brokers).toEqual([{ brokerId: 1, host, port, rack: null, isFenced: false }])
    })
  }

  scenario('of controllers is refused by a broker', async () => {
    const wire = await connect()
    const body = { includeClusterAuthorizedOperations: false, endpointType: 2 }
    expect((await wire.call(DescribeCluster, 1, body)).errorCode).toBe(114)
  })
})

describe('DescribeTopicPartitions', () => {
  scenario('walks all partitions with its cursor', async () => {
    const wire = await connect()
    const names = [topic(), topic()].toSorted()
    for (const name of names) await createTopic(wire, name, 3)
    const seen: string[] = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    let pages = 0
    do {
      const topics = names.map((name) => ({ name }))
      const got: Page = await wire.call(DescribeTopicPartitions, 0, {
        topics,
        responsePartitionLimit: 2,
        cursor,
      })
      for (const one of got.topics) {
        expect(one).toMatchObject({ errorCode: 0, isInternal: false })
        seen.push(...one.partitions.map((part) => `${one.name}-${part.partitionIndex}`))
        for (const part of one.partitions) {
          expect(part).toMatchObject({
            errorCode: 0,
            leaderId: 1,
            leaderEpoch: 0,
            replicaNodes: [1],
            isrNodes: [1],
            offlineReplicas: [],
          })
        }
      }
      cursor = got.nextCursor
      pages += 1
    } while (cursor !== null && pages < 10)
    expect(seen).toEqual(names.flatMap((name) => [0, 1, 2].map((index) => `${name}-${index}`)))
    expect(pages).toBe(3)
  })

  scenario('of an unknown or badly named topic tells so', async () => {
    const wire = await connect()
    const name = `${topic()}-not`
    const got = await wire.call(DescribeTopicPartitions, 0, { topics: [{ name }, { name: 'a b' }] })
    const errors = new Map(got.topics.map((one) => [one.name, one.errorCode]))
    expect(errors.get(name)).toBe(3)
    expect(errors.get('a b')).toBe(17)
  })
})

describe('FindCoordinator', () => {
  for (let version = 0; version <= 3; version += 1) {
    scenario(`in version ${version} gives this broker for a group`, async () => {
      const wire = await connect()
      const { host, port } = shared.target.kafka
      await until(
        async () => (await wire.call(FindCoordinator, version, { key: 'g' })).errorCode === 0,
      )
      const got = await wire.call(FindCoordinator, version, { key: 'g' })
      expect(got).toMatchObject({ errorCode: 0, nodeId: 1, host, port })
    })
  }

  for (let version = 4; version <= 6; version += 1) {
    for (const keyType of [0, 1]) {
      scenario(
        `in version ${version} gives this broker for each key of type ${keyType}`,
        async () => {
          const wire = await connect()
          const { host, port } = shared.target.kafka
          const body = { keyType, coordinatorKeys: ['a', 'b'] }
          const ask = async () => (await wire.call(FindCoordinator, version, body)).coordinators
          await until(async () => (await ask()).every((one) => one.errorCode === 0))
          const answer = { errorCode: 0, nodeId: 1, host, port }
          expect(await ask()).toMatchObject([
            { key: 'a', ...answer },
            { key: 'b', ...answer },
          ])
        },
      )
    }
  }

  scenario('of an unknown key type gets INVALID_REQUEST', async () => {
    const wire = await connect()
    const got = await wire.call(FindCoordinator, 4, { keyType: 9, coordinatorKeys: ['a'] })
    expect(got.coordinators).toMatchObject([{ key: 'a', errorCode: 42 }])
  })
})
