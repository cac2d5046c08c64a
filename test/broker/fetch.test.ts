import { describe, expect, it } from 'vitest'
import { BytePool } from '../../src/broker/budget.ts'
import { fetch } from '../../src/broker/handlers/fetch.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { type Offset, offset, type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import { FETCH_PART_BYTES, MEMORY_WAIT_MS } from '../../src/core/limits.ts'
import type { PartitionRpc, ReadReply, ReadRequest } from '../../src/partition/contract.ts'
import type { FetchRequest } from '../../src/protocol/messages/fetch.ts'
import { putInt32, putInt64 } from '../../src/record/header.ts'
import { fakeContext, timers, topicState } from './fakes.ts'

const CALL = { version: 12, clientId: null }

/** One record a batch, each of the same size, as a leader would read them back. */
class FakeLog {
  readonly sizes: number[]
  reads: ReadRequest[] = []
  watches = 0
  lastStable: number | null = null
  #wake: (() => void)[] = []

  constructor(...sizes: number[]) {
    this.sizes = sizes
  }

  append(size: number) {
    this.sizes.push(size)
    for (const wake of this.#wake.splice(0)) wake()
  }

  readonly rpc: Partial<PartitionRpc> = {
    read: async (request) => {
      this.reads.push(request)
      const pieces: Uint8Array[] = []
      let left = request.maxBytes
      const end = request.readCommitted ? this.#state().lastStableOffset : this.sizes.length
      for (let at = request.offset as number; at < end; at++) {
        const size = this.sizes[at] ?? 0
        if (size > left && !(request.atLeastOneBatch && pieces.length === 0)) break
        pieces.push(batch(at, size))
        left -= size
      }
      const outOfRange = request.offset > this.sizes.length
      return { ...this.#state(), error: outOfRange ? 1 : 0, pieces, abortedTransactions: [] }
    },
    watch: (_target, after) => {
      this.watches++
      return new Promise((resolve) => {
        const done = () => resolve({ error: 0, highWatermark: offset(this.sizes.length) })
        if (after < this.sizes.length) done()
        else this.#wake.push(done)
      })
    },
  }

  #state(): Omit<ReadReply, 'error' | 'pieces' | 'abortedTransactions'> {
    const end = offset(this.sizes.length)
    const lastStableOffset = offset(this.lastStable ?? end)
    return { highWatermark: end, lastStableOffset, logStartOffset: offset(0) }
  }
}

function batch(baseOffset: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  putInt64(bytes, 0, baseOffset)
  putInt32(bytes, 8, size - 12)
  return bytes
}

function setUp(logs: Record<string, FakeLog>, replies?: BytePool) {
  const names = Object.keys(logs)
  const topics = names.map((name) => topicState(name))
  const context = fakeContext({
    topics,
    partition: (id: TopicId) =>
      logs[topics.find((topic) => topic.id === id)?.name ?? '']?.rpc ?? {},
  })
  return replies === undefined
    ? context
    : { ...context, budget: { ...context.budget, smallReplies: replies } }
}

function request(
  positions: Record<string, number>,
  options: Partial<FetchRequest> & { partitionMaxBytes?: number } = {},
): FetchRequest {
  const { partitionMaxBytes = 1_048_576, ...rest } = options
  return {
    clusterId: null,
    replicaId: -1,
    replicaState: { replicaId: -1, replicaEpoch: -1n },
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 10_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    rackId: '',
    topics: Object.entries(positions).map(([topic, fetchOffset]) => ({
      topic,
      topicId: ZERO_TOPIC_ID,
      partitions: [
        {
          partition: 0,
          currentLeaderEpoch: -1,
          fetchOffset,
          lastFetchedEpoch: -1,
          logStartOffset: -1,
          partitionMaxBytes,
          replicaDirectoryId: ZERO_TOPIC_ID,
          highWatermark: -1n,
        },
      ],
    })),
    ...rest,
  }
}

async function ask(context: ReturnType<typeof setUp>, asked: FetchRequest) {
  const handling = fetch(asked, CALL, context)
  const response = await handling.response
  const held = context.budget.smallReplies.used + context.budget.largeReplies.used
  const partitions = response?.responses.map((topic) => topic.partitions[0]) ?? []
  const bytes = partitions.map((partition) =>
    ((partition?.records ?? []) as Uint8Array[]).reduce((sum, piece) => sum + piece.length, 0),
  )
  handling.sent?.()
  expect(context.budget.smallReplies.used + context.budget.largeReplies.used).toBe(0)
  return { response, partitions, bytes, held, errors: partitions.map((p) => p?.errorCode) }
}

describe('Fetch', () => {
  it('asks partitions in request order, each for what is left of one budget', async () => {
    const context = setUp({ a: new FakeLog(600), b: new FakeLog(600), c: new FakeLog(300) })
    const { bytes } = await ask(context, request({ a: 0, b: 0, c: 0 }, { maxBytes: 1_000 }))
    expect(bytes).toEqual([600, 0, 300])
  })

  it('KIP-74: the first partition with data gives one batch although it is over every limit', async () => {
    const context = setUp({ a: new FakeLog(), b: new FakeLog(5_000, 50), c: new FakeLog(50) })
    const limits = { maxBytes: 100, partitionMaxBytes: 10 }
    const { bytes } = await ask(context, request({ a: 0, b: 0, c: 0 }, limits))
    expect(bytes).toEqual([0, 5_000, 0])
  })

  it('KIP-74 holds inside an open transaction, which readers of uncommitted records see', async () => {
    const log = new FakeLog(50, 5_000)
    log.lastStable = 1
    const context = setUp({ a: new FakeLog(), b: log })
    const { bytes } = await ask(context, request({ a: 0, b: 1 }, { partitionMaxBytes: 10 }))
    expect(bytes).toEqual([0, 5_000])
    const reads = log.reads.length
    await ask(context, request({ a: 0, b: 1 }, { partitionMaxBytes: 10, isolationLevel: 1 }))
    // Below the last stable offset there is nothing to insist on.
    expect(log.reads.length).toBe(reads + 1)
  })

  it('lists every partition asked, also those for which nothing was left', async () => {
    const context = setUp({ a: new FakeLog(900), b: new FakeLog(900) })
    const { partitions } = await ask(context, request({ a: 0, b: 0 }, { maxBytes: 900 }))
    expect(partitions.map((partition) => partition?.highWatermark)).toEqual([1, 1])
  })

  it('answers at once with what there is when minBytes are there', async () => {
    const context = setUp({ a: new FakeLog(100) })
    const started = Date.now()
    const { bytes } = await ask(context, request({ a: 0 }, { maxWaitMs: 5_000 }))
    expect(bytes).toEqual([100])
    expect(Date.now() - started).toBeLessThan(1_000)
  })

  it('waits for news until maxWaitMs, and answers empty then', async () => {
    const context = setUp({ a: new FakeLog() })
    const started = Date.now()
    const { bytes, errors } = await ask(context, request({ a: 0 }, { maxWaitMs: 60 }))
    expect(bytes).toEqual([0])
    expect(errors).toEqual([0])
    expect(Date.now() - started).toBeGreaterThanOrEqual(55)
  })

  it('is woken by an append and reads only the partition that has news', async () => {
    const a = new FakeLog()
    const b = new FakeLog()
    const context = setUp({ a, b })
    const answer = ask(context, request({ a: 0, b: 0 }, { maxWaitMs: 5_000 }))
    await timers.sleep(10)
    b.append(70)
    expect((await answer).bytes).toEqual([0, 70])
    expect([a.reads.length, b.reads.length]).toEqual([1, 2])
  })

  it('polls an idle partition without a call: the parked watch outlives the poll', async () => {
    const a = new FakeLog(10)
    const context = setUp({ a })
    for (let poll = 0; poll < 5; poll++) {
      const { partitions } = await ask(context, request({ a: 1 }, { maxWaitMs: 1 }))
      expect(partitions[0]?.highWatermark).toBe(1)
    }
    expect(a.reads).toHaveLength(1)
    expect(a.watches).toBe(1)
  })

  it('collects until minBytes are there', async () => {
    const a = new FakeLog()
    const b = new FakeLog()
    const context = setUp({ a, b })
    const answer = ask(context, request({ a: 0, b: 0 }, { maxWaitMs: 5_000, minBytes: 100 }))
    await timers.sleep(5)
    a.append(80)
    await timers.sleep(5)
    b.append(80)
    expect((await answer).bytes).toEqual([80, 80])
  })

  it('an offset out of range is answered at once', async () => {
    const context = setUp({ a: new FakeLog(10) })
    const { errors } = await ask(context, request({ a: 7 }, { maxWaitMs: 5_000 }))
    expect(errors).toEqual([KafkaError.OFFSET_OUT_OF_RANGE])
  })

  it('KIP-320: an epoch above the one we have is UNKNOWN_LEADER_EPOCH', async () => {
    const context = setUp({ a: new FakeLog(10) })
    const asked = request({ a: 0 })
    const partition = { ...asked.topics[0]?.partitions[0], currentLeaderEpoch: 3 }
    const topics = [{ ...asked.topics[0], partitions: [partition] }] as FetchRequest['topics']
    expect((await ask(context, { ...asked, topics })).errors).toEqual([75])
  })

  it('a session id that was never granted is FETCH_SESSION_ID_NOT_FOUND', async () => {
    const context = setUp({ a: new FakeLog(10) })
    const { response } = await ask(context, request({ a: 0 }, { sessionId: 4 }))
    expect(response?.errorCode).toBe(KafkaError.FETCH_SESSION_ID_NOT_FOUND)
  })

  it('a large share is read in parts and stays within the budget', async () => {
    const MiB = 1024 * 1024
    const a = new FakeLog(...Array.from({ length: 20 }, () => MiB))
    const context = setUp({ a })
    const limits = { partitionMaxBytes: 50 * MiB, maxBytes: 50 * MiB }
    const { bytes, held } = await ask(context, request({ a: 0 }, limits))
    expect(bytes).toEqual([16 * MiB])
    expect(held).toBe(16 * MiB)
    expect(a.reads.every((read) => read.maxBytes <= FETCH_PART_BYTES)).toBe(true)
    expect(a.reads.map((read) => read.offset)).toEqual([0, 2, 4, 6, 8, 10, 12, 14] as Offset[])
  })

  it('answers empty, with no error, when others hold all memory for too long', async () => {
    const replies = new BytePool(1_000)
    replies.tryReserve(1_000)
    let nowMs = 0
    const sleep = async () => {
      nowMs += MEMORY_WAIT_MS
    }
    const clock = { ...timers, now: () => nowMs, sleep }
    const context = { ...setUp({ a: new FakeLog(10) }, replies), timers: clock }
    const handling = fetch(request({ a: 0 }, { maxWaitMs: 1 }), CALL, context)
    const response = await handling.response
    expect(response?.responses[0]?.partitions[0]?.errorCode).toBe(0)
    expect(response?.responses[0]?.partitions[0]?.records).toEqual([])
  })

  it('an unreachable leader is NOT_LEADER_OR_FOLLOWER, which consumers retry', async () => {
    const context = fakeContext({
      topics: [topicState('a')],
      partition: () => ({ read: () => Promise.reject(new Error('gone')) }),
    })
    expect((await ask(context, request({ a: 0 }))).errors).toEqual([6])
  })

  it('a topic recreated under its name is read from its successor', async () => {
    const old = topicState('a')
    const recreated = { ...old, id: 'successorAAAAAAAAAAAAA' as TopicId }
    const log = new FakeLog(99)
    const context = fakeContext({
      topics: [old],
      cluster: {
        lookup: async () => ({ clusterId: 'c', topics: [{ error: 0, topic: recreated }] }),
      },
      partition: (id) =>
        id === old.id
          ? {
              read: async () => ({
                error: KafkaError.UNKNOWN_TOPIC_ID,
                highWatermark: offset(-1),
                lastStableOffset: offset(-1),
                logStartOffset: offset(-1),
                pieces: [],
                abortedTransactions: [],
              }),
            }
          : log.rpc,
    })
    expect((await ask(context, request({ a: 0 }))).bytes).toEqual([99])
  })

  it('lists an aborted transaction once that reaches over two parts of an answer', async () => {
    const log = new FakeLog(FETCH_PART_BYTES - 1_000, 500_000)
    const aborted = [
      { producerId: 7, firstOffset: offset(0) },
      { producerId: 8, firstOffset: offset(0) },
    ]
    const read = log.rpc.read as PartitionRpc['read']
    log.rpc.read = async (request) => ({
      ...(await read(request)),
      abortedTransactions: request.offset === 0 ? aborted.slice(0, 1) : aborted,
    })
    const asked = request({ a: 0 }, { isolationLevel: 1, partitionMaxBytes: 2 * FETCH_PART_BYTES })
    const response = await fetch(asked, CALL, setUp({ a: log })).response
    expect(log.reads.length).toBeGreaterThan(1)
    expect(log.reads[0]?.readCommitted).toBe(true)
    const listed = response?.responses[0]?.partitions[0]?.abortedTransactions
    expect(listed).toEqual([
      { producerId: 7n, firstOffset: 0 },
      { producerId: 8n, firstOffset: 0 },
    ])
  })

  it('reads on where a reader of committed records was idle before an open transaction', async () => {
    const log = new FakeLog(100)
    const read = log.rpc.read as PartitionRpc['read']
    log.rpc.read = async (request) => {
      const reply = await read(request)
      return request.readCommitted ? { ...reply, lastStableOffset: offset(0), pieces: [] } : reply
    }
    const context = setUp({ a: log })
    const bytesOf = async (isolationLevel: number) => {
      const response = await fetch(request({ a: 0 }, { isolationLevel }), CALL, context).response
      return response?.responses[0]?.partitions[0]?.records?.length ?? 0
    }
    expect([await bytesOf(1), await bytesOf(0)]).toEqual([0, 1])
  })
})
