// What goes from the front of a log: by retention, by DeleteRecords, or because the tier has it; and where its segments
// begin, by which that goes. First an offset moves, in one transaction with all that depends on it; chunks below it are
// freed by later steps. Not what is expired: lifecycle/retention.ts.

import { maxTimestampAt } from '../record/header.ts'
import { freeStep } from './lifecycle/freeing.ts'
import type { Chore } from './lifecycle/housekeeping.ts'
import { Retention, type RetentionView } from './lifecycle/retention.ts'
import { jittered, type Segment, segmentBegunBy } from './lifecycle/segments.ts'
import type { LogReads } from './log-reads.ts'
import type { LogState } from './log-state.ts'
import type { ProducerSnapshots } from './producer-snapshots.ts'
import type { ProducerTable } from './producers.ts'
import type { LogStore } from './store.ts'
import type { ChunkRow } from './stored.ts'
import type { Tail } from './tail.ts'
import { WholeLogHeaders } from './tiering/tier-headers.ts'
import type { TierStore } from './tiering/tier-store.ts'

/** The parts of a log that lose what goes. */
export interface FrontParts {
  readonly store: LogStore
  readonly tier: TierStore
  readonly state: LogState
  readonly tail: Tail
  readonly reads: LogReads
  readonly producers: ProducerTable
  readonly snapshots: ProducerSnapshots
}

/** The front of one log. Methods throw what the storage throws, and then nothing has changed. */
export class LogFront {
  readonly #parts: FrontParts
  readonly #retention: Retention

  constructor(parts: FrontParts) {
    this.#parts = parts
    const { store, tier, state } = parts
    this.#retention = new Retention(store, new WholeLogHeaders(store, tier, () => state.localFrom))
  }

  /** The segment that a chunk begins; null when it belongs to the active one. */
  segmentBegunBy(row: ChunkRow, nowMs: number): Segment | null {
    const { activeSegment, identity, settings } = this.#parts.state
    const rolling = jittered(settings, identity, activeSegment)
    return segmentBegunBy(row, maxTimestampAt(row.data, 0), activeSegment, rolling, nowMs)
  }

  /** Stores it. Only inside a transaction, with `begin` after it. */
  saveSegment(segment: Segment): void {
    const { state, store } = this.#parts
    // Those before it, if there are any left, have no chunks.
    if (state.activeSegment === null) store.lifecycle.deleteSegments(segment.baseOffset)
    store.lifecycle.insertSegment(segment)
  }

  /** It was stored: what comes belongs to it. */
  begin(segment: Segment): void {
    const { state } = this.#parts
    this.#retention.began(segment, state.activeSegment === null)
    state.activeSegment = segment
  }

  /** Compaction has joined segments: what is known of them is out of date. */
  segmentsJoined(): void {
    this.#retention.forget()
  }

  /** Records below `logStart` are gone for good; their chunks are freed by the first of the chores. */
  moveLogStart(logStart: number, nowMs: number): void {
    const { store } = this.#parts
    this.#cutAt(logStart, nowMs, () => store.lifecycle.deleteSegmentsBefore(logStart))
  }

  /** Chunks below an offset are given up: the tier has them. Their aborted transactions go with them. */
  trim(localStart: number, nowMs: number): void {
    const { reads, snapshots, state, store, tier } = this.#parts
    snapshots.cover(localStart, nowMs)
    store.transaction(() => tier.saveLocalStart(localStart))
    state.localFrom = localStart
    state.hasDeletedChunks = true
    reads.forgetPieces()
  }

  /** What is to be done when nobody calls; each only while `whenAlive` lets it. */
  chores(whenAlive: (due: (nowMs: number) => number | null) => Chore['dueMs']): readonly Chore[] {
    const { state } = this.#parts
    return [
      {
        failure: 'deleted records were not freed',
        intervalMs: () => 1,
        dueMs: whenAlive(() => (state.hasDeletedChunks ? 0 : null)),
        step: () => {
          state.hasDeletedChunks = this.freeStep(state.localStart)
          return state.hasDeletedChunks
        },
      },
      {
        failure: 'expired records were not deleted',
        intervalMs: () => state.settings.retentionCheckMs,
        dueMs: whenAlive(() => this.#retention.dueMs(this.#retentionView())),
        step: (nowMs) => this.#expire(nowMs),
      },
    ]
  }

  /** Frees chunks that end below `end`, oldest first; true when more are left. */
  freeStep(end: number): boolean {
    const { reads, state, store } = this.#parts
    if (!state.stored) return false
    const freed = freeStep(store, end, state.lastAborted >= 0)
    if (freed === null) return false
    // Of a batch that was asked for piece by piece the others are gone, not damaged.
    reads.forgetPieces()
    state.freedBytes += freed.bytes
    return freed.more
  }

  /** Retention: true when there may be more to delete. */
  #expire(nowMs: number): boolean {
    const { producers, state, store } = this.#parts
    producers.forgetExpired(nowMs, state.settings.producerIdExpirationMs)
    const step = this.#retention.step(this.#retentionView(), nowMs)
    if (step.seal) this.#seal(nowMs)
    const { logStart } = step
    if (logStart === null) return false
    this.#cutAt(logStart, nowMs, () => store.lifecycle.deleteSegments(logStart))
    // Its active segment is gone with its last record: the next one begins another.
    if (logStart === state.nextOffset) state.activeSegment = null
    return step.more
  }

  /** The next chunk belongs to a new segment. */
  #seal(nowMs: number): void {
    const { state, store } = this.#parts
    const segment: Segment = {
      baseOffset: state.nextOffset,
      firstTimestamp: -1,
      sizeBefore: state.runningSizeBytes,
      createdMs: nowMs,
    }
    store.transaction(() => store.lifecycle.insertSegment(segment))
    this.begin(segment)
  }

  /** Moves the log start in one transaction; `cut` deletes the segments that end there. */
  #cutAt(logStart: number, nowMs: number, cut: () => void): void {
    const { snapshots, state, store, tail } = this.#parts
    // The chunks to be freed may hold changes of producers that no snapshot has.
    const snapshotDue = snapshots.lacks(logStart)
    store.transaction(() => {
      store.saveLogStart(logStart)
      cut()
      if (snapshotDue) snapshots.save(state.nextOffset, nowMs)
    })
    state.logStart = logStart
    state.hasDeletedChunks = true
    this.#retention.forget()
    if (snapshotDue) snapshots.saved()
    tail.dropBelow(logStart)
  }

  #retentionView(): RetentionView {
    const { logStart, nextOffset, highWatermark, runningSizeBytes, settings } = this.#parts.state
    return { logStart, nextOffset, highWatermark, runningSizeBytes, settings }
  }
}
