// A tail as server-sent events: an event a record, whose id is the position behind it, so that a reader who
// comes back gets exactly what follows. What the readers of a partition share is encoded already and only
// gets its id completed. Follows the WHATWG's server-sent events. Not what is read: that is tail/.

import type { Timers } from '../broker/context.ts'
import { joinBytes } from '../core/bytes.ts'
import {
  EVENTS_HEARTBEAT_MS,
  EVENTS_PIECE_BYTES,
  EVENTS_PIECE_MIN_BYTES,
  EVENTS_PIECES_TOTAL_BYTES,
} from '../core/limits.ts'
import { eventStarts, eventText } from '../partition/fanout-pieces.ts'
import type { Problem } from './problem.ts'
import type { ResetStep } from './tail/contract.ts'
import { type Around, pairText } from './tail/position.ts'
import type { Run } from './tail/room.ts'
import type { EventsStep, TopicsTail } from './tail/tail.ts'

/** How long EventSource waits before it comes back. */
const RECONNECT_MS = 1_000
const NEWLINE = 10
const encoder = new TextEncoder()
const HEARTBEAT = encoder.encode(':\n\n')
/** Every event begins with it. */
const ID_FIELD = encoder.encode('id: ')

/** Counts the streams of an isolate, which share what may be held for all of them. */
export class OpenStreams {
  #count = 0

  opened(): void {
    this.#count += 1
  }

  closed(): void {
    this.#count -= 1
  }

  /** How large a piece of each may be: one that nobody takes is held. */
  get pieceBytes(): number {
    const share = EVENTS_PIECES_TOTAL_BYTES / Math.max(1, this.#count)
    return Math.min(EVENTS_PIECE_BYTES, Math.max(EVENTS_PIECE_MIN_BYTES, Math.floor(share)))
  }
}

const openStreams = new OpenStreams()

/** Produces the bytes of one stream, piece by piece. */
export class Events {
  readonly #tail: TopicsTail
  readonly #timers: Timers
  #begun = false
  #ended = false
  #isOpen = true
  /** When anything was sent. */
  #sentMs: number

  constructor(tail: TopicsTail, timers: Timers) {
    this.#tail = tail
    this.#timers = timers
    this.#sentMs = timers.now()
    openStreams.opened()
  }

  /** The next piece: events, or a comment when there is nothing for 15 s. null ends the stream. */
  async piece(): Promise<Uint8Array | null> {
    if (!this.#begun) {
      this.#begun = true
      // An id without data is no event, but the browser remembers it: coming back after a cut before
      // the first record must not start at "latest" again.
      return encoder.encode(`retry: ${RECONNECT_MS}\n${idAlone(this.#tail.position())}`)
    }
    while (!this.#ended) {
      const idleMs = this.#timers.now() - this.#sentMs
      const waitMs = EVENTS_HEARTBEAT_MS - idleMs
      const piece =
        waitMs > 0
          ? this.#write(await this.#tail.events(openStreams.pieceBytes, waitMs))
          : HEARTBEAT
      if (piece === null) continue
      this.#sentMs = this.#timers.now()
      return piece
    }
    return null
  }

  /** A problem ends the stream, said once: the browser comes back and gets it as an answer. */
  lastWords(problem: Problem): Uint8Array {
    this.#ended = true
    return encoder.encode(`event: problem\ndata: ${JSON.stringify(problem.body())}\n\n`)
  }

  /** Resolves when nothing is held for it any more, once it is closed and the last piece has been made. */
  released(): Promise<void> {
    return this.#tail.released()
  }

  /** The client has gone. */
  close(): void {
    this.#ended = true
    if (!this.#isOpen) return
    this.#isOpen = false
    openStreams.closed()
    this.#tail.close()
  }

  #write(step: EventsStep): Uint8Array | null {
    switch (step.kind) {
      case 'runs':
        return joinBytes(step.runs.flatMap(bytesOfRun))
      case 'position':
        return encoder.encode(idAlone(step.position))
      case 'reset':
        this.#ended ||= step.next === null
        return encoder.encode(this.#resetText(step))
      case 'problem':
        return this.lastWords(step.problem)
      case 'idle':
      case 'large':
        return null
    }
  }

  #resetText({ topic, partition, reason, position, next }: ResetStep): string {
    const where = partition === null ? { topic } : { topic, partition }
    const data = JSON.stringify({ ...where, reason, position, next })
    return eventText(this.#tail.position(), 'reset', data)
  }
}

/** An id that a browser remembers without an event. */
function idAlone(position: string): string {
  return `id: ${position}\n\n`
}

function bytesOfRun({ around, partition, items, encoded }: Run): Uint8Array[] {
  if (encoded.length > 0) return encoded.map((events) => withAround(events, around))
  let text = ''
  for (const { nextOffset, malformed, json } of items) {
    const id = around.before + pairText(partition, nextOffset) + around.behind
    text += eventText(id, malformed ? 'malformed' : null, json)
  }
  return [encoder.encode(text)]
}

/**
 * Events of one partition, which name it alone in their ids, as events of a stream that has had more than
 * that: their bytes are copied, nothing is decoded.
 */
export function withAround(events: Uint8Array, around: Around): Uint8Array {
  if (around.before === '' && around.behind === '') return events
  const before = encoder.encode(around.before)
  const behind = encoder.encode(around.behind)
  const starts = eventStarts(events)
  const bytes = new Uint8Array(events.length + starts.length * (before.length + behind.length))
  let at = 0
  const put = (part: Uint8Array) => {
    bytes.set(part, at)
    at += part.length
  }
  for (const [index, start] of starts.entries()) {
    const id = start + ID_FIELD.length
    const idEnd = events.indexOf(NEWLINE, id)
    put(ID_FIELD)
    put(before)
    put(events.subarray(id, idEnd))
    put(behind)
    put(events.subarray(idEnd, starts[index + 1] ?? events.length))
  }
  return bytes
}
