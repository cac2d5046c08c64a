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
import {
  clusterName,
  offset,
  partitionName,
  type TopicId,
  ZERO_TOPIC_ID,
} from '../../src/core/ids.ts'
import type { AppendReply, PartitionCalls } from '../../src/partition/contract.ts'
import { buildBatch } from '../../src/record/build.ts'
import { computeBatchCrc, readBatchHeader } from '../../src/record/header.ts'
import { batchesInPieces } from '../../src/record/stored.ts'
import { type ObjectBindings, objects } from '../../src/runtime/objects.ts'

interface Namespaces {
  readonly CLUSTER: DurableObjectNamespace
  readonly PARTITION: DurableObjectNamespace
}

const { CLUSTER, PARTITION } = env as unknown as Namespaces

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
  // An append takes its batch away; the test still reads it.
  const append = (batch: Uint8Array) =>
    leader.append({ ...target, configVersion, batch: batch.slice() })
  return {
    target,
    leader,
    append,
    /** The object's own stub, for the test runner. */
    stub: () => PARTITION.getByName(partitionName(topicId, 0, name)),
    /** A read with all pieces of a batch that is larger than a row, as the broker asks for them. */
    read: async (from: number, maxBytes = 1_000_000) => {
      const limits = { maxBytes, atLeastOneBatch: true, readCommitted: false }
      const reply = await leader.read({ ...target, offset: offset(from), ...limits })
      for (let piece = 1; piece <= (reply.laterPieces ?? 0); piece++) {
        const { baseOffset, crc } = readBatchHeader(reply.pieces[0]!)
        const wanted = { ...target, baseOffset: offset(baseOffset), crc, piece }
        const { bytes } = await leader.readPiece(wanted)
        reply.pieces.push(bytes!)
      }
      return reply
    },
    delete: () =>
      cluster.deleteTopics(
        { topics: [{ name, topicId: ZERO_TOPIC_ID }], topicNames: [], timeoutMs: 5_000 },
        6,
      ),
  }
}

function batch(bytes = 10, sequence = -1): Uint8Array {
  const value = new Uint8Array(bytes).fill(7)
  const producer = sequence < 0 ? {} : { producerId: 1, producerEpoch: 0, baseSequence: sequence }
  return buildBatch({ records: [{ timestamp: 1, key: null, value }], ...producer })
}

function offsets(replies: readonly AppendReply[]): (number | string)[] {
  return replies.map((reply) => (reply.kind === 'appended' ? reply.baseOffset : reply.kind))
}

describe('the Partition object', () => {
  it('keeps batches, producers and log start when it is evicted or aborted', async () => {
    const kept = await topic('kept')
    const large = batch(5_000_000)
    await kept.append(batch(10, 0))
    await kept.append(large)
    await kept.append(batch(10, 1))
    await kept.leader.deleteRecords({ ...kept.target, offset: 1 })
    for (const stop of [() => evictDurableObject(kept.stub()), () => abortAllDurableObjects()]) {
      await stop()
      // The first call after an abort may meet the broken object.
      await kept.leader.size(kept.target).catch(() => null)
      const reply = await kept.read(1)
      expect(reply).toMatchObject({ error: 0, highWatermark: 3, logStartOffset: 1 })
      const [first, ...rest] = [...batchesInPieces(reply.pieces)]
      expect(readBatchHeader(first!)).toMatchObject({ baseOffset: 1, sizeBytes: large.length })
      expect(rest).toHaveLength(0)
      expect(offsets([await kept.append(batch(10, 1))])).toEqual([2])
    }
    expect(offsets([await kept.append(batch(10, 2))])).toEqual([3])
  })

  it('writes one row per flush, and flushes together what arrives together', async () => {
    const grouped = await topic('grouped')
    await grouped.append(batch())
    const rows = () =>
      runInDurableObject(grouped.stub(), (_, { storage }) =>
        storage.sql.exec('SELECT count(*) AS chunks, max(last_offset) AS last FROM chunk').one(),
      )
    const written = await runInDurableObject(grouped.stub(), (_, { storage }) => {
      const exec = storage.sql.exec.bind(storage.sql)
      const count = { rows: 0, inserts: 0 }
      storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
        const cursor = exec(query, ...bindings)
        count.rows += cursor.rowsWritten
        if (query.includes('INSERT')) count.inserts++
        return cursor
      }) as typeof exec
      return count
    })
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) => grouped.append(batch(10, index))),
    )
    expect(offsets(replies)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
    const { chunks, last } = await rows()
    expect(last).toBe(100)
    expect(Number(chunks)).toBeLessThan(20)
    expect(written).toEqual({ rows: Number(chunks) - 1, inserts: Number(chunks) - 1 })
  })

  it('answers KAFKA_STORAGE_ERROR when SQLite fails, and goes on when it works again', async () => {
    const failing = await topic('failing')
    await failing.append(batch())
    const sql = (query: string) =>
      runInDurableObject(failing.stub(), (_, { storage }) => void storage.sql.exec(query))
    await sql(
      "CREATE TRIGGER full BEFORE INSERT ON chunk BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    const replies = await Promise.all([failing.append(batch()), failing.append(batch())])
    for (const reply of replies) {
      expect(reply).toMatchObject({ kind: 'refused', error: KafkaError.KAFKA_STORAGE_ERROR })
    }
    expect(await failing.read(1)).toMatchObject({ error: 0, highWatermark: 1, pieces: [] })
    await sql('DROP TRIGGER full')
    expect(offsets([await failing.append(batch())])).toEqual([1])
  })

  it('has a batch sent again that was lent where it lived before it was evicted', async () => {
    const moved = await topic('moved')
    await moved.append(batch())
    const partition = moved.stub() as unknown as PartitionCalls
    const lent = { appends: [], isolate: 'elsewhere', loan: 1 }
    // What was not taken goes back where it came from, and is refused there.
    expect(await partition.appendAll(lent)).toMatchObject({ replies: [] })
  })

  it('takes the largest batch in parts and gives it back whole', async () => {
    const large = await topic('large')
    const sent = batch(16 * 1024 * 1024 - 200)
    expect(offsets([await large.append(sent.slice()), await large.append(batch())])).toEqual([0, 1])
    const { pieces } = await large.read(0)
    const [stored] = [...batchesInPieces(pieces)]
    expect(stored!.length).toBe(sent.length)
    expect(computeBatchCrc(stored!)).toBe(readBatchHeader(sent).crc)
  })

  it('wakes a parked watch with the append that it waited for', async () => {
    const watched = await topic('watched')
    await watched.append(batch())
    const parked = watched.leader.watch(watched.target, offset(1), 10_000)
    await watched.append(batch())
    expect(await parked).toEqual({ error: 0, highWatermark: 2 })
    expect(await watched.leader.watch(watched.target, offset(2), 20)).toEqual({
      error: 0,
      highWatermark: 2,
    })
  })

  it('frees deleted records from its alarm', async () => {
    const freed = await topic('freed')
    for (let index = 0; index < 6; index++) await freed.append(batch(15_000_000))
    const reply = await freed.leader.deleteRecords({ ...freed.target, offset: -1 })
    expect(reply).toEqual({ error: 0, lowWatermark: 6 })
    const left = () =>
      runInDurableObject(freed.stub(), (_, { storage }) =>
        storage.sql.exec('SELECT count(*) AS n FROM chunk').one(),
      )
    // The alarm may be due before the test asks for it.
    if (Number((await left()).n) > 0) await runDurableObjectAlarm(freed.stub())
    await expect.poll(left, { timeout: 15_000 }).toEqual({ n: 0 })
    expect(await freed.leader.size(freed.target)).toMatchObject({ highWatermark: 6, sizeBytes: 0 })
  })

  it('stores nothing for a partition that is not alive, and nothing after its topic is deleted', async () => {
    const gone = await topic('gone')
    await gone.append(batch())
    await gone.delete()
    expect(await gone.append(batch())).toMatchObject({ error: KafkaError.UNKNOWN_TOPIC_ID })
    const tables = () =>
      runInDurableObject(gone.stub(), (_, { storage }) =>
        storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'chunk'").toArray(),
      )
    await expect.poll(tables, { timeout: 15_000 }).toEqual([])
    await evictDurableObject(gone.stub())
    expect(await gone.append(batch())).toMatchObject({ error: KafkaError.UNKNOWN_TOPIC_ID })
    expect(await gone.read(0)).toMatchObject({ error: KafkaError.UNKNOWN_TOPIC_ID })
    expect(await tables()).toEqual([])
  })
})
