// What tiering needs of the log, and how its state is told. Types only.

import type { TopicSettings } from '../../core/configs.ts'
import type { ChunkHeader, Identity } from '../stored.ts'

/** The log as tiering needs it. Only while something is stored. */
export interface TierableLog {
  readonly identity: Identity
  readonly logStart: number
  /** Where the log begins to be local: at or behind the log start. */
  readonly localStart: number
  /** All below it is confirmed on disk and belongs to no open transaction. */
  readonly lastStableOffset: number
  /** First offset of the active segment; the end of the log when it has none. */
  readonly activeFrom: number
  /** Sum of the sizes of all chunks ever. */
  readonly runningSizeBytes: number
  /** Below this offset no small chunks are to be merged any more. */
  readonly mergedTo: number
  readonly settings: TopicSettings
  /** An object may be made of a part of the log. */
  uploads(): void
  /** From here on the producers' state does not need what chunks below `offset` say of it. */
  coverProducers(offset: number, nowMs: number): void
  /** Chunks below `localStart` are given up; they are freed by the first of the log's chores. */
  trim(localStart: number, nowMs: number): void
  /** Records below `logStart` are gone for good. */
  moveLogStart(logStart: number, nowMs: number): void
  /** Chunks that start in the range (both inclusive) were put back: what is known of them is out of date. */
  replaced(firstFrom: number, firstTo: number): void
}

/** Chunks by their headers, wherever they are: of rows, or of the tier's segments. */
export interface HeaderSource {
  headerAtOrBefore(offset: number): ChunkHeader | null
  highestTimestamp(from: number, end: number): number
}

/** How one partition's tier does. */
export interface TierStatus {
  /** Where the log begins to be local. */
  readonly localLogStartOffset: number
  /** Behind the last record that the tier holds; -1 when it holds none. */
  readonly tieredEndOffset: number
  /** What went wrong last, and since when it does; null while nothing does. */
  readonly failure: { readonly sinceMs: number; readonly reason: string } | null
}
