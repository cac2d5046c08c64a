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
import { clusterName, groupName, type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import type { CommitRequest, GroupCaller, GroupRpc } from '../../src/group/contract.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly GROUP: DurableObjectNamespace
}

const { CLUSTER, GROUP } = env as unknown as Namespaces
const CALLER: GroupCaller = { version: 9, clientId: 'client', clientHost: '/127.0.0.1' }
const ID = 'group'

/** Each test has a cluster of its own: another tenant. */
function tenant(name: string) {
  const stub = () => GROUP.getByName(groupName(ID, name))
  const rpc = () => stub() as unknown as GroupRpc
  const cluster = () => CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  return {
    stub,
    rpc,
    cluster,
    async topic(topic: string): Promise<TopicId> {
      const plain = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      const request = { topics: [{ name: topic, ...plain }], timeoutMs: 5_000, validateOnly: false }
      return (await cluster().createTopics(request, 7)).topics[0]?.topicId as TopicId
    },
    async deleteTopic(topic: string) {
      const topics = [{ name: topic, topicId: ZERO_TOPIC_ID }]
      await cluster().deleteTopics({ topics, topicNames: [], timeoutMs: 5_000 }, 6)
    },
    commit: (topicId: TopicId, offset: number, said: Partial<CommitRequest> = {}) =>
      objects(env as unknown as ObjectBindings, name)
        .group(ID)
        .commitOffsets(
          {
            groupId: ID,
            memberId: '',
            generationOrEpoch: -1,
            instanceId: null,
            retentionTimeMs: -1,
            topics: [
              {
                topicId,
                name: 't',
                partitions: [{ partition: 0, offset, leaderEpoch: -1, metadata: 'm' }],
              },
            ],
            ...said,
          },
          CALLER,
        ),
    async offsets() {
      const all = { memberId: null, memberEpoch: -1, requireStable: false, topics: null }
      const { topics } = await rpc().fetchOffsets({ groupId: ID, ...all }, CALLER)
      return topics.flatMap(({ partitions }) => partitions.map(({ offset }) => offset))
    },
    /** The groups that the directory lists, once it says so. */
    async listed(state: string | null) {
      await expect
        .poll(async () => (await cluster().listGroups()).map((one) => one.state))
        .toEqual(state === null ? [] : [state])
    },
    join: (memberId: string, version = 3, sessionTimeoutMs = 6_000) =>
      rpc().joinGroup(
        {
          groupId: ID,
          sessionTimeoutMs,
          rebalanceTimeoutMs: 6_000,
          memberId,
          groupInstanceId: null,
          protocolType: 'consumer',
          protocols: [{ name: 'range', metadata: Uint8Array.of(0, 0, 0, 0, 0, 0) }],
          reason: null,
        },
        { ...CALLER, version },
      ),
    sync: (memberId: string, generationId: number) =>
      rpc().syncGroup(
        {
          groupId: ID,
          generationId,
          memberId,
          groupInstanceId: null,
          protocolType: null,
          protocolName: null,
          assignments: [{ memberId, assignment: Uint8Array.of(7) }],
        },
        CALLER,
      ),
    heartbeat: async (memberId: string, generationId: number) => {
      const request = { groupId: ID, generationId, memberId, groupInstanceId: null }
      return (await rpc().heartbeat(request, CALLER)).errorCode
    },
  }
}

/** Fires the alarm at the time for which it was set. */
async function alarmWhenDue(stub: DurableObjectStub): Promise<void> {
  await expect
    .poll(() => runInDurableObject(stub, async (_, { storage }) => storage.getAlarm()))
    .not.toBeNull()
  const dueMs = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())
  await new Promise((done) => setTimeout(done, Math.max(0, (dueMs ?? 0) - Date.now())))
  await runDurableObjectAlarm(stub)
}

describe('the Group object', () => {
  it('keeps offsets when it is evicted or aborted, and its entry in the directory', async () => {
    const one = tenant('offsets')
    const topicId = await one.topic('t')
    expect(await one.commit(topicId, 5)).toEqual({ topics: [{ errors: [0] }] })
    await one.listed('Empty')
    await evictDurableObject(one.stub())
    expect(await one.offsets()).toEqual([5])
    await one.commit(topicId, 6)
    await abortAllDurableObjects()
    expect(await one.offsets()).toEqual([6])
  })

  it('keeps its members and their generation when it is evicted', async () => {
    const one = tenant('members')
    // Before it is put to sleep it tells the Statistics object of itself, some seconds later.
    const joined = one.join('', 3, 60_000)
    await alarmWhenDue(one.stub())
    const { memberId, errorCode, generationId = -1 } = await joined
    expect(errorCode).toBe(0)
    expect((await one.sync(memberId, generationId)).assignment).toEqual(Uint8Array.of(7))
    await one.listed('Stable')
    await evictDurableObject(one.stub())
    expect(await one.heartbeat(memberId, generationId)).toBe(0)
    expect((await one.sync(memberId, generationId)).assignment).toEqual(Uint8Array.of(7))
    await evictDurableObject(one.stub())
    expect(await one.rpc().describe(ID, 6)).toMatchObject({ groupState: 'Stable' })
  })

  it('describes what its members have when it was evicted: it must learn the names of their topics anew', async () => {
    const one = tenant('described')
    await one.topic('t')
    const joining = {
      groupId: ID,
      memberId: 'm',
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['t'],
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: [],
    }
    expect(await one.rpc().consumerHeartbeat(joining, CALLER)).toMatchObject({ errorCode: 0 })
    await one.listed('Stable')
    await evictDurableObject(one.stub())
    const { members } = await one.rpc().describeConsumer(ID)
    expect(members[0]?.targetAssignment.topicPartitions).toMatchObject([
      { topicName: 't', partitions: [0] },
    ])
  })

  it('rejects a parked join when it ends; the client asks again', async () => {
    const one = tenant('parked')
    const parked = one.join('')
    const outcome = parked.then(
      () => 'answered',
      () => 'rejected',
    )
    await one.listed('PreparingRebalance')
    await abortAllDurableObjects()
    expect(await outcome).toBe('rejected')
    expect(await one.rpc().describe(ID, 6)).toMatchObject({ groupState: 'Empty' })
  })

  it('drops the offsets of a deleted topic, and refuses commits to it', async () => {
    const one = tenant('deleted')
    const topicId = await one.topic('t')
    await one.commit(topicId, 5)
    await one.deleteTopic('t')
    await one.rpc().metadataChanged(ID, 99)
    expect(await one.offsets()).toEqual([])
    expect(await one.commit(topicId, 6)).toEqual({ topics: [{ errors: [100] }] })
    const again = await one.topic('t')
    expect(await one.commit(again, 1)).toEqual({ topics: [{ errors: [0] }] })
    expect(await one.offsets()).toEqual([1])
  })

  it('leaves the directory and its storage when it is deleted, and can come back', async () => {
    const one = tenant('gone')
    const topicId = await one.topic('t')
    await one.commit(topicId, 5)
    expect(await one.rpc().deleteGroup(ID)).toEqual({ error: 0 })
    expect(await one.cluster().listGroups()).toEqual([])
    await expect
      .poll(() =>
        runInDurableObject(one.stub(), async (_, { storage }) => [
          storage.sql
            .exec("SELECT name FROM sqlite_master WHERE name = 'committed_offset'")
            .toArray().length,
          await storage.getAlarm(),
        ]),
      )
      .toEqual([0, null])
    expect(await one.rpc().exists(ID)).toBe(false)
    await one.commit(topicId, 6)
    await one.listed('Empty')
    await evictDurableObject(one.stub())
    expect(await one.offsets()).toEqual([6])
    const alarm = await runInDurableObject(one.stub(), (_, { storage }) => storage.getAlarm())
    expect(alarm).toBeGreaterThan(Date.now())
  })

  it('that nobody knows stores nothing and is not listed', async () => {
    const one = tenant('nobody')
    expect(await one.heartbeat('m', 1)).toBe(25)
    expect(await one.join('m')).toMatchObject({ errorCode: 25 })
    await one.listed(null)
    const tables = await runInDurableObject(one.stub(), (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'membership'").toArray(),
    )
    expect(tables).toEqual([])
  })

  it('refuses to be the coordinator of another group', async () => {
    const one = tenant('other')
    await one.commit(await one.topic('t'), 5)
    const asked = () =>
      runInDurableObject(one.stub(), (object) =>
        (object as unknown as GroupRpc).describe('another', 6).catch(String),
      )
    expect(await asked()).toMatch('another group')
    await evictDurableObject(one.stub())
    expect(await asked()).toMatch('another group')
  })
})
