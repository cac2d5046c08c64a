// One client of `/v1/live`: its messages in, the server's messages out. What it has (subscriptions, members
// of groups, requests not answered) and what of that is kept while the object sleeps. Knows no socket and no
// Durable Object: surroundings.ts is all it sees of the world.

import { KafkaError } from '../core/errors.ts'
import { LIVE_SUBSCRIPTIONS } from '../core/limits/live.ts'
import { badRequest, Problem } from '../http/problem.ts'
import { type PlainMessage, type ProduceMessage, readMessage } from './incoming.ts'
import { Member } from './member.ts'
import { newMember } from './member-state.ts'
import type { ClientMessages } from './messages.ts'
import { Outbox } from './outbox.ts'
import { errorText, messageText } from './outgoing.ts'
import { LIVE_PROTOCOL, PING, PONG } from './protocol.ts'
import { noMember, noStream, noSubscription, notJoined } from './refusals.ts'
import { interrupted, Requests } from './requests.ts'
import { fitsState, type SessionState } from './session-state.ts'
import type { Stream, StreamHost } from './stream.ts'
import { Subscription, subscriptionOf, tooManyPartitions } from './subscription.ts'
import type { Surroundings } from './surroundings.ts'

type MessageOf<Type extends keyof ClientMessages> = ClientMessages[Type]

/** See the head of this file. */
export class Session {
  readonly #surroundings: Surroundings
  readonly #outbox: Outbox
  readonly #host: StreamHost
  readonly #streams = new Map<number, Stream>()
  readonly #requests: Requests
  /** The highest number of a subscription there was: what is said of an older one may have crossed its end. */
  #lastSub: number
  #isClosed = false

  /** @param state of a session that goes on; without it a new one says hello */
  constructor(surroundings: Surroundings, state: SessionState | null) {
    this.#surroundings = surroundings
    this.#outbox = new Outbox(surroundings)
    this.#requests = new Requests(surroundings, this.#outbox)
    this.#host = {
      surroundings,
      outbox: this.#outbox,
      sharers: () => this.#streams.size,
      over: (stream, problem) => this.#over(stream, problem),
      fits: () => fitsState(this.state()),
    }
    this.#lastSub = state?.lastSub ?? 0
    if (state === null) {
      this.#say({ type: 'hello', version: LIVE_PROTOCOL })
      return
    }
    for (const id of state.requests) this.#outbox.send(errorText(interrupted(), { id }))
    for (const one of state.streams) {
      this.#begin(
        one.kind === 'topics' ? new Subscription(this.#host, one) : new Member(this.#host, one),
      )
    }
  }

  /** Whether anything goes on beside the client's own messages. */
  get isActive(): boolean {
    if (this.#requests.ids.length > 0) return true
    return [...this.#streams.values()].some((stream) => !stream.isWaiting)
  }

  /** The client stands still while others wait for what is held for it. */
  get isStalled(): boolean {
    return this.#outbox.isStalled
  }

  /**
   * Takes a text message, which has its effect, or its place in the order, before this returns. Never throws: of
   * a bug the client is told, and the session goes on.
   */
  receive(text: string): void {
    if (this.#isClosed) return
    try {
      if (text === PONG) this.#outbox.pong()
      else if (text === PING) this.#outbox.send(PONG)
      else this.#read(text)
    } catch (error) {
      this.#surroundings.failed('message', error)
      this.#refuse(new Problem(KafkaError.UNKNOWN_SERVER_ERROR))
    }
  }

  /** Messages are text. */
  receiveBinary(): void {
    this.#refuse(badRequest('', 'messages are text: this one was binary'))
  }

  /** Asks the client for a sign of life. */
  ping(): void {
    this.#outbox.ping()
  }

  /** Says why it is about to be ended. */
  tellEnd(problem: Problem): void {
    this.#refuse(problem)
  }

  /** The client has gone: members leave their groups. Resolves when they have. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#outbox.close()
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    await Promise.all(
      streams.map((stream) => (stream instanceof Member ? stream.leave() : stream.close())),
    )
  }

  /** Ends the subscription with the longest position: it has grown beyond what can be kept. */
  shrink(): void {
    let longest: Subscription | null = null
    for (const stream of this.#streams.values()) {
      if (!(stream instanceof Subscription)) continue
      if (longest === null || stream.units > longest.units) longest = stream
    }
    if (longest !== null) this.#over(longest, tooManyPartitions())
  }

  /** What is kept of it. */
  state(): SessionState {
    return {
      lastSub: this.#lastSub,
      requests: [...this.#requests.ids],
      streams: [...this.#streams.values()].map((stream) => stream.save()),
    }
  }

  #read(text: string): void {
    const incoming = readMessage(text)
    if ('records' in incoming) this.#produce(incoming.message, incoming.records, text.length)
    else if ('message' in incoming) this.#take(incoming.message, text.length)
    else {
      const { problem, ...about } = incoming
      // Of a subscription that goes on it would say that it is over.
      const isTaken = about.sub !== undefined && this.#streams.has(about.sub)
      this.#outbox.send(errorText(problem, isTaken ? {} : about))
    }
  }

  #take(message: PlainMessage, length: number): void {
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(message)
        break
      case 'join':
        this.#join(message)
        break
      case 'grant':
        this.#of(message.sub, (stream) => stream.grant(message.bytes))
        break
      case 'processed':
        this.#ofMember(message, (member) => member.processed(message.offsets))
        break
      case 'revoked':
        this.#ofMember(message, (member) => member.letGo())
        break
      case 'commit':
        this.#commit(message, length)
        break
      case 'unsubscribe':
        this.#unsubscribe(message.sub)
        break
      case 'leave':
        this.#leave(message)
        break
    }
  }

  #subscribe(message: MessageOf<'subscribe'>): void {
    const state = this.#refusal(message.sub) ?? subscriptionOf(message)
    if (state instanceof Problem) this.#refuseStream(message.sub, state)
    else this.#begin(new Subscription(this.#host, state))
  }

  #join(message: MessageOf<'join'>): void {
    const state = newMember(message, this.#surroundings.newId())
    const kept = this.state()
    const isKept = fitsState({ ...kept, streams: [...kept.streams, state] })
    const refusal = this.#refusal(message.sub) ?? (isKept ? null : tooManyPartitions())
    if (refusal !== null) this.#refuseStream(message.sub, refusal)
    else this.#begin(new Member(this.#host, state))
  }

  /** Why no stream of this number can begin; null when one can. */
  #refusal(sub: number): Problem | null {
    if (this.#streams.has(sub)) {
      return badRequest('sub', `subscription ${sub} goes on: end it first, or use another number`)
    }
    if (this.#streams.size < LIVE_SUBSCRIPTIONS) return null
    const detail = `a session has at most ${LIVE_SUBSCRIPTIONS} subscriptions and members`
    return new Problem(KafkaError.POLICY_VIOLATION, { field: 'sub', detail })
  }

  /** Said of the number only where no stream of that number goes on. */
  #refuseStream(sub: number, problem: Problem): void {
    if (this.#streams.has(sub)) this.#refuse(problem.with({ members: { sub } }))
    else {
      this.#lastSub = Math.max(this.#lastSub, sub)
      this.#outbox.send(errorText(problem, { sub }))
    }
  }

  #begin(stream: Stream): void {
    this.#streams.set(stream.sub, stream)
    this.#lastSub = Math.max(this.#lastSub, stream.sub)
    this.#surroundings.changed()
    void stream.run().catch((error: unknown) => {
      this.#surroundings.failed('stream', error)
      this.#over(stream, new Problem(KafkaError.UNKNOWN_SERVER_ERROR))
    })
  }

  #over(stream: Stream, problem: Problem | null): void {
    if (this.#streams.get(stream.sub) !== stream) return
    this.#forget(stream)
    if (problem !== null) this.#outbox.send(errorText(problem, { sub: stream.sub }))
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream.sub)
    stream.close()
    this.#surroundings.changed()
  }

  /** What is said of a subscription that is over may have crossed that: it is not answered. */
  #of(sub: number, use: (stream: Stream) => void): void {
    const stream = this.#streams.get(sub)
    if (stream !== undefined) {
      use(stream)
      this.#surroundings.changed()
    } else if (sub > this.#lastSub) this.#refuse(noStream(sub))
  }

  #ofMember(
    message: { readonly type: string; readonly sub: number },
    use: (member: Member) => void,
  ): void {
    this.#of(message.sub, (stream) => {
      if (stream instanceof Member) use(stream)
      else this.#refuse(noMember(message))
    })
  }

  #unsubscribe(sub: number): void {
    const stream = this.#streams.get(sub)
    if (stream instanceof Member) this.#refuse(noSubscription(sub))
    else if (stream === undefined && sub > this.#lastSub) this.#refuse(noStream(sub))
    else {
      if (stream !== undefined) this.#forget(stream)
      this.#say({ type: 'unsubscribed', sub })
    }
  }

  #leave(message: MessageOf<'leave'>): void {
    const { sub } = message
    const stream = this.#streams.get(sub)
    if (stream instanceof Subscription) this.#refuse(noMember(message))
    else if (stream === undefined && sub > this.#lastSub) this.#refuse(noStream(sub))
    else {
      const leaving = stream instanceof Member ? stream.leave() : Promise.resolve()
      this.#streams.delete(sub)
      void leaving.then(() => {
        this.#say({ type: 'left', sub })
        this.#surroundings.changed()
      })
    }
  }

  #commit(message: MessageOf<'commit'>, length: number): void {
    const { id, sub, offsets } = message
    this.#requests.add(id, length, async () => {
      const stream = this.#streams.get(sub)
      if (stream instanceof Subscription) return errorText(noMember(message), { id })
      if (stream === undefined) return errorText(notJoined(sub), { id })
      const problem = await (stream as Member).commit(offsets)
      return problem === null ? messageText({ type: 'committed', id }) : errorText(problem, { id })
    })
  }

  #produce(message: ProduceMessage, records: string, length: number): void {
    const { id, topic, idempotencyKey = null } = message
    this.#requests.add(id, length, () =>
      this.#requests.inOrder(topic, async () => {
        const produced = await this.#surroundings.produce({ topic, records, idempotencyKey })
        if (produced instanceof Problem) return errorText(produced, { id })
        const replayed = produced.replayed ? { replayed: true as const } : {}
        return messageText({ type: 'ack', id, offsets: [...produced.offsets], ...replayed })
      }),
    )
  }

  /** Of a message that no request and no subscription is answered for. */
  #refuse(problem: Problem): void {
    this.#outbox.send(errorText(problem))
  }

  #say(message: Parameters<typeof messageText>[0]): void {
    this.#outbox.send(messageText(message))
  }
}
