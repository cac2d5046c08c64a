// Where Kafka would begin a new segment file. Chunks have no files, but retention and compaction are told in
// segments: what may go goes by whole segments, and the last one is active. A segment is the run of chunks
// from one boundary to the next; a boundary is decided when a chunk is written and never moves. Pure.
// Follows Kafka 4.1's LogSegment.shouldRoll.

import type { TopicSettings } from '../../core/configs.ts'
import type { Identity } from '../stored.ts'
import { shareOf } from './share.ts'

/** What is known of a segment from its first chunk on. */
export interface Segment {
  /** Offset of its first record. */
  readonly baseOffset: number
  /** Largest timestamp of its first batch; -1 where that has none. Its age is counted from here. */
  readonly firstTimestamp: number
  /** Sum of the sizes of all chunks ever before it. */
  readonly sizeBefore: number
  /** When its first chunk was written, by the leader's clock: its age where records have no timestamps. */
  readonly createdMs: number
}

/** `createdMs` of segments that were made of an older layout: they are as if from the end of time. */
export const CREATED_UNKNOWN: number = Number.MAX_SAFE_INTEGER

/** A chunk that is about to be written. */
export interface ArrivingChunk {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly sizeBytes: number
  readonly runningSizeBytes: number
}

/** What decides how long a segment grows. */
export type RollSettings = Pick<TopicSettings, 'segmentBytes' | 'segmentMs'> &
  Partial<Pick<TopicSettings, 'cleanupCompact' | 'maxCompactionLagMs'>> & {
    /** Taken off the longest time that this segment grows for. */
    readonly jitterMs?: number
  }

/** A segment's offsets are kept relative to its first one, in 32 bits. */
const RELATIVE_OFFSET_MAX = 2_147_483_647

/** Whether the chunk begins a new segment. */
export function rolls(
  active: Segment,
  chunk: ArrivingChunk,
  settings: RollSettings,
  nowMs: number,
): boolean {
  const sizeBytes = chunk.runningSizeBytes - chunk.sizeBytes - active.sizeBefore
  if (sizeBytes <= 0) return false
  if (sizeBytes > settings.segmentBytes - chunk.sizeBytes) return true
  // Kafka compares records with records, so that a log copied later is cut in the same places.
  const ageMs =
    active.firstTimestamp >= 0
      ? chunk.maxTimestamp - active.firstTimestamp
      : nowMs - active.createdMs
  return ageMs > longestMs(settings) || chunk.lastOffset - active.baseOffset > RELATIVE_OFFSET_MAX
}

/** What is to be compacted within max.compaction.lag.ms must not stay in the active segment for longer. */
function longestMs({ segmentMs, jitterMs = 0, ...compaction }: RollSettings): number {
  const { cleanupCompact, maxCompactionLagMs = segmentMs } = compaction
  return (cleanupCompact === true ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs) - jitterMs
}

/**
 * The settings with what segment.jitter.ms comes to for one segment of a log. Kafka draws it when it opens
 * the file, from below the lesser of segment.jitter.ms and segment.ms; here it is the same after each load.
 */
export function jittered(
  settings: TopicSettings,
  identity: Identity,
  active: Segment | null,
): RollSettings {
  const { segmentJitterMs, segmentMs } = settings
  if (segmentJitterMs === 0 || active === null) return settings
  const share = shareOf(identity, active.baseOffset)
  return { ...settings, jitterMs: Math.floor(share * Math.min(segmentJitterMs, segmentMs)) }
}

/** The segment that a chunk begins; null when it belongs to the active one. */
export function segmentBegunBy(
  chunk: ArrivingChunk,
  firstTimestamp: number,
  active: Segment | null,
  settings: RollSettings,
  nowMs: number,
): Segment | null {
  if (active !== null && !rolls(active, chunk, settings, nowMs)) return null
  return {
    baseOffset: chunk.firstOffset,
    firstTimestamp: Math.max(firstTimestamp, -1),
    sizeBefore: chunk.runningSizeBytes - chunk.sizeBytes,
    createdMs: nowMs,
  }
}
