// Batches that arrive in pieces, because one call would copy all of a large one several times. Pieces of
// a batch come in order; a batch whose sender has gone is dropped. Not the log: what is whole is appended
// like any other batch.

import { discard } from '../core/bytes.ts'
import { UPLOAD_IDLE_MS, UPLOADS_PER_PARTITION } from '../core/limits/partition.ts'
import { MESSAGE_MAX_BYTES } from '../core/limits.ts'
import type { StartTimer } from '../runtime/waiters.ts'
import type { AppendPart } from './contract.ts'

interface Upload {
  readonly bytes: Uint8Array
  filled: number
  cancelTimer: () => void
}

/** The batches of one partition that are under way. */
export class Uploads {
  readonly #startTimer: StartTimer
  readonly #open = new Map<string, Upload>()

  constructor(startTimer: StartTimer) {
    this.#startTimer = startTimer
  }

  /** Batches under way. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Takes a piece. The whole batch when it was the last one, null when more are to come, and 'lost' when
   * pieces are missing or there is no room: the sender must begin again.
   */
  add({ upload, totalBytes, at, bytes }: AppendPart): Uint8Array | null | 'lost' {
    const under = at === 0 ? this.#begin(upload, totalBytes) : this.#open.get(upload)
    if (under === undefined) return 'lost'
    if (under.filled !== at || at + bytes.length > under.bytes.length) {
      this.#drop(upload)
      return 'lost'
    }
    under.bytes.set(bytes, at)
    under.filled += bytes.length
    discard(bytes)
    under.cancelTimer()
    if (under.filled === under.bytes.length) {
      this.#open.delete(upload)
      return under.bytes
    }
    under.cancelTimer = this.#startTimer(() => this.#drop(upload), UPLOAD_IDLE_MS)
    return null
  }

  #begin(upload: string, totalBytes: number): Upload | undefined {
    const fits = Number.isSafeInteger(totalBytes) && totalBytes > 0
    if (!fits || totalBytes > MESSAGE_MAX_BYTES) return undefined
    if (this.#open.has(upload) || this.#open.size >= UPLOADS_PER_PARTITION) return undefined
    const made = { bytes: new Uint8Array(totalBytes), filled: 0, cancelTimer: () => {} }
    this.#open.set(upload, made)
    return made
  }

  #drop(upload: string): void {
    const dropped = this.#open.get(upload)
    if (dropped === undefined) return
    this.#open.delete(upload)
    dropped.cancelTimer()
    discard(dropped.bytes)
  }
}
