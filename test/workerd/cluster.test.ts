/// <reference types="@cloudflare/vitest-plugin/types" />

import {
  abortAllDurableObjects,
  env,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { clusterName, partitionName, type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import type { PartitionRpc } from '../../src/partition/contract.ts'
import { forge } from './forge.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
}

const { CLUSTER, PARTITION } = env as unknown as Namespaces

/** Each test has a cluster of its own: another tenant. */
function tenant(name: string) {
  const stub = () => CLUSTER.getByName(clusterName(name))
  const rpc = () => stub() as unknown as ClusterRpc
  return {
    stub,
    rpc,
    partition: (id: TopicId, partition: number) =>
      PARTITION.getByName(partitionName(id, partition, name)) as unknown as PartitionRpc,
    create: async (topic: string, numPartitions = 1) => {
      const plain = { numPartitions, replicationFactor: 1, assignments: [], configs: [] }
      const request = { topics: [{ name: topic, ...plain }], timeoutMs: 5_000, validateOnly: false }
      const { topics } = await rpc().createTopics(request, 7)
      expect(topics).toMatchObject([{ errorCode: 0 }])
      return topics[0]?.topicId as TopicId
    },
    delete: (...names: string[]) => {
      const topics = names.map((topic) => ({ name: topic, topicId: ZERO_TOPIC_ID }))
      return rpc().deleteTopics({ topics, topicNames: [], timeoutMs: 5_000 }, 6)
    },
    setRetention: (topic: string, value: string) => {
      const configs = [{ name: 'retention.ms', configOperation: 0, value }]
      const resources = [{ resourceType: 2, resourceName: topic, configs }]
      return rpc().incrementalAlterConfigs({ resources, validateOnly: false }, 1)
    },
  }
}

describe('the Cluster object', () => {
  it('keeps cluster id, topics and configurations when it is evicted or aborted', async () => {
    const cluster = tenant('kept')
    const id = await cluster.create('t', 3)
    await cluster.setRetention('t', '77')
    const before = await cluster.rpc().lookup({ all: true })
    expect(before.clusterId).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
    expect(before.topics).toMatchObject([
      { error: 0, topic: { name: 't', id, partitions: 3, settings: { retentionMs: 77 } } },
    ])
    await evictDurableObject(cluster.stub())
    expect(await cluster.rpc().lookup({ all: true })).toEqual(before)
    await abortAllDurableObjects()
    expect(await cluster.rpc().lookup({ all: true })).toEqual(before)
  })

  it('never gives a producer id twice, also after an abort', async () => {
    const cluster = tenant('producers')
    const seen = new Set<number>()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++) {
        const { first } = await cluster.rpc().allocateProducerIds(1)
        expect(seen.has(first)).toBe(false)
        seen.add(first)
      }
      await abortAllDurableObjects()
    }
  })

  it('creates a topic once when many name it at the same moment', async () => {
    const cluster = tenant('auto')
    const lookups = await Promise.all(
      Array.from({ length: 20 }, () => cluster.rpc().lookup({ names: ['new'], autoCreate: true })),
    )
    expect(new Set(lookups.map(({ topics }) => topics[0]?.topic?.id)).size).toBe(1)
  })

  it('answers DeleteTopics when the written partitions are fenced, and frees them later', async () => {
    const cluster = tenant('deleted')
    const id = await cluster.create('t', 3)
    await cluster.rpc().admit(id, 1, true)
    const { responses } = await cluster.delete('t')
    expect(responses).toMatchObject([{ name: 't', topicId: id, errorCode: KafkaError.NONE }])
    const size = await cluster.partition(id, 1).size({ topicId: id, partition: 1 })
    expect(size.error).toBe(KafkaError.UNKNOWN_TOPIC_ID)
    expect(await cluster.rpc().admit(id, 1, true)).toEqual({ alive: false })

    const again = await cluster.create('t', 1)
    expect(again).not.toBe(id)
    await expect.poll(() => owed(cluster.stub())).toEqual([])
    expect((await cluster.rpc().lookup({ names: ['t'] })).topics).toMatchObject([
      { error: 0, topic: { id: again } },
    ])
  })

  it('takes a deletion up again that an abort cut off', async () => {
    const cluster = tenant('cut-off')
    const id = await cluster.create('t')
    await cluster.rpc().admit(id, 0, true)
    await runInDurableObject(cluster.stub(), (_, { storage }) => {
      forge(storage, 'topic', 'id', "UPDATE topic SET stage = 'fencing'")
    })
    await abortAllDurableObjects()
    expect((await cluster.rpc().lookup({ names: ['t'] })).topics).toMatchObject([{ error: 3 }])
    await runDurableObjectAlarm(cluster.stub())
    await expect.poll(() => owed(cluster.stub())).toEqual([])
  })

  it('tells the partitions that were written of a new configuration before it answers', async () => {
    const cluster = tenant('notices')
    const id = await cluster.create('t')
    await cluster.rpc().admit(id, 0, true)
    const { responses } = await cluster.setRetention('t', '77')
    expect(responses).toMatchObject([{ errorCode: 0 }])
    const notices = await runInDurableObject(cluster.stub(), (_, { storage }) =>
      storage.sql.exec('SELECT * FROM notice').toArray(),
    )
    expect(notices).toEqual([])
  })
})

describe('the directory in the Cluster object', () => {
  const entry = (groupId: string) => ({
    groupId,
    type: 'consumer' as const,
    protocolType: 'consumer',
    state: 'Empty',
    topicIds: [],
    topicNames: ['t'],
    allTopics: false,
  })

  it('is kept when the object is aborted, and answers with topics and configuration', async () => {
    const cluster = tenant('directory')
    const before = await cluster.rpc().registerGroup(entry('g'))
    expect(before).toMatchObject({ topics: [], configs: { 'group.max.size': '2147483647' } })
    await cluster
      .rpc()
      .registerTransaction({ transactionalId: 'x', producerId: 1, state: 'Empty', startTimeMs: -1 })
    const id = await cluster.create('t', 2)
    await abortAllDurableObjects()
    expect(await cluster.rpc().listGroups()).toMatchObject([{ groupId: 'g', state: 'Empty' }])
    expect(await cluster.rpc().listTransactions()).toMatchObject([{ transactionalId: 'x' }])
    const after = await cluster.rpc().registerGroup(entry('g'))
    expect(after.topics).toEqual([{ id, name: 't', partitions: 2 }])
    expect(after.version).toBe(before.version + 1)
  })

  it('tells a group of a topic it waits for, soon after the answer', async () => {
    const cluster = tenant('told')
    await cluster.rpc().registerGroup(entry('g'))
    await cluster.create('t')
    await expect.poll(() => rows(cluster.stub(), 'SELECT * FROM group_notice')).toEqual([])
    await cluster.create('other')
    expect(await rows(cluster.stub(), 'SELECT metadata_version FROM cluster')).toEqual([
      { metadata_version: 2 },
    ])
  })

  it('delivers from the alarm a notice that an abort cut off', async () => {
    const cluster = tenant('notice-cut-off')
    await cluster.rpc().registerGroup(entry('g'))
    await rows(cluster.stub(), "INSERT INTO group_notice VALUES ('g', 1)")
    await abortAllDurableObjects()
    await cluster.rpc().clusterId()
    await runDurableObjectAlarm(cluster.stub())
    await expect.poll(() => rows(cluster.stub(), 'SELECT * FROM group_notice')).toEqual([])
  })

  it('loses entries of objects without state in a sweep, once they are old', async () => {
    const cluster = tenant('swept')
    await cluster.rpc().registerGroup(entry('young'))
    await cluster.rpc().registerGroup(entry('old'))
    await cluster
      .rpc()
      .registerTransaction({ transactionalId: 'x', producerId: 1, state: 'Empty', startTimeMs: -1 })
    await runInDurableObject(cluster.stub(), (_, { storage }) => {
      const old = "UPDATE group_entry SET at_ms = 0 WHERE group_id = 'old'"
      forge(storage, 'group_entry', 'group_id', old)
      const all = 'UPDATE transaction_entry SET at_ms = 0'
      forge(storage, 'transaction_entry', 'transactional_id', all)
    })
    await abortAllDurableObjects()
    await runDurableObjectAlarm(cluster.stub())
    expect(await cluster.rpc().listGroups()).toMatchObject([{ groupId: 'young' }])
    expect(await cluster.rpc().listTransactions()).toEqual([])
  })

  it('is made in a storage of the release before it', async () => {
    const cluster = tenant('migrated')
    const id = await cluster.create('t', 3)
    for (const table of ['feature', 'group_entry', 'group_config', 'group_notice']) {
      await rows(cluster.stub(), `DROP TABLE ${table}`)
    }
    await rows(cluster.stub(), 'DROP TABLE transaction_entry')
    for (const table of ['scram_credential', 'acl', 'client_quota', 'security_version']) {
      await rows(cluster.stub(), `DROP TABLE ${table}`)
    }
    for (const column of ['metadata_version', 'features_epoch', 'swept_ms']) {
      await rows(cluster.stub(), `ALTER TABLE cluster DROP COLUMN ${column}`)
    }
    for (const table of ['cluster', 'topic', 'broker_layer']) {
      await rows(cluster.stub(), `ALTER TABLE ${table} DROP COLUMN checksum`)
    }
    await rows(cluster.stub(), 'UPDATE schema_version SET version = 1')
    await abortAllDurableObjects()
    expect((await cluster.rpc().lookup({ names: ['t'] })).topics).toMatchObject([
      { error: 0, topic: { id, partitions: 3 } },
    ])
    expect(await cluster.rpc().features()).toMatchObject({
      epoch: 0,
      levels: { 'transaction.version': 2, 'group.version': 1 },
    })
    await cluster.rpc().registerGroup(entry('g'))
    expect(await cluster.rpc().listGroups()).toHaveLength(1)
  })
})

/** What a statement says in the object's storage. */
function rows(stub: DurableObjectStub, query: string): Promise<unknown> {
  return runInDurableObject(stub, (_, { storage }) => storage.sql.exec(query).toArray())
}

/** Deleted topics that are not yet forgotten. */
function owed(stub: DurableObjectStub): Promise<unknown> {
  return runInDurableObject(stub, (_, { storage }) =>
    storage.sql.exec('SELECT name, stage FROM topic WHERE stage IS NOT NULL').toArray(),
  )
}
