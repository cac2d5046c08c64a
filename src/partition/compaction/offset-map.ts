// The last offset of each key of a stretch of the log, in fixed memory: 128-bit hashes and offsets in one
// typed array, open addressing, linear probing. Not a cache: a key that finds no room ends the stretch.

import type { OffsetBits } from './offset-bits.ts'

/** A slot's words: its offset, and four of hash, side by side: what is looked at is in one place of memory. */
const SLOT_WORDS = 5
export const SLOT_BYTES: number = SLOT_WORDS * 4
/** Fuller than this, a search looks at more than a dozen slots. */
const LOAD = 0.8
/** Offsets are kept as their distance from the first, plus one: zero is a free slot. */
const DISTANCE_MAX = 0xffff_fffe

/** Keys by their hash, each with its last offset. A hash is four words of `words` from `at` on. */
export class OffsetMap {
  readonly #first: number
  readonly #slots: number
  readonly #capacity: number
  readonly #words: Int32Array
  /** From a word of hash, unsigned, to a slot. */
  readonly #scale: number
  #size = 0

  /**
   * @param first no offset is below it
   * @param keys how many are likely; the map never takes more than `maxBytes` for them
   */
  constructor(first: number, keys: number, maxBytes: number) {
    this.#first = first
    const most = Math.max(2, Math.floor(maxBytes / SLOT_BYTES))
    this.#slots = Math.min(most, Math.ceil(Math.max(1, keys) / LOAD) + 1)
    this.#capacity = Math.max(1, Math.floor(this.#slots * LOAD))
    this.#words = new Int32Array(this.#slots * SLOT_WORDS)
    this.#scale = this.#slots / 2 ** 32
  }

  get size(): number {
    return this.#size
  }

  get sizeBytes(): number {
    return this.#words.byteLength
  }

  /** Sets a key's offset, which is above those before; false when there is no room for it. */
  put(words: Int32Array, at: number, offset: number): boolean {
    const distance = offset - this.#first
    if (distance > DISTANCE_MAX - 1) return false
    const slot = this.#find(words, at)
    const slots = this.#words
    if (slots[slot] === 0) {
      if (this.#size >= this.#capacity) return false
      slots[slot + 1] = words[at] as number
      slots[slot + 2] = words[at + 1] as number
      slots[slot + 3] = words[at + 2] as number
      slots[slot + 4] = words[at + 3] as number
      this.#size++
    }
    slots[slot] = distance + 1
    return true
  }

  /** The key's last offset; -1 when it is not here. */
  lastOffset(words: Int32Array, at: number): number {
    const distance = (this.#words[this.#find(words, at)] as number) >>> 0
    return distance === 0 ? -1 : this.#first + distance - 1
  }

  /** Marks the last offsets of all keys. */
  markLast(bits: OffsetBits): void {
    const slots = this.#words
    for (let slot = 0; slot < slots.length; slot += SLOT_WORDS) {
      const distance = (slots[slot] as number) >>> 0
      if (distance !== 0) bits.set(this.#first + distance - 1)
    }
  }

  /** Where the key's slot begins, or the free one where it belongs. */
  #find(words: Int32Array, at: number): number {
    const w0 = words[at] as number
    const w1 = words[at + 1] as number
    const w2 = words[at + 2] as number
    const w3 = words[at + 3] as number
    const slots = this.#words
    let slot = Math.floor((w0 >>> 0) * this.#scale) * SLOT_WORDS
    while (slots[slot] !== 0) {
      if (
        slots[slot + 1] === w0 &&
        slots[slot + 2] === w1 &&
        slots[slot + 3] === w2 &&
        slots[slot + 4] === w3
      ) {
        return slot
      }
      slot += SLOT_WORDS
      if (slot === slots.length) slot = 0
    }
    return slot
  }
}
