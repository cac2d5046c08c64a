/// <reference types="@cloudflare/vitest-plugin/types" />
// Housekeeping in the runtime: the one alarm, real storage, an object that is evicted meanwhile.

import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { clusterName, offset, partitionName, type TopicId } from '../../src/core/ids.ts'
import { MERGE_AT_ONCE_BYTES } from '../../src/core/limits/partition.ts'
import { SEGMENTS } from '../../src/partition/lifecycle/store.ts'
import { buildBatch } from '../../src/record/build.ts'
import { batchesInPieces } from '../../src/record/stored.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
}

const { CLUSTER, PARTITION } = env as unknown as Namespaces

/** A topic of one partition with configurations of its own, in a cluster of its own. */
async function topic(name: string, settings: Readonly<Record<string, string>>) {
  const cluster = CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
  const plain = { numPartitions: 1, replicationFactor: 1, assignments: [], configs }
  const request = { topics: [{ name, ...plain }], timeoutMs: 5_000, validateOnly: false }
  const { topics } = await cluster.createTopics(request, 7)
  const topicId = topics[0]?.topicId as TopicId
  const { topics: found } = await cluster.lookup({ names: [name] })
  const configVersion = found[0]?.topic?.configVersion ?? 0
  const target = { topicId, partition: 0 }
  const leader = objects(env as unknown as ObjectBindings, name).partition(topicId, 0)
  const stub = () => PARTITION.getByName(partitionName(topicId, 0, name))
  return {
    target,
    leader,
    stub,
    append: async (bytes: number, timestamp = Date.now()) => {
      const records = [{ timestamp, key: null, value: new Uint8Array(bytes) }]
      const batch = buildBatch({ records })
      expect(await leader.append({ ...target, configVersion, batch })).toMatchObject({
        kind: 'appended',
      })
    },
    rows: () =>
      runInDurableObject(stub(), (_, { storage }) =>
        Number(storage.sql.exec('SELECT count(*) AS n FROM chunk').one().n),
      ),
    databaseSize: () => runInDurableObject(stub(), (_, { storage }) => storage.sql.databaseSize),
  }
}

describe('the alarm', () => {
  it('merges the rows of many small batches, which read as before', async () => {
    const slow = await topic('slow', {})
    const count = Math.ceil(MERGE_AT_ONCE_BYTES / 1_000) + 10
    for (let index = 0; index < count; index++) await slow.append(1_000)
    await runDurableObjectAlarm(slow.stub())
    await expect.poll(() => slow.rows(), { timeout: 30_000 }).toBeLessThan(50)
    for (const state of ['loaded', 'evicted'] as const) {
      if (state === 'evicted') await evictDurableObject(slow.stub())
      const limits = { maxBytes: 2_000_000, atLeastOneBatch: true, readCommitted: false }
      const reply = await slow.leader.read({ ...slow.target, offset: offset(0), ...limits })
      expect([...batchesInPieces(reply.pieces)]).toHaveLength(count)
    }
  })

  it('deletes what is expired, in an object that was evicted, and uses its pages again', async () => {
    const short = await topic('short', { 'segment.ms': '1000', 'retention.ms': '3600000' })
    const old = Date.now() - 7_200_000
    const fill = async (timestamp: number) => {
      for (let index = 0; index < 20; index++) await short.append(200_000, timestamp)
    }
    await fill(old)
    await short.append(10)
    // As if they had been there at the last check, five minutes ago.
    await runInDurableObject(short.stub(), (_, { storage }) => {
      for (const row of SEGMENTS.read(storage)) {
        SEGMENTS.put(storage, { ...row, created_ms: Number(row.created_ms) - 400_000 })
      }
    })
    await evictDurableObject(short.stub())
    const full = await short.databaseSize()
    const alarms = async () => {
      await runDurableObjectAlarm(short.stub())
      return short.rows()
    }
    await expect.poll(alarms, { timeout: 30_000 }).toBe(1)
    expect(await short.leader.size(short.target)).toMatchObject({
      logStartOffset: 20,
      highWatermark: 21,
    })
    const limits = { maxBytes: 1_000, atLeastOneBatch: true, readCommitted: false }
    expect(
      await short.leader.read({ ...short.target, offset: offset(19), ...limits }),
    ).toMatchObject({ error: KafkaError.OFFSET_OUT_OF_RANGE })
    await fill(Date.now())
    expect(await short.databaseSize()).toBeLessThan(full * 1.1)
  })
})
