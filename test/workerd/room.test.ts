/// <reference types="@cloudflare/vitest-plugin/types" />
// An object near its limit in the runtime: what the platform counts as its size, and that deleting makes room.

import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { clusterName, offset, partitionName, type TopicId } from '../../src/core/ids.ts'
import { OBJECT_MIN_BYTES } from '../../src/core/limits/partition.ts'
import { Partition } from '../../src/partition/object.ts'
import { buildBatch } from '../../src/record/build.ts'
import type { ObjectBindings } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
}

const { CLUSTER, PARTITION } = env as unknown as Namespaces
const BATCH_BYTES = 1_000_000

/** A topic of one partition, in a cluster of its own; the id of the topic. */
async function createTopic(name: string): Promise<TopicId> {
  const cluster = CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  const plain = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const request = { topics: [{ name, ...plain }], timeoutMs: 5_000, validateOnly: false }
  const { topics } = await cluster.createTopics(request, 7)
  return topics[0]?.topicId as TopicId
}

describe('an object that may hold less than the platform allows', () => {
  it('refuses appends near its limit, is read, and takes appends again when records were deleted', async () => {
    const topicId = await createTopic('room')
    const target = { topicId, partition: 0 }
    const stub = PARTITION.getByName(partitionName(topicId, 0, 'room'))
    await runInDurableObject(stub, async (_, state) => {
      const config = { 'ottla.object.max.bytes': String(OBJECT_MIN_BYTES) }
      const bindings = { ...env, OTTLA_CONFIG: config } as unknown as ObjectBindings
      const partition = new Partition(state, bindings)
      const append = async () => {
        const records = [{ timestamp: 1, key: null, value: new Uint8Array(BATCH_BYTES) }]
        const appends = [{ ...target, configVersion: 1_000, batch: buildBatch({ records }) }]
        const { replies } = await partition.appendAll({ appends, isolate: 'elsewhere' })
        return replies[0]
      }
      const size = () => state.storage.sql.databaseSize

      let taken = 0
      let reply = await append()
      for (; reply?.kind === 'appended'; reply = await append()) taken++
      expect(reply).toMatchObject({ kind: 'refused', error: KafkaError.KAFKA_STORAGE_ERROR })
      expect(taken).toBeGreaterThan(30)
      expect(size()).toBeLessThanOrEqual(OBJECT_MIN_BYTES)
      const limits = { maxBytes: 100, atLeastOneBatch: true, readCommitted: false }
      expect(
        await partition.read({ ...target, offset: offset(taken - 1), ...limits }),
      ).toMatchObject({ error: 0, highWatermark: taken })

      const before = size()
      expect(await partition.deleteRecords({ ...target, offset: -1 })).toMatchObject({ error: 0 })
      await expect
        .poll(
          async () => {
            await partition.alarm()
            return size()
          },
          { timeout: 10_000 },
        )
        .toBeLessThan(before / 10)
      expect(await append()).toMatchObject({ kind: 'appended', baseOffset: taken })
    })
    await runDurableObjectAlarm(stub)
  })
})
