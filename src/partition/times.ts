// Offsets by time (ListOffsets): the first record at or after a time, the record of the highest time, and
// the fixed points. Finds the chunk by binary search on the running maximum, the batch by its header,
// the record inside it by reading the batch. Not a read of records for consumers.

import { KafkaError } from '../core/errors.ts'
import { offset } from '../core/ids.ts'
import { CodecError } from '../core/wasm.ts'
import { batchSizeAt, lastOffsetAt, maxTimestampAt, readBatchHeader } from '../record/header.ts'
import { recordsOf } from '../record/records.ts'
import { coveringBatch } from './batches.ts'
import type { OffsetReply } from './contract.ts'
import { type ChunkSource, wholeChunk } from './reads.ts'
import type { LogStore } from './store.ts'

/** ListOffsets' values that are no times (KIP-79, KIP-734, KIP-405, KIP-1005). */
export const OffsetSpec = {
  LATEST: -1,
  EARLIEST: -2,
  MAX_TIMESTAMP: -3,
  EARLIEST_LOCAL: -4,
  LATEST_TIERED: -5,
} as const

/** The records that may be found: from `logStart`, below `end` (a batch's boundary). */
export interface LookupBounds {
  readonly logStart: number
  readonly end: number
}

/** A record that was found; -1 and -1 when none was. */
export interface TimedRecord {
  readonly offset: number
  readonly timestamp: number
}

type Source = ChunkSource<LogStore>

const NO_TIMESTAMP = -1
const NO_RECORD: TimedRecord = { offset: -1, timestamp: NO_TIMESTAMP }

/** Answers one ListOffsets question. -1 and -1 when no record matches. */
export function lookUpOffset(source: Source, timestamp: number, bounds: LookupBounds): OffsetReply {
  const found = lookUp(source, timestamp, bounds)
  return { error: KafkaError.NONE, offset: offset(found.offset), timestamp: found.timestamp }
}

function lookUp(source: Source, timestamp: number, bounds: LookupBounds): TimedRecord {
  switch (timestamp) {
    case OffsetSpec.LATEST:
      return { offset: bounds.end, timestamp: NO_TIMESTAMP }
    case OffsetSpec.EARLIEST:
    case OffsetSpec.EARLIEST_LOCAL:
      return { offset: bounds.logStart, timestamp: NO_TIMESTAMP }
    case OffsetSpec.LATEST_TIERED:
      return NO_RECORD
  }
  // A log without records may have no table to look in.
  if (bounds.logStart >= bounds.end) return NO_RECORD
  if (timestamp < 0 && timestamp !== OffsetSpec.MAX_TIMESTAMP) return NO_RECORD
  const isHighest = timestamp === OffsetSpec.MAX_TIMESTAMP
  const found = isHighest ? ofHighestTime(source, bounds) : firstSince(source, timestamp, bounds)
  // The chunk that `end` lies in was searched whole.
  return found.offset < bounds.end ? found : NO_RECORD
}

/** The first record at or after a time. */
function firstSince({ tail, store }: Source, timestamp: number, bounds: LookupBounds): TimedRecord {
  const { logStart, end } = bounds
  let position = firstChunkReaching({ tail, store }, timestamp, bounds)
  while (position < end) {
    const header = store.headerWithTimestamp(position, timestamp)
    if (header === null) return NO_RECORD
    const chunk = wholeChunk({ tail, store }, header.firstOffset, end)
    const data = chunk?.data
    if (data === undefined) return NO_RECORD
    const found = firstInChunk(data, timestamp, logStart)
    if (found !== null) return found
    position = header.lastOffset + 1
  }
  return NO_RECORD
}

/** The first record of a chunk at or after both a time and the log start. */
export function firstInChunk(
  data: Uint8Array,
  timestamp: number,
  logStart: number,
): TimedRecord | null {
  for (let at = coveringBatch(data, logStart); at < data.length; at += batchSizeAt(data, at)) {
    if (maxTimestampAt(data, at) < timestamp) continue
    const found = firstInBatch(data.subarray(at, at + batchSizeAt(data, at)), timestamp, logStart)
    if (found !== null) return found
  }
  return null
}

/** An offset at or before the first chunk that reaches the time, by the running maximum; `end` if none does. */
function firstChunkReaching({ store }: Source, timestamp: number, bounds: LookupBounds): number {
  const [first] = store.headersFrom(bounds.logStart, 1)
  const last = store.headerAtOrBefore(bounds.end - 1)
  if (first === undefined || last === null || last.runningMaxTimestamp < timestamp)
    return bounds.end
  let low = first.firstOffset
  let high = last.firstOffset
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    const header = store.headerAtOrBefore(middle)
    if (header !== null && header.runningMaxTimestamp >= timestamp) high = header.firstOffset
    else low = Math.max(middle, header?.lastOffset ?? 0) + 1
  }
  return high
}

/**
 * The first record of the batch at or after both the time and the log start. A payload that cannot be
 * read is answered with the batch's first offset and its highest time: what its header says.
 */
function firstInBatch(batch: Uint8Array, timestamp: number, logStart: number): TimedRecord | null {
  const header = readBatchHeader(batch)
  const whole = {
    offset: Math.max(header.baseOffset, logStart),
    timestamp: header.maxTimestamp,
  }
  // Compaction may have taken the first record.
  const isComplete = header.recordCount === header.lastOffsetDelta + 1
  if (header.logAppendTime && isComplete) return whole
  try {
    for (const record of recordsOf(batch)) {
      if (record.offset >= logStart && record.timestamp >= timestamp) {
        return { offset: record.offset, timestamp: record.timestamp }
      }
    }
  } catch (error) {
    if (error instanceof CodecError) return whole
    throw error
  }
  return null
}

/** The first of the records that have the highest time. */
function ofHighestTime(source: Source, bounds: LookupBounds): TimedRecord {
  const running = source.store.headerAtOrBefore(bounds.end - 1)?.runningMaxTimestamp ?? NO_TIMESTAMP
  if (running < 0) return NO_RECORD
  const found = firstSince(source, running, bounds)
  if (found.offset >= 0) return found
  // The record that set the running maximum was deleted.
  const highest = highestTime(source, bounds)
  return highest < 0 ? NO_RECORD : firstSince(source, highest, bounds)
}

/** The highest time of the records from the log start: record by record in the batch it may cut. */
function highestTime(source: Source, bounds: LookupBounds): number {
  const { logStart, end } = bounds
  const chunk = wholeChunk(source, logStart, end)
  const data = chunk?.data
  if (chunk === null || data === undefined) return NO_TIMESTAMP
  const behind = source.store.highestTimestamp(chunk.lastOffset + 1, end)
  return Math.max(behind, highestInChunk(data, logStart))
}

/** The highest time of a chunk's records from the log start on. */
export function highestInChunk(data: Uint8Array, logStart: number): number {
  let highest = NO_TIMESTAMP
  for (let at = coveringBatch(data, logStart); at < data.length; at += batchSizeAt(data, at)) {
    const batch = data.subarray(at, at + batchSizeAt(data, at))
    const { baseOffset, recordCount } = readBatchHeader(batch)
    // One that compaction has emptied still tells the highest time it had.
    if (recordCount === 0) continue
    const cut = lastOffsetAt(data, at) >= logStart && baseOffset < logStart
    highest = Math.max(highest, cut ? highestInCut(batch, logStart) : maxTimestampAt(data, at))
  }
  return highest
}

function highestInCut(batch: Uint8Array, logStart: number): number {
  const header = readBatchHeader(batch)
  if (header.logAppendTime) return header.maxTimestamp
  let highest = NO_TIMESTAMP
  try {
    for (const record of recordsOf(batch)) {
      if (record.offset >= logStart) highest = Math.max(highest, record.timestamp)
    }
  } catch (error) {
    if (error instanceof CodecError) return header.maxTimestamp
    throw error
  }
  return highest
}
