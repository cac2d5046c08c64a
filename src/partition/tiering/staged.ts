// Chunks that were read from the tier, in the form in which ../reads.ts reads those of the local storage: so that
// batches are found, cut and told as damaged by the same code. Plain memory, for one read.

import { ROW_BYTES } from '../../core/limits/partition.ts'
import type { ChunkRows } from '../reads.ts'
import type { ChunkHeader, StoredChunk } from '../stored.ts'

/** What was read from the tier for one read. */
export class StagedChunks implements ChunkRows {
  readonly #chunks: readonly StoredChunk[]
  readonly #isCompacted: () => boolean

  /** @param chunks in the order of the log, each whole */
  constructor(chunks: readonly StoredChunk[], isCompacted: () => boolean) {
    this.#chunks = chunks
    this.#isCompacted = isCompacted
  }

  headersFrom(offset: number, limit: number): ChunkHeader[] {
    return this.#chunks
      .filter(({ lastOffset }) => lastOffset >= offset)
      .slice(0, limit)
      .map(({ firstOffset, lastOffset, sizeBytes }) => {
        return { ...NO_TIMES, firstOffset, lastOffset, sizeBytes }
      })
  }

  /** Of a batch that is larger than a row the first piece, as the local storage has it. */
  chunks(firstFrom: number, firstTo: number): StoredChunk[] {
    return this.#chunks
      .filter(({ firstOffset }) => firstOffset >= firstFrom && firstOffset <= firstTo)
      .map((chunk) => {
        const isLarge = chunk.damage === null && chunk.sizeBytes > ROW_BYTES
        return isLarge ? { ...chunk, data: pieceOf(chunk.data, 0) } : chunk
      })
  }

  laterPiece(firstOffset: number, piece: number): Uint8Array | null {
    const chunk = this.#chunks.find((one) => one.firstOffset === firstOffset)
    if (chunk === undefined || piece * ROW_BYTES >= chunk.sizeBytes) return null
    return pieceOf(chunk.data, piece)
  }

  isCompacted(): boolean {
    return this.#isCompacted()
  }
}

/** Nobody who reads batches looks at these. */
const NO_TIMES = { maxTimestamp: -1, runningMaxTimestamp: -1, runningSizeBytes: 0 }

/** A piece of a batch as rows would have it, in a buffer of its own. */
export function pieceOf(batch: Uint8Array, piece: number): Uint8Array {
  return batch.slice(piece * ROW_BYTES, (piece + 1) * ROW_BYTES)
}
