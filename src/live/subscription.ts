// A subscription to topics: the client's own position in them, which lives with the session and nowhere
// else. Opens the tail, feeds the client, and says what else there is to say. Not a member of a group.

import { fromBase64, toBase64, utf8 } from '../core/text.ts'
import { badRequest, Problem } from '../http/problem.ts'
import type { Tail, TailAsk } from '../http/tail/contract.ts'
import { Feed } from './feed.ts'
import type { ClientMessages } from './messages.ts'
import { messageText, recordsText } from './outgoing.ts'
import type { Stream, StreamHost } from './stream.ts'

/** What a subscription is kept as. */
export interface SubscriptionState {
  readonly kind: 'topics'
  readonly sub: number
  readonly topics: readonly string[]
  readonly partitions?: readonly number[]
  /** Base64. */
  readonly key?: string
  readonly readCommitted: boolean
  /** Where it started, until it has a position. */
  readonly from: string
  readonly position: string | null
  readonly granted: number
}

/** What the message asks for, or why it cannot be. */
export function subscriptionOf(asked: ClientMessages['subscribe']): SubscriptionState | Problem {
  const { sub, topics, partitions, key, keyBase64, from = 'latest', bytes } = asked
  if (new Set(topics).size < topics.length) return badRequest('topics', 'a topic is named twice')
  if (partitions !== undefined && topics.length > 1) {
    return badRequest('partitions', 'partitions are of one topic: name one, or leave them out')
  }
  if (partitions !== undefined && (partitions.length === 0 || key !== undefined)) {
    const why = partitions.length === 0 ? 'are none' : 'and key exclude each other'
    return badRequest('partitions', `partitions ${why}`)
  }
  const wanted = keyOf(key, keyBase64)
  if (wanted instanceof Problem) return wanted
  return {
    kind: 'topics',
    sub,
    topics,
    ...(partitions === undefined ? {} : { partitions: [...new Set(partitions)] }),
    ...(wanted === null ? {} : { key: wanted }),
    readCommitted: asked.isolation !== 'read_uncommitted',
    from,
    position: null,
    granted: bytes,
  }
}

/** Base64 of the key; null for none. */
function keyOf(key: string | undefined, keyBase64: string | undefined): string | null | Problem {
  if (key === undefined && keyBase64 === undefined) return null
  if (key !== undefined && keyBase64 !== undefined) {
    return badRequest('key', 'key and keyBase64 exclude each other')
  }
  const bytes = keyBase64 === undefined ? utf8(key ?? '') : fromBase64(keyBase64)
  if (bytes !== null) return toBase64(bytes)
  return keyBase64 === undefined
    ? badRequest('key', 'key holds half of a surrogate pair, which has no UTF-8')
    : badRequest('keyBase64', 'keyBase64 is not padded standard base64')
}

/** See the head of this file. */
export class Subscription implements Stream {
  readonly #host: StreamHost
  #state: SubscriptionState
  #feed: Feed | null = null
  #isClosed = false

  constructor(host: StreamHost, state: SubscriptionState) {
    this.#host = host
    this.#state = state
  }

  get sub(): number {
    return this.#state.sub
  }

  get isWaiting(): boolean {
    return this.#feed?.isWaiting ?? false
  }

  /** Characters of its position. */
  get units(): number {
    return this.#state.position?.length ?? 0
  }

  /** Runs until it is over. Rejects with a bug only. */
  async run(): Promise<void> {
    const tail = await this.#host.surroundings.openTail(askOf(this.#state))
    if (this.#isClosed) {
      if (!(tail instanceof Problem)) tail.close()
      return
    }
    if (tail instanceof Problem) return this.#host.over(this, tail)
    const feed = this.#feedOf(tail)
    this.#feed = feed
    if (this.#state.position === null) {
      const position = tail.position()
      this.#moved(position)
      if (!this.#host.fits(this)) return this.#host.over(this, tooManyPartitions())
      this.#host.outbox.send(messageText({ type: 'subscribed', sub: this.sub, position }))
    }
    await feed.run()
  }

  grant(bytes: number): void {
    if (this.#feed === null) {
      this.#state = { ...this.#state, granted: this.#state.granted + bytes }
    } else this.#feed.grant(bytes)
  }

  close(): void {
    this.#isClosed = true
    this.#feed?.close()
  }

  save(): SubscriptionState {
    return { ...this.#state, granted: this.#feed?.granted ?? this.#state.granted }
  }

  #moved(position: string): void {
    this.#state = { ...this.#state, position }
    this.#host.surroundings.changed()
  }

  #feedOf(tail: Tail): Feed {
    const { outbox, sharers } = this.#host
    const { sub } = this
    const { granted } = this.#state
    return new Feed(tail, {
      outbox,
      granted,
      sharers,
      events: {
        records: (records) => {
          outbox.sendRecords(recordsText(sub, records), records.bytes)
          this.#moved(records.position)
        },
        position: (position) => {
          outbox.send(messageText({ type: 'position', sub, position }))
          this.#moved(position)
        },
        reset: ({ topic, partition, reason, position, next }) => {
          const where = partition === null ? {} : { partition }
          outbox.send(messageText({ type: 'reset', sub, topic, ...where, reason, position, next }))
          if (next !== null) this.#moved(next)
        },
        starved: (bytes) => outbox.send(messageText({ type: 'starved', sub, bytes })),
        over: (problem) => this.#host.over(this, problem),
      },
    })
  }
}

function askOf(state: SubscriptionState): TailAsk {
  const { topics, partitions, key, readCommitted, position, from } = state
  const bytes = key === undefined ? null : fromBase64(key)
  return {
    topics,
    ...(partitions === undefined ? {} : { partitions }),
    ...(bytes === null ? {} : { key: bytes }),
    from: { field: 'from', text: position ?? from, resumes: true },
    readCommitted,
  }
}

/** Its position would not fit into what a session is kept as. */
export function tooManyPartitions(): Problem {
  return badRequest(
    'topics',
    'the positions of so many partitions do not fit into one session: choose partitions, or use more sockets',
  )
}
