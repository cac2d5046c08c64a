// Which stretch of a log is to be compacted next, and when. Follows Kafka's LogCleanerManager and LogToClean:
// never the active segment, nothing at or above the last stable offset, nothing younger than
// min.compaction.lag.ms; when the dirty part is more than min.cleanable.dirty.ratio of what is clean and
// dirty, or holds a record older than max.compaction.lag.ms. Reads headers only; how is compactor.ts.

import type { TopicSettings } from '../../core/configs.ts'
import { maxTimestampAt } from '../../record/header.ts'
import { coveringBatch } from '../batches.ts'
import { DamagedRangeError } from '../integrity.ts'
import type { ChunkHeader } from '../stored.ts'
import type { CompactionStore } from './compaction-store.ts'

/** The state of the log that this is decided by. */
export interface CleanableView {
  readonly logStart: number
  /** Nothing from here on: the last stable offset, or the first of the active segment. */
  readonly bound: number
  readonly cleanEnd: number
  readonly cleanBytes: number
  readonly settings: TopicSettings
}

/** What to clean. */
export interface Cleanable {
  /** The dirty part is [from, end). */
  readonly from: number
  readonly end: number
  /** When it is to be cleaned; null: not before the log has grown. */
  readonly dueMs: number | null
}

/** What is to be cleaned of a log, and when. */
export function cleanable(
  store: CompactionStore,
  view: CleanableView,
  nowMs: number,
): Cleanable | null {
  const { logStart, cleanEnd, settings } = view
  const from = Math.max(logStart, cleanEnd)
  if (from >= view.bound) return null
  const [first] = store.headersReaching(from, 1)
  if (first === undefined || first.firstOffset >= view.bound) return null
  const young = youngest(store, first, view, nowMs)
  const end = Math.min(view.bound, young?.firstOffset ?? view.bound)
  // When the youngest is old enough there is more to clean.
  const laterMs = young === null ? null : safe(young.maxTimestamp + settings.minCompactionLagMs)
  const dirtyBytes = store.sizeBetween(first.firstOffset, end)
  if (from >= end || dirtyBytes === 0) return { from, end, dueMs: laterMs }
  const cleanBytes = logStart >= cleanEnd ? 0 : view.cleanBytes
  const isDirty = dirtyBytes / (cleanBytes + dirtyBytes) > settings.minCleanableDirtyRatio
  if (isDirty) return { from, end, dueMs: nowMs }
  const forcedMs = forcedAt(store, first, from, settings.maxCompactionLagMs)
  return { from, end, dueMs: earlier(forcedMs, laterMs) }
}

/** The first chunk of the dirty part that has a record younger than the lag. */
function youngest(
  store: CompactionStore,
  first: ChunkHeader,
  { bound, settings }: CleanableView,
  nowMs: number,
): ChunkHeader | null {
  const lagMs = settings.minCompactionLagMs
  return lagMs === 0 ? null : store.firstSince(first.firstOffset, bound - 1, nowMs - lagMs)
}

/** When the oldest dirty batch is too old to stay uncompacted. */
function forcedAt(
  store: CompactionStore,
  first: ChunkHeader,
  from: number,
  maxLagMs: number,
): number | null {
  if (maxLagMs >= Number.MAX_SAFE_INTEGER) return null
  const timestamp = firstTimestamp(store, first, from)
  return timestamp <= 0 ? null : safe(timestamp + maxLagMs + 1)
}

/** Of the first dirty batch. */
function firstTimestamp(store: CompactionStore, first: ChunkHeader, from: number): number {
  try {
    // It has its header in the first piece of its chunk, whatever its size.
    const [data] = store.chunkData(first)
    if (data === undefined) return first.maxTimestamp
    const at = first.firstOffset < from ? coveringBatch(data, from) : 0
    return at < data.length ? maxTimestampAt(data, at) : first.maxTimestamp
  } catch (error) {
    if (error instanceof DamagedRangeError) return first.maxTimestamp
    throw error
  }
}

function safe(timeMs: number): number | null {
  return timeMs < Number.MAX_SAFE_INTEGER ? timeMs : null
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}
