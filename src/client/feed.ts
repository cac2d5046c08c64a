// The loop's end of a subscription: what came waits here until it is asked for, and what was taken is granted
// to the broker again, so that it never sends more than a window. An async iterator; tail.ts and group.ts say
// what is in it.

import { WINDOW_BYTES } from './limits.ts'
import type { Link } from './link.ts'

interface Held<Item> {
  readonly item: Item
  /** Of the grant, given back when this is taken. */
  readonly bytes: number
}

/** What waits for the loop, and the window that bounds it. */
export class Feed<Item> {
  readonly #link: Link
  readonly #sub: () => number
  #items: Held<Item>[] = []
  #at = 0
  #heldBytes = 0
  /** What the broker may send yet. */
  #granted = 0
  /** Of a record larger than the window. */
  #starvedBytes = 0
  #wake: (() => void) | undefined

  constructor(link: Link, sub: () => number) {
    this.#link = link
    this.#sub = sub
  }

  /** The first grant of a connection. */
  begin(): number {
    this.#starvedBytes = 0
    this.#granted = Math.max(1, WINDOW_BYTES - this.#heldBytes)
    return this.#granted
  }

  /** Adds what came in one message that took `bytes` of the grant. */
  put(items: readonly Item[], bytes: number): void {
    this.#granted -= bytes
    this.#starvedBytes = 0
    this.#heldBytes += bytes
    for (const [index, item] of items.entries()) {
      this.#items.push({ item, bytes: index === items.length - 1 ? bytes : 0 })
    }
    if (items.length === 0) this.#give(bytes)
    this.notify()
  }

  /** The next record takes more than is granted. */
  starved(bytes: number): void {
    this.#starvedBytes = bytes
    this.#refill()
  }

  /** What came first, and its bytes; undefined when there is nothing. */
  take(): Item | undefined {
    const held = this.#items[this.#at]
    if (held === undefined) return undefined
    this.#at += 1
    if (this.#at === this.#items.length || this.#at > 1_000) {
      this.#items = this.#items.slice(this.#at)
      this.#at = 0
    }
    if (held.bytes > 0) this.#give(held.bytes)
    return held.item
  }

  /** Forgets what has not been taken. */
  clear(): void {
    this.#items = []
    this.#at = 0
    this.#heldBytes = 0
  }

  /** Resolves when something has happened. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Lets the loop look again. */
  notify(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #give(bytes: number): void {
    this.#heldBytes -= bytes
    this.#refill()
  }

  #refill(): void {
    const target = Math.max(WINDOW_BYTES, this.#starvedBytes)
    const bytes = target - this.#granted - this.#heldBytes
    const isDue = bytes >= target / 2 || this.#heldBytes === 0
    if (bytes <= 0 || !isDue) return
    if (this.#link.send({ type: 'grant', sub: this.#sub(), bytes })) this.#granted += bytes
  }
}
