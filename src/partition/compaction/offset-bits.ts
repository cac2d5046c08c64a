// One bit for each offset of a stretch of the log, in bounded memory: what lies beyond the bound is not
// known, and has to be found out otherwise.

/** Offsets that are marked. */
export class OffsetBits {
  readonly #first: number
  /** Behind the last offset that has a bit. */
  readonly end: number
  readonly #words: Uint32Array

  /** Of [first, end), or as much of it as `maxBytes` hold. */
  constructor(first: number, end: number, maxBytes: number) {
    this.#first = first
    this.end = Math.min(end, first + maxBytes * 8)
    this.#words = new Uint32Array(Math.ceil(Math.max(0, this.end - first) / 32))
  }

  /** Marks an offset; nothing when it has no bit. */
  set(offset: number): void {
    const bit = offset - this.#first
    if (bit < 0 || offset >= this.end) return
    const word = Math.floor(bit / 32)
    this.#words[word] = (this.#words[word] as number) | (1 << (bit % 32))
  }

  /** False for an offset without a bit. */
  has(offset: number): boolean {
    const bit = offset - this.#first
    if (bit < 0 || offset >= this.end) return false
    return ((this.#words[Math.floor(bit / 32)] as number) & (1 << (bit % 32))) !== 0
  }

  /** How many of [from, end) are marked. All of them must have a bit. */
  countBetween(from: number, end: number): number {
    let count = 0
    let offset = from
    // Word by word where whole words are in it.
    while (offset < end) {
      const bit = offset - this.#first
      const inWord = bit % 32
      const taken = Math.min(32 - inWord, end - offset)
      const mask = taken === 32 ? 0xffff_ffff : (1 << taken) - 1
      count += ones(((this.#words[(bit - inWord) / 32] as number) >>> inWord) & mask)
      offset += taken
    }
    return count
  }
}

function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555)
  const nibbles = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
