// The last offset of each key of a stretch of the log, in fixed memory: 128-bit hashes and offsets in typed
// arrays, open addressing, linear probing. Not a cache: a key that finds no room ends the stretch.

import type { KeyHash } from './key-hash.ts'

/** Four words of hash, one of offset. */
export const SLOT_BYTES = 20
/** Fuller than this, a search looks at more than a dozen slots. */
const LOAD = 0.8
/** Offsets are kept as their distance from the first, plus one: zero is a free slot. */
const DISTANCE_MAX = 0xffff_fffe

/** Keys by their hash, each with its last offset. */
export class OffsetMap {
  readonly #hash: KeyHash
  readonly #first: number
  readonly #slots: number
  readonly #capacity: number
  readonly #hashes: Int32Array
  readonly #distances: Uint32Array
  #size = 0

  /**
   * @param keys how many are likely; the map never takes more than `maxBytes` for them
   * @param first no offset is below it
   */
  constructor(hash: KeyHash, first: number, keys: number, maxBytes: number) {
    this.#hash = hash
    this.#first = first
    const most = Math.max(2, Math.floor(maxBytes / SLOT_BYTES))
    this.#slots = Math.min(most, Math.ceil(Math.max(1, keys) / LOAD) + 1)
    this.#capacity = Math.max(1, Math.floor(this.#slots * LOAD))
    this.#hashes = new Int32Array(this.#slots * 4)
    this.#distances = new Uint32Array(this.#slots)
  }

  get size(): number {
    return this.#size
  }

  get sizeBytes(): number {
    return this.#slots * SLOT_BYTES
  }

  /** Sets a key's offset, which is above those before; false when there is no room for it. */
  put(bytes: Uint8Array, at: number, length: number, offset: number): boolean {
    const distance = offset - this.#first
    if (distance > DISTANCE_MAX - 1) return false
    const slot = this.#find(bytes, at, length)
    if (this.#distances[slot] === 0) {
      if (this.#size >= this.#capacity) return false
      this.#hashes.set(this.#hash.words, slot * 4)
      this.#size++
    }
    this.#distances[slot] = distance + 1
    return true
  }

  /** The key's last offset; -1 when it is not here. */
  lastOffset(bytes: Uint8Array, at: number, length: number): number {
    const distance = this.#distances[this.#find(bytes, at, length)] as number
    return distance === 0 ? -1 : this.#first + distance - 1
  }

  /** The key's slot, or the free one where it belongs. */
  #find(bytes: Uint8Array, at: number, length: number): number {
    const { words } = this.#hash
    this.#hash.hash(bytes, at, length)
    const w0 = words[0] as number
    const w1 = words[1] as number
    const w2 = words[2] as number
    const w3 = words[3] as number
    const hashes = this.#hashes
    const distances = this.#distances
    let slot = (w0 >>> 0) % this.#slots
    while (distances[slot] !== 0) {
      const from = slot * 4
      if (
        hashes[from] === w0 &&
        hashes[from + 1] === w1 &&
        hashes[from + 2] === w2 &&
        hashes[from + 3] === w3
      ) {
        return slot
      }
      slot = slot + 1 === this.#slots ? 0 : slot + 1
    }
    return slot
  }
}
