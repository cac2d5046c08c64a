/// <reference types="@cloudflare/vitest-plugin/types" />

import {
  createExecutionContext,
  env,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import type { WorkerEnv } from '../../src/broker/isolate.ts'
import { joinBytes } from '../../src/core/bytes.ts'
import { tunnelName, tunnelShard } from '../../src/core/ids.ts'
import { TUNNEL_SILENT_MS, TUNNEL_SWEEP_MS } from '../../src/core/limits.ts'
import { ADVERTISED_HEADER, END, PING, TUNNEL_PROTOCOL } from '../../src/core/tunnel-protocol.ts'
import { serveHttp } from '../../src/http/serve.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { ApiVersions } from '../../src/protocol/messages/api-versions.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { DescribeCluster } from '../../src/protocol/messages/describe-cluster.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { Api, RequestToSend, ResponseRead } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/record/build.ts'
import type { TunnelState } from '../../src/tunnel/state.ts'

const { TUNNEL } = env as unknown as { readonly TUNNEL: DurableObjectNamespace }

const LOCAL = { ...(env as object), OTTLA_LOCAL: '1' } as unknown as WorkerEnv

/** Asks as a client would. */
const ask = (headers: Record<string, string>, settings: WorkerEnv = LOCAL) =>
  serveHttp(
    new Request('http://localhost/kafka', { headers: { upgrade: 'websocket', ...headers } }),
    settings,
    createExecutionContext(),
  )

/** One end of a tunnel, which speaks Kafka. */
class Client {
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly texts: string[] = []
  readonly #socket: WebSocket
  #bytes: Uint8Array = new Uint8Array(0)
  #correlationId = 0
  isClosed = false
  /** Bytes of the stream so far. */
  receivedBytes = 0

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.texts.push(data)
      else this.#take(new Uint8Array(data as ArrayBuffer))
    })
    this.closed = new Promise((done) => {
      socket.addEventListener('close', ({ code, reason }) => {
        this.isClosed = true
        done({ code, reason })
      })
    })
    socket.accept()
  }

  #take(bytes: Uint8Array): void {
    this.receivedBytes += bytes.length
    this.#bytes = joinBytes([this.#bytes, bytes])
  }

  send(message: string | Uint8Array): void {
    this.#socket.send(message)
  }

  close(): void {
    this.#socket.close(1000)
  }

  /** The bytes of a request, to be sent as one likes. */
  frame<A extends Api>(api: A, version: number, body: RequestToSend<A>): Uint8Array {
    this.#correlationId += 1
    return encodeRequest(api, version, { correlationId: this.#correlationId, clientId: 'c' }, body)
  }

  /** The next answer, which must be to the request of this number. */
  async answer<A extends Api>(api: A, version: number, id: number): Promise<ResponseRead<A>> {
    const size = () => (this.#bytes.length < 4 ? 1 << 30 : view(this.#bytes).getInt32(0))
    await vi.waitFor(() => expect(this.#bytes.length).toBeGreaterThanOrEqual(4 + size()), 10_000)
    const frame = this.#bytes.slice(4, 4 + size())
    this.#bytes = this.#bytes.slice(4 + size())
    expect(view(frame).getInt32(0)).toBe(id)
    return decodeResponse(api, version, frame).body
  }

  call<A extends Api>(api: A, version: number, body: RequestToSend<A>): Promise<ResponseRead<A>> {
    this.send(this.frame(api, version, body))
    return this.answer(api, version, this.#correlationId)
  }

  get lastId(): number {
    return this.#correlationId
  }
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** A tunnel whose object is its own: the address chooses the shard. */
async function open(address: string, protocol: string | null = TUNNEL_PROTOCOL) {
  const headers: Record<string, string> = { [ADVERTISED_HEADER]: address }
  if (protocol !== null) headers['sec-websocket-protocol'] = protocol
  const response = await ask(headers)
  expect(response.status, await explained(response)).toBe(101)
  expect(response.headers.get('sec-websocket-protocol')).toBe(protocol)
  const client = new Client(response.webSocket!)
  const stub = () => TUNNEL.getByName(tunnelName(tunnelShard(` ${address}`)))
  return {
    client,
    stub,
    mark: () => runInDurableObject(stub(), (instance) => void Reflect.set(instance, 'marked', 1)),
    isMarked: () => runInDurableObject(stub(), (instance) => Reflect.has(instance, 'marked')),
    /** What is attached to the sockets of its object. */
    states: () =>
      runInDurableObject(stub(), (_, object) =>
        object.getWebSockets().map((socket) => socket.deserializeAttachment() as TunnelState),
      ),
  }
}

async function explained(response: Response): Promise<string> {
  return response.status === 101 ? '' : response.text()
}

const versions = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
const cluster = {
  includeClusterAuthorizedOperations: false,
  endpointType: 1,
  includeFencedBrokers: false,
}

async function createTopic(client: Client, name: string): Promise<string> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const request = { topics: [topic], timeoutMs: 5_000, validateOnly: false }
  const { topics } = await client.call(CreateTopics, 7, request)
  expect(topics[0]).toMatchObject({ errorCode: 0 })
  return name
}

const produce = (name: string, value: string | Uint8Array): RequestToSend<typeof Produce> => {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  const records = buildBatch({ records: [{ timestamp: Date.now(), key: null, value: bytes }] })
  const partitionData = [{ index: 0, records }]
  return { transactionalId: null, acks: -1, timeoutMs: 5_000, topicData: [{ name, partitionData }] }
}

const fetchFrom = (topic: string, fetchOffset: number, maxWaitMs: number) => ({
  maxWaitMs,
  minBytes: 1,
  maxBytes: 1 << 24,
  isolationLevel: 0,
  topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 24 }] }],
})

describe('an upgrade of /kafka', () => {
  it('says what it is to who does not ask for a WebSocket', async () => {
    const response = await serveHttp(new Request('http://localhost/kafka'), LOCAL)
    expect(response.status).toBe(426)
    expect(response.headers.get('upgrade')).toBe('websocket')
  })

  it.each(['0.0.0.0:9092', 'host', 'host:0', 'a b:1', '[::]:9092', 'host:70000', ''])(
    'refuses the address %j, which no client can reach',
    async (address) => {
      const response = await ask({ [ADVERTISED_HEADER]: address })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ field: ADVERTISED_HEADER })
    },
  )
})

describe('a tunnel', () => {
  it('tells its clients the address that it stated, whatever they ask', async () => {
    const { client } = await open('proxy.example:19092')
    const address = { host: 'proxy.example', port: 19_092 }
    const { brokers } = await client.call(Metadata, 9, { topics: null, ...plainMetadata })
    expect(brokers).toMatchObject([address])
    const found = await client.call(FindCoordinator, 3, { key: 'group', keyType: 0 })
    expect(found).toMatchObject(address)
    const described = await client.call(DescribeCluster, 1, cluster)
    expect(described.brokers).toMatchObject([address])
  })

  it('takes frames in any pieces, and several in one message', async () => {
    const { client } = await open('pieces:1')
    for (const byte of client.frame(ApiVersions, 3, versions)) client.send(new Uint8Array([byte]))
    expect((await client.answer(ApiVersions, 3, 1)).errorCode).toBe(0)
    const two = [client.frame(ApiVersions, 3, versions), client.frame(DescribeCluster, 1, cluster)]
    const half = client.frame(ApiVersions, 3, versions)
    client.send(joinBytes([...two, half.subarray(0, 7)]))
    client.send(half.subarray(7))
    await client.answer(ApiVersions, 3, 2)
    await client.answer(DescribeCluster, 1, 3)
    await client.answer(ApiVersions, 3, 4)
  })

  it('answers in the order of the requests, however long one of them waits', async () => {
    const { client } = await open('order:1')
    const topic = await createTopic(client, 'order')
    const first = client.frame(Fetch, 11, fetchFrom(topic, 0, 1_000))
    const id = client.lastId
    client.send(joinBytes([first, client.frame(DescribeCluster, 1, cluster)]))
    const sinceMs = Date.now()
    await client.answer(Fetch, 11, id)
    expect(Date.now() - sinceMs).toBeGreaterThan(500)
    await client.answer(DescribeCluster, 1, id + 1)
  })

  it('serves one that counts nothing', async () => {
    const { client } = await open('plain:1', null)
    const topic = await createTopic(client, 'plain')
    for (let at = 0; at < 3; at++)
      await client.call(Produce, 9, produce(topic, 'x'.repeat(100_000)))
    const { responses } = await client.call(Fetch, 11, fetchFrom(topic, 0, 1_000))
    expect(responses[0]?.partitions[0]).toMatchObject({ highWatermark: 3 })
    expect(client.texts).toEqual([])
  })

  it('says what it has used of one that counts, and sends no more than is taken', async () => {
    const { client } = await open('counting:1')
    const topic = await createTopic(client, 'counting')
    const value = new Uint8Array(600_000)
    for (let at = 0; at < 4; at++) await client.call(Produce, 9, produce(topic, value))
    // 2.4 MB in: it has said so of all but the last 64 KiB.
    const used = Number(/^ack (\d+)$/.exec(client.texts.at(-1) ?? '')?.[1])
    expect(used).toBeGreaterThan(4 * 600_000 - 65_536)
    const asked = client.frame(Fetch, 11, fetchFrom(topic, 0, 1_000))
    const id = client.lastId
    client.send(asked)
    await vi.waitFor(() => expect(client.receivedBytes).toBeGreaterThan(900_000), 15_000)
    await new Promise((done) => setTimeout(done, 300))
    expect(client.receivedBytes).toBeLessThanOrEqual(1 << 20)
    for (let taken = 0; taken < 2_400_000; ) {
      taken = client.receivedBytes
      client.send(`ack ${taken}`)
      await new Promise((done) => setTimeout(done, 20))
    }
    const { responses } = await client.answer(Fetch, 11, id)
    expect(responses[0]?.partitions[0]).toMatchObject({ highWatermark: 4 })
  })

  it('answers what was asked when it is told that no more comes, and ends', async () => {
    const { client } = await open('ending:1')
    client.send(client.frame(DescribeCluster, 1, cluster))
    client.send(END)
    await client.answer(DescribeCluster, 1, 1)
    expect((await client.closed).code).toBe(1000)
  })
})

const plainMetadata = {
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
}

describe('a tunnel that sleeps', () => {
  it('goes on in the middle of a frame in an object made anew', async () => {
    const { client, stub, mark, isMarked } = await open('hibernated:1')
    const topic = await createTopic(client, 'hibernated')
    await client.call(Produce, 9, produce(topic, 'before'))
    const frame = client.frame(Produce, 9, produce(topic, 'across'))
    client.send(frame.subarray(0, 50))
    await mark()
    await evictDurableObject(stub())
    expect(await isMarked()).toBe(false)
    client.send(frame.subarray(50))
    const { responses } = await client.answer(Produce, 9, client.lastId)
    expect(responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 1 })
    expect(client.isClosed).toBe(false)
  })

  it('is left alone by the platform when its producer is idle, and still has its address', async () => {
    const { client, mark, isMarked } = await open('idle.example:7')
    await client.call(DescribeCluster, 1, cluster)
    await mark()
    await new Promise((done) => setTimeout(done, 16_000))
    // A ping wakes nobody.
    client.send(PING)
    await vi.waitFor(() => expect(client.texts).toContain('pong'), 15_000)
    expect(await isMarked()).toBe(false)
    const { brokers } = await client.call(DescribeCluster, 1, cluster)
    expect(brokers).toMatchObject([{ host: 'idle.example', port: 7 }])
  }, 40_000)

  it('keeps its state within what a socket can carry', async () => {
    const { client, states } = await open('state:1')
    const frame = client.frame(Produce, 9, produce('none', 'x'.repeat(40_000)))
    client.send(frame.subarray(0, 8_000))
    await vi.waitFor(async () => {
      expect((await states())[0]?.connection?.partial.length).toBe(8_000)
    })
    // More of it is not kept: the object stays awake until the frame is whole.
    client.send(frame.subarray(8_000, 20_000))
    await vi.waitFor(async () => expect((await states())[0]?.connection).toBe(null))
    client.send(frame.subarray(20_000))
    await client.answer(Produce, 9, 1)
    await vi.waitFor(async () => expect((await states())[0]?.connection?.partial.length).toBe(0))
  })

  it('is closed, not left waiting, when an answer was lost with its object', async () => {
    const { client, stub } = await open('lost:1')
    await client.call(DescribeCluster, 1, cluster)
    await runInDurableObject(stub(), (_, object) => {
      for (const socket of object.getWebSockets()) {
        const state = socket.deserializeAttachment() as TunnelState
        socket.serializeAttachment({ ...state, connection: null })
      }
    })
    await evictDurableObject(stub())
    client.send(client.frame(DescribeCluster, 1, cluster))
    expect((await client.closed).code).toBe(1012)
  })
})

describe('what a tunnel does not take', () => {
  it.each<[string, Uint8Array | string, number]>([
    ['garbage', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), 1002],
    ['an API that is not served', new Uint8Array([0, 0, 0, 8, 0x7f, 0xff, 0, 0, 0, 0, 0, 1]), 1002],
    ['text', 'hello', 1003],
    ['an ack of what was not sent', 'ack 999999', 1002],
    ['an ack that is no number', 'ack -1', 1003],
    ['more than may be under way', new Uint8Array((1 << 20) + 1), 1009],
  ])('%s closes it, and it alone', async (what, message, code) => {
    const address = `${what.replaceAll(' ', '-')}.example:1`
    const bad = await open(address)
    const good = await open(address)
    await good.client.call(DescribeCluster, 1, cluster)
    bad.client.send(message)
    expect((await bad.client.closed).code).toBe(code)
    await good.client.call(DescribeCluster, 1, cluster)
    expect(good.client.isClosed).toBe(false)
  })
})

describe('a client that is gone', () => {
  it('is found when it has been silent for too long, and nobody else is', async () => {
    const address = 'dead.example:1'
    const dead = await open(address)
    const alive = await open(address)
    for (const { client } of [dead, alive]) await client.call(DescribeCluster, 1, cluster)
    await evictDurableObject(dead.stub())
    const seenMs = Date.now() - TUNNEL_SILENT_MS - 1
    await runInDurableObject(dead.stub(), (_, object) => {
      for (const socket of object.getWebSockets()) {
        const state = socket.deserializeAttachment() as TunnelState
        socket.serializeAttachment({ ...state, seenMs })
      }
    })
    // One of them shows that it is there, without waking anybody.
    alive.client.send(PING)
    await vi.waitFor(() => expect(alive.client.texts).toContain('pong'))
    expect(await runDurableObjectAlarm(dead.stub())).toBe(true)
    expect((await dead.client.closed).code).toBe(1001)
    expect(alive.client.isClosed).toBe(false)
    // As long as there is one, it is looked at again; nobody is looked for when there is none.
    expect(await runDurableObjectAlarm(dead.stub())).toBe(true)
    expect(TUNNEL_SILENT_MS + TUNNEL_SWEEP_MS).toBeLessThan(120_000)
    alive.client.close()
    await alive.client.closed
    await runDurableObjectAlarm(dead.stub())
    expect(await runDurableObjectAlarm(dead.stub())).toBe(false)
  })
})
