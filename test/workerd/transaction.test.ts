/// <reference types="@cloudflare/vitest-plugin/types" />

import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { clusterName, type TopicId, transactionName } from '../../src/core/ids.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'
import type { Participant, TransactionRpc } from '../../src/transaction/contract.ts'
import { forge } from './forge.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly TRANSACTION: DurableObjectNamespace
}

const { CLUSTER, TRANSACTION } = env as unknown as Namespaces
const ID = 'payments'

/** A cluster of its own (a tenant), with a topic of three partitions and a transactional id. */
async function tenant(name: string) {
  const cluster = CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  const plain = { numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }
  const request = { topics: [{ name: 'orders', ...plain }], timeoutMs: 5_000, validateOnly: false }
  const { topics } = await cluster.createTopics(request, 7)
  const topicId = topics[0]?.topicId as TopicId
  const reached = objects(env as unknown as ObjectBindings, name)
  const coordinator: TransactionRpc = reached.transaction(ID)
  const stub = () => TRANSACTION.getByName(transactionName(ID, name))
  const init = (timeoutMs = 60_000) =>
    coordinator.initProducerId({
      transactionalId: ID,
      transactionTimeoutMs: timeoutMs,
      producerId: -1,
      producerEpoch: -1,
    })
  const partition = (index: number): Participant => ({
    kind: 'partition',
    topicId,
    topic: 'orders',
    partition: index,
  })
  return { cluster, coordinator, stub, init, partition }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (await holds()) return
    await scheduler.wait(10)
  }
  throw new Error('it did not become so')
}

describe('a transaction coordinator in the runtime', () => {
  it('tells the partitions and groups of a commit, and is complete then', async () => {
    const { coordinator, init, partition } = await tenant('txn-commit')
    const { producerId, producerEpoch } = await init()
    const by = { transactionalId: ID, producerId, producerEpoch }
    const participants = [partition(0), partition(1), { kind: 'group', groupId: 'g' } as const]
    expect(await coordinator.add({ ...by, participants })).toEqual({ error: KafkaError.NONE })
    const ended = await coordinator.endTransaction({ ...by, committed: true, version: 5 })
    expect(ended).toEqual({ error: KafkaError.NONE, producerId, producerEpoch: 1 })
    await until(async () => (await coordinator.describe(ID)).state === 'CompleteCommit')
  })

  it('keeps its transaction over an eviction', async () => {
    const { coordinator, init, partition, stub } = await tenant('txn-evict')
    const { producerId, producerEpoch } = await init()
    const by = { transactionalId: ID, producerId, producerEpoch }
    const request = { ...by, participant: partition(2), verifyOnly: false }
    expect(await coordinator.enlist(request)).toEqual({ error: KafkaError.NONE, number: 1 })
    await evictDurableObject(stub())
    expect(await coordinator.describe(ID)).toMatchObject({
      state: 'Ongoing',
      producerId,
      partitions: [{ topic: 'orders', partition: 2 }],
    })
    expect(await coordinator.enlist({ ...request, verifyOnly: true })).toMatchObject({ number: 1 })
  })

  it('that is loaded while markers are due sends them again', async () => {
    const { coordinator, init, partition, stub } = await tenant('txn-resume')
    const { producerId, producerEpoch } = await init()
    const by = { transactionalId: ID, producerId, producerEpoch }
    await coordinator.add({ ...by, participants: [partition(0), partition(1)] })
    // As a death right after the decision leaves it.
    await runInDurableObject(stub(), (_object, state) => {
      const decide = "UPDATE txn SET state = 'PrepareAbort', producer_epoch = 1"
      forge(state.storage, 'txn', 'id', decide)
    })
    await evictDurableObject(stub())
    await until(async () => (await coordinator.describe(ID)).state === 'CompleteAbort')
  })

  it('aborts a transaction whose time is up when its alarm fires', async () => {
    const { coordinator, init, partition, stub } = await tenant('txn-timeout')
    const { producerId, producerEpoch } = await init(1_000)
    const by = { transactionalId: ID, producerId, producerEpoch }
    await coordinator.add({ ...by, participants: [partition(0)] })
    await evictDurableObject(stub())
    await scheduler.wait(1_050)
    await runDurableObjectAlarm(stub())
    await until(async () => (await coordinator.describe(ID)).state === 'CompleteAbort')
    expect(await coordinator.add({ ...by, participants: [partition(0)] })).toEqual({
      error: KafkaError.PRODUCER_FENCED,
    })
  })

  it('is in the directory with the first id it gives, and says there what it does', async () => {
    const { cluster, coordinator, init, partition } = await tenant('txn-directory')
    expect(await coordinator.exists(ID)).toBe(false)
    expect(await cluster.listTransactions()).toEqual([])
    const { producerId, producerEpoch } = await init()
    const entry = { transactionalId: ID, producerId }
    expect(await cluster.listTransactions()).toMatchObject([{ ...entry, state: 'Empty' }])
    const by = { ...entry, producerEpoch }
    await coordinator.add({ ...by, participants: [partition(0)] })
    await until(async () => (await cluster.listTransactions())[0]?.state === 'Ongoing')
    await coordinator.endTransaction({ ...by, committed: true, version: 4 })
    await until(async () => (await cluster.listTransactions())[0]?.state === 'CompleteCommit')
  })

  it('is the coordinator of one transactional id', async () => {
    const { coordinator, init } = await tenant('txn-other')
    await init()
    await expect(coordinator.describe('another')).rejects.toThrow('another transactional id')
  })
})
