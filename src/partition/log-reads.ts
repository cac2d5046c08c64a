// What is read of the local log of one partition: batches, pieces of large ones, aborted transactions, offsets by time.
// Binds reads.ts and times.ts to the log's storage and memory; what readers may see is the log's state.

import { lastOffsetAt } from '../record/header.ts'
import { endOfBatches } from '../record/stored.ts'
import type { AbortedTransaction, OffsetQuery, OffsetReply } from './contract.ts'
import { DamagedRangeError } from './integrity.ts'
import type { LogState } from './log-state.ts'
import { type BatchesRead, type BatchRange, type ChunkSource, readBatches } from './reads.ts'
import type { LogStore } from './store.ts'
import type { Tail } from './tail.ts'
import { lookUpOffset } from './times.ts'

/** Reads of one log. Methods that touch storage throw what it throws, and DamagedRangeError. */
export class LogReads {
  readonly #store: LogStore
  readonly #state: LogState
  readonly #source: ChunkSource<LogStore>
  /** The batch of several pieces that was asked for last. */
  #batchInPieces: { readonly firstOffset: number; readonly crc: number } | null = null

  constructor(store: LogStore, tail: Tail, state: LogState) {
    this.#store = store
    this.#state = state
    this.#source = { tail, store }
  }

  /** Whole batches of the range, up to what readers may see. */
  read(range: BatchRange, readCommitted: boolean): BatchesRead {
    const end = this.#state.visibleEnd(readCommitted)
    return readBatches(this.#source, end, range)
  }

  /** The same, and nothing where that cannot be read: whoever asks has something already. */
  readOrNothing(range: BatchRange, readCommitted: boolean): BatchesRead {
    try {
      return this.read(range, readCommitted)
    } catch (error) {
      if (error instanceof DamagedRangeError) return { pieces: [], laterPieces: 0 }
      throw error
    }
  }

  /** The aborted transactions of which a read from `from` may hold records, by their first offsets. */
  abortedIn(from: number, { pieces, laterPieces }: BatchesRead): AbortedTransaction[] {
    const [first] = pieces
    if (first === undefined || from > this.#state.lastAborted) return []
    const end = laterPieces > 0 ? lastOffsetAt(first, 0) + 1 : endOfBatches(pieces)
    return end === null ? [] : this.#store.aborted.in(from, end)
  }

  /** Whether the batch of several pieces at an offset is still the one that has this checksum. */
  hasBatch(firstOffset: number, crc: number): boolean {
    const known = this.#batchInPieces
    if (known?.firstOffset === firstOffset) return known.crc === crc
    const stored = this.#store.batchCrc(firstOffset)
    if (stored !== null) this.#batchInPieces = { firstOffset, crc: stored }
    return stored === crc
  }

  /** A later piece of a batch of which a read gave the first; null when it is gone. */
  readPiece(firstOffset: number, piece: number): Uint8Array | null {
    return this.#store.laterPiece(firstOffset, piece)
  }

  /** Chunks were replaced or freed: a batch that was asked for piece by piece may be another, or gone. */
  forgetPieces(): void {
    this.#batchInPieces = null
  }

  /** ListOffsets by time or by one of its special values, of a log that is local. */
  lookUp(query: OffsetQuery): OffsetReply {
    return this.#lookUpFrom(this.#state.logStart, query.timestamp, query.readCommitted)
  }

  /** The same in what is local of a log. */
  lookUpLocally(timestamp: number, readCommitted: boolean): OffsetReply {
    return this.#lookUpFrom(this.#state.localStart, timestamp, readCommitted)
  }

  #lookUpFrom(logStart: number, timestamp: number, readCommitted: boolean): OffsetReply {
    const end = this.#state.visibleEnd(readCommitted)
    return lookUpOffset(this.#source, timestamp, { logStart, end })
  }
}
