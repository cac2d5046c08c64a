// The map of keys by offset: which records of the stretch that it was made of are the last of their keys. With it
// most batches are decided by their headers, and none is hashed twice. Bits, in bounded memory: of a batch
// that is not marked as gone over nothing is said, and the map has to be asked.

import { COMPACTION_BITS_BYTES } from '../../core/limits/partition.ts'
import type { BatchHeader } from '../../record/header.ts'
import { OffsetBits } from './offset-bits.ts'
import type { OffsetMap } from './offset-map.ts'

/** The last offsets of a stretch. */
export class LastOffsets {
  /** Base offsets of batches of which every key is in the map. */
  readonly #batches: OffsetBits
  readonly #last: OffsetBits

  constructor(first: number, end: number, maxBytes = COMPACTION_BITS_BYTES) {
    this.#batches = new OffsetBits(first, end, maxBytes)
    this.#last = new OffsetBits(first, end, maxBytes)
  }

  /** All keys of the batch have been counted, and it has no tombstone. */
  mapped({ baseOffset }: BatchHeader): void {
    this.#batches.set(baseOffset)
  }

  /** The map is made. */
  finish(map: OffsetMap): void {
    map.markLast(this.#last)
  }

  /** How many records of the batch stay, as it is below `mapEnd`; null when that is not known. */
  countOf({ baseOffset, lastOffsetDelta }: BatchHeader, mapEnd: number): number | null {
    const end = baseOffset + lastOffsetDelta + 1
    if (end > Math.min(mapEnd, this.#last.end) || !this.#batches.has(baseOffset)) return null
    return this.#last.countBetween(baseOffset, end)
  }

  /** Of a batch with a count: whether the record stays. */
  has(offset: number): boolean {
    return this.#last.has(offset)
  }
}
