// Which records are old enough, or too many, to go: by whole segments from the oldest on, as Kafka 4.1's
// UnifiedLog.deleteOldSegments decides it, the active one included when all of it is expired. First
// by size: a segment goes when what is left is at least retention.bytes. Then by time: when its
// largest timestamp is older than retention.ms. Nothing at or above the high watermark goes; an open
// transaction holds nothing back. Decides only: log.ts moves the log start, and chunks are freed later.

import type { TopicSettings } from '../../core/configs.ts'
import { RETENTION_STEP_SEGMENTS } from '../../core/limits/partition.ts'
import type { LogStore } from '../store.ts'
import type { WholeLogHeaders } from '../tiering/tier-headers.ts'
import { CREATED_UNKNOWN, type Segment } from './segments.ts'

/** The state of the log that retention looks at. */
export interface RetentionView {
  readonly logStart: number
  readonly nextOffset: number
  readonly highWatermark: number
  /** Sum of the sizes of all chunks ever. */
  readonly runningSizeBytes: number
  readonly settings: TopicSettings
}

/** What is to be done now. */
export interface RetentionStep {
  /** The new log start; null when it stays. */
  readonly logStart: number | null
  /**
   * The active segment has no timestamps and may be expired: it is to be closed, for of a closed one it
   * is known when it was last written.
   */
  readonly seal: boolean
  /** As many segments went as a step takes: there may be more. */
  readonly more: boolean
}

/** A segment with its end. */
interface Span {
  readonly segment: Segment
  /** null: the segment is active. */
  readonly next: Segment | null
  readonly endOffset: number
}

/** What is remembered of the oldest segment, so that nothing is read to know that nothing is due. */
interface Oldest {
  /** No later than the time from which its age counts. */
  readonly sinceMs: number
  /** When its first chunk was written. */
  readonly createdMs: number
  /** The one after it; null when it is the active one. */
  readonly next: Segment | null
}

/** Retention of one log. Reads headers of chunks and segments; remembers only what saves reading. */
export class Retention {
  readonly #store: LogStore
  readonly #headers: WholeLogHeaders
  #oldest: Oldest | null = null

  /** @param headers of the whole log, also where it is not local any more */
  constructor(store: LogStore, headers: WholeLogHeaders) {
    this.#store = store
    this.#headers = headers
  }

  /** A segment has begun; of an empty log it is the oldest. */
  began(segment: Segment, isFirst: boolean): void {
    const { firstTimestamp, createdMs } = segment
    if (isFirst) {
      const sinceMs = firstTimestamp >= 0 ? firstTimestamp : createdMs
      this.#oldest = { sinceMs, createdMs, next: null }
    } else if (this.#oldest?.next === null) this.#oldest = { ...this.#oldest, next: segment }
  }

  /** The log start has moved: another segment may be the oldest. */
  forget(): void {
    this.#oldest = null
  }

  /**
   * When a segment may first have to go, or earlier; null: never, as the log and its settings are. Each
   * lives as long as it is between two checks in Kafka, however old the records are that come.
   * Reads a row or two when the oldest segment is not known.
   */
  dueMs(view: RetentionView): number | null {
    const { settings, runningSizeBytes } = view
    const { retentionMs, retentionBytes } = settings
    if (!settings.cleanupDelete || view.logStart >= view.nextOffset) return null
    if (retentionMs < 0 && retentionBytes < 0) return null
    this.#oldest ??= this.#look(view)
    const { next, sinceMs, createdMs } = this.#oldest
    const checkedMs = createdMs === CREATED_UNKNOWN ? 0 : createdMs + settings.retentionCheckMs
    const bytesAfter = next === null ? 0 : runningSizeBytes - next.sizeBefore
    if (retentionBytes >= 0 && bytesAfter >= retentionBytes) return timeOrNever(checkedMs)
    return retentionMs < 0 ? null : timeOrNever(Math.max(sinceMs + retentionMs + 1, checkedMs))
  }

  /** What is expired now, a bounded number of segments at once. */
  step(view: RetentionView, nowMs: number): RetentionStep {
    let logStart: number | null = null
    let looked = 0
    let bySize = true
    for (const span of this.#spans(view)) {
      if (looked === RETENTION_STEP_SEGMENTS) return { logStart, seal: false, more: true }
      looked++
      // Its records were deleted, and perhaps its chunks: it is no measure of those behind it.
      if (span.next !== null && span.endOffset <= view.logStart) continue
      const isEmpty = span.endOffset <= span.segment.baseOffset
      if (span.endOffset > view.highWatermark || (span.next === null && isEmpty)) break
      bySize &&= this.#isSurplus(span, view)
      if (!bySize) {
        const expired = this.#expired(span, view, nowMs)
        if (expired === 'seal') return { logStart, seal: true, more: false }
        if (typeof expired === 'object') {
          // Only of the oldest that stays: it is another one when the log start could not be stored.
          if (logStart === null) {
            const { createdMs } = span.segment
            this.#oldest = { sinceMs: expired.sinceMs, createdMs, next: span.next }
          }
          break
        }
      }
      if (span.endOffset > view.logStart) logStart = span.endOffset
    }
    return { logStart, seal: false, more: false }
  }

  #spans({ nextOffset }: RetentionView): Span[] {
    const segments = this.#store.lifecycle.firstSegments(RETENTION_STEP_SEGMENTS + 2)
    const spans = segments.map((segment, index) => {
      const next = segments[index + 1] ?? null
      return { segment, next, endOffset: next === null ? nextOffset : next.baseOffset }
    })
    // Where the last one read ends is not known.
    return segments.length < RETENTION_STEP_SEGMENTS + 2 ? spans : spans.slice(0, -1)
  }

  /** Whether enough is left without the segment and all before it. */
  #isSurplus({ next, endOffset }: Span, { settings, runningSizeBytes }: RetentionView): boolean {
    const { retentionBytes } = settings
    if (retentionBytes < 0) return false
    if (next === null) return retentionBytes === 0
    if (runningSizeBytes - next.sizeBefore < retentionBytes) return false
    // Compaction makes chunks smaller and leaves the running sizes as they are.
    return !this.#store.isCompacted() || this.#headers.sizeFrom(endOffset) >= retentionBytes
  }

  /** 'expired', or since when the segment's age counts. */
  #expired(
    { segment, next, endOffset }: Span,
    { settings }: RetentionView,
    nowMs: number,
  ): 'expired' | 'seal' | { readonly sinceMs: number } {
    const { retentionMs } = settings
    // Not looked at: should time count one day, it is.
    if (retentionMs < 0) return { sinceMs: 0 }
    const isOld = (timeMs: number) => nowMs - timeMs > retentionMs
    // The highest time of all records so far says enough when it is old; only else all headers are read.
    const highest = this.#headers.headerAtOrBefore(endOffset - 1)?.runningMaxTimestamp ?? -1
    if (highest >= 0 && isOld(highest)) return 'expired'
    const own = this.#headers.highestTimestamp(segment.baseOffset, endOffset)
    const sinceMs = own >= 0 ? own : (next ?? segment).createdMs
    if (!isOld(sinceMs)) return { sinceMs }
    return own >= 0 || next !== null ? 'expired' : 'seal'
  }

  #look({ logStart }: RetentionView): Oldest {
    const [segment, next = null] = this.#store.lifecycle.firstSegments(2)
    const first = this.#headers.headerFrom(logStart)?.maxTimestamp ?? -1
    const createdMs = segment?.createdMs ?? 0
    return { sinceMs: first >= 0 ? first : (next?.createdMs ?? createdMs), createdMs, next }
  }
}

/** Long.MAX_VALUE stands for "without end". */
function timeOrNever(timeMs: number): number | null {
  return timeMs > Number.MAX_SAFE_INTEGER ? null : timeMs
}
