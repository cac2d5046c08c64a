// A broker in memory, of which a test sees every message and decides what goes wrong: `fetch` and `WebSocket`
// for connect(). It keeps logs, grants, idempotency keys and commits as the real one does, as far as a client
// can tell. Not the real one, with which the same client is tested in test/clients/sdk*.

import type { Fetch } from '../../src/client/rest.ts'
import type { WebSocketClass } from '../../src/client/sockets.ts'

// biome-ignore lint/suspicious/noExplicitAny: messages are looked into.
export type Message = any

interface Stored {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value?: string | null
  readonly valueBase64?: string
  readonly headers: readonly unknown[]
}

interface Subscription {
  readonly topic: string
  granted: number
  next: number[]
  starvedFor: number
}

/** What a request is answered with instead: a problem, nothing at all, or a cut. */
export type Fault = 'cut-before' | 'cut-after' | 'silence' | { readonly problem: Message } | null

/** On the way, each way. Not 0, which fake timers take for 1 while they run and for 0 between: out of order. */
const HOP_MS = 1

export class FakeBroker {
  readonly logs = new Map<string, Stored[][]>()
  /** Everything said by clients, in order. */
  readonly heard: Message[] = []
  /** Posts, and other requests. */
  readonly requests: { path: string; init: RequestInit }[] = []
  /** Tokens that upgrades came with. */
  readonly tokens: (string | undefined)[] = []
  readonly committed = new Map<string, number>()
  readonly sockets = new Set<FakeSocket>()
  upgrades = 0
  /** When set, the only token that is admitted. */
  token: string | undefined
  /** Without it `/v1/live` answers 404. */
  hasLive = true
  /** False: nobody is let in, as if the network were gone. */
  isUp = true
  /** Decides what becomes of a produce or commit. */
  onRequest: (message: Message) => Fault = () => null
  onJoin: (member: FakeSocket, message: Message) => void = () => {}
  onMessage: (socket: FakeSocket, message: Message) => void = () => {}
  /** Most records of a message. */
  recordsMax = 100
  readonly #keys = new Map<string, { list: string; offsets: unknown }>()

  readonly fetch: Fetch = async (input, init = {}) => {
    const { pathname } = new URL(input)
    this.requests.push({ path: pathname, init })
    if (!this.isUp) throw new TypeError('Failed to fetch')
    const token = new Headers(init.headers).get('authorization')?.replace('Bearer ', '')
    if (this.token !== undefined && token !== this.token) return refusal(401)
    if (pathname === '/v1/live') return refusal(this.hasLive ? 426 : 404)
    const topic = /^\/v1\/topics\/(.+)\/records$/.exec(pathname)?.[1]
    if (topic === undefined || init.method !== 'POST') return Response.json({ items: [] })
    const { records } = JSON.parse(String(init.body))
    const key = new Headers(init.headers).get('idempotency-key') ?? ''
    const message = { type: 'produce', topic, records, idempotencyKey: key }
    const fault = this.onRequest(message)
    if (fault === 'silence') {
      return new Promise<Response>((_, reject) => {
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    }
    if (fault === 'cut-before') throw new TypeError('Failed to fetch')
    if (fault !== null && typeof fault === 'object')
      return refusal(fault.problem.status, fault.problem)
    const answer = this.produce(message)
    if (fault === 'cut-after') throw new TypeError('Failed to fetch')
    return 'problem' in answer ? refusal(422, answer.problem) : Response.json(answer)
  }

  get WebSocket(): WebSocketClass {
    const broker = this
    return class extends FakeSocket {
      constructor(_url: string, protocols: string[]) {
        super(broker)
        const bearer = protocols.find((one) => one.startsWith('ottla.bearer.'))
        const token = bearer === undefined ? undefined : atob(bearer.slice(13))
        setTimeout(() => broker.#upgrade(this, token), HOP_MS)
      }
    } as unknown as WebSocketClass
  }

  get options() {
    return { fetch: this.fetch, WebSocket: this.WebSocket }
  }

  /** Makes a topic. */
  create(topic: string, partitions = 1): void {
    this.logs.set(
      topic,
      Array.from({ length: partitions }, () => []),
    )
  }

  /** Stores a value, and sends it to who follows. */
  append(topic: string, value: string | null, partition = 0, key: string | null = null): void {
    this.#store(topic, { key, value, partition })
    this.pump()
  }

  values(topic: string): (string | null | undefined)[] {
    return (this.logs.get(topic) ?? []).flat().map(({ value }) => value)
  }

  /** Every connection ends as if somebody had pulled the cable. */
  cut(): void {
    for (const socket of [...this.sockets]) socket.cut()
  }

  said(type: string): Message[] {
    return this.heard.filter((message) => message.type === type)
  }

  #upgrade(socket: FakeSocket, token: string | undefined): void {
    this.upgrades += 1
    this.tokens.push(token)
    const isAdmitted = this.token === undefined || token === this.token
    if (!this.isUp || !this.hasLive || !isAdmitted) return void socket.cut()
    this.sockets.add(socket)
    socket.say({ type: 'hello', version: 'ottla.v1' })
  }

  hear(socket: FakeSocket, text: string): void {
    if (text === 'ping') return void socket.sayText('pong')
    const message = JSON.parse(text)
    this.heard.push(message)
    this.onMessage(socket, message)
    const { type, sub } = message
    if (type === 'subscribe') this.#subscribe(socket, message)
    else if (type === 'grant') {
      const subscription = socket.subscriptions.get(sub)
      if (subscription !== undefined) subscription.granted += message.bytes
      this.pump()
    } else if (type === 'unsubscribe') {
      socket.subscriptions.delete(sub)
      socket.say({ type: 'unsubscribed', sub })
    } else if (type === 'join') {
      socket.say({ type: 'joined', sub, memberId: 'member-1' })
      this.onJoin(socket, message)
    } else if (type === 'leave') socket.say({ type: 'left', sub })
    else if (type === 'produce' || type === 'commit') this.#request(socket, message)
  }

  #request(socket: FakeSocket, message: Message): void {
    const { id } = message
    const fault = this.onRequest(message)
    if (fault === 'silence') return
    if (fault === 'cut-before') return void socket.cut()
    if (fault !== null && typeof fault === 'object') {
      return void socket.say({ type: 'error', id, problem: fault.problem })
    }
    let answer: Message = { type: 'committed', id }
    if (message.type === 'produce') {
      const produced = this.produce(message)
      answer =
        'problem' in produced
          ? { type: 'error', id, ...produced }
          : { type: 'ack', id, ...produced }
    } else {
      for (const { topic, partition, offset } of message.offsets) {
        this.committed.set(`${topic}/${partition}`, offset)
      }
    }
    if (fault === 'cut-after') return void socket.cut()
    socket.say(answer)
  }

  /** What a produce is answered with: the same key gives the same answer, and other records 422. */
  produce({ topic, records, idempotencyKey }: Message): Message {
    const list = JSON.stringify(records)
    const known = this.#keys.get(idempotencyKey)
    if (known !== undefined) {
      if (known.list !== list) return { problem: { code: 'INVALID_REQUEST', status: 422 } }
      return { offsets: known.offsets, replayed: true }
    }
    if (!this.logs.has(topic)) {
      return { problem: { code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404, retriable: false } }
    }
    const offsets = records.map((record: Message) => this.#store(topic, record))
    this.#keys.set(idempotencyKey, { list, offsets })
    this.pump()
    return { offsets }
  }

  #store(topic: string, record: Message) {
    const partitions = this.logs.get(topic)
    if (partitions === undefined) throw new Error(`no topic ${topic}`)
    const { key = null, headers = [], partition = (key?.length ?? 0) % partitions.length } = record
    const log = partitions[partition]!
    const { value = null, valueBase64 } = record
    const stored = valueBase64 === undefined ? { value } : { valueBase64 }
    const at = { partition, offset: log.length, timestamp: 1_700_000_000_000 }
    log.push({ ...at, key, ...stored, headers })
    return at
  }

  #subscribe(socket: FakeSocket, { sub, topics, from = 'latest', bytes }: Message): void {
    const logs = this.logs.get(topics[0])
    if (logs === undefined) {
      const problem = { code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404, retriable: false }
      return void socket.say({ type: 'error', sub, problem })
    }
    const next = logs.map((log) => (from === 'earliest' ? 0 : log.length))
    if (/^\d/.test(from)) {
      for (const pair of from.split(',')) {
        const [partition, offset] = pair.split(':').map(Number)
        next[partition!] = offset! + 1
      }
    }
    socket.subscriptions.set(sub, { topic: topics[0], granted: bytes, next, starvedFor: -1 })
    socket.say({ type: 'subscribed', sub, position: positionOf(next) })
    this.pump()
  }

  /** Sends to everybody what they may have. */
  pump(): void {
    for (const socket of this.sockets) {
      for (const [sub, subscription] of socket.subscriptions) this.#feed(socket, sub, subscription)
    }
  }

  #feed(socket: FakeSocket, sub: number, subscription: Subscription): void {
    const { topic, next } = subscription
    for (;;) {
      const records: Stored[] = []
      let bytes = 0
      for (const [partition, log] of (this.logs.get(topic) ?? []).entries()) {
        while (next[partition]! < log.length && records.length < this.recordsMax) {
          const record = log[next[partition]!]!
          const size = sizeOf([...records, record])
          if (size > subscription.granted) {
            if (records.length === 0 && subscription.starvedFor !== record.offset) {
              subscription.starvedFor = record.offset
              socket.say({ type: 'starved', sub, bytes: size })
            }
            break
          }
          records.push(record)
          next[partition]! += 1
          bytes = size
        }
      }
      if (records.length === 0) return
      subscription.granted -= bytes
      const position = positionOf(next)
      socket.say({ type: 'records', sub, topic, topicId: 'T', records, position, bytes })
    }
  }
}

export class FakeSocket extends EventTarget {
  readonly subscriptions = new Map<number, Subscription>()
  readonly #broker: FakeBroker
  #isOpen = true

  constructor(broker: FakeBroker) {
    super()
    this.#broker = broker
  }

  /** By the client. */
  send(text: string): void {
    if (!this.#isOpen) return
    setTimeout(() => this.#isOpen && this.#broker.hear(this, text), HOP_MS)
  }

  close(): void {
    this.#isOpen = false
    this.#broker.sockets.delete(this)
  }

  say(message: Message): void {
    this.sayText(JSON.stringify(message))
  }

  sayText(data: string): void {
    setTimeout(() => {
      if (this.#isOpen) this.dispatchEvent(Object.assign(new Event('message'), { data }))
    }, HOP_MS)
  }

  cut(): void {
    if (!this.#isOpen) return
    this.close()
    setTimeout(() => this.dispatchEvent(new Event('close')), HOP_MS)
  }
}

function sizeOf(records: readonly unknown[]): number {
  return new TextEncoder().encode(JSON.stringify(records)).length
}

function positionOf(next: readonly number[]): string {
  return next.map((offset, partition) => `${partition}:${offset - 1}`).join(',')
}

function refusal(status: number, problem: Message = {}): Response {
  const code = status === 401 ? 'CLUSTER_AUTHORIZATION_FAILED' : 'INVALID_REQUEST'
  const headers = new Headers({ 'content-type': 'application/problem+json' })
  if (problem.retryAfterS !== undefined) headers.set('retry-after', String(problem.retryAfterS))
  return new Response(JSON.stringify({ code, detail: `refused ${status}`, ...problem, status }), {
    status,
    headers,
  })
}
