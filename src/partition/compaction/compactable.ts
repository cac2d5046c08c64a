// What compaction needs of the log, and what one of its steps may take. Types only.

import type { TopicSettings } from '../../core/configs.ts'
import type { ActiveProducer } from './batch-filter.ts'

/** The log as compaction needs it. */
export interface CompactableLog {
  readonly logStart: number
  readonly lastStableOffset: number
  /** First offset of the active segment; the end of the log when it has none. */
  readonly activeFrom: number
  readonly settings: TopicSettings
  /** The producers that have not expired. */
  activeProducers(nowMs: number): ReadonlyMap<number, ActiveProducer>
  /** First offsets of the segments that begin within [from, to]. */
  segmentStarts(from: number, to: number): ReadonlySet<number>
  /** Segments have been joined: what is known of them is out of date. */
  segmentsJoined(): void
  /** From here on the producers' state does not need what chunks below `offset` say of it. */
  coverProducers(offset: number, nowMs: number): void
  /** The chunks that started in the range (both inclusive) have been replaced, and take less room. */
  replaced(firstFrom: number, firstTo: number, removedBytes: number): void
}

/** What one step may take: bytes gone over, and time where the clock runs meanwhile. */
export interface StepBudget {
  readonly bytes: number
  readonly ms: number
}
