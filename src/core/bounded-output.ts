// Bytes whose number is not known beforehand, up to a bound. Not a stream: the whole is handed out
// at the end.

/** Grows by doubling and never beyond its bound; the caller asks `room` before it appends. */
export class BoundedOutput {
  readonly #maxBytes: number
  #bytes: Uint8Array
  #length = 0

  /** @param expected how many bytes are likely; only a hint */
  constructor(expected: number, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#bytes = new Uint8Array(Math.min(expected, maxBytes))
  }

  /** Bytes appended so far. */
  get length(): number {
    return this.#length
  }

  /** Bytes that may still be appended. */
  get room(): number {
    return this.#maxBytes - this.#length
  }

  /** Copies `part` behind what is there. Throws RangeError when it does not fit the bound. */
  append(part: Uint8Array): void {
    if (part.length > this.room) throw new RangeError('more bytes than the output may hold')
    const needed = this.#length + part.length
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, this.#length * 2)))
      larger.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = larger
    }
    this.#bytes.set(part, this.#length)
    this.#length = needed
  }

  /** All bytes; a view unless that would keep more than a quarter of its buffer unused. */
  finish(): Uint8Array {
    if (this.#length * 4 < this.#bytes.length * 3) return this.#bytes.slice(0, this.#length)
    return this.#bytes.subarray(0, this.#length)
  }
}
