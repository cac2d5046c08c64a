// Several partitions as one stream in the order of time. Within a partition the order is that of offsets,
// whatever the times say.

import type { Item } from '../broker/shapes.ts'
import { type Direction, type PartitionCursor, timeOf } from './cursor.ts'

/** Takes from whichever cursor has the next item. */
export class Merged {
  readonly #cursors: readonly PartitionCursor[]
  readonly #turn: number
  /** Taken from cursors and not yet given: what breaks a batch off must lose none of it. */
  #batch: Item[] = []

  constructor(cursors: readonly PartitionCursor[], direction: Direction) {
    this.#cursors = cursors
    this.#turn = direction === 'forward' ? 1 : -1
  }

  /** True when there is nothing left. */
  get isOver(): boolean {
    return this.#cursors.every(({ head, isAtEnd }) => head === undefined && isAtEnd)
  }

  /** At most `most` items, fewer only at the end. Throws BrokerError, or the signal's reason. */
  async take(most: number, signal: AbortSignal): Promise<Item[]> {
    while (this.#batch.length < most) {
      const hungry = this.#cursors.filter(({ head, isAtEnd }) => head === undefined && !isAtEnd)
      if (hungry.length > 0) {
        await Promise.all(hungry.map((cursor) => cursor.fill(signal)))
        signal.throwIfAborted()
        continue
      }
      const next = this.#next()
      if (next?.head === undefined) break
      this.#batch.push(next.head)
      next.take()
    }
    const items = this.#batch
    this.#batch = []
    return items
  }

  #next(): PartitionCursor | undefined {
    let best: PartitionCursor | undefined
    let bestTime = 0
    for (const cursor of this.#cursors) {
      if (cursor.head === undefined) continue
      const time = timeOf(cursor.head)
      if (time === null) return cursor
      if (best !== undefined && (time - bestTime) * this.#turn >= 0) continue
      best = cursor
      bestTime = time
    }
    return best
  }
}
