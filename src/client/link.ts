// The one connection that everything of a client shares: opened when something needs it, opened again after
// a cut with full jitter, closed when nothing does. Subscribers say again what they want after each opening;
// a request that was cut rejects, for only who asked knows whether it may be asked again.

import { Asks } from './asks.ts'
import { closedError, errorOf, networkError, noWebSocket, type OttlaError } from './errors.ts'
import { IDLE_MS, SILENCE_MS } from './limits.ts'
import type { ClientMessage, ServerMessage, SubscriptionMessage, WireProduced } from './messages.ts'
import type { Rest, Tokens } from './rest.ts'
import type { Dial, Socket } from './socket.ts'
import { jitter, quietTimer, type Waits } from './waits.ts'

/** `waiting`: not connected, because nothing needs it or the next try is due later. */
export type LinkState = 'connecting' | 'live' | 'waiting' | 'closed'

/** Something that lives on the connection under a number of its own. */
export interface Subscriber {
  /** Named in its errors, where there is one. */
  readonly topic?: string
  /** The connection is there, or there again: say what is wanted. */
  connected(): void
  /** The connection is gone; `connected` will follow. */
  disconnected(): void
  message(message: SubscriptionMessage): void
  /** It is over and will not be tried again. */
  failed(error: unknown): void
}

interface Entry {
  readonly subscriber: Subscriber
  /** Refusals in a row that may be over later. */
  failures: number
}

/** What a link works with. */
export interface LinkDeps {
  readonly dial: Dial | null
  readonly rest: Rest
  readonly tokens: Tokens
  readonly waits: Waits
  /** Told of each change of the state, with what was the matter. */
  readonly onState: (state: LinkState, error: unknown) => void
}

/** One connection that comes back. */
export class Link {
  readonly #deps: LinkDeps
  readonly #entries = new Map<number, Entry>()
  readonly #asks = new Asks()
  readonly #waiting = new Set<{ resolve(): void; reject(error: unknown): void }>()
  #state: LinkState = 'waiting'
  #socket: Socket | undefined
  #dialling = false
  /** Who wants it open although nothing subscribes. */
  #holds = 0
  #last = 0
  #failures = 0
  #heard = true
  #pulse: ReturnType<typeof setInterval> | undefined
  #idle: ReturnType<typeof setTimeout> | undefined
  /** The broker has no such route, or this runtime no WebSocket. */
  #absent: OttlaError | undefined

  constructor(deps: LinkDeps) {
    this.#deps = deps
    if (deps.dial === null) this.#absent = noWebSocket()
  }

  get state(): LinkState {
    return this.#state
  }

  /** Why there will be no connection at all, so that produce goes by requests; undefined otherwise. */
  get absent(): OttlaError | undefined {
    return this.#absent
  }

  /** Adds a subscriber; answers its number. It is told `connected` when it may speak. */
  add(subscriber: Subscriber): number {
    const sub = ++this.#last
    this.#entries.set(sub, { subscriber, failures: 0 })
    this.#hold()
    // Not yet: it has to know its number.
    if (this.#state === 'live') queueMicrotask(() => this.#welcome(sub))
    else this.#connect()
    return sub
  }

  /** Ends a subscription, and the connection if nothing else needs it. */
  drop(sub: number): void {
    if (this.#entries.delete(sub) && this.#entries.size + this.#holds === 0) this.#hangUp()
  }

  /** Says something; false when nobody would hear it. */
  send(message: ClientMessage): boolean {
    if (this.#state !== 'live') return false
    this.#socket?.send(JSON.stringify(message))
    return true
  }

  /** Keeps the connection open until the answer is called. */
  hold(): () => void {
    this.#holds += 1
    this.#hold()
    if (this.#socket === undefined) this.#connect()
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds -= 1
      if (this.#entries.size + this.#holds > 0 || this.#socket === undefined) return
      this.#socket.hold?.(false)
      this.#idle = quietTimer(() => this.#hangUp(), IDLE_MS)
    }
  }

  /** Resolves when messages can be sent. Rejects when that will never be. */
  live(): Promise<void> {
    if (this.#state === 'live') return Promise.resolve()
    if (this.#absent !== undefined) return Promise.reject(this.#absent)
    if (this.#state === 'closed') return Promise.reject(closedError())
    const live = new Promise<void>((resolve, reject) => this.#waiting.add({ resolve, reject }))
    this.#connect()
    return live
  }

  /**
   * Asks and waits for the answer, by a number that `body` is given.
   * Rejects with the OttlaError of the broker, or with NETWORK_EXCEPTION when nobody knows.
   */
  ask(body: (id: number) => string, topic?: string): Promise<readonly WireProduced[]> {
    const socket = this.#socket
    if (this.#state !== 'live' || socket === undefined) {
      return Promise.reject(networkError('not connected'))
    }
    const id = ++this.#last
    const answer = this.#asks.add(id, topic)
    try {
      socket.send(body(id))
    } catch (error) {
      this.#asks.refused(id, error)
    }
    return answer
  }

  /** Tries at once if it waits: the network is back. */
  wake(): void {
    if (this.#state === 'live') this.#ping()
  }

  /** Nothing more after this. Subscribers are not told: they were asked to end before. */
  close(): void {
    this.#setState('closed')
    this.#hangUp()
    for (const waiter of this.#waiting) waiter.reject(closedError())
    this.#waiting.clear()
  }

  #welcome(sub: number): void {
    if (this.#state === 'live') this.#entries.get(sub)?.subscriber.connected()
  }

  #hold(): void {
    clearTimeout(this.#idle)
    this.#socket?.hold?.(true)
  }

  #connect(): void {
    if (this.#absent !== undefined) this.#failAll(this.#absent)
    else if (this.#socket === undefined && !this.#dialling && this.#state !== 'closed') {
      void this.#run(Promise.resolve())
    }
  }

  async #run(before: Promise<void>): Promise<void> {
    this.#dialling = true
    await before
    await this.#dial()
    this.#dialling = false
    // Who came in the last moment.
    const isAwaited = this.#entries.size + this.#waiting.size > 0
    if (this.#socket === undefined && isAwaited && this.#isNeeded()) this.#connect()
  }

  async #dial(): Promise<void> {
    const { dial, rest, tokens, waits } = this.#deps
    let error: unknown
    while (this.#isNeeded() && dial !== null) {
      this.#setState('connecting', error)
      let token: string | undefined
      try {
        token = await tokens.get()
      } catch (thrown) {
        return this.#failAll(thrown)
      }
      if (!this.#isNeeded()) break
      const status = await this.#attempt(dial, `${rest.base.replace(/^http/, 'ws')}/v1/live`, token)
      if (status === 'live') return
      const refused = status === 'gone' ? null : await rest.whyNotLive()
      if (refused !== null && !refused.retriable) {
        if (refused.status === 404 || refused.status === 501) this.#absent = refused
        return this.#failAll(refused)
      }
      if (!this.#isNeeded()) break
      this.#failures += 1
      error = refused ?? networkError(`${rest.base} cannot be reached`)
      this.#setState('waiting', error)
      await waits.sleep(refused?.retryAfterMs ?? jitter(this.#failures))
    }
    if (this.#state !== 'closed') this.#setState('waiting')
  }

  /** One connection until the broker has greeted. */
  #attempt(
    dial: Dial,
    url: string,
    token: string | undefined,
  ): Promise<'live' | 'gone' | 'refused'> {
    return new Promise((resolve) => {
      let greeted = false
      const socket = dial(url, token, {
        message: (text) => {
          this.#heard = true
          if (this.#socket !== socket) return
          if (greeted) return this.#message(text)
          greeted = true
          clearTimeout(timer)
          resolve('live')
          this.#isLive()
        },
        closed: () => {
          clearTimeout(timer)
          if (this.#socket !== socket) return resolve('gone')
          this.#socket = undefined
          if (greeted) this.#lost()
          else resolve('refused')
        },
      })
      const timer = setTimeout(() => {
        socket.close()
        if (this.#socket === socket) this.#socket = undefined
        resolve('gone')
      }, SILENCE_MS)
      this.#socket = socket
    })
  }

  #isLive(): void {
    this.#setState('live')
    this.#pulse = setInterval(() => this.#beat(), SILENCE_MS)
    ;(this.#pulse as { unref?: () => void }).unref?.()
    for (const waiter of this.#waiting) waiter.resolve()
    this.#waiting.clear()
    for (const { subscriber } of [...this.#entries.values()]) subscriber.connected()
  }

  #beat(): void {
    if (this.#heard) this.#ping()
    else this.#lost()
  }

  #ping(): void {
    this.#heard = false
    this.#socket?.send('ping')
  }

  /** The connection is gone although nobody closed it. */
  #lost(): void {
    this.#socket?.close()
    this.#setDown()
    this.#setState('waiting', networkError('the connection was cut'))
    for (const { subscriber } of [...this.#entries.values()]) subscriber.disconnected()
    if (!this.#isNeeded()) return
    // The first try waits, too: a broker that restarts loses everybody at once.
    this.#failures += 1
    // Greeted and closed in one breath: who greeted looks again.
    if (!this.#dialling) void this.#run(this.#deps.waits.sleep(jitter(this.#failures)))
  }

  #hangUp(): void {
    const socket = this.#socket
    this.#setDown()
    socket?.close()
    this.#failures = 0
    if (this.#state !== 'closed') this.#setState('waiting')
    // Who waits to try again has nothing to try for.
    this.#deps.waits.wake()
  }

  #setDown(): void {
    this.#socket = undefined
    clearInterval(this.#pulse)
    clearTimeout(this.#idle)
    this.#heard = true
    this.#asks.cut()
  }

  #message(text: string): void {
    if (text === 'pong') return
    if (text === 'ping') {
      this.#socket?.send('pong')
      return
    }
    this.#failures = 0
    const message = parsed(text)
    if (message === null) this.#lost()
    else if (message.type === 'ack') this.#asks.answered(message.id, message.offsets)
    else if (message.type === 'committed') this.#asks.answered(message.id, [])
    else if (message.type === 'error') this.#problem(message)
    else if (message.type !== 'hello') {
      const entry = this.#entries.get(message.sub)
      if (entry === undefined) return
      entry.failures = 0
      entry.subscriber.message(message)
    }
  }

  #problem({ id, sub, problem }: Extract<ServerMessage, { type: 'error' }>): void {
    const entry = sub === undefined ? undefined : this.#entries.get(sub)
    const asked = id === undefined ? undefined : this.#asks.topicOf(id)
    const error = errorOf(problem, { topic: asked ?? entry?.subscriber.topic })
    if (id !== undefined) this.#asks.refused(id, error)
    if (entry === undefined || sub === undefined) return
    if (!error.retriable) {
      this.#entries.delete(sub)
      entry.subscriber.failed(error)
      if (!this.#isNeeded()) this.#hangUp()
      return
    }
    entry.subscriber.disconnected()
    entry.failures += 1
    const socket = this.#socket
    void this.#deps.waits.sleep(error.retryAfterMs ?? jitter(entry.failures)).then(() => {
      const isStill = this.#entries.get(sub) === entry && this.#socket === socket
      if (isStill && this.#state === 'live') entry.subscriber.connected()
    })
  }

  #failAll(error: unknown): void {
    this.#setState('waiting', error)
    for (const waiter of this.#waiting) waiter.reject(error)
    this.#waiting.clear()
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    for (const { subscriber } of entries) subscriber.failed(error)
  }

  #isNeeded(): boolean {
    return this.#state !== 'closed' && this.#entries.size + this.#holds > 0
  }

  #setState(state: LinkState, error?: unknown): void {
    if (state === this.#state && error === undefined) return
    this.#state = state
    this.#deps.onState(state, error)
  }
}

function parsed(text: string): ServerMessage | null {
  try {
    return JSON.parse(text) as ServerMessage
  } catch {
    return null
  }
}
