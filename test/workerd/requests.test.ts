/// <reference types="@cloudflare/vitest-plugin/types" />

// Keyed requests at a partition in the runtime: what a leader says of them over RPC, and that it says the same when its
// object was evicted, with its chunk there and gone.

import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { clusterName, offset, partitionName, type TopicId } from '../../src/core/ids.ts'
import type { RequestPart } from '../../src/partition/requests-contract.ts'
import { buildBatch } from '../../src/record/build.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
}

const { CLUSTER, PARTITION } = env as unknown as Namespaces
const hex = (number: number) => number.toString(16).padStart(32, '0')
const PART: RequestPart = {
  id: hex(1),
  body: hex(2),
  isStream: false,
  partitions: 1,
  total: 0,
  start: 0,
  before: hex(0),
  count: 1,
  after: hex(3),
  timeMs: 5,
}

async function topic(name: string) {
  const cluster = CLUSTER.getByName(clusterName(name)) as unknown as ClusterRpc
  const plain = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const request = { topics: [{ name, ...plain }], timeoutMs: 5_000, validateOnly: false }
  const topicId = (await cluster.createTopics(request, 7)).topics[0]?.topicId as TopicId
  const { topics } = await cluster.lookup({ names: [name] })
  const configVersion = topics[0]?.topic?.configVersion ?? 0
  const target = { topicId, partition: 0 }
  const leader = objects(env as unknown as ObjectBindings, name).partition(topicId, 0)
  const stub = () => PARTITION.getByName(partitionName(topicId, 0, name))
  const batch = () =>
    buildBatch({ records: [{ timestamp: 1, key: null, value: new Uint8Array(9) }] })
  return {
    target,
    leader,
    append: (part: RequestPart) =>
      leader.append({ ...target, configVersion, batch: batch(), part }),
    evicted: () => evictDurableObject(stub()),
    count: (query: string) =>
      runInDurableObject(stub(), (_, { storage }) => Number(storage.sql.exec(query).one().n)),
  }
}

const KNOWN = {
  error: KafkaError.DUPLICATE_SEQUENCE_NUMBER,
  known: { count: 1, digest: hex(3), spans: [{ firstOffset: 0, lastOffset: 0, timeMs: 5 }] },
}

describe('a keyed request', () => {
  it('is known after an eviction, with its chunk there and gone', async () => {
    const { append, count, evicted, leader, target } = await topic('keyed')
    expect(await append(PART)).toMatchObject({ kind: 'appended', baseOffset: 0 })
    expect(await append(PART)).toMatchObject(KNOWN)
    await evicted()
    expect(await append(PART)).toMatchObject(KNOWN)
    expect(await leader.deleteRecords({ ...target, offset: offset(1) })).toMatchObject({ error: 0 })
    expect(await count('SELECT count(*) AS n FROM request_snapshot')).toBe(1)
    await evicted()
    expect(await append(PART)).toMatchObject(KNOWN)
    expect(await append({ ...PART, body: hex(9) })).toMatchObject({
      error: KafkaError.INVALID_REQUEST,
    })
  })

  it('that runs keeps others away until it ends, or its object was evicted', async () => {
    const { evicted, leader, target } = await topic('claimed')
    const claim = (owner: string, act: 'begin' | 'end') =>
      leader.claim({ ...target, ...PART, owner, act })
    expect(await claim('one', 'begin')).toMatchObject({ error: 0, verdict: 'free' })
    expect(await claim('two', 'begin')).toMatchObject({ error: 0, verdict: 'running' })
    await claim('one', 'end')
    expect(await claim('two', 'begin')).toMatchObject({ error: 0, verdict: 'free' })
    await evicted()
    expect(await claim('three', 'begin')).toMatchObject({ error: 0, verdict: 'free' })
  })
})
