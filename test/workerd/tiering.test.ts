/// <reference types="@cloudflare/vitest-plugin/types" />
// Tiering in the runtime: the one alarm, real storage, wrangler's local R2, an object that is evicted meanwhile.

import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { NO_LAYERS, topicSettings } from '../../src/core/configs.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { clusterName, offset, partitionName, type TopicId } from '../../src/core/ids.ts'
import { buildBatch } from '../../src/record/build.ts'
import { readBatchHeader } from '../../src/record/header.ts'
import { batchesInPieces } from '../../src/record/stored.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
  readonly OTTLA_TIER: R2Bucket
}

const { CLUSTER, PARTITION, OTTLA_TIER } = env as unknown as Namespaces
const BATCHES = 7
const BYTES = 400_000

/** A topic whose partition is told, as by its controller, that it is tiered. */
async function tieredTopic(name: string) {
  const cluster = CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  const plain = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const request = { topics: [{ name, ...plain }], timeoutMs: 5_000, validateOnly: false }
  const { topics } = await cluster.createTopics(request, 7)
  const topicId = topics[0]?.topicId as TopicId
  const target = { topicId, partition: 0 }
  const leader = objects(env as unknown as ObjectBindings, name).partition(topicId, 0)
  const configVersion = 1_000
  await leader.configure(target, configVersion, {
    ...topicSettings({ 'segment.bytes': '1048576', 'retention.ms': '-1' }, NO_LAYERS),
    remoteEnabled: true,
    localRetentionMs: -1,
    localRetentionBytes: 0,
    tierUnsynced: true,
    tierIntervalMs: 1,
  })
  return {
    target,
    leader,
    stub: () => PARTITION.getByName(partitionName(topicId, 0, name)),
    append: async (fill: number) => {
      const records = [
        { timestamp: 1_000 + fill, key: null, value: new Uint8Array(BYTES).fill(fill) },
      ]
      const batch = buildBatch({ records })
      const reply = await leader.append({ ...target, configVersion, batch })
      expect(reply).toMatchObject({ kind: 'appended' })
    },
    keys: async () => {
      const { objects: found } = await OTTLA_TIER.list({ prefix: `${topicId}/` })
      return found.map(({ key }) => key)
    },
    all: async () => {
      const found: [number, number | undefined][] = []
      for (let next = 0; next < BATCHES; ) {
        const limits = { maxBytes: 2_000_000, atLeastOneBatch: true, readCommitted: false }
        const reply = await leader.read({ ...target, offset: offset(next), ...limits })
        expect(reply.error).toBe(KafkaError.NONE)
        for (const batch of batchesInPieces(reply.pieces)) {
          const { baseOffset } = readBatchHeader(batch)
          found.push([baseOffset, batch.at(-2)])
          next = baseOffset + 1
        }
      }
      return found
    },
  }
}

describe('a tiered partition', () => {
  it('moves to the bucket from its alarm, is read from there, and leaves nothing behind', async () => {
    const log = await tieredTopic('tiered')
    for (let fill = 0; fill < BATCHES; fill++) await log.append(fill)
    const wanted = Array.from({ length: BATCHES }, (_, fill) => [fill, fill])
    const local = () =>
      runInDurableObject(log.stub(), (_, { storage }) =>
        storage.sql
          .exec('SELECT first_offset FROM chunk')
          .toArray()
          .map((row) => row.first_offset),
      )
    await expect
      .poll(
        async () => {
          await runDurableObjectAlarm(log.stub())
          return local()
        },
        { timeout: 15_000, interval: 200 },
      )
      .toEqual([BATCHES - 1])
    expect(await log.keys()).toHaveLength(3)
    expect(await log.all()).toEqual(wanted)
    await evictDurableObject(log.stub())
    expect(await log.all()).toEqual(wanted)
    expect(await log.leader.size(log.target)).toMatchObject({
      logStartOffset: 0,
      highWatermark: BATCHES,
      tier: { localLogStartOffset: BATCHES - 1, tieredEndOffset: BATCHES - 1, failure: null },
    })
    await log.leader.fence(log.target)
    while ((await log.leader.free(log.target)) !== 'freed');
    expect(await log.keys()).toEqual([])
  })
})
