// The SSE tail of a topic: one stream of all its partitions whose event ids tell what was delivered of
// each, so that a reader who comes back gets exactly what follows. Pulled by the client: nothing is read
// before the last piece was taken. Follows the WHATWG's server-sent events. At the head of a partition it
// takes what the leader encodes for all readers (events-following.ts); behind it, and where nothing
// happens, it reads for itself.

import type { BrokerContext } from '../broker/context.ts'
import type { TopicState } from '../cluster/contract.ts'
import { joinBytes } from '../core/bytes.ts'
import { KafkaError } from '../core/errors.ts'
import {
  EVENTS_HEARTBEAT_MS,
  EVENTS_PACE_MS,
  EVENTS_PARTITIONS_MS,
  EVENTS_PIECE_BYTES,
} from '../core/limits.ts'
import { eventText } from '../partition/fanout-pieces.ts'
import { itemsOf } from '../record/json.ts'
import { formatVector, withVector } from './event-id.ts'
import { Following } from './events-following.ts'
import { Problem } from './problem.ts'
import { type Fetched, type FetchedPartition, fetchFrom, type Position } from './reading.ts'
import { EARLIEST, type FoundOffset, freshTopic, offsetsAt, topicProblem } from './topics.ts'

/** How long EventSource waits before it comes back. */
const RECONNECT_MS = 1_000
const encoder = new TextEncoder()
const HEARTBEAT = encoder.encode(':\n\n')

/** A stream's first state: offsets to deliver next, by partition. */
export interface EventsStart {
  readonly topic: TopicState
  readonly next: ReadonlyMap<number, number>
  readonly readCommitted: boolean
}

/** Produces the bytes of one stream, piece by piece. */
export class Events {
  readonly #context: BrokerContext
  readonly #topic: TopicState
  readonly #readCommitted: boolean
  /** The offset to deliver next of each partition, in the order of the partitions. */
  readonly #next: Map<number, number>
  readonly #following: Following
  #begun = false
  #ended = false
  #partitionsSeenMs: number
  #lastPieceMs = 0
  #isCatchingUp = false
  #isOwnTurn = false
  /** When anything was sent. */
  #sentMs: number
  /** Whose turn it is to be read first: no partition may starve behind a busier one. */
  #turn = 0

  constructor(context: BrokerContext, { topic, next, readCommitted }: EventsStart) {
    this.#context = context
    this.#topic = topic
    this.#readCommitted = readCommitted
    this.#next = new Map([...next].sort(([a], [b]) => a - b))
    this.#partitionsSeenMs = context.timers.now()
    this.#sentMs = this.#partitionsSeenMs
    this.#following = new Following(context, topic, readCommitted)
  }

  /** The next piece: events, or a comment when there is nothing for 15 s. null ends the stream. */
  async piece(): Promise<Uint8Array | null> {
    if (!this.#begun) {
      this.#begun = true
      // An id without data is no event, but the browser remembers it: coming back after a cut before
      // the first record must not start at "latest" again.
      return encoder.encode(`retry: ${RECONNECT_MS}\nid: ${formatVector(this.#next)}\n\n`)
    }
    await this.#addNewPartitions()
    const piece = await this.#nextPiece()
    this.#sentMs = this.#context.timers.now()
    return piece
  }

  /** The client has gone. */
  close(): void {
    this.#ended = true
    this.#following.close()
  }

  async #nextPiece(): Promise<Uint8Array | null> {
    const { timers } = this.#context
    while (!this.#ended) {
      const waitedMs = timers.now() - this.#lastPieceMs
      if (waitedMs < EVENTS_PACE_MS) await timers.sleep(EVENTS_PACE_MS - waitedMs)
      // By turns: what is new all the time must not keep a partition from catching up.
      const isOwnTurn = this.#isOwnTurn
      const followed = isOwnTurn ? null : this.#takeFollowed()
      this.#isOwnTurn = followed !== null
      if (followed !== null) return followed
      const idleMs = timers.now() - this.#sentMs
      if (idleMs >= EVENTS_HEARTBEAT_MS) return HEARTBEAT
      // While some are followed the others are looked at in between.
      const isFollowing = this.#following.size > 0
      const own = await this.#readOwn(isFollowing ? 0 : EVENTS_HEARTBEAT_MS - idleMs)
      if (own !== 'nothing') return own
      if (isFollowing && !isOwnTurn) await this.#following.news()
    }
    return null
  }

  /** What is new of the partitions that are followed; null when there is nothing. */
  #takeFollowed(): Uint8Array | null {
    if (this.#following.size === 0) return null
    const parts: Uint8Array[] = []
    let bytes = 0
    for (const { partition, offset } of this.#inTurn()) {
      const taken = this.#following.take(partition, offset)
      if (taken === null) continue
      for (const part of taken.parts) {
        parts.push(withVector(part, partition, this.#next))
        bytes += part.length
      }
      this.#next.set(partition, taken.next)
      if (bytes >= EVENTS_PIECE_BYTES) break
    }
    if (bytes === 0) return null
    // One leader keeps the pace itself; those of several partitions are not in step.
    if (this.#next.size > 1 && !this.#isCatchingUp) this.#pace(bytes)
    return joinBytes(parts)
  }

  /** Every partition with what is next of it: none may starve behind a busier one. */
  #inTurn(): Position[] {
    const all = [...this.#next].map(([partition, offset]) => ({ partition, offset }))
    const first = this.#turn++ % Math.max(1, all.length)
    return first === 0 ? all : [...all.slice(first), ...all.slice(0, first)]
  }

  /** Reads the partitions that are not followed; null ends the stream. */
  async #readOwn(waitMs: number): Promise<Uint8Array | null | 'nothing'> {
    const positions = this.#inTurn().filter(({ partition }) => !this.#following.has(partition))
    if (positions.length === 0) return 'nothing'
    const fetched = await fetchFrom(this.#context, this.#topic, positions, {
      maxBytes: EVENTS_PIECE_BYTES,
      waitMs,
      readCommitted: this.#readCommitted,
    })
    try {
      return await this.#render(fetched)
    } finally {
      fetched.release()
    }
  }

  async #render(fetched: Fetched): Promise<Uint8Array | null | 'nothing'> {
    let text = ''
    let bytes = 0
    for (const partition of fetched.partitions) {
      for (const piece of partition.pieces) bytes += piece.length
      const events = await this.#eventsOf(partition, EVENTS_PIECE_BYTES - text.length)
      if (events instanceof Problem) {
        return text === '' ? this.#lastWords(events) : encoder.encode(text)
      }
      text += events
      if (text.length >= EVENTS_PIECE_BYTES) break
    }
    const read = Math.max(bytes, text.length)
    this.#isCatchingUp = read >= EVENTS_PIECE_BYTES / 2
    // Also where nothing shows of what was read.
    if (read > 0) this.#pace(read)
    if (text === '') return 'nothing'
    await this.#follow(fetched)
    return encoder.encode(text)
  }

  /** A reader who catches up is not slowed down; one at the head gets pieces with all that is new. */
  #pace(bytes: number): void {
    if (bytes < EVENTS_PIECE_BYTES / 2) this.#lastPieceMs = this.#context.timers.now()
  }

  /** Where there was something and no more is left, more is to be expected. */
  async #follow({ partitions }: Fetched): Promise<void> {
    const live = partitions.filter(({ position, pieces, lastStableOffset, highWatermark }) => {
      const end = this.#readCommitted ? lastStableOffset : highWatermark
      return pieces.length > 0 && (this.#next.get(position.partition) ?? 0) >= end
    })
    await Promise.all(
      live.map(({ position: { partition } }) =>
        this.#following.follow(partition, this.#next.get(partition) ?? 0),
      ),
    )
  }

  /** What does not fit into `unitsMax`, because a batch may hold very much, is read again. */
  async #eventsOf(fetched: FetchedPartition, unitsMax: number): Promise<string | Problem> {
    const { partition } = fetched.position
    if (fetched.error === KafkaError.OFFSET_OUT_OF_RANGE) return this.#gap(fetched)
    if (fetched.error === KafkaError.CORRUPT_MESSAGE) {
      const { offset } = fetched.position
      const detail = `the stored records of partition ${partition} from offset ${offset} on are damaged`
      return new Problem(fetched.error, { status: 500, detail, members: { partition, offset } })
    }
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
      text += eventText(
        formatVector(this.#next),
        item.value.malformed ? 'malformed' : null,
        item.value.json,
      )
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
    const data = JSON.stringify({ partition, offset, nextOffset })
    return eventText(formatVector(this.#next), 'gap', data)
  }

  /** A problem ends the stream, said once: the browser comes back and gets it as an answer. */
  #lastWords(problem: Problem): Uint8Array | null {
    if (this.#ended) return null
    this.#ended = true
    return encoder.encode(`event: problem\ndata: ${JSON.stringify(problem.body())}\n\n`)
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
