// The SSE tail of a topic: one stream of all its partitions whose event ids tell what was delivered of
// each, so that a reader who comes back gets exactly what follows. Pulled by the client: nothing is read
// before the last piece was taken. Follows the WHATWG's server-sent events. Not the leader's fan-out to
// many readers: each stream reads for itself.

import type { BrokerContext } from '../broker/context.ts'
import type { TopicState } from '../cluster/contract.ts'
import { KafkaError } from '../core/errors.ts'
import {
  EVENTS_HEARTBEAT_MS,
  EVENTS_PACE_MS,
  EVENTS_PARTITIONS_MS,
  EVENTS_PIECE_BYTES,
} from '../core/limits.ts'
import { formatVector } from './event-id.ts'
import { Problem } from './problem.ts'
import { type Fetched, type FetchedPartition, fetchFrom } from './reading.ts'
import { itemsOf } from './record-out.ts'
import { EARLIEST, type FoundOffset, freshTopic, offsetsAt, topicProblem } from './topics.ts'

/** How long EventSource waits before it comes back. */
const RECONNECT_MS = 1_000
const HEARTBEAT = ':\n\n'

/** A stream's first state: offsets to deliver next, by partition. */
export interface EventsStart {
  readonly topic: TopicState
  readonly next: ReadonlyMap<number, number>
  readonly readCommitted: boolean
}

/** Produces the text of one stream, piece by piece. */
export class Events {
  readonly #context: BrokerContext
  readonly #topic: TopicState
  readonly #readCommitted: boolean
  /** The offset to deliver next of each partition, in the order of the partitions. */
  readonly #next: Map<number, number>
  #begun = false
  #ended = false
  #partitionsSeenMs: number
  #lastPieceMs = 0
  /** Whose turn it is to be read first: no partition may starve behind a busier one. */
  #turn = 0

  constructor(context: BrokerContext, { topic, next, readCommitted }: EventsStart) {
    this.#context = context
    this.#topic = topic
    this.#readCommitted = readCommitted
    this.#next = new Map([...next].sort(([a], [b]) => a - b))
    this.#partitionsSeenMs = context.timers.now()
  }

  /** The next piece: events, or a comment when there is nothing for 15 s. null ends the stream. */
  async piece(): Promise<string | null> {
    if (!this.#begun) {
      this.#begun = true
      // An id without data is no event, but the browser remembers it: coming back after a cut before
      // the first record must not start at "latest" again.
      return `retry: ${RECONNECT_MS}\nid: ${formatVector(this.#next)}\n\n`
    }
    const { timers } = this.#context
    await this.#addNewPartitions()
    const waitedMs = timers.now() - this.#lastPieceMs
    if (waitedMs < EVENTS_PACE_MS) await timers.sleep(EVENTS_PACE_MS - waitedMs)
    const fetched = await this.#fetch()
    try {
      return await this.#render(fetched)
    } finally {
      fetched.release()
    }
  }

  #fetch(): Promise<Fetched> {
    const all = [...this.#next].map(([partition, offset]) => ({ partition, offset }))
    const first = this.#turn++ % Math.max(1, all.length)
    return fetchFrom(this.#context, this.#topic, [...all.slice(first), ...all.slice(0, first)], {
      maxBytes: EVENTS_PIECE_BYTES,
      waitMs: EVENTS_HEARTBEAT_MS,
      readCommitted: this.#readCommitted,
    })
  }

  async #render(fetched: Fetched): Promise<string | null> {
    let text = ''
    let bytes = 0
    for (const partition of fetched.partitions) {
      for (const piece of partition.pieces) bytes += piece.length
      const events = await this.#eventsOf(partition, EVENTS_PIECE_BYTES - text.length)
      if (events instanceof Problem) return text === '' ? this.#lastWords(events) : text
      text += events
      if (text.length >= EVENTS_PIECE_BYTES) break
    }
    // A reader who catches up is not slowed down; one at the head gets pieces with all that is new.
    if (Math.max(bytes, text.length) < EVENTS_PIECE_BYTES / 2)
      this.#lastPieceMs = this.#context.timers.now()
    return text === '' ? HEARTBEAT : text
  }

  /** What does not fit into `unitsMax`, because a batch may hold very much, is read again. */
  async #eventsOf(fetched: FetchedPartition, unitsMax: number): Promise<string | Problem> {
    const { partition } = fetched.position
    if (fetched.error === KafkaError.OFFSET_OUT_OF_RANGE) return this.#gap(fetched)
    if (fetched.error !== KafkaError.NONE) return topicProblem(fetched.error, this.#topic.name)
    const items = itemsOf({
      partition,
      from: fetched.position.offset,
      pieces: fetched.pieces,
      aborted: fetched.aborted,
    })
    let text = ''
    while (text.length < unitsMax) {
      const item = items.next()
      if (item.done === true) {
        this.#next.set(partition, item.value)
        return text
      }
      this.#next.set(partition, item.value.nextOffset)
      text += this.#event(item.value.malformed ? 'malformed' : null, item.value.json)
    }
    return text
  }

  /** Retention took records that this reader had not had: said, not skipped in silence. */
  async #gap({ position }: FetchedPartition): Promise<string | Problem> {
    const { partition, offset } = position
    const found = await this.#earliest(this.#topic, [partition])
    if (found instanceof Problem) return found
    const nextOffset = found[0]?.offset ?? 0
    if (nextOffset <= offset) return new Problem(KafkaError.OFFSET_OUT_OF_RANGE)
    this.#next.set(partition, nextOffset)
    return this.#event('gap', JSON.stringify({ partition, offset, nextOffset }))
  }

  #event(name: string | null, data: string): string {
    const event = name === null ? '' : `event: ${name}\n`
    return `id: ${formatVector(this.#next)}\n${event}data: ${data}\n\n`
  }

  /** A problem ends the stream, said once: the browser comes back and gets it as an answer. */
  #lastWords(problem: Problem): string | null {
    if (this.#ended) return null
    this.#ended = true
    return `event: problem\ndata: ${JSON.stringify(problem.body())}\n\n`
  }

  /** A partition added meanwhile is read from its start: nobody can have had anything of it. */
  async #addNewPartitions(): Promise<void> {
    const nowMs = this.#context.timers.now()
    if (nowMs - this.#partitionsSeenMs < EVENTS_PARTITIONS_MS) return
    this.#partitionsSeenMs = nowMs
    const topic = await freshTopic(this.#context, this.#topic.name)
    if (topic instanceof Problem || topic.id !== this.#topic.id) return
    const added: number[] = []
    for (let partition = 0; partition < topic.partitions; partition++) {
      if (!this.#next.has(partition)) added.push(partition)
    }
    const found = added.length === 0 ? [] : await this.#earliest(topic, added)
    if (found instanceof Problem) return
    for (const { partition, offset } of found) this.#next.set(partition, offset)
  }

  #earliest(topic: TopicState, partitions: readonly number[]): Promise<FoundOffset[] | Problem> {
    const query = { partitions, timestamp: EARLIEST, readCommitted: this.#readCommitted }
    return offsetsAt(this.#context, topic, query)
  }
}
