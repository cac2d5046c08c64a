// Offsets by time in the part of a log that only the tier holds: the segment by its row, the chunk by the
// segment's index, the record by reading the chunk. What is local is ../times.ts, and so is each record's search.

import { firstInChunk, highestInChunk, type TimedRecord } from '../times.ts'
import type { TierReader } from './tier-reader.ts'
import type { TierSegment, TierStore } from './tier-store.ts'

/** The records that may be found: from `logStart`, below `end` (where a chunk begins). */
export interface TierBounds {
  readonly logStart: number
  readonly end: number
}

/** The first record at or after a time; null when there is none. */
export async function firstTieredSince(
  store: TierStore,
  reader: TierReader,
  timestamp: number,
  { logStart, end }: TierBounds,
): Promise<TimedRecord | null> {
  let segment = segmentReaching(store, timestamp, logStart)
  while (segment !== null && segment.firstOffset < end) {
    const { chunks } = await reader.index(segment)
    for (const chunk of chunks) {
      const { firstOffset, lastOffset, maxTimestamp } = chunk
      if (lastOffset < logStart || firstOffset >= end || maxTimestamp < timestamp) continue
      const found = firstInChunk(await reader.sound(segment, chunk), timestamp, logStart)
      if (found !== null) return found
    }
    segment = store.headerWithTimestamp(segment.lastOffset + 1, timestamp)
  }
  return null
}

/** The segment of the log start if it reaches the time, else the next one that does. */
function segmentReaching(
  store: TierStore,
  timestamp: number,
  logStart: number,
): TierSegment | null {
  const first = store.reaching(logStart)
  if (first === null || first.maxTimestamp >= timestamp) return first
  return store.headerWithTimestamp(first.lastOffset + 1, timestamp)
}

/** The highest time of the records: record by record in the batch that the log start may cut. */
export async function highestTieredTime(
  store: TierStore,
  reader: TierReader,
  { logStart, end }: TierBounds,
): Promise<number> {
  const first = store.reaching(logStart)
  if (first === null || first.firstOffset >= end) return -1
  let highest = store.highestTimestamp(first.lastOffset + 1, end)
  const { chunks } = await reader.index(first)
  for (const chunk of chunks) {
    if (chunk.lastOffset < logStart) continue
    if (chunk.firstOffset >= logStart) highest = Math.max(highest, chunk.maxTimestamp)
    else {
      const data = await reader.sound(first, chunk)
      highest = Math.max(highest, highestInChunk(data, logStart))
    }
  }
  return highest
}
