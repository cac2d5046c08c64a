// Cuts a stream of bytes into the lines of NDJSON. Bytes in, numbered text out; no IO, no JSON.

import { concatBytes } from '../core/bytes.ts'
import { textOf } from '../core/text.ts'
import { tooLarge } from './body.ts'
import { badRequest, type Problem } from './problem.ts'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

/** A line that is not blank, or what is wrong with it. */
export interface Line {
  /** From 1; blank lines count. */
  readonly number: number
  readonly text: string | Problem
}

/** Holds at most one line of `maxBytes` and the chunk at hand. */
export class LineSplitter {
  readonly #maxBytes: number
  #parts: Uint8Array[] = []
  #partBytes = 0
  #number = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of the line that has not ended yet. */
  get unfinishedBytes(): number {
    return this.#partBytes
  }

  /** Number of the line that has not ended yet. */
  get unfinishedLine(): number {
    return this.#number + 1
  }

  /** The lines that end in this chunk. The chunk is not kept. A line that is too long is the last. */
  *push(chunk: Uint8Array): Generator<Line> {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      const part = chunk.subarray(start, end < 0 ? chunk.length : end)
      if (this.#partBytes + part.length > this.#maxBytes) {
        yield { number: this.unfinishedLine, text: tooLarge('the line') }
        return
      }
      if (end < 0) {
        if (part.length > 0) this.#parts.push(part.slice())
        this.#partBytes += part.length
        return
      }
      const line = this.#finish(part)
      if (line !== null) yield line
      start = end + 1
    }
  }

  /** The last line, if it has no newline behind it. */
  end(): Line | null {
    return this.#partBytes === 0 ? null : this.#finish(new Uint8Array(0))
  }

  #finish(last: Uint8Array): Line | null {
    const bytes = this.#parts.length === 0 ? last : concatBytes([...this.#parts, last])
    this.#parts = []
    this.#partBytes = 0
    this.#number++
    const length = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length
    const text = textOf(bytes.subarray(0, length))
    if (text === null)
      return { number: this.#number, text: badRequest('', 'the line is not UTF-8') }
    return text.trim() === '' ? null : { number: this.#number, text }
  }
}
