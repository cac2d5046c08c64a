// Whole batches one behind the other, as they are stored and fetched: going through them without
// looking inside. The bytes are our own, so a length that cannot be is a bug and not a client's error.

import { joinBytes } from '../core/bytes.ts'
import { type Offset, offset } from '../core/ids.ts'
import { BATCH_HEADER_BYTES, batchSizeAt, lastOffsetAt } from './header.ts'

/** A batch reaches beyond the bytes that hold it: storage is damaged, or a caller is wrong. */
export class BatchBoundaryError extends Error {
  override readonly name = 'BatchBoundaryError'
}

/** Size of the batch at `at` as its length field says; null when its header is cut. */
function sizeAt(bytes: Uint8Array, at: number): number | null {
  if (at + BATCH_HEADER_BYTES > bytes.length) return null
  const size = batchSizeAt(bytes, at)
  if (size < BATCH_HEADER_BYTES) throw new BatchBoundaryError(`no batch has ${size} bytes`)
  return size
}

/** The batches in `bytes`, as views. Throws BatchBoundaryError when the last one is cut. */
export function batchesIn(bytes: Uint8Array): Generator<Uint8Array> {
  return batchesInPieces([bytes])
}

/**
 * The batches in pieces, of which a batch may span several (a batch larger than a row). Those within
 * one piece are views, the others are put together. Throws BatchBoundaryError when the last is cut.
 */
export function* batchesInPieces(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  let parts: Uint8Array[] = []
  let have = 0
  let want = 0
  for (const piece of pieces) {
    parts.push(piece)
    have += piece.length
    if (have < want) continue
    const bytes = joinBytes(parts)
    let at = 0
    let size = sizeAt(bytes, at)
    while (size !== null && at + size <= bytes.length) {
      yield bytes.subarray(at, at + size)
      at += size
      size = sizeAt(bytes, at)
    }
    have = bytes.length - at
    parts = have > 0 ? [bytes.subarray(at)] : []
    want = have > 0 ? (size ?? have + 1) : 0
  }
  if (have > 0) throw new BatchBoundaryError('the last batch is cut')
}

/** The offset behind the last batch; null without a batch. */
export function endOfBatches(pieces: readonly Uint8Array[]): Offset | null {
  let end: Offset | null = null
  for (const batch of batchesInPieces(pieces)) end = offset(lastOffsetAt(batch, 0) + 1)
  return end
}
