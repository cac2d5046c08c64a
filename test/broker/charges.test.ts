// Quotas as a connection keeps them: the answer comes at once and says how long, and until then nothing more is looked at
// (KIP-219). The clock is the test's.

import { describe, expect, it } from 'vitest'
import type { ApiTable } from '../../src/broker/api-table.ts'
import { chargeHttp, payHttp } from '../../src/broker/charges.ts'
import { Connection } from '../../src/broker/connection.ts'
import type { Timers } from '../../src/broker/context.ts'
import { createTopics } from '../../src/broker/handlers/create-topics.ts'
import { authorizerSettings, SecurityState } from '../../src/broker/security.ts'
import { concatBytes } from '../../src/core/bytes.ts'
import { HTTP_THROTTLE_MS, QUOTA_BURST_S } from '../../src/core/limits/security.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { AnyApi } from '../../src/protocol/schema.ts'
import { type ClientQuota, NO_SECURITY } from '../../src/security/kept.ts'
import { fakeContext } from './fakes.ts'

const FETCHED_BYTES = 50_000

/** A clock that stands until it is moved; whoever waits is called when their time has come. */
function clock() {
  let nowMs = 1_000_000
  let waiting: { atMs: number; call: () => void }[] = []
  const timers: Timers = {
    now: () => nowMs,
    after(ms, call) {
      const one = { atMs: nowMs + ms, call }
      waiting.push(one)
      return () => {
        waiting = waiting.filter((other) => other !== one)
      }
    },
    sleep: (ms) => new Promise((resolve) => timers.after(ms, resolve)),
  }
  const pass = async (ms: number) => {
    nowMs += ms
    const due = waiting.filter(({ atMs }) => atMs <= nowMs)
    waiting = waiting.filter(({ atMs }) => atMs > nowMs)
    for (const { call } of due) call()
    await settled()
  }
  return { timers, pass }
}

const settled = () => new Promise((resolve) => setTimeout(resolve))

async function setup(...quotas: ClientQuota[]) {
  const { timers, pass } = clock()
  const security = new SecurityState(
    timers.now,
    authorizerSettings({ config: {}, secret: null, user: 'admin' }),
  )
  await security.ready({
    security: async () => ({ ...NO_SECURITY, version: 1, quotasVersion: 1, quotas }),
  })
  const context = fakeContext({
    cluster: { security: async () => null },
    context: { timers, security },
  })
  const started: string[] = []
  const asked: number[] = []
  let workMs = 0
  let waits = async () => {}
  const table: ApiTable = new Map(
    [
      {
        api: Produce as AnyApi,
        handle: {
          kind: 'overlapping' as const,
          run: () => {
            started.push('Produce')
            const response = Promise.resolve({ responses: [] })
            return { effect: undefined, response, appends: true }
          },
        },
      },
      {
        api: Fetch as AnyApi,
        handle: {
          kind: 'overlapping' as const,
          run: (request: object) => {
            started.push('Fetch')
            asked.push(Number(Reflect.get(request, 'maxBytes')))
            const partition = {
              partitionIndex: 0,
              highWatermark: 1,
              records: new Uint8Array(FETCHED_BYTES),
            }
            const responses = [{ topic: 't', partitions: [partition] }]
            return { effect: undefined, response: Promise.resolve({ responses }), appends: false }
          },
        },
      },
      {
        api: ListOffsets as AnyApi,
        handle: {
          kind: 'ordered' as const,
          run: async () => {
            started.push('ListOffsets')
            await Promise.all([pass(workMs), waits()])
            return { topics: [] }
          },
        },
      },
    ].map((row) => [row.api.key, row]),
  )
  const open = () => {
    const connection = new Connection(table, context, 1_000_000)
    const send = (api: AnyApi, version: number, body: object, clientId = 'app') =>
      connection.receive(encodeRequest(api, version, { correlationId: 1, clientId }, body))
    const answer = async (api: AnyApi, version: number) => {
      const out = await connection.outgoing()
      const frame = concatBytes(out?.pieces ?? [])
      return decodeResponse(api, version, frame.subarray(4)).body as Record<string, unknown>
    }
    return {
      connection,
      answer,
      /** About so many bytes. */
      produce: (bytes: number, clientId?: string) => {
        const records = new Uint8Array(bytes)
        const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
        return send(Produce, 9, { acks: 1, timeoutMs: 1, topicData }, clientId)
      },
      fetch: () => send(Fetch, 12, { maxWaitMs: 0, minBytes: 0, topics: [] }),
      list: () => send(ListOffsets, 7, { replicaId: -1, topics: [] }),
    }
  }
  return {
    ...open(),
    open,
    pass,
    started,
    asked,
    context,
    waitsFor: (wait: () => Promise<void>) => {
      waits = wait
    },
    takes: (ms: number) => {
      workMs = ms
    },
  }
}

const anyone = (values: ClientQuota['values']): ClientQuota => ({ entity: { user: null }, values })

describe('a client with a quota of bytes', () => {
  it('is answered at once when it is over, and what it sends then waits', async () => {
    const rate = 1_000
    const { produce, answer, list, started, pass } = await setup(
      anyone({ producer_byte_rate: rate }),
    )
    await produce(rate * QUOTA_BURST_S - 500)
    expect(await answer(Produce, 9)).toMatchObject({ throttleTimeMs: 0 })
    const muted = produce(2_500)
    const { throttleTimeMs } = await answer(Produce, 9)
    expect(throttleTimeMs).toBeGreaterThan(2_000)
    expect(throttleTimeMs).toBeLessThan(2_300)
    let isRead = false
    void muted.then(() => {
      isRead = true
    })
    await pass(1_990)
    expect(isRead).toBe(false)
    await pass(400)
    expect(isRead).toBe(true)
    await list()
    expect(started).toEqual(['Produce', 'Produce', 'ListOffsets'])
    expect(await answer(ListOffsets, 7)).toMatchObject({ throttleTimeMs: 0 })
  })

  it('has the requests of one read begun in one turn, as others have', async () => {
    const { connection, started } = await setup(anyone({ producer_byte_rate: 1_000_000 }))
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: new Uint8Array(100) }] }]
    const frame = encodeRequest(
      Produce,
      9,
      { correlationId: 1, clientId: 'app' },
      { transactionalId: null, acks: 1, timeoutMs: 1, topicData },
    )
    const received = connection.receive(concatBytes([frame, frame, frame]))
    expect(started).toEqual(['Produce', 'Produce', 'Produce'])
    await received
  })

  it('is left alone on each of its connections, and others are not', async () => {
    const { produce, open } = await setup({
      entity: { 'client-id': 'app' },
      values: { producer_byte_rate: 1_000 },
    })
    void produce(20_000)
    await settled()
    const another = open()
    void another.produce(1)
    expect((await another.answer(Produce, 9)).throttleTimeMs).toBeGreaterThan(10_000)
    const elsewhere = open()
    await elsewhere.produce(20_000, 'other')
    expect(await elsewhere.answer(Produce, 9)).toMatchObject({ throttleTimeMs: 0 })
  })

  it('reads what it may, and nothing more until that is paid', async () => {
    const { fetch, answer, started, asked, pass, open } = await setup(
      anyone({ consumer_byte_rate: 1_000 }),
    )
    const muted = fetch()
    const first = await answer(Fetch, 12)
    expect(first.throttleTimeMs).toBeGreaterThan(FETCHED_BYTES - 1_000 * QUOTA_BURST_S)
    expect(first.responses).toHaveLength(1)
    // As in Kafka: what it may take at once, and one batch whatever its size.
    expect(asked).toEqual([1_000 * QUOTA_BURST_S])
    // Another connection of it: nothing is read, and it is told so.
    const another = open()
    void another.fetch()
    const empty = await another.answer(Fetch, 12)
    expect(empty).toMatchObject({ errorCode: 0, sessionId: 0, responses: [] })
    expect(empty.throttleTimeMs).toBeGreaterThan(30_000)
    expect(started).toEqual(['Fetch'])
    void muted.then(fetch)
    await settled()
    expect(started).toEqual(['Fetch'])
    await pass(60_000)
    expect(started).toEqual(['Fetch', 'Fetch'])
  })

  it('gets no answer to acks=0, and waits all the same', async () => {
    const { connection, produce, pass } = await setup(anyone({ producer_byte_rate: 100 }))
    const muted = produce(2_000)
    await connection.outgoing()
    let isRead = false
    void muted.then(() => {
      isRead = true
    })
    await pass(5_000)
    expect(isRead).toBe(false)
    await pass(10_000)
    expect(isRead).toBe(true)
  })

  it('keeps its tunnel from being parked, and can be closed, while it waits', async () => {
    const { connection, produce, answer } = await setup(anyone({ producer_byte_rate: 100 }))
    const muted = produce(5_000)
    await answer(Produce, 9)
    expect(connection.state()).toBeNull()
    connection.close()
    await muted
    expect(await connection.outgoing()).toBeNull()
  })
})

describe('a client with a quota of requests', () => {
  it('is nothing of a share of the time while a request waits for another', async () => {
    const { list, answer, pass, waitsFor } = await setup(anyone({ request_percentage: 1 }))
    let goOn = () => {}
    waitsFor(() => new Promise((resolve) => (goOn = resolve)))
    for (let times = 0; times < 3; times++) {
      const listed = list()
      await pass(60_000)
      goOn()
      await listed
      expect((await answer(ListOffsets, 7)).throttleTimeMs).toBe(0)
    }
  })

  it('is left alone for what its requests took, a second at most at a time', async () => {
    const { list, answer, takes, pass } = await setup(anyone({ request_percentage: 10 }))
    takes(100 * QUOTA_BURST_S)
    await list()
    expect(await answer(ListOffsets, 7)).toMatchObject({ throttleTimeMs: 0 })
    takes(55)
    const over = list()
    const { throttleTimeMs } = await answer(ListOffsets, 7)
    // Half of a tenth of a second came back meanwhile.
    expect(throttleTimeMs).toBe(495)
    await pass(495)
    await over
    takes(1_000)
    void list()
    expect(await answer(ListOffsets, 7)).toMatchObject({ throttleTimeMs: 1_000 })
  })
})

describe('a broker without quotas', () => {
  it('asks nothing of a request but whether there are any', async () => {
    const { produce, fetch, list, answer, connection } = await setup({
      entity: { ip: '10.0.0.1' },
      values: { connection_creation_rate: 1 },
    })
    await produce(500_000)
    expect(await answer(Produce, 9)).toMatchObject({ throttleTimeMs: 0 })
    await fetch()
    expect(await answer(Fetch, 12)).toMatchObject({ throttleTimeMs: 0 })
    await list()
    expect(await answer(ListOffsets, 7)).toMatchObject({ throttleTimeMs: 0 })
    expect(connection.state()).not.toBeNull()
  })
})

describe('a client with a quota of created partitions', () => {
  const topic = (name: string, numPartitions: number) => ({
    name,
    numPartitions,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  })

  async function creating() {
    const { context, pass } = await setup(anyone({ controller_mutation_rate: 1 }))
    const made: string[] = []
    const controller = {
      ...context,
      objects: {
        ...context.objects,
        cluster: {
          security: async () => null,
          createTopics: async ({ topics }: { topics: readonly { name: string }[] }) => ({
            topics: topics.map(({ name }) => {
              if (!name.startsWith('bad')) made.push(name)
              return { name, errorCode: name.startsWith('bad') ? 17 : 0 }
            }),
          }),
        },
      },
    } as never
    const create = async (version: number, ...topics: ReturnType<typeof topic>[]) => {
      const request = { topics, timeoutMs: 1, validateOnly: false }
      const answer = await createTopics(request, { version, clientId: 'app' }, controller)
      const codes = answer.topics.map(({ name, errorCode }) => [name, errorCode])
      return [answer.throttleTimeMs, Object.fromEntries(codes)]
    }
    return { create, pass, made }
  }

  it('is told no of what is too much, topic by topic, in newer versions', async () => {
    const { create, made, pass } = await creating()
    // 11 at once, and one that begins while any are left.
    expect(await create(6, topic('a', 10), topic('b', 4), topic('c', 1))).toEqual([
      3_000,
      { a: 0, b: 0, c: 89 },
    ])
    expect(made).toEqual(['a', 'b'])
    await pass(3_000)
    expect(await create(6, topic('d', 1))).toEqual([0, { d: 0 }])
  })

  it('is let through and left alone in older versions', async () => {
    const { create, made } = await creating()
    expect(await create(5, topic('a', 15), topic('b', 1))).toEqual([5_000, { a: 0, b: 0 }])
    expect(made).toEqual(['a', 'b'])
  })

  it('gets back what was refused for something else', async () => {
    const { create } = await creating()
    await create(6, topic('bad', 500))
    expect(await create(6, topic('a', 11), topic('b', 1))).toEqual([0, { a: 0, b: 0 }])
  })
})

describe('a client over HTTP', () => {
  it('waits for what it owes, by the quota of its user, and no longer than it would stay', async () => {
    const { context, pass } = await setup(anyone({ producer_byte_rate: 1_000 }))
    chargeHttp(context, 'producer_byte_rate', 1_000 * QUOTA_BURST_S)
    await payHttp(context, 'producer_byte_rate')
    chargeHttp(context, 'producer_byte_rate', 60_000)
    let isPaid = false
    const paying = payHttp(context, 'producer_byte_rate').then(() => {
      isPaid = true
    })
    await pass(HTTP_THROTTLE_MS - 1)
    expect(isPaid).toBe(false)
    await pass(1)
    await paying
    await payHttp(context, 'consumer_byte_rate')
  })

  it('waits for nothing where nobody has a quota', async () => {
    const { context } = await setup()
    chargeHttp(context, 'consumer_byte_rate', 1e12)
    await payHttp(context, 'consumer_byte_rate')
  })
})
