// The log of one partition: what is written to it, and what readers may see. Synchronous, one step at a time; what is
// not yet confirmed on disk is not visible. Not the queue, the waiting or the calls: leader.ts drives it. Its state is
// log-state.ts, what is read log-reads.ts, what goes log-front.ts. Memory changes only after the transaction that
// stored the change returned.

import { discard } from '../core/bytes.ts'
import type { CompactableLog } from './compaction/compactable.ts'
import type { ProducerDescription } from './contract.ts'
import { type AppendQueue, type FlushPlan, planFlush } from './flush.ts'
import type { Chore } from './lifecycle/housekeeping.ts'
import { Merging } from './lifecycle/merging.ts'
import { LogFront } from './log-front.ts'
import { LogReads } from './log-reads.ts'
import { LogState } from './log-state.ts'
import { compactableOf, type LogParts, tierableOf } from './log-views.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import type { ProducerState } from './producer-state.ts'
import { describedProducers } from './producer-views.ts'
import { isExpired, ProducerTable, type Sequenced } from './producers.ts'
import type { RequestTable } from './requests.ts'
import { isolateRequests, KeptRequests } from './requests-kept.ts'
import { Room } from './room.ts'
import type { LogStore } from './store.ts'
import type { ChunkRow, Identity, VersionedSettings } from './stored.ts'
import { type ChunkCache, Tail } from './tail.ts'
import type { TierStore } from './tiering/tier-store.ts'
import type { TierableLog } from './tiering/tierable.ts'

/** The log of one partition over its storage. Methods that touch storage throw what it throws. */
export class PartitionLog {
  readonly reads: LogReads
  readonly #parts: LogParts
  readonly #store: LogStore
  readonly #state: LogState
  readonly #tail: Tail
  readonly #producers = new ProducerTable()
  readonly #snapshots: ProducerSnapshots
  readonly #requests: KeptRequests
  readonly #front: LogFront
  readonly #merging: Merging
  readonly #room: Room

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
    const state = new LogState(identity)
    const tail = new Tail(cache)
    const producers = this.#producers
    this.reads = new LogReads(store, tail, state)
    this.#store = store
    this.#state = state
    this.#tail = tail
    this.#requests = new KeptRequests(store, isolateRequests)
    this.#snapshots = new ProducerSnapshots(store, state, producers, this.#requests)
    const { reads } = this
    const snapshots = this.#snapshots
    const frontParts = { store, tier, state, tail, reads, producers, snapshots }
    this.#front = new LogFront(frontParts)
    this.#merging = new Merging(store, tail)
    this.#parts = { ...frontParts, front: this.#front, merging: this.#merging }
    this.#room = new Room(() => store.databaseSizeBytes, maxBytes)
    this.#load()
  }

  #load(): void {
    const loaded = this.#store.load()
    if (loaded === null) return
    const state = this.#state
    state.load(loaded, () => this.#store.lifecycle.sizeFrom(0))
    this.#snapshots.load(loaded)
    state.lastStable = this.#stableEnd()
    if (loaded.deleted) return
    this.#merging.load(state.localStart, state.activeSegmentOffset, state.nextOffset)
  }

  /** False until the first write: a partition never written keeps nothing. */
  get stored(): boolean {
    return this.#state.stored
  }

  /** The topic is deleted, durably. */
  get deleted(): boolean {
    return this.#state.deleted
  }

  /** null until stored or told. */
  get config(): VersionedSettings | null {
    return this.#state.config
  }

  get logStart(): number {
    return this.#state.logStart
  }

  /** Where the log begins to be local: what is below it, from the log start on, only the tier has. */
  get localStart(): number {
    return this.#state.localStart
  }

  /** The tier may have objects of this log. */
  get everTiered(): boolean {
    return this.#state.everTiered
  }

  /** What of this log is in memory. */
  get tail(): Tail {
    return this.#tail
  }

  /** First offset readers may not see yet. */
  get highWatermark(): number {
    return this.#state.highWatermark
  }

  /** First offset of the oldest open transaction, else the high watermark. Never goes back. */
  get lastStableOffset(): number {
    return this.#state.lastStableOffset
  }

  /** Bytes of batches kept. */
  get sizeBytes(): number {
    return this.#state.sizeBytes
  }

  /** Bytes of all chunks that were ever written, as far as chunks are left that say so. */
  get writtenBytes(): number {
    return this.#state.runningSizeBytes
  }

  /** What compaction needs of the log. Only while it has settings. */
  get compactable(): CompactableLog {
    return compactableOf(this.#parts)
  }

  /** What tiering needs of the log. Only while it has settings. */
  get tierable(): TierableLog {
    return tierableOf(this.#parts)
  }

  /** Newer settings; persisted when anything is. Older or equal versions are ignored. */
  configure(config: VersionedSettings): void {
    const state = this.#state
    if (state.config !== null && config.configVersion <= state.config.configVersion) return
    if (state.stored) this.#store.transaction(() => this.#store.saveSettings(config))
    state.config = config
  }

  /** Plans the next flush from the queue. Changes nothing in the log. Needs its settings. */
  plan(queue: AppendQueue, nowMs: number): FlushPlan {
    const { configured, logStart, nextOffset, runningMaxTimestamp, runningSizeBytes } = this.#state
    return planFlush(queue, {
      nextOffset,
      logStart,
      runningMaxTimestamp,
      runningSizeBytes,
      config: configured,
      producers: this.#producers.begin(nowMs, configured.settings.producerIdExpirationMs),
      requests: () => this.#requests.table().begin(nowMs),
      hasUnwrittenRequests: this.#requests.hasUnwritten,
      nowMs,
    })
  }

  /** Stores a plan's chunk in one transaction. It is not visible until confirmed. */
  write(row: ChunkRow, plan: FlushPlan, nowMs: number): void {
    // Markers may have the little that is left: without them the transactions here would never end.
    if (plan.placed.some(({ append }) => append.end === null)) this.#room.take(row.sizeBytes)
    const state = this.#state
    const snapshotDue = this.#snapshots.isDueBy(row)
    const segment = this.#front.segmentBegunBy(row, nowMs)
    this.#store.transaction(() => {
      if (!state.stored) this.#store.create(state.identity, state.configured)
      if (segment !== null) this.#front.saveSegment(segment)
      // The state before this chunk: its own delta is read after it, as it is for any later chunk.
      if (snapshotDue) this.#snapshots.save(row.firstOffset, nowMs)
      this.#store.insertChunk(row)
      this.#saveAborted(plan)
    })
    state.stored = true
    state.nextOffset = plan.nextOffset
    state.runningMaxTimestamp = row.runningMaxTimestamp
    state.runningSizeBytes = row.runningSizeBytes
    this.#producers.commit(plan.producers)
    if (plan.requests !== null) this.#requests.table().commit(plan.requests)
    state.lastAborted = plan.aborted.at(-1)?.lastOffset ?? state.lastAborted
    if (segment !== null) this.#front.begin(segment)
    this.#merging.grew(row.sizeBytes, segment !== null, nowMs)
    this.#snapshots.wrote(row, snapshotDue)
    if (!this.#tail.keepWritten(row)) discard(row.data)
  }

  /** All that was written is confirmed on disk: readers may see it. */
  confirm(): void {
    this.#state.highWatermark = this.#state.nextOffset
    this.#state.lastStable = this.#stableEnd()
  }

  /** What `look` sees of the log is as it will be when all that was written is confirmed. Nothing must be done by it. */
  asConfirmed(look: () => void): void {
    const { highWatermark, lastStable } = this.#state
    this.confirm()
    try {
      look()
    } finally {
      this.#state.highWatermark = highWatermark
      this.#state.lastStable = lastStable
    }
  }

  /** The producer as far as it is written; undefined when it is not known, or not any more. */
  producer(producerId: number, nowMs: number): ProducerState | undefined {
    const state = this.#producers.state(producerId)
    if (state === undefined) return undefined
    const { producerIdExpirationMs } = this.#state.settings
    return isExpired(state, nowMs, producerIdExpirationMs) ? undefined : state
  }

  /** The keyed HTTP requests that this log remembers. Throws what reading them throws. */
  readRequests(): RequestTable {
    return this.#requests.table()
  }

  /** No further transaction than those of `joining` producers may begin before another has ended. */
  isCrowded(joining: number): boolean {
    return this.#producers.isCrowded(joining)
  }

  /** Every producer that is remembered, as DescribeProducers shows it. */
  describeProducers(nowMs: number): ProducerDescription[] {
    const { producerIdExpirationMs } = this.#state.settings
    return describedProducers(this.#producers, nowMs, producerIdExpirationMs)
  }

  /** A batch was refused with an error its producer will retry after. */
  awaitRetry(batch: Sequenced): void {
    this.#producers.awaitRetry(batch)
  }

  /** Records below `logStart` are gone for good; their chunks are freed by the first of the chores. */
  moveLogStart(logStart: number, nowMs: number): void {
    this.#front.moveLogStart(logStart, nowMs)
  }

  /** What is to be done when nobody calls, in steps. Nothing while nothing is stored, or all is deleted. */
  get chores(): readonly Chore[] {
    const state = this.#state
    const whenAlive = (due: (nowMs: number) => number | null) => (nowMs: number) =>
      state.stored && !state.deleted ? due(nowMs) : null
    return [
      ...this.#front.chores(whenAlive),
      {
        failure: 'small chunks were not merged',
        intervalMs: () => 1,
        dueMs: whenAlive(() => this.#merging.dueMs),
        step: (nowMs) =>
          this.#merging.step(state.localStart, state.highWatermark, this.#snapshots.offset, nowMs),
      },
    ]
  }

  /**
   * Persists that the topic is deleted, where anything is stored. Elsewhere this memory is enough: who comes after it asks
   * the controller first. A row would stay for ever if this call was late and what there was has been freed.
   */
  fence(): void {
    const state = this.#state
    if (state.stored) {
      this.#store.transaction(() => {
        this.#store.saveDeleted()
      })
    }
    state.deleted = true
    this.#tail.clear()
  }

  /** After the fence: frees a bounded number of chunks; true when there are more. */
  freeAll(): boolean {
    return this.#front.freeStep(Number.MAX_SAFE_INTEGER)
  }

  /** After the fence: the storage is gone, this memory of the deletion stays. */
  forget(): void {
    this.#state.stored = false
    this.#state.deleted = true
    this.#tail.clear()
  }

  #stableEnd(): number {
    return this.#producers.firstOpenOffset ?? this.#state.nextOffset
  }

  /** With each the offset below which no later one begins, so that a reader can stop there. */
  #saveAborted({ aborted, producers, nextOffset }: FlushPlan): void {
    let stable = this.#producers.firstOpenOffsetAfter(producers) ?? nextOffset
    for (const span of aborted.toReversed()) {
      this.#store.aborted.insert(span, stable)
      stable = Math.min(stable, span.firstOffset)
    }
  }
}
