// Counts the answers in the bytes that come back on a connection, by their sizes alone.

/** Of one connection. */
export class AnswerCounter {
  #size = 0
  #sizeBytes = 0
  #left = 0

  /** How many answers begin in the next bytes. */
  count(bytes: Uint8Array): number {
    let answers = 0
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at)
        at += skipped
        this.#left -= skipped
        continue
      }
      this.#size = this.#size * 256 + (bytes[at++] ?? 0)
      if (++this.#sizeBytes < 4) continue
      answers++
      this.#left = this.#size
      this.#size = 0
      this.#sizeBytes = 0
    }
    return answers
  }
}
