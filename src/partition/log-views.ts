// The log as compaction and tiering have it: what they may know of it, and what they tell it that they have done.
// Nothing is decided here.

import type { CompactableLog } from './compaction/compactable.ts'
import type { Merging } from './lifecycle/merging.ts'
import type { FrontParts, LogFront } from './log-front.ts'
import { activeProducers } from './producer-views.ts'
import type { TierableLog } from './tiering/tierable.ts'

/** All parts of a log. */
export interface LogParts extends FrontParts {
  readonly front: LogFront
  readonly merging: Merging
}

/** What compaction needs of the log (compaction/compactable.ts). Only while it has settings. */
export function compactableOf(parts: LogParts): CompactableLog {
  const { front, producers, reads, snapshots, state, store, tail } = parts
  return {
    get logStart() {
      return state.logStart
    },
    get lastStableOffset() {
      return state.lastStableOffset
    },
    get activeFrom() {
      return state.activeSegmentOffset
    },
    get settings() {
      return state.settings
    },
    activeProducers: (nowMs) =>
      activeProducers(producers, nowMs, state.settings.producerIdExpirationMs),
    segmentStarts: (from, to) => store.lifecycle.segmentStarts(from, to),
    segmentsJoined: () => front.segmentsJoined(),
    coverProducers: (offset, nowMs) => snapshots.cover(offset, nowMs),
    replaced: (firstFrom, firstTo, removedBytes) => {
      reads.forgetPieces()
      tail.dropBetween(firstFrom, firstTo)
      state.freedBytes += removedBytes
    },
  }
}

/** What tiering needs of the log (tiering/tierable.ts). Only while it has settings. */
export function tierableOf(parts: LogParts): TierableLog {
  const { front, merging, reads, snapshots, state, tail } = parts
  return {
    identity: state.identity,
    get logStart() {
      return state.logStart
    },
    get localStart() {
      return state.localStart
    },
    get lastStableOffset() {
      return state.lastStableOffset
    },
    get activeFrom() {
      return state.activeSegmentOffset
    },
    get runningSizeBytes() {
      return state.runningSizeBytes
    },
    get mergedTo() {
      return merging.mergedTo
    },
    get settings() {
      return state.settings
    },
    uploads: () => {
      state.everTiered = true
    },
    coverProducers: (offset, nowMs) => snapshots.cover(offset, nowMs),
    trim: (localStart, nowMs) => front.trim(localStart, nowMs),
    moveLogStart: (logStart, nowMs) => front.moveLogStart(logStart, nowMs),
    replaced: (from, to) => {
      reads.forgetPieces()
      tail.dropBetween(from, to)
    },
  }
}
