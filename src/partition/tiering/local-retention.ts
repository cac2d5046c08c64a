// Which part of a tiered log need not be local any more: by whole segments from the oldest local one on, as Kafka 4.1
// does it with local.retention.bytes and .ms, as far as the tier holds them; the active one never. Decides only:
// the log gives the chunks up, and they are freed later.

import { RETENTION_STEP_SEGMENTS } from '../../core/limits/partition.ts'
import type { LogStore } from '../store.ts'
import type { TierableLog } from './tierable.ts'

/** What is to be given up now, and when to look again. */
export interface LocalTrim {
  /** Where the log is to be local from; null when nothing is to be given up. */
  readonly localStart: number | null
  /** When the oldest segment that stays may be given up; null: not before the tier holds more. */
  readonly dueMs: number | null
  /** The same by the running size of the log. */
  readonly dueBytes: number | null
}

const NOT_DUE = { dueMs: null, dueBytes: null }

/** Looks at the oldest local segments. @param tieredEnd the tier holds what is below it */
export function localTrim(
  store: Pick<LogStore, 'lifecycle' | 'highestTimestamp' | 'isCompacted'>,
  log: TierableLog,
  tieredEnd: number,
  nowMs: number,
): LocalTrim {
  const { localRetentionBytes, localRetentionMs } = log.settings
  const segments = store.lifecycle.segmentsFrom(log.localStart, RETENTION_STEP_SEGMENTS + 1)
  let localStart: number | null = null
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]
    if (next === undefined) {
      const isMore = segments.length > RETENTION_STEP_SEGMENTS
      return { ...NOT_DUE, localStart, dueMs: isMore && localStart !== null ? nowMs : null }
    }
    const end = next.baseOffset
    if (end > tieredEnd || end > log.activeFrom) return { ...NOT_DUE, localStart }
    const left = log.runningSizeBytes - next.sizeBefore
    // Compaction, when it was there, made chunks smaller and left the running sizes as they were.
    const isSurplus =
      localRetentionBytes >= 0 &&
      left >= localRetentionBytes &&
      (!store.isCompacted() || store.lifecycle.sizeFrom(end) >= localRetentionBytes)
    if (!isSurplus) {
      const dueMs = dueAt(store.highestTimestamp(segment.baseOffset, end), next.createdMs)
      if (dueMs === null || dueMs > nowMs) {
        // Of a log that was compacted the running size says too much: it is asked when there is more.
        const isKnown = localRetentionBytes >= 0 && left < localRetentionBytes
        const dueBytes = isKnown ? next.sizeBefore + localRetentionBytes : null
        return { localStart, dueMs, dueBytes }
      }
    }
    localStart = end
  }
  return { ...NOT_DUE, localStart }

  function dueAt(highest: number, closedMs: number): number | null {
    if (localRetentionMs < 0) return null
    const dueMs = (highest >= 0 ? highest : closedMs) + localRetentionMs + 1
    return dueMs > Number.MAX_SAFE_INTEGER ? null : dueMs
  }
}
