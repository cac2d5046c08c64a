// Puts what is left of neighbouring chunks into as few rows as it takes, under keys that are there already
// where that can be: a row that is updated in place is one row written. Pure.

import { joinBytes } from '../../core/bytes.ts'
import { ROW_BYTES } from '../../core/limits/partition.ts'
import { readBatchHeader } from '../../record/header.ts'
import type { ChunkHeader } from '../stored.ts'
import type { CleanedChunk } from './compaction-store.ts'

/**
 * The rows that take the place of `sources`. Together they cover the same offsets; several sources are
 * given only when what is left of them fits one row.
 * @param batches in order; a batch larger than a row gets a row, and the key, of its own
 */
export function pack(
  sources: readonly ChunkHeader[],
  batches: readonly Uint8Array[],
): CleanedChunk[] {
  const first = sources[0]
  const last = sources.at(-1)
  if (first === undefined || last === undefined) return []
  const rows = inRows(batches)
  const chunks: CleanedChunk[] = []
  let lastOffset = last.lastOffset
  let runningSizeBytes = last.runningSizeBytes
  // From the end: the running size of the last row is that of the last source, for what comes after counts on.
  for (const [index, row] of [...rows.entries()].toReversed()) {
    const data = joinBytes(row)
    const baseOffset = row[0] === undefined ? 0 : readBatchHeader(row[0]).baseOffset
    // A reader asks for the pieces of a large batch by its base offset.
    const keepsKey = index === 0 && data.length <= ROW_BYTES
    chunks.unshift({
      firstOffset: keepsKey ? first.firstOffset : baseOffset,
      lastOffset,
      maxTimestamp: highestTime(row),
      runningMaxTimestamp: last.runningMaxTimestamp,
      sizeBytes: data.length,
      runningSizeBytes,
      data,
    })
    lastOffset = baseOffset - 1
    runningSizeBytes -= data.length
  }
  return chunks
}

function inRows(batches: readonly Uint8Array[]): Uint8Array[][] {
  const rows: Uint8Array[][] = []
  let row: Uint8Array[] = []
  let bytes = 0
  for (const batch of batches) {
    if (row.length > 0 && bytes + batch.length > ROW_BYTES) {
      rows.push(row)
      row = []
      bytes = 0
    }
    row.push(batch)
    bytes += batch.length
  }
  if (row.length > 0) rows.push(row)
  return rows
}

/** Of the records: an empty batch still tells the highest time that it had. */
function highestTime(batches: readonly Uint8Array[]): number {
  let highest = -1
  for (const batch of batches) {
    const { recordCount, maxTimestamp } = readBatchHeader(batch)
    if (recordCount > 0) highest = Math.max(highest, maxTimestamp)
  }
  return Math.min(highest, Number.MAX_SAFE_INTEGER)
}
