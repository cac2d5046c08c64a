// How much one step may hold, and what of the records found goes into it. For server-sent events about a
// piece, and at least one record; for a client that grants bytes never more than it granted, counted as
// the text of a JSON array for each topic.

import { EVENTS_PIECE_BYTES } from '../../core/limits.ts'
import { utf8Length } from '../../core/text.ts'
import type { Item } from '../../record/json.ts'
import type { Around } from './position.ts'
import type { TopicName } from './topic.ts'

/** What is shown of a record. */
export type Shown = Pick<Item, 'nextOffset' | 'json' | 'malformed'>

/** Consecutive records of one partition, in one of two forms. */
export interface Run {
  readonly topic: TopicName
  readonly partition: number
  /** The text of positions around this partition's pair, while these were taken. */
  readonly around: Around
  readonly items: readonly Shown[]
  /** Whole events as the partition's leader encoded them for all: their ids are the pair alone. */
  readonly encoded: readonly Uint8Array[]
  /** Behind all that was read for it. */
  readonly next: number
  /** Behind the last record; `next` is larger where control records and the like follow it. */
  readonly shown: number
  /** What it takes of the room. */
  readonly size: number
}

/** What of a stretch was taken. */
export interface Collected {
  readonly items: readonly Shown[]
  /** Where reading goes on; null where it was before. */
  readonly next: number | null
  /** There was more than there was room. */
  readonly isCut: boolean
  readonly size: number
}

/** The room of one step. */
export class Room {
  readonly #max: number
  readonly #isStrict: boolean
  #used = 0
  #isFull = false
  #topic: string | null = null
  #largeBytes: number | null = null

  /** @param max UTF-8 bytes that are never exceeded if it is strict, else about so many UTF-16 units */
  constructor(max: number, isStrict: boolean) {
    this.#max = max
    this.#isStrict = isStrict
  }

  /** Whether records are counted one by one, so that none may come in a lump. */
  get isStrict(): boolean {
    return this.#isStrict
  }

  /** What is read for it at once. */
  get pieceBytes(): number {
    return Math.min(EVENTS_PIECE_BYTES, this.#max)
  }

  get used(): number {
    return this.#used
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** Bytes of the one record for which there was no room although there was nothing else. */
  get largeBytes(): number | null {
    return this.#largeBytes
  }

  /** Counts what comes in a lump. */
  add(units: number): void {
    this.#used += units
    this.#isFull ||= this.#used >= this.#max
  }

  /** Counts a record of a topic; false when there is no room for it. */
  take(topic: string, json: string): boolean {
    if (!this.#isStrict) {
      this.add(json.length)
      return true
    }
    // A comma or a bracket behind each, and one bracket before the first.
    const bytes = utf8Length(json) + (topic === this.#topic ? 1 : 2)
    if (this.#used + bytes > this.#max) {
      if (this.#used === 0) this.#largeBytes = bytes
      this.#isFull = true
      return false
    }
    this.#topic = topic
    this.add(bytes)
    return true
  }

  /** Takes as many as there is room for. */
  collect(topic: string, found: Iterator<Shown, number>): Collected {
    const items: Shown[] = []
    const before = this.#used
    let next: number | null = null
    while (!this.#isFull) {
      const item = found.next()
      if (item.done === true) {
        return { items, next: item.value, isCut: false, size: this.#used - before }
      }
      if (!this.take(topic, item.value.json)) break
      items.push(item.value)
      next = item.value.nextOffset
    }
    return { items, next, isCut: true, size: this.#used - before }
  }
}
