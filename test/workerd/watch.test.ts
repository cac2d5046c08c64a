/// <reference types="@cloudflare/vitest-plugin/types" />

import {
  abortAllDurableObjects,
  env,
  evictDurableObject,
  runInDurableObject,
} from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import { type IdlePosition, Watches } from '../../src/broker/watches.ts'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import {
  clusterName,
  offset,
  partitionName,
  type TopicId,
  watchName,
  watchShard,
  ZERO_TOPIC_ID,
} from '../../src/core/ids.ts'
import { WATCH_AT_LEADER_MAX_MS } from '../../src/core/limits/watch.ts'
import { buildBatch } from '../../src/record/build.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
  readonly WATCH: DurableObjectNamespace
}

const { CLUSTER, PARTITION, WATCH } = env as unknown as Namespaces

/** The platform puts an object to sleep that has nothing to do for this long. */
const SLEEPS_AFTER_MS = 10_000

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const timers = {
  now: () => Date.now(),
  after(ms: number, run: () => void) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  sleep,
}

/** A topic of one partition in a cluster of its own, and a connection that waits at its end. */
async function waiting(name: string) {
  const bindings = env as unknown as ObjectBindings
  const cluster = CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  const plain = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const request = { topics: [{ name, ...plain }], timeoutMs: 5_000, validateOnly: false }
  const { topics } = await cluster.createTopics(request, 7)
  const topicId = topics[0]?.topicId as TopicId
  const target = { topicId, partition: 0 }
  const batch = () => buildBatch({ records: [{ timestamp: Date.now(), key: null, value: null }] })
  const watches = new Watches(timers, (shard) => objects(bindings, name).watch(shard))
  // The connection of a reader and that of a producer.
  const [leader, other] = [0, 1].map(() => objects(bindings, name).partition(topicId, 0))
  const found = await cluster.lookup({ ids: [topicId] })
  const configVersion = found.topics[0]?.topic?.configVersion ?? 0
  const stub = () => PARTITION.getByName(partitionName(topicId, 0, name))
  return {
    watches,
    stub,
    shard: () => WATCH.getByName(watchName(watchShard(topicId, 0), name)),
    async append() {
      const reply = await other!.append({ ...target, configVersion, batch: batch() })
      expect(reply).toMatchObject({ kind: 'appended' })
    },
    /** Reads at the end, as the fetch handler does, and waits there. */
    async arm() {
      const limits = { maxBytes: 1_000, atLeastOneBatch: true, readCommitted: false }
      const { highWatermark } = await leader!.size(target)
      const reply = await leader!.read({ ...target, offset: highWatermark, ...limits })
      watches.arm(leader!, target, reply)
      return reply.highWatermark
    },
    idleAt: (position: number): IdlePosition | undefined => watches.idleAt(topicId, 0, position),
    /** Whether the instance is still the one that was marked. */
    mark: () => runInDurableObject(stub(), (instance) => void Reflect.set(instance, 'marked', 1)),
    isMarked: () => runInDurableObject(stub(), (instance) => Reflect.has(instance, 'marked')),
    delete: () =>
      cluster.deleteTopics(
        { topics: [{ name, topicId: ZERO_TOPIC_ID }], topicNames: [], timeoutMs: 5_000 },
        6,
      ),
  }
}

/** `expect.poll` does not know to which of several tests it belongs. */
function until(holds: () => boolean, timeout: number): Promise<void> {
  return vi.waitFor(() => expect(holds()).toBe(true), { timeout, interval: 2 })
}

type Waiting = Awaited<ReturnType<typeof waiting>>

async function subscribed(one: Waiting): Promise<number> {
  const end = await one.arm()
  await until(() => one.watches.subscribed === 1, WATCH_AT_LEADER_MAX_MS + 15_000)
  return end
}

/** Until the connection hears that there is something to read. To find it by reading again would take minutes. */
async function heard({ idleAt }: Waiting, position: number): Promise<void> {
  await until(() => idleAt(position) === undefined, 15_000)
}

describe('an idle partition that is watched', () => {
  it.concurrent('is put to sleep, and the append that wakes it wakes who waits', async () => {
    const idle = await waiting('sleeping')
    await idle.append()
    const end = await subscribed(idle)
    await idle.mark()
    await sleep(SLEEPS_AFTER_MS + 6_000)
    // The one call that is left is parked at the Watch object.
    expect(idle.idleAt(end)).toMatchObject({ highWatermark: 1 })
    expect(await idle.isMarked()).toBe(false)
    await idle.append()
    await heard(idle, end)
    expect(await idle.arm()).toBe(2)
  }, 60_000)

  it.concurrent('is heard of although its leader was made anew', async () => {
    const idle = await waiting('anew')
    await idle.append()
    const end = await subscribed(idle)
    // It would refuse while any call was parked at it.
    await evictDurableObject(idle.stub())
    await idle.append()
    await heard(idle, end)
    expect(await idle.arm()).toBe(2)
  }, 60_000)

  it.concurrent('is looked at again when its Watch object has ended', async () => {
    const idle = await waiting('ended')
    await idle.append()
    const end = await subscribed(idle)
    const ended = runInDurableObject(idle.shard(), (_, state) => state.abort('the test ends it'))
    await expect(ended).rejects.toThrow()
    await heard(idle, end)
    expect(await subscribed(idle)).toBe(1)
  }, 60_000)

  it.concurrent('is looked at again when its topic is deleted, though it was never written', async () => {
    const idle = await waiting('deleted')
    const end = await subscribed(idle)
    expect(end).toBe(offset(0))
    await idle.delete()
    await heard(idle, end)
  }, 60_000)

  // After the others: it ends their objects too.
  it('is looked at again when all objects have ended', async () => {
    const idle = await waiting('aborted')
    await idle.append()
    const end = await subscribed(idle)
    await abortAllDurableObjects()
    await heard(idle, end)
  }, 60_000)
})
