// Walks the record batches of a chunk by their headers: which one covers an offset, where whole
// batches end. Never looks behind a header, so it does not care whether a batch is compressed.
// Chunks hold batches that were checked when they were appended.

import { baseOffsetAt, batchSizeAt, lastOffsetAt } from '../record/header.ts'

/**
 * Where the first batch that ends at or after `offset` starts: the batch that covers the offset or,
 * where compaction left a gap, the next one. The chunk's length when there is none.
 */
export function coveringBatch(chunk: Uint8Array, offset: number): number {
  let at = 0
  while (at < chunk.length && lastOffsetAt(chunk, at) < offset) at += batchSizeAt(chunk, at)
  return at
}

/**
 * End of the whole batches from `start` that fit in `maxBytes`; with `atLeastOne` the first of them
 * is taken whatever its size (KIP-74). `start` when none fits.
 */
export function fittingBatches(
  chunk: Uint8Array,
  start: number,
  maxBytes: number,
  atLeastOne: boolean,
): number {
  if (chunk.length - start <= maxBytes) return chunk.length
  let end = start
  while (end < chunk.length) {
    const next = end + batchSizeAt(chunk, end)
    if (next - start > maxBytes && !(atLeastOne && end === start)) break
    end = next
  }
  return end
}

/** Where the batches from `start` on reach `offset`: the end of those that lie below it. */
export function batchesBelow(chunk: Uint8Array, start: number, offset: number): number {
  let at = start
  while (at < chunk.length && baseOffsetAt(chunk, at) < offset) at += batchSizeAt(chunk, at)
  return at
}
