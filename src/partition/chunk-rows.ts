// The rows of chunks as SQLite gives them, for all who read them. Not what is asked (store.ts and its siblings).

import type { Row } from '../runtime/storage.ts'
import type { CheckedChunk } from './integrity.ts'
import type { ChunkHeader } from './stored.ts'

/** The columns of a chunk that its checksum covers, and the checksum; the batches come last. */
export const CHECKED_COLUMNS = `first_offset, last_offset, max_timestamp, running_max_timestamp, size,
  running_size, producers, requests, checksum, data`

/** A chunk's header, from its columns. */
export function toHeader(row: Row): ChunkHeader {
  return {
    firstOffset: Number(row.first_offset),
    lastOffset: Number(row.last_offset),
    maxTimestamp: Number(row.max_timestamp),
    runningMaxTimestamp: Number(row.running_max_timestamp),
    sizeBytes: Number(row.size),
    runningSizeBytes: Number(row.running_size),
  }
}

/** A chunk's row, from CHECKED_COLUMNS. */
export function toCheckedChunk(row: Row): CheckedChunk {
  return {
    ...toHeader(row),
    producers: blobOrNull(row.producers),
    requests: blobOrNull(row.requests),
    head: blob(row.data),
    checksum: toChecksum(row.checksum),
  }
}

/** null in rows of older layouts. */
export function toChecksum(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/** Whether a row is as it was written, by the checksum of its other columns. Rows of older layouts have none. */
export function isSound(row: Row, checksum: number): boolean {
  return toChecksum(row.checksum) === null || row.checksum === checksum
}

function blobOrNull(value: unknown): Uint8Array | null {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : null
}

/** Anything but a blob has been put there by nobody: it is as good as empty. */
export function blob(value: unknown): Uint8Array {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(0)
}
