// What the readers at the head of a partition share: its newest records as the text of server-sent events,
// encoded once. Plain memory, so that every context of the isolate may read it. Not who writes it
// (fanout.ts), and no record is lost here: who finds nothing reads the log.

import {
  EVENTS_PIECE_BYTES,
  EVENTS_SHARED_PIECE_BYTES,
  EVENTS_SHARED_PIECES,
  EVENTS_SHARED_TOTAL_BYTES,
} from '../core/limits.ts'
import type { Item } from '../record/json.ts'

const encoder = new TextEncoder()
const NEWLINE = 10
/** What a kept piece costs beside its bytes, and each event in it. */
const PIECE_OVERHEAD_BYTES = 256
const EVENT_OVERHEAD_BYTES = 24

/** An event as it goes over the wire; `name` is null for a record. */
export function eventText(id: string, name: string | null, data: string): string {
  const event = name === null ? '' : `event: ${name}\n`
  return `id: ${id}\n${event}data: ${data}\n\n`
}

/** An event of one partition, by the offset that was delivered with it. */
export function itemEvent(partition: number, item: Item): string {
  const id = `${partition}:${item.nextOffset - 1}`
  return eventText(id, item.malformed ? 'malformed' : null, item.json)
}

/** Where each event starts, in bytes that hold whole events: behind every empty line. */
export function eventStarts(bytes: Uint8Array): number[] {
  const starts: number[] = []
  let line = 0
  let start = 0
  while (line < bytes.length) {
    const end = bytes.indexOf(NEWLINE, line)
    if (end < 0) break
    if (end === line) {
      starts.push(start)
      start = end + 1
    }
    line = end + 1
  }
  return starts
}

/** What is made of a stretch of the log. */
export interface NewPiece {
  /** First offset covered, and the first behind it. */
  readonly from: number
  readonly to: number
  readonly text: string
  /** Of each event: the offset it begins at, and where reading goes on behind it. */
  readonly offsets: readonly number[]
  readonly nexts: readonly number[]
}

interface Piece {
  readonly owner: SharedPieces
  readonly from: number
  /** Grows over offsets that show nothing, such as markers. */
  to: number
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  readonly offsets: Float64Array
  readonly nexts: Float64Array
}

/** What a reader takes: whole events, shared with all others, and where it goes on. */
export interface Taken {
  readonly parts: readonly Uint8Array[]
  readonly next: number
  /** Behind the last event; what follows up to `next` shows nothing. Without events where the taker was. */
  readonly shown: number
}

/** The pieces of many partitions, bounded in bytes; the oldest of any goes first. */
export class PieceBudget {
  readonly #capacityBytes: number
  readonly #order = new Set<Piece>()
  #usedBytes = 0

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  add(piece: Piece): void {
    this.#order.add(piece)
    this.#usedBytes += costOf(piece)
    for (const oldest of this.#order) {
      if (this.#usedBytes <= this.#capacityBytes) return
      oldest.owner.forget(oldest)
    }
  }

  remove(piece: Piece): void {
    if (this.#order.delete(piece)) this.#usedBytes -= costOf(piece)
  }
}

function costOf({ bytes, starts }: Piece): number {
  return bytes.length + PIECE_OVERHEAD_BYTES + starts.length * EVENT_OVERHEAD_BYTES
}

/** The budget of this isolate. */
export const isolatePieces: PieceBudget = new PieceBudget(EVENTS_SHARED_TOTAL_BYTES)

/** The newest pieces of one partition as one isolation level sees it, without gaps between them. */
export class SharedPieces {
  readonly #budget: PieceBudget
  readonly #pieces: Piece[] = []
  #end: number
  #open = true
  /** When the leader last looked for news, and when a reader last looked here. */
  lookedMs: number
  wantedMs: number

  constructor(budget: PieceBudget, start: number, nowMs: number) {
    this.#budget = budget
    this.#end = start
    this.lookedMs = nowMs
    this.wantedMs = nowMs
  }

  /** The offset behind the newest piece. */
  get end(): number {
    return this.#end
  }

  /** The lowest offset that can be taken from. */
  get start(): number {
    return this.#pieces[0]?.from ?? this.#end
  }

  /** False when nothing will be added any more: read the log. */
  get open(): boolean {
    return this.#open
  }

  /** Adds what follows the newest piece; false when it is too large to be shared. */
  add({ from, to, text, offsets, nexts }: NewPiece): boolean {
    if (from !== this.#end) throw new Error(`a piece from ${from} does not follow ${this.#end}`)
    const last = this.#pieces.at(-1)
    if (text === '') {
      if (last !== undefined) last.to = to
      this.#end = to
      return true
    }
    const bytes = encoder.encode(text)
    const cost = bytes.length + offsets.length * EVENT_OVERHEAD_BYTES
    if (cost > EVENTS_SHARED_PIECE_BYTES) return false
    const starts = Uint32Array.from(eventStarts(bytes))
    if (starts.length !== offsets.length) throw new Error('an event holds an empty line')
    const piece: Piece = {
      owner: this,
      from,
      to,
      bytes,
      starts,
      offsets: Float64Array.from(offsets),
      nexts: Float64Array.from(nexts),
    }
    this.#pieces.push(piece)
    this.#end = to
    this.#budget.add(piece)
    const oldest = this.#pieces[0]
    if (this.#pieces.length > EVENTS_SHARED_PIECES && oldest !== undefined) this.forget(oldest)
    return true
  }

  /**
   * What there is from `next` on, about so many bytes of it, in whole pieces. null when there is nothing yet; 'behind'
   * when it cannot be had here, because it is gone or begins inside of an event.
   */
  take(next: number, bytesMax: number = EVENTS_PIECE_BYTES): Taken | null | 'behind' {
    if (next < this.start) return 'behind'
    if (next >= this.#end) return null
    let at = this.#pieces.findLastIndex((piece) => piece.from <= next)
    const parts: Uint8Array[] = []
    let bytes = 0
    let position = next
    let shown = next
    for (; at < this.#pieces.length && bytes < bytesMax; at++) {
      const piece = this.#pieces[at]
      if (piece === undefined) break
      const part = partFrom(piece, position)
      if (part === null) return 'behind'
      if (part.length > 0) {
        parts.push(part)
        shown = piece.nexts.at(-1) ?? shown
      }
      bytes += part.length
      position = piece.to
    }
    return { parts, next: position, shown }
  }

  /** Lets a piece go with all before it: what is kept has no gaps. */
  forget(piece: Piece): void {
    const at = this.#pieces.indexOf(piece)
    for (const gone of this.#pieces.splice(0, at + 1)) this.#budget.remove(gone)
  }

  close(): void {
    this.#open = false
    for (const piece of this.#pieces.splice(0)) this.#budget.remove(piece)
  }
}

/** The events of a piece from an offset on; null when the offset lies inside of one. */
function partFrom(piece: Piece, next: number): Uint8Array | null {
  const { bytes, starts, offsets, nexts, from } = piece
  if (next <= from) return bytes
  let low = 0
  let high = nexts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((nexts[middle] ?? 0) <= next) low = middle + 1
    else high = middle
  }
  if (low === nexts.length) return bytes.subarray(bytes.length)
  return (offsets[low] ?? 0) < next ? null : bytes.subarray(starts[low])
}

const published = new Map<number, SharedPieces>()
let lastNumber = 0

/** Lets readers in this isolate find the pieces by the number, until they are withdrawn. */
export function publish(pieces: SharedPieces): number {
  lastNumber += 1
  published.set(lastNumber, pieces)
  return lastNumber
}

export function withdraw(number: number): void {
  published.delete(number)
}

/** undefined when they were withdrawn, or belong to another isolate. */
export function publishedPieces(number: number): SharedPieces | undefined {
  return published.get(number)
}
