// The client of a broker, for pages, workers, Node 20 and newer, and Workers: produce, tail and consume over
// one connection. What programs import; everything else is behind it.

import { type Codec, checked, json } from './codec.ts'
import { closedError } from './errors.ts'
import { type ConsumeOptions, type ManualRecord, Member, type MemberDeps } from './group.ts'
import { Link, type LinkState } from './link.ts'
import { Loop, type Source } from './loop.ts'
import { Producer } from './producer.ts'
import type { ReadRecord } from './records.ts'
import { type Fetch, Rest, Tokens } from './rest.ts'
import { dialer, type WebSocketClass } from './sockets.ts'
import type { SchemaInput, SchemaOutput, StandardSchemaV1 } from './standard-schema.ts'
import { Tail } from './tail.ts'
import { Topic, type TopicDeps } from './topic.ts'
import { onAbort, Waits } from './waits.ts'

// biome-ignore lint/performance/noBarrelFile: what programs may import is named here.
export { bytes, type Codec, json, type Stored, text } from './codec.ts'
export { type InvalidRecord, OttlaError, type OttlaErrorDetails, SchemaError } from './errors.ts'
export type { ConsumeOptions, ManualRecord } from './group.ts'
export type {
  Header,
  NewRecord,
  OnInvalid,
  Produced,
  ReadRecord,
  TailRecord,
} from './records.ts'
export type {
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SchemaResult,
  StandardSchemaV1,
} from './standard-schema.ts'
export type { Reset, TailOptions } from './tail.ts'
export type { ProduceOptions, Topic } from './topic.ts'

/** How to connect. */
export interface ConnectOptions {
  /** The broker's secret, or what gives it: asked again after the broker refused the last one. */
  readonly token?: string | (() => string | Promise<string>)
  /** How long `produce` tries, in milliseconds: 120,000 by default. */
  readonly deliveryTimeoutMs?: number
  /** Kafka's client.id: what descriptions of groups call this client's members. `ottla-live` by default. */
  readonly clientId?: string
  /** Instead of the runtime's own, such as that of a service binding. */
  readonly fetch?: Fetch
  /** Instead of the runtime's own; in Node this package brings one. */
  readonly WebSocket?: WebSocketClass
}

/** `live`: connected. `waiting`: nothing needs a connection, or the next try is due later. */
export type ConnectionState = LinkState

/** Tells of a new state. */
export class StateEvent extends Event {
  readonly state: ConnectionState
  /** What was the matter, where something was. */
  readonly error: unknown

  constructor(state: ConnectionState, error: unknown) {
    super('state')
    this.state = state
    this.error = error
  }
}

/** How a topic's values are written and read: a Standard Schema, or a codec such as `text` and `bytes`. */
export interface TopicOptions<Value> {
  readonly value: Value
}

/**
 * A client of the broker at `url`. Nothing is sent before something is asked of it.
 * @throws TypeError when `url` is none
 */
export function connect(url: string | URL, options: ConnectOptions = {}): Ottla {
  return new Ottla(url, options)
}

/** One broker. */
export class Ottla {
  readonly url: string
  readonly #rest: Rest
  readonly #link: Link
  readonly #waits = new Waits()
  readonly #producer: Producer
  readonly #events = new EventTarget()
  readonly #loops = new Set<Loop<unknown>>()
  readonly #deps: TopicDeps
  readonly #clientId: string | undefined
  #isClosed = false
  #closing: Promise<void> | undefined
  #stopListening: (() => void) | undefined

  /** Made by `connect`. */
  constructor(url: string | URL, options: ConnectOptions) {
    this.url = baseOf(url)
    this.#clientId = options.clientId
    const tokens = new Tokens(options.token)
    const send: Fetch = options.fetch ?? ((input, init) => fetch(input, init))
    this.#rest = new Rest(this.url, tokens, send)
    this.#link = new Link({
      dial: dialer(options.WebSocket),
      rest: this.#rest,
      tokens,
      waits: this.#waits,
      onState: (state, error) => this.#events.dispatchEvent(new StateEvent(state, error)),
    })
    this.#producer = new Producer({
      link: this.#link,
      rest: this.#rest,
      waits: this.#waits,
      deliveryTimeoutMs: options.deliveryTimeoutMs,
      prefersRequests: isWorkerd(),
    })
    this.#deps = {
      send: (topic, record, signal) => {
        if (this.#isClosed) return Promise.reject(closedError())
        this.#listen()
        return this.#producer.send(topic, record, signal)
      },
      tail: (topic, codec, options) => new Tail(this.#link, topic, codec, options),
      loop: (source, signal) => this.#loop(source, signal),
    }
  }

  /** Whether it is connected. */
  get state(): ConnectionState {
    return this.#link.state
  }

  /** Listens for changes of the state. */
  addEventListener(
    type: 'state',
    listener: (event: StateEvent) => void,
    options?: { readonly once?: boolean; readonly signal?: AbortSignal },
  ): void {
    this.#events.addEventListener(type, listener as (event: Event) => void, options)
  }

  removeEventListener(type: 'state', listener: (event: StateEvent) => void): void {
    this.#events.removeEventListener(type, listener as (event: Event) => void)
  }

  /** A topic whose values are JSON, not checked. The topic must exist. */
  topic(name: string): Topic<unknown, unknown>
  /** A topic whose values a codec writes and reads, such as `text` or `bytes`. */
  topic<Input, Output>(
    name: string,
    options: TopicOptions<Codec<Input, Output>>,
  ): Topic<Input, Output>
  /** A topic whose values are JSON that a schema checks, before it is sent and when it is read. */
  topic<Schema extends StandardSchemaV1>(
    name: string,
    options: TopicOptions<Schema>,
  ): Topic<SchemaInput<Schema>, SchemaOutput<Schema>>
  topic(
    name: string,
    options?: TopicOptions<Codec<never, unknown> | StandardSchemaV1>,
  ): Topic<never, unknown> {
    const { value = json } = options ?? {}
    const codec = '~standard' in value ? checked(value) : value
    return new Topic(name, codec as Codec<never, unknown>, this.#deps)
  }

  /** A consumer group. */
  group(name: string): Group {
    const deps = { link: this.#link, group: name, clientId: this.#clientId }
    return new Group(deps, (source, signal) => this.#loop(source, signal))
  }

  /**
   * A request to the broker's HTTP API, with the token: `path` begins with a slash.
   * @throws OttlaError for every answer that is no success
   */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return this.#isClosed ? Promise.reject(closedError()) : this.#rest.fetch(path, init)
  }

  /**
   * Ends every loop as `break` does, waits for what is being produced, and disconnects. After an abort nothing is waited
   * for: what is being produced rejects with the signal's reason.
   */
  close(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close()
    onAbort(options.signal, (reason) => {
      this.#producer.abandon(reason)
      this.#disconnect()
    })
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#loops].map((loop) => loop.end()))
    await this.#producer.drained()
    this.#disconnect()
  }

  #disconnect(): void {
    this.#stopListening?.()
    this.#link.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #loop<Value>(source: Source<Value>, signal: AbortSignal | undefined): Loop<Value> {
    const ended = (loop: Loop<Value>) => void this.#loops.delete(loop as Loop<unknown>)
    if (this.#isClosed) {
      const none: Source<Value> = { next: () => Promise.reject(closedError()), end: async () => {} }
      return new Loop(none, signal, ended)
    }
    this.#listen()
    const loop = new Loop(source, signal, ended)
    this.#loops.add(loop as Loop<unknown>)
    return loop
  }

  /** What pages tell: the network is back, and the page goes. */
  #listen(): void {
    const page = globalThis as Partial<EventTarget>
    if (this.#stopListening !== undefined || !('onpagehide' in page || 'ononline' in page)) return
    const online = () => {
      this.#waits.wake()
      this.#link.wake()
    }
    const pagehide = () => this.#producer.flush()
    page.addEventListener?.('online', online)
    page.addEventListener?.('pagehide', pagehide)
    this.#stopListening = () => {
      page.removeEventListener?.('online', online)
      page.removeEventListener?.('pagehide', pagehide)
    }
  }
}

/** One consumer group. */
export class Group {
  readonly name: string
  readonly #deps: Omit<MemberDeps, 'codecs'>
  readonly #loop: <Value>(source: Source<Value>, signal: AbortSignal | undefined) => Loop<Value>

  /** Made by `connect(…).group(name)`. */
  constructor(
    deps: Omit<MemberDeps, 'codecs'>,
    loop: <Value>(source: Source<Value>, signal: AbortSignal | undefined) => Loop<Value>,
  ) {
    this.name = deps.group
    this.#deps = deps
    this.#loop = loop
  }

  /**
   * Joins the group and gives the records of the partitions that are assigned to it. A record is done when the
   * next one is asked for; what is done is committed every five seconds, when partitions are taken away and
   * when the loop is left. A record whose loop body throws, or breaks, is not done and comes again.
   * @throws SchemaError, OttlaError, or the signal's reason
   */
  consume<Value>(
    topics: Topic<never, Value> | readonly Topic<never, Value>[],
    options: ConsumeOptions & { readonly commit: 'manual' },
  ): AsyncIterableIterator<ManualRecord<Value>, undefined, undefined>
  consume<Value>(
    topics: Topic<never, Value> | readonly Topic<never, Value>[],
    options?: ConsumeOptions,
  ): AsyncIterableIterator<ReadRecord<Value>, undefined, undefined>
  consume<Value>(
    topics: Topic<never, Value> | readonly Topic<never, Value>[],
    options: ConsumeOptions = {},
  ): AsyncIterableIterator<ReadRecord<Value>, undefined, undefined> {
    const list = topics instanceof Topic ? [topics] : topics
    const codecs = new Map(list.map((topic) => [topic.name, topic.codec]))
    const member = new Member({ ...this.#deps, codecs }, options)
    return this.#loop(member as Source<ReadRecord<unknown>>, options.signal) as Loop<
      ReadRecord<Value>
    >
  }
}

function baseOf(url: string | URL): string {
  const { protocol, origin, pathname } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new TypeError(`${url} is no address of a broker: it must begin with http:// or https://`)
  }
  return origin + pathname.replace(/\/+$/, '')
}

/** A connection lives as long as one request there, so a produce alone is not worth one. */
function isWorkerd(): boolean {
  const { navigator } = globalThis as { navigator?: { userAgent?: string } }
  return navigator?.userAgent === 'Cloudflare-Workers'
}
