// Memory that connections share is given back whatever a client does: found by fuzzing, where each of these kept the
// next client waiting for ever.

import { describe, expect, it, vi } from 'vitest'
import type { ApiTable } from '../../src/broker/api-table.ts'
import { BytePool, type MemoryBudget } from '../../src/broker/budget.ts'
import { Connection } from '../../src/broker/connection.ts'
import type { BrokerContext, Timers } from '../../src/broker/context.ts'
import { fetch } from '../../src/broker/handlers/fetch.ts'
import { serveSocket } from '../../src/broker/tcp.ts'
import { MalformedMessage } from '../../src/core/bytes.ts'
import { offset, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import { FREE_FRAME_BYTES, HALF_CLOSED_MS, STALLED_CONNECTION_MS } from '../../src/core/limits.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { Fetch, type FetchRequest } from '../../src/protocol/messages/fetch.ts'
import { EMPTY_LOG, fakeContext, timers, topicState } from './fakes.ts'

/** A frame that is counted, with room for a long name. */
const COUNTED = 2 * FREE_FRAME_BYTES

const fetchRequest = (clientId: string) =>
  encodeRequest(
    Fetch,
    11,
    { correlationId: 1, clientId },
    { maxWaitMs: 1_000_000, minBytes: 1, topics: [], rackId: '' },
  )

/** Every Fetch waits for ever; says whether its memory was given back. */
function parking() {
  let released = 0
  const table: ApiTable = new Map([
    [
      Fetch.key,
      {
        api: Fetch,
        handle: {
          kind: 'overlapping',
          run: () => ({
            effect: undefined,
            response: new Promise<object>(() => {}),
            appends: false,
            sent: () => {
              released++
            },
          }),
        },
      },
    ],
  ])
  return { table, released: () => released }
}

/** A clock that the test moves. */
function clock(): { readonly timers: Timers; move(ms: number): void } {
  let nowMs = 1_000_000
  const due: { atMs: number; run: () => void }[] = []
  return {
    timers: {
      now: () => nowMs,
      after(ms, run) {
        const entry = { atMs: nowMs + ms, run }
        due.push(entry)
        return () => {
          const at = due.indexOf(entry)
          if (at >= 0) due.splice(at, 1)
        }
      },
      sleep: timers.sleep,
    },
    move(ms) {
      nowMs += ms
      for (const entry of due.filter(({ atMs }) => atMs <= nowMs)) {
        due.splice(due.indexOf(entry), 1)
        entry.run()
      }
    },
  }
}

const used = ({ turns: _, ...pools }: MemoryBudget) =>
  Object.values(pools).reduce((sum, pool: BytePool) => sum + pool.used, 0)

describe('the memory of a frame', () => {
  it('is given back when the frame is malformed', async () => {
    const context = fakeContext({})
    const connection = new Connection(parking().table, context, 10_000)
    const frame = fetchRequest('c'.repeat(COUNTED))
    // The number of topics.
    new DataView(frame.buffer).setInt32(frame.length - 10, 0x7fff_ffff)
    await expect(connection.receive(frame)).rejects.toThrow(MalformedMessage)
    expect(used(context.budget)).toBe(0)
  })

  it('is given back when its API is not served', async () => {
    const context = fakeContext({})
    const connection = new Connection(parking().table, context, 10_000)
    const frame = fetchRequest('c'.repeat(COUNTED))
    new DataView(frame.buffer).setInt16(4, 99)
    await expect(connection.receive(frame)).rejects.toThrow('not served')
    expect(used(context.budget)).toBe(0)
  })

  it('is given back with the connection, although its request waits on and may never be answered', async () => {
    const context = fakeContext({})
    const { table, released } = parking()
    const connection = new Connection(table, context, 10_000)
    await connection.receive(fetchRequest('c'.repeat(COUNTED)))
    expect(used(context.budget)).toBeGreaterThan(COUNTED)
    connection.close()
    expect(used(context.budget)).toBe(0)
    expect(released()).toBe(1)
  })

  it('makes a connection stalled that waits for news while others wait for the memory', async () => {
    const { timers: held, move } = clock()
    const budget = { ...fakeContext({}).budget, smallFrames: new BytePool(3 * COUNTED) }
    const context = fakeContext({ context: { timers: held, budget } })
    const connection = new Connection(parking().table, context, 10_000)
    await connection.receive(fetchRequest('c'.repeat(COUNTED)))
    move(STALLED_CONNECTION_MS * 2)
    expect(connection.stalled).toBe(false)
    let isGone = false
    const other = budget.smallFrames.reserve(3 * COUNTED, timers.sleep, () => isGone)
    expect(connection.stalled).toBe(true)
    isGone = true
    await other
  })
})

describe('a client that will send no more', () => {
  it('is waited for a while, and not as long as it said its fetch may wait', async () => {
    const { timers: held, move } = clock()
    const context: BrokerContext = fakeContext({ context: { timers: held } })
    let closed = false
    const readable = new ReadableStream({
      type: 'bytes',
      start(controller) {
        controller.enqueue(new Uint8Array(fetchRequest('c'.repeat(COUNTED))))
        controller.close()
      },
    }) as ReadableStream<Uint8Array>
    const close = async () => {
      closed = true
    }
    const socket = { readable, writable: new WritableStream<Uint8Array>(), close }
    const done = serveSocket(socket, new Connection(parking().table, context, 10_000), context)
    await timers.sleep(20)
    expect(closed).toBe(false)
    move(HALF_CLOSED_MS)
    await done
    expect(closed).toBe(true)
    expect(used(context.budget)).toBe(0)
  })
})

describe('a line for memory', () => {
  it('goes on when its first was lost with its context and will never look again', async () => {
    let nowMs = 0
    const pool = new BytePool(100, () => nowMs)
    const held = pool.tryReserve(100)
    const lost = pool.reserve(50, () => new Promise(() => {}))
    held?.release()
    expect(pool.tryReserve(10)).toBeNull()
    nowMs += 1_001
    expect(pool.tryReserve(10)).not.toBeNull()
    expect(pool.contended).toBe(false)
    await expect(Promise.race([lost, timers.sleep(1)])).resolves.toBeUndefined()
  })

  it('takes back who was only late', async () => {
    let nowMs = 0
    const pool = new BytePool(100, () => nowMs)
    const held = pool.tryReserve(100)
    const late = pool.reserve(50, timers.sleep)
    nowMs += 5_000
    expect(pool.tryReserve(10)).toBeNull()
    held?.release()
    expect((await late)?.bytes).toBe(50)
  })
})

describe('a fetch that is given less than it waits for', () => {
  const topic = topicState('t')
  const batch = new Uint8Array(1_000)
  new DataView(batch.buffer).setInt32(8, batch.length - 12)

  function waiting(context: Partial<BrokerContext>) {
    return fakeContext({
      topics: [topic],
      partition: () => ({
        read: async (asked) => {
          const isFirst = (asked.offset as number) === 0
          const end = { ...EMPTY_LOG, highWatermark: offset(1), lastStableOffset: offset(1) }
          return { ...end, pieces: isFirst ? [batch.slice()] : [], abortedTransactions: [] }
        },
        watch: () => new Promise(() => {}),
      }),
      context,
    })
  }

  function asking(minBytes: number, maxBytes: number): FetchRequest {
    const partition = {
      partition: 0,
      currentLeaderEpoch: -1,
      fetchOffset: 0,
      lastFetchedEpoch: -1,
      logStartOffset: -1,
      partitionMaxBytes: maxBytes,
      replicaDirectoryId: ZERO_TOPIC_ID,
      highWatermark: -1n,
    }
    return {
      ...({ clusterId: null, replicaId: -1, sessionId: 0, sessionEpoch: -1 } as FetchRequest),
      replicaState: { replicaId: -1, replicaEpoch: -1n },
      maxWaitMs: 1_000_000,
      minBytes,
      maxBytes,
      isolationLevel: 0,
      topics: [{ topic: 't', topicId: topic.id, partitions: [partition] }],
      forgottenTopicsData: [],
      rackId: '',
    } as FetchRequest
  }

  it('is answered when its answer can have no more', async () => {
    const run = fetch(asking(1_000_000, 1_000), { version: 12, clientId: null }, waiting({}))
    const answer = await run.response
    expect(answer?.responses[0]?.partitions[0]?.records).not.toHaveLength(0)
  })

  it('is answered when others wait for the memory it holds', async () => {
    vi.useFakeTimers()
    try {
      const budget = { ...fakeContext({}).budget, smallReplies: new BytePool(2_000_000) }
      const context = waiting({ budget })
      const run = fetch(asking(1_000_000, 1_000_000), { version: 12, clientId: null }, context)
      let answered = false
      void run.response.then(() => {
        answered = true
      })
      await vi.advanceTimersByTimeAsync(STALLED_CONNECTION_MS + 100)
      expect(answered).toBe(false)
      void budget.smallReplies.reserve(2_000_000, timers.sleep, () => answered)
      await vi.advanceTimersByTimeAsync(STALLED_CONNECTION_MS + 100)
      expect(answered).toBe(true)
      run.sent?.()
      expect(budget.smallReplies.used).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})
