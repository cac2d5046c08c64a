/// <reference types="@cloudflare/vitest-plugin/types" />

import { createExecutionContext, env } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { WorkerEnv } from '../../src/broker/isolate.ts'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import {
  clusterName,
  offset,
  partitionName,
  type TopicId,
  ZERO_TOPIC_ID,
} from '../../src/core/ids.ts'
import { serveHttp } from '../../src/http/serve.ts'
import type { PartitionCalls } from '../../src/partition/contract.ts'
import { buildBatch } from '../../src/record/build.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
}

const { CLUSTER, PARTITION } = env as unknown as Namespaces
/** The Worker's own answer, on this machine. */
const answer = (request: Request) =>
  serveHttp(
    request,
    { ...(env as unknown as ObjectBindings), OTTLA_LOCAL: '1' } as unknown as WorkerEnv,
    createExecutionContext(),
  )

/** A topic of one partition, in a cluster of its own. */
async function topic(name: string) {
  const cluster = CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  const plain = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const request = { topics: [{ name, ...plain }], timeoutMs: 5_000, validateOnly: false }
  const { topics } = await cluster.createTopics(request, 7)
  const topicId = topics[0]?.topicId as TopicId
  const { topics: found } = await cluster.lookup({ names: [name] })
  const configVersion = found[0]?.topic?.configVersion ?? 0
  const target = { topicId, partition: 0 }
  const leader = objects(env as unknown as ObjectBindings, name).partition(topicId, 0)
  return {
    append: (...values: string[]) => {
      const records = values.map((value) => {
        return { timestamp: Date.now(), key: null, value: new TextEncoder().encode(value) }
      })
      return leader.append({ ...target, configVersion, batch: buildBatch({ records }) })
    },
    /** As somebody in another isolate asks. */
    follow: (next: number) =>
      (PARTITION.getByName(partitionName(topicId, 0, name)) as unknown as PartitionCalls).follow({
        ...target,
        offset: offset(next),
        readCommitted: true,
        isolate: 'elsewhere',
      }),
    delete: () =>
      cluster.deleteTopics(
        { topics: [{ name, topicId: ZERO_TOPIC_ID }], topicNames: [], timeoutMs: 5_000 },
        6,
      ),
  }
}

/** Reads on until a pattern was seen so often, or the end. */
async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  pattern: RegExp,
  count: number,
  pauseMs = 0,
): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  while ([...text.matchAll(pattern)].length < count) {
    const { value, done } = await reader.read()
    if (done) break
    text += decoder.decode(value, { stream: true })
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return text
}

const EVENT = /^data: /gm
const offsetsIn = (text: string) =>
  [...text.matchAll(/"offset":(\d+)/g)].map(([, at]) => Number(at))

describe('a Partition object that is followed', () => {
  it('feeds several readers in other isolates with the same events', async () => {
    const fed = await topic('fed')
    await fed.append('a', 'b')
    const replies = await Promise.all([fed.follow(0), fed.follow(0), fed.follow(1)])
    const readers = replies.map(({ stream }) => stream!.getReader())
    await fed.append('c')
    const texts = await Promise.all(
      [3, 3, 2].map((count, at) => readUntil(readers[at]!, EVENT, count)),
    )
    expect(texts.map(offsetsIn)).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      [1, 2],
    ])
    expect(texts[0]).toBe(texts[1])
    expect(texts[2]).toMatch(/^id: 0:1\ndata: \{"partition":0,"offset":1,/)
    for (const reader of readers) await reader.cancel()
  })

  it('ends the streams when the topic is deleted, and tells nobody how to follow it', async () => {
    const deleted = await topic('deleted')
    await deleted.append('a')
    const { stream } = await deleted.follow(1)
    const reader = stream!.getReader()
    const reading = reader.read()
    await deleted.delete()
    expect(await reading).toEqual({ value: undefined, done: true })
    expect(await deleted.follow(1)).toMatchObject({ error: KafkaError.UNKNOWN_TOPIC_ID })
  })

  it('ends the streams when nothing comes, so that it can sleep', async () => {
    const idle = await topic('idle')
    await idle.append('a')
    const { stream } = await idle.follow(1)
    expect((await stream!.getReader().read()).done).toBe(true)
  })
})

describe('the events of a topic over HTTP', () => {
  it('are the same for many readers, fast and slow, and resume exactly', async () => {
    const call = (method: string, path: string, body: unknown) =>
      answer(
        new Request(`http://localhost/v1/topics${path}`, {
          method,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      )
    expect((await call('POST', '', { name: 'many', partitions: 2 })).status).toBe(201)
    const open = async (from: string) => {
      const url = `http://localhost/v1/topics/many/events?from=${from}`
      return (await answer(new Request(url))).body!.getReader()
    }
    const all = 120
    const readers = await Promise.all(Array.from({ length: 12 }, () => open('latest')))
    const texts = readers.map((reader, at) =>
      readUntil(reader, EVENT, at === 0 ? 30 : all, at === 1 ? 250 : 0),
    )
    for (let record = 0; record < all; record++) {
      await call('POST', '/many/records', { value: `v${record}`, partition: record % 2 })
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    // The first one went away in the middle.
    await readers[0]!.cancel()
    const first = await texts[0]!
    const lastId = [...first.matchAll(/^id: (.+)\n(?=data:)/gm)].at(-1)![1]!
    const had = [...first.matchAll(EVENT)].length
    const again = await open(lastId)
    texts[0] = readUntil(again, EVENT, all - had).then((rest) => first + rest)
    for (const text of await Promise.all(texts)) {
      for (const partition of [0, 1]) {
        const of = text.split('\n').filter((line) => line.includes(`{"partition":${partition},`))
        expect(offsetsIn(of.join('\n'))).toEqual(Array.from({ length: all / 2 }, (_, at) => at))
      }
    }
    await Promise.all([again, ...readers.slice(1)].map((reader) => reader.cancel()))
  })
})
