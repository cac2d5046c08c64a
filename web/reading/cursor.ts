// Reading one partition forwards or backwards, a page ahead of who takes. Backwards is forwards in
// stretches, each turned round. What the log no longer has is skipped, never waited for.

import { ask, BrokerError, pathOf } from '../broker/http.ts'
import { type Item, isMalformed, type RecordsPage } from '../broker/shapes.ts'

/** Which way time goes. */
export type Direction = 'forward' | 'backward'

/** What a cursor needs to know. */
export interface CursorPlace {
  readonly topic: string
  readonly partition: number
  readonly direction: Direction
  /** The first offset that is there. */
  readonly start: number
  /** The offset behind the last that is to be read. */
  readonly end: number
  /** Where it begins: forwards the first offset, backwards the one behind the first. */
  readonly from: number
  /** How large a record is on average, in bytes: pages are as many as fit well. */
  readonly averageBytes: number
}

const PAGE_FIRST = 50
const PAGE_MAX = 1_000
const PAGE_BYTES = 1 << 20
const GROWTH = 3

/** A place in one partition, and what was read and not yet taken. */
export class PartitionCursor {
  readonly partition: number
  readonly #place: CursorPlace
  #start: number
  #at: number
  #size: number
  #buffer: readonly Item[] = []
  #taken = 0

  constructor(place: CursorPlace, firstPage: number = PAGE_FIRST) {
    this.partition = place.partition
    this.#place = place
    this.#start = place.start
    this.#at = Math.min(Math.max(place.from, place.start), place.end)
    this.#size = Math.max(1, Math.min(firstPage, this.#fitting()))
  }

  /** The next item; undefined when more must be read, or there is none. */
  get head(): Item | undefined {
    return this.#buffer[this.#taken]
  }

  /** True when nothing is left to read; the buffer may still have some. */
  get isAtEnd(): boolean {
    return this.#place.direction === 'forward'
      ? this.#at >= this.#place.end
      : this.#at <= this.#start
  }

  /** The stretch that `fill` would read backwards. */
  get stretch(): { readonly from: number; readonly to: number } {
    return { from: Math.max(this.#start, this.#at - this.#size), to: this.#at }
  }

  /** Takes the head. */
  take(): void {
    this.#taken++
  }

  /** Puts in what somebody else has read of `stretch`, in offset order. Only of a backward cursor. */
  prime(items: readonly Item[]): void {
    const { from } = this.stretch
    this.#put(items.toReversed())
    this.#at = from
  }

  /** Reads the next page. Throws BrokerError, or the signal's reason. */
  async fill(signal: AbortSignal): Promise<void> {
    try {
      await (this.#place.direction === 'forward' ? this.#forward(signal) : this.#backward(signal))
      this.#size = Math.max(1, Math.min(this.#size * GROWTH, PAGE_MAX, this.#fitting()))
    } catch (error) {
      const { earliest } = error instanceof BrokerError ? error.members : {}
      if (typeof earliest !== 'number' || earliest <= this.#start) throw error
      // The log was cut meanwhile.
      this.#start = earliest
      this.#at = Math.max(this.#at, earliest)
    }
  }

  async #forward(signal: AbortSignal): Promise<void> {
    const page = await this.#read(this.#at, this.#size, signal)
    this.#put(page.records.filter(({ offset }) => offset < this.#place.end))
    // No step ahead: the rest belongs to a transaction that is open.
    this.#at = page.nextOffset > this.#at ? page.nextOffset : this.#place.end
  }

  async #backward(signal: AbortSignal): Promise<void> {
    const { from, to } = this.stretch
    const items: Item[] = []
    let next = from
    while (next < to) {
      const page = await this.#read(next, Math.min(to - next, PAGE_MAX), signal)
      items.push(...page.records.filter(({ offset }) => offset < to))
      if (page.nextOffset <= next) break
      next = page.nextOffset
    }
    this.#put(items.toReversed())
    this.#at = from
  }

  #put(items: readonly Item[]): void {
    this.#buffer = items
    this.#taken = 0
  }

  #read(offset: number, limit: number, signal: AbortSignal): Promise<RecordsPage> {
    const { topic, partition } = this.#place
    const path = pathOf(['topics', topic, 'partitions', partition, 'records'], { offset, limit })
    return ask<RecordsPage>(path, { signal })
  }

  #fitting(): number {
    return Math.ceil(PAGE_BYTES / Math.max(1, this.#place.averageBytes))
  }
}

/** The time that orders items of several partitions; what cannot be read has none. */
export function timeOf(item: Item): number | null {
  return isMalformed(item) ? null : item.timestamp
}
