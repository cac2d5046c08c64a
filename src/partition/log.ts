// The log of one partition: its offsets, what is stored, what readers may see. Synchronous, one step at
// a time; what is not yet confirmed on disk is not visible. Not the queue, the waiting or the calls:
// leader.ts drives it. Memory changes only after the transaction that stored the change returned.

import { discard } from '../core/bytes.ts'
import { PRODUCER_SNAPSHOT_BYTES, PRODUCER_SNAPSHOT_CHUNKS } from '../core/limits.ts'
import { lastOffsetAt, maxTimestampAt } from '../record/header.ts'
import { endOfBatches } from '../record/stored.ts'
import type { CompactableLog } from './compaction/compactable.ts'
import type {
  AbortedTransaction,
  OffsetQuery,
  OffsetReply,
  ProducerDescription,
} from './contract.ts'
import { type AppendQueue, type FlushPlan, planFlush } from './flush.ts'
import { DamagedRangeError } from './integrity.ts'
import { freeStep } from './lifecycle/freeing.ts'
import type { Chore } from './lifecycle/housekeeping.ts'
import { Merging } from './lifecycle/merging.ts'
import { Retention, type RetentionView } from './lifecycle/retention.ts'
import { jittered, type Segment, segmentBegunBy } from './lifecycle/segments.ts'
import type { ProducerState } from './producer-state.ts'
import { activeProducers, describedProducers } from './producer-views.ts'
import { isExpired, ProducerTable, type Sequenced } from './producers.ts'
import { type BatchesRead, type BatchRange, type ChunkSource, readBatches } from './reads.ts'
import { Room } from './room.ts'
import type { ChunkRow, Identity, LogStore, VersionedSettings } from './store.ts'
import { type ChunkCache, Tail } from './tail.ts'
import { WholeLogHeaders } from './tiering/tier-headers.ts'
import type { TierStore } from './tiering/tier-store.ts'
import type { TierableLog } from './tiering/tierable.ts'
import { lookUpOffset } from './times.ts'

/** The log of one partition over its storage. Methods that touch storage throw what it throws. */
export class PartitionLog {
  readonly #store: LogStore
  readonly #identity: Identity
  readonly #tier: TierStore
  readonly #tail: Tail
  readonly #producers = new ProducerTable()
  readonly #source: ChunkSource<LogStore>
  #stored = false
  #deleted = false
  #config: VersionedSettings | null = null
  #logStart = 0
  /** Chunks below it were given up: the tier has them. */
  #localFrom = 0
  #everTiered = false
  #nextOffset = 0
  #highWatermark = 0
  #lastStable = 0
  /** Offset of the last marker of an aborted transaction; -1 without one. */
  #lastAborted = -1
  #runningMaxTimestamp = -1
  #runningSizeBytes = 0
  /** Sum of the sizes of all chunks that are gone. */
  #freedBytes = 0
  #hasDeletedChunks = false
  /** The segment that is written to; null while the log has no chunks. */
  #activeSegment: Segment | null = null
  readonly #retention: Retention
  readonly #merging: Merging
  readonly #room: Room
  /** What chunks from here on changed in the producers' state is not in the stored snapshot. */
  #snapshotOffset = 0
  /** The batch of several pieces that was asked for last. */
  #batchInPieces: { readonly firstOffset: number; readonly crc: number } | null = null
  #chunksSinceSnapshot = 0
  #deltaBytesSinceSnapshot = 0

  /**
   * Loads what is stored, if anything is. Throws when the storage is not this partition's.
   * @param maxBytes what the object may hold; the platform's limit when absent
   */
  constructor(
    store: LogStore,
    tier: TierStore,
    identity: Identity,
    cache: ChunkCache,
    maxBytes?: number,
  ) {
    this.#store = store
    this.#tier = tier
    this.#identity = identity
    this.#tail = new Tail(cache)
    this.#source = { tail: this.#tail, store }
    this.#retention = new Retention(store, new WholeLogHeaders(store, tier, () => this.#localFrom))
    this.#merging = new Merging(store, this.#tail)
    this.#room = new Room(() => store.databaseSizeBytes, maxBytes)
    this.#load()
  }

  #load(): void {
    const loaded = this.#store.load()
    if (loaded === null) return
    const { topicId, partition } = loaded.identity
    if (topicId !== this.#identity.topicId || partition !== this.#identity.partition) {
      throw new Error(`storage belongs to ${topicId}/${partition}`)
    }
    const { first, last } = loaded
    this.#stored = true
    this.#deleted = loaded.deleted
    this.#config = loaded.config
    this.#logStart = loaded.logStart
    this.#localFrom = loaded.localStart
    this.#everTiered = loaded.everTiered
    // A log start beyond the last chunk: all records were deleted. A snapshot or a marker beyond it: the
    // last chunks are gone, which reads will say; no offset of theirs is given out again.
    const known = Math.max(this.localStart, loaded.snapshotOffset, loaded.lastAborted + 1)
    this.#nextOffset = Math.max(known, last === null ? 0 : last.lastOffset + 1)
    this.#highWatermark = this.#nextOffset
    this.#runningMaxTimestamp = last?.runningMaxTimestamp ?? -1
    this.#runningSizeBytes = last?.runningSizeBytes ?? 0
    this.#freedBytes = first === null ? 0 : first.runningSizeBytes - first.sizeBytes
    // Compaction leaves the running sizes as they are.
    if (loaded.compacted) {
      this.#freedBytes = this.#runningSizeBytes - this.#store.lifecycle.sizeFrom(0)
    }
    this.#hasDeletedChunks = first !== null && first.lastOffset < this.localStart
    if (loaded.producerSnapshot !== null) this.#producers.replay(loaded.producerSnapshot)
    for (const delta of loaded.producerDeltas) {
      if (delta === null) continue
      this.#producers.replay(delta)
      this.#deltaBytesSinceSnapshot += delta.length
    }
    this.#chunksSinceSnapshot = loaded.producerDeltas.length
    this.#lastStable = this.#stableEnd()
    this.#lastAborted = loaded.lastAborted
    this.#snapshotOffset = loaded.snapshotOffset
    this.#activeSegment = loaded.activeSegment
    if (!loaded.deleted) {
      this.#merging.load(this.localStart, this.activeSegmentOffset, this.#nextOffset)
    }
  }

  /** False until the first write: a partition never written keeps nothing. */
  get stored(): boolean {
    return this.#stored
  }

  /** The topic is deleted, durably. */
  get deleted(): boolean {
    return this.#deleted
  }

  /** null until stored or told. */
  get config(): VersionedSettings | null {
    return this.#config
  }

  get logStart(): number {
    return this.#logStart
  }

  /** Where the log begins to be local: what is below it, from the log start on, only the tier has. */
  get localStart(): number {
    return Math.max(this.#logStart, this.#localFrom)
  }

  /** The tier may have objects of this log. */
  get everTiered(): boolean {
    return this.#everTiered
  }

  /** What of this log is in memory. */
  get tail(): Tail {
    return this.#tail
  }

  /** First offset readers may not see yet. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** First offset of the oldest open transaction, else the high watermark. Never goes back. */
  get lastStableOffset(): number {
    return Math.max(this.#lastStable, this.#logStart)
  }

  /** Where the segment begins that is written to: what compaction and tiering leave alone. */
  get activeSegmentOffset(): number {
    return this.#activeSegment?.baseOffset ?? this.#nextOffset
  }

  /** Bytes of batches kept. */
  get sizeBytes(): number {
    return this.#runningSizeBytes - this.#freedBytes
  }

  /** Newer settings; persisted when anything is. Older or equal versions are ignored. */
  configure(config: VersionedSettings): void {
    if (this.#config !== null && config.configVersion <= this.#config.configVersion) return
    if (this.#stored) this.#store.transaction(() => this.#store.saveSettings(config))
    this.#config = config
  }

  /** Plans the next flush from the queue. Changes nothing in the log. Needs its settings. */
  plan(queue: AppendQueue, nowMs: number): FlushPlan {
    const config = this.#configured()
    return planFlush(queue, {
      nextOffset: this.#nextOffset,
      logStart: this.#logStart,
      runningMaxTimestamp: this.#runningMaxTimestamp,
      runningSizeBytes: this.#runningSizeBytes,
      config,
      producers: this.#producers.begin(nowMs, config.settings.producerIdExpirationMs),
      nowMs,
    })
  }

  /** Stores a plan's chunk in one transaction. It is not visible until confirmed. */
  write(row: ChunkRow, plan: FlushPlan, nowMs: number): void {
    // Markers may have the little that is left: without them the transactions here would never end.
    if (plan.placed.some(({ append }) => append.end === null)) this.#room.take(row.sizeBytes)
    const deltaBytes = this.#deltaBytesSinceSnapshot + (row.producers?.length ?? 0)
    const snapshotDue =
      this.#chunksSinceSnapshot + 1 >= PRODUCER_SNAPSHOT_CHUNKS ||
      deltaBytes >= PRODUCER_SNAPSHOT_BYTES
    const segment = this.#segmentBegunBy(row, nowMs)
    this.#store.transaction(() => {
      if (!this.#stored) this.#store.create(this.#identity, this.#configured())
      if (segment !== null) this.#saveSegment(segment)
      // The state before this chunk: its own delta is read after it, as it is for any later chunk.
      if (snapshotDue) this.#saveProducers(row.firstOffset, nowMs)
      this.#store.insertChunk(row)
      this.#saveAborted(plan)
    })
    this.#stored = true
    this.#nextOffset = plan.nextOffset
    this.#runningMaxTimestamp = row.runningMaxTimestamp
    this.#runningSizeBytes = row.runningSizeBytes
    this.#producers.commit(plan.producers)
    this.#lastAborted = plan.aborted.at(-1)?.lastOffset ?? this.#lastAborted
    if (segment !== null) this.#begin(segment)
    this.#merging.grew(row.sizeBytes, segment !== null, nowMs)
    if (snapshotDue) this.#snapshotOffset = row.firstOffset
    this.#chunksSinceSnapshot = snapshotDue ? 1 : this.#chunksSinceSnapshot + 1
    this.#deltaBytesSinceSnapshot = snapshotDue ? (row.producers?.length ?? 0) : deltaBytes
    if (!this.#tail.keepWritten(row)) discard(row.data)
  }

  /** All that was written is confirmed on disk: readers may see it. */
  confirm(): void {
    this.#highWatermark = this.#nextOffset
    this.#lastStable = this.#stableEnd()
  }

  /** The producer as far as it is written; undefined when it is not known, or not any more. */
  producer(producerId: number, nowMs: number): ProducerState | undefined {
    const state = this.#producers.state(producerId)
    if (state === undefined) return undefined
    const { producerIdExpirationMs } = this.#configured().settings
    return isExpired(state, nowMs, producerIdExpirationMs) ? undefined : state
  }

  /** No further transaction than those of `joining` producers may begin before another has ended. */
  isCrowded(joining: number): boolean {
    return this.#producers.isCrowded(joining)
  }

  /** Every producer that is remembered, as DescribeProducers shows it. */
  describeProducers(nowMs: number): ProducerDescription[] {
    return describedProducers(this.#producers, nowMs, this.#producerExpirationMs)
  }

  /** A batch was refused with an error its producer will retry after. */
  awaitRetry(batch: Sequenced): void {
    this.#producers.awaitRetry(batch)
  }

  /** Whole batches of the range, up to what readers may see. */
  read(range: BatchRange, readCommitted: boolean): BatchesRead {
    const end = readCommitted ? this.lastStableOffset : this.#highWatermark
    return readBatches(this.#source, end, range)
  }

  /** The same, and nothing where that cannot be read: whoever asks has something already. */
  readOrNothing(range: BatchRange, readCommitted: boolean): BatchesRead {
    try {
      return this.read(range, readCommitted)
    } catch (error) {
      if (error instanceof DamagedRangeError) return { pieces: [], laterPieces: 0 }
      throw error
    }
  }

  /** The aborted transactions of which a read from `from` may hold records, by their first offsets. */
  abortedIn(from: number, { pieces, laterPieces }: BatchesRead): AbortedTransaction[] {
    const [first] = pieces
    if (first === undefined || from > this.#lastAborted) return []
    const end = laterPieces > 0 ? lastOffsetAt(first, 0) + 1 : endOfBatches(pieces)
    return end === null ? [] : this.#store.aborted(from, end)
  }

  /** Whether the batch of several pieces at an offset is still the one that has this checksum. */
  hasBatch(firstOffset: number, crc: number): boolean {
    const known = this.#batchInPieces
    if (known?.firstOffset === firstOffset) return known.crc === crc
    const stored = this.#store.batchCrc(firstOffset)
    if (stored !== null) this.#batchInPieces = { firstOffset, crc: stored }
    return stored === crc
  }

  /** A later piece of a batch of which a read gave the first; null when it is gone. */
  readPiece(firstOffset: number, piece: number): Uint8Array | null {
    return this.#store.laterPiece(firstOffset, piece)
  }

  /** ListOffsets by time or by one of its special values, of a log that is local. */
  lookUp(query: OffsetQuery): OffsetReply {
    return this.#lookUpFrom(this.#logStart, query.timestamp, query.readCommitted)
  }

  /** The same in what is local of a log. */
  lookUpLocally(timestamp: number, readCommitted: boolean): OffsetReply {
    return this.#lookUpFrom(this.localStart, timestamp, readCommitted)
  }

  #lookUpFrom(logStart: number, timestamp: number, readCommitted: boolean): OffsetReply {
    const end = readCommitted ? this.lastStableOffset : this.#highWatermark
    return lookUpOffset(this.#source, timestamp, { logStart, end })
  }

  /** Records below `logStart` are gone for good; their chunks are freed by the first of the chores. */
  moveLogStart(logStart: number, nowMs: number): void {
    this.#cutAt(logStart, nowMs, () => this.#store.lifecycle.deleteSegmentsBefore(logStart))
  }

  /** What compaction needs of the log (compaction/compactable.ts). Only while it has settings. */
  get compactable(): CompactableLog {
    const log = this
    return {
      get logStart() {
        return log.#logStart
      },
      get lastStableOffset() {
        return log.lastStableOffset
      },
      get activeFrom() {
        return log.activeSegmentOffset
      },
      get settings() {
        return log.#configured().settings
      },
      activeProducers: (nowMs) =>
        activeProducers(this.#producers, nowMs, this.#producerExpirationMs),
      segmentStarts: (from, to) => this.#store.lifecycle.segmentStarts(from, to),
      segmentsJoined: () => this.#retention.forget(),
      coverProducers: (offset, nowMs) => this.#coverProducers(offset, nowMs),
      replaced: (firstFrom, firstTo, removedBytes) => {
        this.#batchInPieces = null
        this.#tail.dropBetween(firstFrom, firstTo)
        this.#freedBytes += removedBytes
      },
    }
  }

  /** What tiering needs of the log (tiering/tierable.ts). Only while it has settings. */
  get tierable(): TierableLog {
    const log = this
    return {
      identity: this.#identity,
      get logStart() {
        return log.#logStart
      },
      get localStart() {
        return log.localStart
      },
      get lastStableOffset() {
        return log.lastStableOffset
      },
      get activeFrom() {
        return log.activeSegmentOffset
      },
      get runningSizeBytes() {
        return log.#runningSizeBytes
      },
      get mergedTo() {
        return log.#merging.mergedTo
      },
      get settings() {
        return log.#configured().settings
      },
      uploads: () => {
        log.#everTiered = true
      },
      coverProducers: (offset, nowMs) => this.#coverProducers(offset, nowMs),
      trim: (localStart, nowMs) => this.#trim(localStart, nowMs),
      moveLogStart: (logStart, nowMs) => this.moveLogStart(logStart, nowMs),
      replaced: (from, to) => {
        this.#batchInPieces = null
        this.#tail.dropBetween(from, to)
      },
    }
  }

  /** What is to be done when nobody calls, in steps. Nothing while nothing is stored, or all is deleted. */
  get chores(): readonly Chore[] {
    const whenAlive = (due: (nowMs: number) => number | null) => (nowMs: number) =>
      this.#stored && !this.#deleted ? due(nowMs) : null
    const atOnce = () => 1
    return [
      {
        failure: 'deleted records were not freed',
        intervalMs: atOnce,
        dueMs: whenAlive(() => (this.#hasDeletedChunks ? 0 : null)),
        step: () => {
          this.#hasDeletedChunks = this.#freeStep(this.localStart)
          return this.#hasDeletedChunks
        },
      },
      {
        failure: 'expired records were not deleted',
        intervalMs: () => this.#configured().settings.retentionCheckMs,
        dueMs: whenAlive(() => this.#retention.dueMs(this.#retentionView())),
        step: (nowMs) => this.#expire(nowMs),
      },
      {
        failure: 'small chunks were not merged',
        intervalMs: atOnce,
        dueMs: whenAlive(() => this.#merging.dueMs),
        step: (nowMs) =>
          this.#merging.step(this.localStart, this.#highWatermark, this.#snapshotOffset, nowMs),
      },
    ]
  }

  get #producerExpirationMs(): number {
    return this.#configured().settings.producerIdExpirationMs
  }

  /** Chunks below `offset` may lose what they changed in the producers' state: a snapshot has it. */
  #coverProducers(offset: number, nowMs: number): void {
    if (offset <= this.#snapshotOffset || this.#deltaBytesSinceSnapshot === 0) return
    this.#store.transaction(() => this.#saveProducers(this.#nextOffset, nowMs))
    this.#snapshotOffset = this.#nextOffset
    this.#chunksSinceSnapshot = 0
    this.#deltaBytesSinceSnapshot = 0
  }

  /** Retention: true when there may be more to delete. */
  #expire(nowMs: number): boolean {
    this.#producers.forgetExpired(nowMs, this.#configured().settings.producerIdExpirationMs)
    const step = this.#retention.step(this.#retentionView(), nowMs)
    if (step.seal) this.#seal(nowMs)
    const { logStart } = step
    if (logStart === null) return false
    this.#cutAt(logStart, nowMs, () => this.#store.lifecycle.deleteSegments(logStart))
    // Its active segment is gone with its last record: the next one begins another.
    if (logStart === this.#nextOffset) this.#activeSegment = null
    return step.more
  }

  /** The next chunk belongs to a new segment. */
  #seal(nowMs: number): void {
    const segment: Segment = {
      baseOffset: this.#nextOffset,
      firstTimestamp: -1,
      sizeBefore: this.#runningSizeBytes,
      createdMs: nowMs,
    }
    this.#store.transaction(() => this.#store.lifecycle.insertSegment(segment))
    this.#begin(segment)
  }

  /** Chunks below an offset are given up: the tier has them. Their aborted transactions go with them. */
  #trim(localStart: number, nowMs: number): void {
    this.#coverProducers(localStart, nowMs)
    this.#store.transaction(() => this.#tier.saveLocalStart(localStart))
    this.#localFrom = localStart
    this.#hasDeletedChunks = true
    this.#batchInPieces = null
  }

  /** Moves the log start in one transaction; `cut` deletes the segments that end there. */
  #cutAt(logStart: number, nowMs: number, cut: () => void): void {
    // The chunks to be freed may hold changes of producers that no snapshot has.
    const snapshotDue = this.#deltaBytesSinceSnapshot > 0 && logStart > this.#snapshotOffset
    this.#store.transaction(() => {
      this.#store.saveLogStart(logStart)
      cut()
      if (snapshotDue) this.#saveProducers(this.#nextOffset, nowMs)
    })
    this.#logStart = logStart
    this.#hasDeletedChunks = true
    this.#retention.forget()
    if (snapshotDue) {
      this.#snapshotOffset = this.#nextOffset
      this.#chunksSinceSnapshot = 0
      this.#deltaBytesSinceSnapshot = 0
    }
    this.#tail.dropBelow(logStart)
  }

  /** Persists that the topic is deleted. */
  fence(): void {
    this.#store.transaction(() => {
      if (!this.#stored) this.#store.create(this.#identity, this.#config)
      this.#store.saveDeleted()
    })
    this.#stored = true
    this.#deleted = true
    this.#tail.clear()
  }

  /** After the fence: frees a bounded number of chunks; true when there are more. */
  freeAll(): boolean {
    return this.#freeStep(Number.MAX_SAFE_INTEGER)
  }

  /** After the fence: the storage is gone, this memory of the deletion stays. */
  forget(): void {
    this.#stored = false
    this.#deleted = true
    this.#tail.clear()
  }

  /** Frees chunks that end below `end`, oldest first; true when more are left. */
  #freeStep(end: number): boolean {
    if (!this.#stored) return false
    const freed = freeStep(this.#store, end, this.#lastAborted >= 0)
    if (freed === null) return false
    // Of a batch that was asked for piece by piece the others are gone, not damaged.
    this.#batchInPieces = null
    this.#freedBytes += freed.bytes
    return freed.more
  }

  #stableEnd(): number {
    return this.#producers.firstOpenOffset ?? this.#nextOffset
  }

  /** With each the offset below which no later one begins, so that a reader can stop there. */
  #saveAborted({ aborted, producers, nextOffset }: FlushPlan): void {
    let stable = this.#producers.firstOpenOffsetAfter(producers) ?? nextOffset
    for (const span of aborted.toReversed()) {
      this.#store.insertAborted(span, stable)
      stable = Math.min(stable, span.firstOffset)
    }
  }

  /** The segment that a chunk begins; null when it belongs to the active one. */
  #segmentBegunBy(row: ChunkRow, nowMs: number): Segment | null {
    const active = this.#activeSegment
    const settings = jittered(this.#configured().settings, this.#identity, active)
    return segmentBegunBy(row, maxTimestampAt(row.data, 0), active, settings, nowMs)
  }

  #saveSegment(segment: Segment): void {
    // Those before it, if there are any left, have no chunks.
    if (this.#activeSegment === null) this.#store.lifecycle.deleteSegments(segment.baseOffset)
    this.#store.lifecycle.insertSegment(segment)
  }

  #begin(segment: Segment): void {
    this.#retention.began(segment, this.#activeSegment === null)
    this.#activeSegment = segment
  }

  #retentionView(): RetentionView {
    return {
      logStart: this.#logStart,
      nextOffset: this.#nextOffset,
      highWatermark: this.#highWatermark,
      runningSizeBytes: this.#runningSizeBytes,
      settings: this.#configured().settings,
    }
  }

  #saveProducers(nextOffset: number, nowMs: number): void {
    const { settings } = this.#configured()
    const data = this.#producers.snapshot(nowMs, settings.producerIdExpirationMs)
    this.#store.saveProducerSnapshot(nextOffset, data)
  }

  #configured(): VersionedSettings {
    if (this.#config === null) throw new Error('the log has no settings yet')
    return this.#config
  }
}
