// The indexes of tier segments that were read last, of all partitions of an isolate together: whoever reads on in
// a segment needs one ranged get for each read. Plain data, bounded in bytes, the one used longest ago goes first.

import { TIER_INDEXES_TOTAL_BYTES } from '../../core/limits/tier.ts'
import type { SegmentIndex } from '../../tier/segment.ts'

/** About what a chunk and an aborted transaction of an index take in memory. */
const CHUNK_BYTES = 160
const ABORTED_BYTES = 100

/** Indexes by the keys of their objects. */
export class TierIndexes {
  readonly #capacityBytes: number
  readonly #indexes = new Map<string, SegmentIndex>()
  #usedBytes = 0

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes
  }

  get(key: string): SegmentIndex | null {
    const index = this.#indexes.get(key)
    if (index === undefined) return null
    this.#indexes.delete(key)
    this.#indexes.set(key, index)
    return index
  }

  add(key: string, index: SegmentIndex): void {
    // A large one would push out all others.
    if (bytesOf(index) > this.#capacityBytes / 4) return
    this.remove(key)
    this.#indexes.set(key, index)
    this.#usedBytes += bytesOf(index)
    for (const oldest of this.#indexes.keys()) {
      if (this.#usedBytes <= this.#capacityBytes) return
      this.remove(oldest)
    }
  }

  remove(key: string): void {
    const index = this.#indexes.get(key)
    if (index === undefined) return
    this.#indexes.delete(key)
    this.#usedBytes -= bytesOf(index)
  }
}

function bytesOf({ chunks, aborted, producers }: SegmentIndex): number {
  return chunks.length * CHUNK_BYTES + aborted.length * ABORTED_BYTES + producers.length
}

/** The indexes of this isolate. */
export const isolateIndexes: TierIndexes = new TierIndexes(TIER_INDEXES_TOTAL_BYTES)
