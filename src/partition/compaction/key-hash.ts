// 128 bits that stand for a record's key: SipHash-1-3 with a 128-bit output and a secret key that is drawn
// anew for each pass. With n keys in a map and m look-ups two different keys meet by chance with
// probability n·m / 2^128 (a million keys, ten billion look-ups: 3·10^-23), and who does not know
// the secret cannot make keys that meet. Not a checksum, never stored. The hash itself is the module's
// (wasm/assembly/siphash.ts), which hashes a batch's keys in one call (record-scan.ts).

import { codec } from '../../core/wasm.ts'

/** A secret of four 32-bit words. */
export type HashSecret = Uint32Array

/** Rounds for each word of the key, and at the end for each half of the result. */
export interface SipRounds {
  readonly word: number
  readonly end: number
}

/** As in Rust's and Python's tables: half the work of 2 and 4, and no attack is known on either. */
const ROUNDS: SipRounds = { word: 1, end: 3 }

/** Bytes hashed per call: whole words. */
const PIECE_BYTES = 256 * 1024

/** Hashes keys under one secret. `words` holds the last hash: four 32-bit words. */
export class KeyHash {
  readonly words = new Int32Array(4)
  readonly #secret: readonly [number, number, number, number]
  readonly #rounds: SipRounds

  constructor(secret: HashSecret, rounds: SipRounds = ROUNDS) {
    this.#secret = [secret[0] ?? 0, secret[1] ?? 0, secret[2] ?? 0, secret[3] ?? 0]
    this.#rounds = rounds
  }

  /** Has the module hash under this secret: it is the isolate's, and others have theirs. */
  use(): void {
    codec().run.sipSecret(...this.#secret, this.#rounds.word, this.#rounds.end)
  }

  /** Hashes `length` bytes from `at` into `words`, however many. Overwrites what is in the module's memory. */
  hash(bytes: Uint8Array, at: number, length: number): void {
    const { run, memory, start } = codec()
    this.use()
    run.sipReset()
    const end = at + length
    const wholeEnd = end - (length & 7)
    for (let from = at; from < wholeEnd; from += PIECE_BYTES) {
      const to = Math.min(wholeEnd, from + PIECE_BYTES)
      memory.set(bytes.subarray(from, to), start)
      run.sipUpdate(start, to - from)
    }
    memory.set(bytes.subarray(wholeEnd, end), start)
    run.sipDigest(start, length & 7, length, start + 8)
    this.words.set(new Int32Array(memory.buffer, start + 8, 4))
  }
}
