// Whether what is stored is what was written. Each row of batches has a checksum of everything in it,
// made when the row is written and compared when it is read back; what is in memory needs none. Rows of
// layouts before the checksum are checked by the CRCs of their batches. Pure; not the repair.
//
// A checksum of our own, and not the batches' CRCs, because these do not cover offsets, lengths and the
// row's columns, and cost more than four times as much: 1 MiB takes 0.10 ms (half of it the copy into the
// module's memory) against 0.45 ms, where a fetch from storage needs about 2 ms for it. A flush pays the same.

import { storedSum, xxh32 } from '../core/wasm.ts'
import {
  BATCH_HEADER_BYTES,
  baseOffsetAt,
  batchSizeAt,
  computeBatchCrc,
  lastOffsetAt,
  MAGIC,
  putInt32,
  putInt64,
  readBatchHeader,
} from '../record/header.ts'
import type { ChunkHeader } from './stored.ts'

/** A chunk's row as it is stored. */
export interface CheckedChunk extends ChunkHeader {
  readonly producers: Uint8Array | null
  /** null in rows of older layouts, and as a rule. */
  readonly requests: Uint8Array | null
  /** The batches, or the first piece of one that is larger than a row. */
  readonly head: Uint8Array
  /** null in rows of older layouts. */
  readonly checksum: number | null
}

/** A piece of a batch, from the second on, as it is stored. */
export interface CheckedPiece {
  readonly firstOffset: number
  readonly piece: number
  readonly data: Uint8Array
  /** null in rows of older layouts. */
  readonly checksum: number | null
}

/** Stored records that cannot be read: they are damaged, or gone. All others can. */
export class DamagedRangeError extends Error {
  override readonly name = 'DamagedRangeError'
  readonly firstOffset: number
  readonly lastOffset: number

  constructor(firstOffset: number, lastOffset: number, reason: string) {
    super(`offsets ${firstOffset} to ${lastOffset}: ${reason}`)
    this.firstOffset = firstOffset
    this.lastOffset = lastOffset
  }
}

const HEADER_FIELDS = 6
const NO_PRODUCERS = -1

/**
 * The checksum of a chunk's row: of its columns, its producers and its batches (or first piece). Where there are requests
 * it is of these too: without any it is what it was in layouts that knew none.
 */
export function chunkChecksum(row: Omit<CheckedChunk, 'checksum'>): number {
  const { producers, requests, head } = row
  const bytes = new Uint8Array(HEADER_FIELDS * 8 + (requests === null ? 16 : 24))
  const columns = [
    row.firstOffset,
    row.lastOffset,
    row.maxTimestamp,
    row.runningMaxTimestamp,
    row.sizeBytes,
    row.runningSizeBytes,
  ]
  for (const [index, value] of columns.entries()) putInt64(bytes, index * 8, value)
  const at = HEADER_FIELDS * 8
  putInt32(bytes, at, producers?.length ?? NO_PRODUCERS)
  putInt32(bytes, at + 4, producers === null ? 0 : xxh32(producers))
  putInt32(bytes, at + 8, head.length)
  putInt32(bytes, at + 12, storedSum(head))
  if (requests !== null) {
    putInt32(bytes, at + 16, requests.length)
    putInt32(bytes, at + 20, xxh32(requests))
  }
  return xxh32(bytes)
}

/** The checksum of a later piece's row. */
export function pieceChecksum({
  firstOffset,
  piece,
  data,
}: Omit<CheckedPiece, 'checksum'>): number {
  const bytes = new Uint8Array(20)
  putInt64(bytes, 0, firstOffset)
  putInt32(bytes, 8, piece)
  putInt32(bytes, 12, data.length)
  putInt32(bytes, 16, storedSum(data))
  return xxh32(bytes)
}

/** What is wrong with a chunk's row; null when it is as it was written. */
export function chunkDamage(row: CheckedChunk): string | null {
  if (row.checksum !== null) {
    return chunkChecksum(row) === row.checksum ? null : 'the checksum of the row does not match'
  }
  // A batch in pieces has its CRC over all of them: verify looks at it.
  return row.sizeBytes > row.head.length && row.head.length > 0
    ? headDamage(row)
    : batchesDamage(row, row.head)
}

/** What is wrong with a later piece's row; null when it is as it was written. */
export function pieceDamage(row: CheckedPiece): string | null {
  if (row.checksum === null || pieceChecksum(row) === row.checksum) return null
  return `the checksum of piece ${row.piece} does not match`
}

function headDamage({ firstOffset, sizeBytes, head }: CheckedChunk): string | null {
  if (head.length < BATCH_HEADER_BYTES) return 'its first piece is cut'
  if (batchSizeAt(head, 0) !== sizeBytes) return 'it is not as large as it says'
  return baseOffsetAt(head, 0) === firstOffset ? null : 'it begins with another offset'
}

/**
 * What is wrong with the batches of a chunk, by their own account: they follow each other, lie within its
 * offsets and are what their CRCs say. null when nothing is.
 * @param data all of its pieces
 */
export function batchesDamage(
  { firstOffset, lastOffset, sizeBytes }: ChunkHeader,
  data: Uint8Array,
): string | null {
  if (data.length !== sizeBytes) return `it has ${data.length} bytes instead of ${sizeBytes}`
  let next = firstOffset
  for (let at = 0; at < data.length; ) {
    if (at + BATCH_HEADER_BYTES > data.length) return 'its last batch is cut'
    const size = batchSizeAt(data, at)
    if (size < BATCH_HEADER_BYTES || at + size > data.length) {
      return `the batch at byte ${at} has no length that can be`
    }
    const base = baseOffsetAt(data, at)
    // Compaction leaves gaps between batches.
    if (base < next || lastOffsetAt(data, at) < base)
      return `the batch at byte ${at} has offset ${base}`
    const batch = data.subarray(at, at + size)
    const { magic, crc } = readBatchHeader(batch)
    if (magic !== MAGIC || computeBatchCrc(batch) !== crc) {
      return `the batch at offset ${base} is not what its CRC says`
    }
    next = lastOffsetAt(data, at) + 1
    at += size
  }
  return next > lastOffset + 1 ? `its last batch ends at ${next - 1}, behind its end` : null
}
