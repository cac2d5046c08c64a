/// <reference types="@cloudflare/vitest-plugin/types" />

import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { statisticsName, type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import { STATISTICS_DELAY_MS, STATISTICS_SAVE_MS } from '../../src/core/limits/statistics.ts'
import { buildBatch } from '../../src/record/build.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly STATISTICS: DurableObjectNamespace
}

const { STATISTICS } = env as unknown as Namespaces
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A cluster of its own with a topic of two partitions. */
async function cluster(name: string) {
  const reached = objects(env as unknown as ObjectBindings, name)
  const plain = { replicationFactor: 1, assignments: [], configs: [] }
  const topic = { name: 'orders', numPartitions: 2, ...plain }
  const created = await reached.cluster.createTopics(
    { topics: [topic], timeoutMs: 5_000, validateOnly: false },
    7,
  )
  const topicId = created.topics[0]?.topicId as TopicId
  return {
    ...reached,
    topicId,
    stub: () => STATISTICS.getByName(statisticsName(name)),
    async append(partition: number) {
      const batch = buildBatch({ records: [{ timestamp: 1, key: null, value: null }] })
      const { topics } = await reached.cluster.lookup({ ids: [topicId] })
      const configVersion = topics[0]?.topic?.configVersion ?? 0
      const where = { topicId, partition, configVersion }
      const reply = await reached.partition(topicId, partition).append({ ...where, batch })
      expect(reply.kind).toBe('appended')
    },
    logs: async () => {
      const { topics } = await reached.statistics.metrics()
      return topics.map(({ name: own, logs }) => [own, ...logs])
    },
  }
}

describe('the Statistics object', () => {
  it('hears of what is written a moment later, and keeps it when it is evicted', async () => {
    const { append, logs, stub } = await cluster('heard')
    await append(1)
    await append(1)
    await expect
      .poll(logs, { timeout: 15_000 })
      .toMatchObject([['orders', 1, 0, 2, expect.any(Number)]])
    const before = await logs()
    await sleep(STATISTICS_SAVE_MS + 1_500)
    await evictDurableObject(stub())
    expect(await logs()).toEqual(before)
  })

  it('asks Cluster for the topics where nobody has told it of any, and no topic', async () => {
    const { logs, stub, statistics, topicId } = await cluster('asked')
    expect(await logs()).toEqual([['orders']])
    await sleep(STATISTICS_DELAY_MS + STATISTICS_SAVE_MS + 1_500)
    await evictDurableObject(stub())
    expect(await statistics.topics([topicId])).toMatchObject({
      topics: [{ name: 'orders', partitions: 2, records: 0, reportedMs: null }],
    })
    expect(await statistics.overview()).toMatchObject({ topics: 1, unknownPartitions: 0 })
  })

  it('hears that a topic is deleted, and keeps nothing of it', async () => {
    const { append, logs, stub, ...one } = await cluster('deleted')
    await append(0)
    await expect
      .poll(logs, { timeout: 15_000 })
      .toMatchObject([['orders', 0, 0, 1, expect.any(Number)]])
    const request = {
      topics: [{ name: 'orders', topicId: ZERO_TOPIC_ID }],
      topicNames: [],
      timeoutMs: 5_000,
    }
    await one.cluster.deleteTopics(request, 6)
    await expect.poll(logs, { timeout: 30_000 }).toEqual([])
    const keys = () =>
      runInDurableObject(stub(), (_, { storage }) =>
        storage.sql.exec('SELECT key FROM figure').toArray(),
      )
    await expect.poll(keys, { timeout: 15_000 }).toEqual([{ key: 'catalogue' }])
  })
})
