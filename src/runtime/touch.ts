// An object is the only one of its name when a call reaches it and when it reaches its storage, not in
// between: one that another has replaced may go on answering from memory. Its storage refuses it, so who answers
// from memory touches that first. Not for what is written: the write is refused as well.

import { STORAGE_TOUCH_MS } from '../core/limits.ts'
import type { Storage } from './storage.ts'

/** Reads no row, so that it is not billed. */
const TOUCH = 'SELECT 1'

/** Reaches the storage of one object. Its methods throw what the storage throws: then nothing is to be answered. */
export class StorageTouch {
  readonly #storage: Pick<Storage, 'sql'>
  readonly #nowMs: () => number
  #touchedMs: number

  /** The storage has just been reached: the object was loaded from it. */
  constructor(storage: Pick<Storage, 'sql'>, nowMs: () => number) {
    this.#storage = storage
    this.#nowMs = nowMs
    this.#touchedMs = nowMs()
  }

  /** Reaches it. */
  now(): void {
    this.#storage.sql.exec(TOUCH).toArray()
    this.#touchedMs = this.#nowMs()
  }

  /** Reaches it unless that was done a moment ago: where answers are many, and may be a moment old. */
  lately(): void {
    if (Math.abs(this.#nowMs() - this.#touchedMs) >= STORAGE_TOUCH_MS) this.now()
  }
}
