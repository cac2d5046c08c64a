// Whole events out of a stream from a partition's leader in another isolate. What is cut, because the stream
// broke or the reader was too slow, was not delivered and does not count. One chunk is held at most, so
// a client that does not take holds the leader's writer back.

import { joinBytes } from '../../core/bytes.ts'
import { EVENTS_PACE_MS, EVENTS_SHARED_PIECE_BYTES } from '../../core/limits.ts'
import { eventStarts, type Taken } from '../../partition/fanout-pieces.ts'

const decoder = new TextDecoder()
/** The longest first line of an event: `id: `, a partition and an offset. */
const ID_LINE_BYTES = 64
const ID_LINE = /^id: \d+:(\d+)\n/
const NOTHING = new Uint8Array(0)

/** The events of one stream. */
export class EventReader {
  /** What was taken is not here any more. */
  readonly forgets = true
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #arrived: () => void
  #chunk: Uint8Array | null = null
  /** Of an event that has not arrived whole. */
  #rest: Uint8Array = NOTHING
  #isOver = false

  /** @param arrived called when there is something to take, or the end */
  constructor(stream: ReadableStream<Uint8Array>, arrived: () => void) {
    this.#reader = stream.getReader()
    this.#arrived = arrived
    void this.#read()
  }

  /** Whole events that have arrived; 'gone' when no more will come. */
  take(next: number): Taken | null | 'gone' {
    if (this.#chunk === null) return this.#isOver ? 'gone' : null
    const bytes = this.#rest.length === 0 ? this.#chunk : joinBytes([this.#rest, this.#chunk])
    const starts = eventStarts(bytes)
    const end = endOfEvents(bytes, starts)
    this.#chunk = null
    this.#rest = bytes.slice(end)
    // No piece is larger: this is not what a leader sends.
    if (this.#rest.length > EVENTS_SHARED_PIECE_BYTES) return 'gone'
    if (!this.#isOver) void this.#read()
    const last = starts.at(-1)
    if (last === undefined) return null
    const id = ID_LINE.exec(decoder.decode(bytes.subarray(last, last + ID_LINE_BYTES)))
    if (id === null) return 'gone'
    const after = Number(id[1]) + 1
    return after > next ? { parts: [bytes.subarray(0, end)], next: after, shown: after } : 'gone'
  }

  /** It calls back when something has arrived. */
  waitMs(): number {
    return this.#chunk === null ? EVENTS_PACE_MS : 0
  }

  close(): void {
    this.#isOver = true
    this.#chunk = null
    // The leader may have ended the stream already: then there is nothing to cancel.
    this.#reader.cancel().catch(() => {})
  }

  async #read(): Promise<void> {
    try {
      const { value, done } = await this.#reader.read()
      if (done) this.#isOver = true
      else if (!this.#isOver) this.#chunk = value
    } catch {
      this.#isOver = true
    }
    this.#arrived()
  }
}

/** Behind the empty line of the last event that is whole. */
function endOfEvents(bytes: Uint8Array, starts: readonly number[]): number {
  if (starts.length === 0) return 0
  let end = bytes.length
  while (bytes[end - 1] !== 10 || bytes[end - 2] !== 10) end--
  return end
}
