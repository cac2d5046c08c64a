// The leader of one partition: answers all that is asked of it, parks those who wait, and asks Cluster before
// empty storage is written to. Drives appender.ts and log.ts, which knows nothing of waiting. Not the Durable Object: object.ts hosts it, tests host it on their own.

import type { TopicSettings } from '../core/configs.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { type Offset, offset } from '../core/ids.ts'
import {
  EVENTS_PIECE_BYTES,
  WATCH_AT_LEADER_MAX_MS,
  WATCH_CROWDED_MS,
  WATCHES_PER_PARTITION,
} from '../core/limits.ts'
import { buildEndTransaction } from '../record/control.ts'
import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from '../record/header.ts'
import { StorageTouch } from '../runtime/touch.ts'
import { Waiters } from '../runtime/waiters.ts'
import { ObjectStoreError } from '../tier/object-store.ts'
import type { Told } from '../watch/contract.ts'
import { Admission } from './admission.ts'
import { Appender } from './appender.ts'
import { CompactionChore } from './compaction/chore.ts'
import { CompactionStore } from './compaction/compaction-store.ts'
import { Compactor } from './compaction/compactor.ts'
import { type CompactionSlot, isolateCompaction } from './compaction/slot.ts'
import type {
  AppendPart,
  AppendReply,
  AppendRequest,
  DeleteRecordsReply,
  DeleteRecordsRequest,
  FollowReply,
  FollowRequest,
  OffsetQuery,
  OffsetReply,
  PartitionRpc,
  PartitionSize,
  PartitionTarget,
  PieceReply,
  PieceRequest,
  ProducersReply,
  ReadReply,
  ReadRequest,
  StandingReply,
  TransactionMarker,
  WatchReply,
} from './contract.ts'
import { Enlistments } from './enlistments.ts'
import { Fanouts, type SharedRead } from './fanout.ts'
import { isolatePieces } from './fanout-pieces.ts'
import { type PendingAppend, refusalOf, refused } from './flush.ts'
import type { LeaderHost } from './host.ts'
import { DamagedRangeError } from './integrity.ts'
import { Housekeeping } from './lifecycle/housekeeping.ts'
import { shareOf } from './lifecycle/share.ts'
import { PartitionLog } from './log.ts'
import type { BatchRange } from './reads.ts'
import { LogStore } from './store.ts'
import { Tells } from './tells.ts'
import { TierStore } from './tiering/tier-store.ts'
import type { TieredRead } from './tiering/tiered-reads.ts'
import { isolateTiering, Tiering } from './tiering/tiering.ts'
import { Uploads } from './uploads.ts'

const NONE = KafkaError.NONE

/** Damaged places that are reported once; of more than that, those beyond are reported each time. */
const DAMAGE_REMEMBERED = 100

/** Refused batches that are awaited once the log is loaded; of more than that the order is their producers'. */
const APPENDS_UNREAD = 1_000

/** The leader; its methods are those of PartitionRpc and answer instead of throwing. */
export class PartitionLeader implements PartitionRpc {
  readonly #host: LeaderHost
  readonly #appender: Appender
  readonly #waiters: Waiters<WatchReply>
  readonly #admission: Admission
  readonly #uploads: Uploads
  readonly #enlistments: Enlistments
  readonly #tells: Tells
  readonly #fanouts: Fanouts
  readonly #touch: StorageTouch
  #log: PartitionLog | null = null
  /** With the log. */
  #tiering: Tiering | null = null
  /** As soon as the log is loaded. */
  #housekeeping: Housekeeping | null = null
  /** A write was lost: what is in memory is not on disk, so nothing more is said from it. */
  #broken = false
  #erasing: Promise<void> | null = null
  /** Batches that were refused because the log could not be loaded. */
  readonly #unread: BatchHeader[] = []
  /** Damage that was reported. */
  readonly #damage = new Set<string>()

  constructor(host: LeaderHost) {
    this.#host = host
    this.#touch = new StorageTouch(host.storage, host.now)
    this.#uploads = new Uploads(host.startTimer)
    this.#enlistments = new Enlistments({
      enlist: host.enlist,
      state: (producerId) => this.#log?.producer(producerId, host.now()),
      isCrowded: (joining) => this.#log?.isCrowded(joining) ?? false,
      push: (append) => this.#appender.push(append),
      refuse: (append, error) => this.#appender.refuse(append, error),
      startTimer: host.startTimer,
      report: host.report,
    })
    this.#admission = new Admission({
      admit: host.admit,
      now: host.now,
      report: host.report,
      admitted: (config) => {
        const log = this.#opened()
        // A fence may have come while Cluster's earlier answer was under way.
        if (log.deleted) return KafkaError.UNKNOWN_TOPIC_ID
        log.configure(config)
        return NONE
      },
    })
    this.#appender = new Appender({
      log: () => this.#log,
      admission: this.#admission,
      now: host.now,
      confirmed: () => this.#confirmed(),
      turn: host.turn,
      published: (log) => this.#published(log),
      refusedAll: (error) => this.#enlistments.refuseAll(error),
      end: (reason) => this.#end(reason),
      report: host.report,
    })
    this.#fanouts = new Fanouts({
      ...host,
      partition: host.identity.partition,
      budget: isolatePieces,
      read: (from, readCommitted) => this.#readToShare(from, readCommitted),
    })
    this.#tells = new Tells({
      tell: () => host.tell(this.#standing()),
      startTimer: host.startTimer,
      report: host.report,
    })
    this.#waiters = new Waiters<WatchReply>({
      now: host.now,
      startTimer: host.startTimer,
      expired: () => this.#position(NONE),
      capacity: WATCHES_PER_PARTITION,
      crowdedMs: WATCH_CROWDED_MS,
    })
  }

  /** Several of one caller. Their places are taken, and one flush begun for all, before this returns. */
  appendAll(requests: readonly AppendRequest[]): Promise<AppendReply[]> {
    return this.#appender.together(() =>
      Promise.all(requests.map((request) => this.append(request))),
    )
  }

  /** Resolves when the batch is durable, or refused. Its place is taken before this returns. */
  append(request: AppendRequest): Promise<AppendReply> {
    return new Promise((resolve) => {
      const { batch, configVersion } = request
      const error = this.#closedTo(request)
      if (batch.length < BATCH_HEADER_BYTES) {
        resolve(refused(error === NONE ? KafkaError.CORRUPT_MESSAGE : error, -1))
        return
      }
      const header = readBatchHeader(batch)
      if (error !== NONE) {
        if (error === KafkaError.KAFKA_STORAGE_ERROR) this.#refusedUnread(header)
        resolve(refused(error, -1))
        return
      }
      const append: PendingAppend = {
        batch,
        header,
        configVersion,
        transaction: null,
        end: null,
        resolve,
      }
      const refusal = refusalOf(batch, header)
      if (refusal !== null) resolve(refusal)
      else if (header.transactional) this.#enlistments.take(append, request.transaction)
      else this.#appender.push(append)
    })
  }

  /** What comes behind it in the same pipeline must not come before it once the log can be read. */
  #refusedUnread(header: BatchHeader): void {
    if (this.#log !== null || this.#unread.length >= APPENDS_UNREAD) return
    this.#unread.push(header)
  }

  /** A marker takes its place among the appends, and no limit holds it back. */
  endTransaction(marker: TransactionMarker): Promise<{ readonly error: ErrorCode }> {
    const error = this.#closedTo(marker)
    if (error !== NONE) return Promise.resolve({ error })
    const { producerId, producerEpoch, number, coordinatorEpoch, committed } = marker
    if (!Number.isSafeInteger(producerId) || producerId < 0) {
      return Promise.resolve({ error: KafkaError.INVALID_PRODUCER_ID_MAPPING })
    }
    this.#enlistments.ended(producerId, producerEpoch, number)
    const batch = buildEndTransaction({
      commit: committed,
      producerId,
      producerEpoch,
      coordinatorEpoch,
      timestamp: this.#host.now(),
    })
    return new Promise((resolve) => {
      this.#appender.enqueue({
        batch,
        header: readBatchHeader(batch),
        // Settings say nothing about markers.
        configVersion: Number.POSITIVE_INFINITY,
        transaction: null,
        end: { producerId, producerEpoch, number, coordinatorEpoch, committed },
        resolve: (reply) => resolve({ error: reply.kind === 'refused' ? reply.error : NONE }),
      })
    })
  }

  async producers(target: PartitionTarget): Promise<ProducersReply> {
    const error = await this.#readiness(target)
    if (error !== NONE) return { error, producers: [] }
    return { error, producers: this.#opened().describeProducers(this.#host.now()) }
  }

  async appendPart(part: AppendPart): Promise<AppendReply | null> {
    const whole = this.#uploads.add(part)
    if (whole === null) return null
    if (whole === 'lost') {
      this.#awaitUpload(part)
      return refused(KafkaError.NOT_LEADER_OR_FOLLOWER, -1)
    }
    const { topicId, partition, configVersion, transaction } = part
    const request = { topicId, partition, configVersion, batch: whole }
    return this.append(transaction === undefined ? request : { ...request, transaction })
  }

  /** Its producer sends the batch again, and none of those behind it may come before. */
  #awaitUpload({ at, bytes, ...target }: AppendPart): void {
    if (at !== 0 || bytes.length < BATCH_HEADER_BYTES || this.#closedTo(target) !== NONE) return
    this.#opened().awaitRetry(readBatchHeader(bytes))
  }

  async read(request: ReadRequest): Promise<ReadReply> {
    const error = await this.#readiness(request)
    if (error !== NONE) return this.#readReply(error, [])
    const log = this.#opened()
    const beyond = request.readCommitted ? log.lastStableOffset : log.highWatermark
    if (request.offset < log.logStart || request.offset > log.highWatermark) {
      // A client that is told so leaves its place: it must not hear it from a leader that is behind.
      const reached = this.#touched(true)
      return this.#readReply(reached === NONE ? KafkaError.OFFSET_OUT_OF_RANGE : reached, [])
    }
    if (request.offset >= beyond) return this.#readReply(NONE, [])
    this.#turns.served(this.#host.now())
    try {
      const { isolate, readCommitted, ...range } = request
      const sharing = isolate !== undefined && isolate === this.#host.isolate()
      if (request.offset < log.localStart) {
        return await this.#readTier({ ...range, sharing }, readCommitted)
      }
      const read = log.read({ ...range, sharing }, readCommitted)
      const { pieces, laterPieces } = read
      const reply = { ...this.#readReply(NONE, pieces), laterPieces }
      if (!readCommitted) return reply
      return { ...reply, abortedTransactions: log.abortedIn(request.offset, read) }
    } catch (cause) {
      const reply = this.#readReply(this.#readError('read failed', cause), [])
      if (!(cause instanceof DamagedRangeError)) return reply
      const instead = await this.#tiering?.instead(request, request.readCommitted)
      if (instead) return this.#tierReply(instead, request.readCommitted)
      const { firstOffset, lastOffset } = cause
      const damage = { firstOffset: offset(firstOffset), lastOffset: offset(lastOffset) }
      return { ...reply, damage }
    }
  }

  /** The log may have been fenced, or cut, while the tier was read. */
  async #readTier(range: BatchRange, readCommitted: boolean): Promise<ReadReply> {
    const reading = this.#tiers().read(range, readCommitted)
    const isRead = await reading.then(
      () => true,
      () => false,
    )
    const open = this.#closedTo(this.#host.identity)
    // What is missing may have been deleted by a leader that has replaced this one.
    const closed = open === NONE && !isRead ? this.#touched(true) : open
    const isCut = closed === NONE && range.offset < this.#opened().logStart
    const error = isCut ? KafkaError.OFFSET_OUT_OF_RANGE : closed
    return error === NONE
      ? this.#tierReply(await reading, readCommitted)
      : this.#readReply(error, [])
  }

  #tierReply({ pieces, laterPieces, aborted }: TieredRead, readCommitted: boolean): ReadReply {
    const abortedTransactions = readCommitted ? [...aborted] : []
    return { ...this.#readReply(NONE, pieces), laterPieces, abortedTransactions }
  }

  async readPiece(request: PieceRequest): Promise<PieceReply> {
    if ((await this.#readiness(request)) !== NONE) return { bytes: null }
    const { baseOffset, crc, piece } = request
    try {
      const log = this.#opened()
      // A log start may lie inside a local batch.
      if (log.localStart > log.logStart && baseOffset < log.localStart) {
        return { bytes: await this.#tiers().piece(baseOffset, crc, piece) }
      }
      if (!log.hasBatch(baseOffset, crc)) return { bytes: null }
      const bytes = log.readPiece(baseOffset, piece)
      if (bytes !== null) return { bytes }
      throw new DamagedRangeError(baseOffset, baseOffset, `piece ${piece} is gone`)
    } catch (cause) {
      const error = this.#readError('a piece was not read', cause)
      if (!(cause instanceof DamagedRangeError)) return { bytes: null, error }
      const bytes = (await this.#tiering?.pieceInstead(baseOffset, crc, piece)) ?? null
      return bytes === null ? { bytes, error } : { bytes }
    }
  }

  async watch(target: PartitionTarget, after: Offset, timeoutMs: number): Promise<WatchReply> {
    const error = await this.#readiness(target)
    const waitMs = Math.min(timeoutMs, WATCH_AT_LEADER_MAX_MS)
    if (error !== NONE || this.#opened().highWatermark > after || waitMs <= 0) {
      return this.#position(error)
    }
    return this.#waiters.park(after, waitMs)
  }

  async subscribed(target: PartitionTarget): Promise<StandingReply> {
    const error = await this.#readiness(target)
    this.#tells.subscribed()
    const { pieces: _, abortedTransactions: __, ...standing } = this.#readReply(error, [])
    return standing
  }

  async follow(request: FollowRequest): Promise<FollowReply> {
    const error = await this.#readiness(request)
    if (error !== NONE || !this.#opened().stored) return { error }
    return this.#fanouts.follow(request, this.#opened().highWatermark)
  }

  /** Whole batches for the fan-out, without waiting. */
  #readToShare(from: number, readCommitted: boolean): SharedRead {
    const error = this.#closedTo(this.#host.identity)
    if (error !== NONE) return { error, pieces: [], aborted: [], end: from }
    const log = this.#opened()
    if (from < log.logStart || from > log.highWatermark) {
      return { error: KafkaError.OFFSET_OUT_OF_RANGE, pieces: [], aborted: [], end: from }
    }
    const end = readCommitted ? log.lastStableOffset : log.highWatermark
    if (from >= end) return { error, pieces: [], aborted: [], end }
    // What is only in the tier is not shared: whoever is so far behind reads it.
    if (from < log.localStart) {
      return { error: KafkaError.MESSAGE_TOO_LARGE, pieces: [], aborted: [], end }
    }
    const range = { offset: from, maxBytes: EVENTS_PIECE_BYTES, atLeastOneBatch: true }
    try {
      const read = log.read(range, readCommitted)
      const aborted = readCommitted ? log.abortedIn(from, read) : []
      // A batch larger than a row is more than is shared.
      const isTooLarge = read.laterPieces > 0
      return {
        error: isTooLarge ? KafkaError.MESSAGE_TOO_LARGE : NONE,
        pieces: read.pieces,
        aborted,
        end,
      }
    } catch (cause) {
      return { error: this.#readError('read failed', cause), pieces: [], aborted: [], end: from }
    }
  }

  async listOffset(query: OffsetQuery): Promise<OffsetReply> {
    const none = { offset: offset(-1), timestamp: -1 }
    const error = await this.#readiness(query)
    if (error !== NONE) return { error, ...none }
    try {
      const log = this.#opened()
      return log.everTiered ? await this.#tiers().lookUp(query) : log.lookUp(query)
    } catch (cause) {
      return { error: this.#readError('offset lookup failed', cause), ...none }
    }
  }

  async deleteRecords(request: DeleteRecordsRequest): Promise<DeleteRecordsReply> {
    const refuse = (error: ErrorCode) => ({ error, lowWatermark: offset(-1) })
    const error = await this.#readiness(request)
    if (error !== NONE) return refuse(error)
    const log = this.#opened()
    if (log.config?.settings.cleanupDelete !== true) return refuse(KafkaError.POLICY_VIOLATION)
    const logStart = request.offset === -1 ? log.highWatermark : request.offset
    if (logStart < 0 || logStart > log.highWatermark) return refuse(KafkaError.OFFSET_OUT_OF_RANGE)
    if (logStart > log.logStart) {
      try {
        log.moveLogStart(logStart, this.#host.now())
      } catch (cause) {
        return refuse(this.#storageError('records were not deleted', cause))
      }
      this.#tells.moved()
      this.#housekeeping?.run()
    }
    // What another deletion has moved may not be on disk yet.
    if (!(await this.#confirmed())) return refuse(KafkaError.KAFKA_STORAGE_ERROR)
    return { error: NONE, lowWatermark: offset(log.logStart) }
  }

  async size(target: PartitionTarget): Promise<PartitionSize> {
    const error = await this.#readiness(target)
    const log = error === NONE ? this.#opened() : null
    const tier = log === null ? null : this.#tiers().status
    return {
      ...(tier === null ? {} : { tier }),
      error,
      logStartOffset: offset(log?.logStart ?? -1),
      highWatermark: offset(log?.highWatermark ?? -1),
      sizeBytes: log?.sizeBytes ?? 0,
    }
  }

  async configure(
    target: PartitionTarget,
    configVersion: number,
    settings: TopicSettings,
  ): Promise<void> {
    this.#demandIdentity(target)
    const log = this.#open()
    if (!log.deleted) log.configure({ configVersion, settings })
    this.#housekeeping?.schedule()
    await this.#host.sync()
  }

  async fence(target: PartitionTarget): Promise<void> {
    this.#demandIdentity(target)
    const log = this.#open()
    if (!log.deleted) log.fence()
    this.#appender.refuseAll(KafkaError.UNKNOWN_TOPIC_ID)
    this.#waiters.wakeAll(this.#position(KafkaError.UNKNOWN_TOPIC_ID))
    this.#fanouts.close()
    this.#tells.moved()
    await this.#host.sync()
  }

  async free(target: PartitionTarget): Promise<boolean> {
    this.#demandIdentity(target)
    const log = this.#open()
    if (!log.stored) return true
    if (!log.deleted) throw new Error('a partition is fenced before it is freed')
    if (this.#erasing === null) {
      await this.#tiers().deleteAll()
      if (log.freeAll()) return false
    }
    this.#erasing ??= this.#host.deleteAll()
    try {
      await this.#erasing
      log.forget()
    } finally {
      this.#erasing = null
    }
    return true
  }

  /** What an alarm does: a step of each chore of the log that is due. */
  housekeep(): void {
    if (this.#broken) return
    // What it does then says when the next alarm is due.
    const log = this.#open(false)
    const { logStart } = log
    if (this.#housekeeping?.run() === true) void this.#confirmed()
    if (log.logStart > logStart) this.#tells.moved()
  }

  /** Who waits for what was appended gets it; the rest is told, or due, in time. */
  #published(log: PartitionLog): void {
    this.#turns.served(this.#host.now())
    this.#waiters.wake(log.highWatermark, this.#position(NONE))
    this.#tells.moved()
    this.#housekeeping?.schedule()
  }

  /** False when the disk lost what was written: then this object says nothing more and ends. */
  async #confirmed(): Promise<boolean> {
    try {
      await this.#host.sync()
      return !this.#broken
    } catch (cause) {
      this.#host.report('a commit was not confirmed', cause)
      this.#end('a commit was not confirmed')
      return false
    }
  }

  /** Says nothing more from memory, and has a new object made from what is on disk. */
  #end(reason: string): void {
    this.#broken = true
    this.#appender.refuseAll(KafkaError.KAFKA_STORAGE_ERROR)
    this.#waiters.wakeAll(this.#position(KafkaError.KAFKA_STORAGE_ERROR))
    this.#fanouts.close()
    this.#host.abort(reason)
  }

  /** Why a call cannot be served now, without asking anybody; loads the log at first use. */
  #closedTo(target: PartitionTarget): ErrorCode {
    const { topicId, partition } = this.#host.identity
    if (target.topicId !== topicId || target.partition !== partition) {
      return KafkaError.UNKNOWN_TOPIC_ID
    }
    if (this.#broken) return KafkaError.KAFKA_STORAGE_ERROR
    try {
      return this.#open().deleted ? KafkaError.UNKNOWN_TOPIC_ID : NONE
    } catch (cause) {
      return this.#storageError('the log was not loaded', cause)
    }
  }

  /** As closedTo, but a partition never written asks Cluster whether it is alive. */
  async #readiness(target: PartitionTarget): Promise<ErrorCode> {
    const error = this.#closedTo(target)
    if (error !== NONE) return error
    if (this.#opened().stored) return this.#touched()
    const answer = await this.#admission.toRead()
    return answer === NONE ? this.#closedTo(target) : answer
  }

  /** Nothing is answered from memory by a leader that another has replaced. */
  #touched(atOnce = false): ErrorCode {
    try {
      if (atOnce) this.#touch.now()
      else this.#touch.lately()
      return NONE
    } catch (cause) {
      return this.#storageError('the storage was not reached', cause)
    }
  }

  #open(schedules = true): PartitionLog {
    if (this.#log === null) {
      const { storage, identity, chunks, maxBytes } = this.#host
      const store = new LogStore(storage)
      const tier = new TierStore(storage)
      const log = new PartitionLog(store, tier, identity, chunks, maxBytes)
      this.#log = log
      for (const header of this.#unread.splice(0)) log.awaitRetry(header)
      this.#tiering = new Tiering(log, store, tier, {
        ...this.#host,
        tier: this.#host.tier ?? null,
        slot: this.#host.tieringSlot ?? isolateTiering,
        isOpen: () => !this.#broken,
        sync: () => this.#synced(),
        rested: () => this.#housekeeping?.schedule(),
      })
      // No more than remembering that there is an alarm, as a rule.
      const chores = [...log.chores, this.#compaction(log), this.#tiering.chore]
      this.#housekeeping = new Housekeeping(this.#host, chores, shareOf(identity))
      if (schedules) this.#housekeeping.schedule()
      if (log.stored) this.#tells.loaded()
    }
    return this.#log
  }

  /** Who of the isolate compacts, and whether others need its thread. */
  get #turns(): CompactionSlot {
    return this.#host.compaction?.slot ?? isolateCompaction
  }

  #compaction(log: PartitionLog): CompactionChore {
    const { compaction, now, report, startTimer, storage } = this.#host
    const compactor = new Compactor(log.compactable, new CompactionStore(storage), {
      now,
      report,
      secret: () => crypto.getRandomValues(new Uint32Array(4)),
      slot: this.#turns,
      ...(compaction === undefined
        ? {}
        : { mapBytes: compaction.mapBytes, saveRows: compaction.saveRows }),
    })
    return new CompactionChore(compactor, {
      now,
      report,
      startTimer,
      isOpen: () => log.stored && log.config !== null && !log.deleted && !this.#broken,
      isBusy: (nowMs) => this.#turns.isBusy(nowMs),
      backoffMs: () => log.config?.settings.cleanerBackoffMs ?? 1,
      wrote: () => void this.#confirmed(),
      rested: () => this.#housekeeping?.schedule(),
      ...(compaction === undefined ? {} : { budget: compaction.budget }),
    })
  }

  /** What was written is on disk; else this object ends. */
  async #synced(): Promise<void> {
    if (!(await this.#confirmed())) throw new Error('a commit was not confirmed')
  }

  #tiers(): Tiering {
    if (this.#tiering === null) throw new Error('the log is not loaded')
    return this.#tiering
  }

  /** The log of a call that has checked closedTo. */
  #opened(): PartitionLog {
    if (this.#log === null) throw new Error('the log is not loaded')
    return this.#log
  }

  #demandIdentity(target: PartitionTarget): void {
    const { topicId, partition } = this.#host.identity
    if (target.topicId === topicId && target.partition === partition) return
    throw new Error(`${target.topicId}/${target.partition} is another partition`)
  }

  /** Damage is told as such, and of the same place once: whoever meets it will ask again and again. */
  #readError(event: string, cause: unknown): ErrorCode {
    // Told once for all who meet it (tiering/condition.ts).
    if (cause instanceof ObjectStoreError) return KafkaError.KAFKA_STORAGE_ERROR
    if (!isDamage(cause)) return this.#storageError(event, cause)
    const place = String(cause)
    if (!this.#damage.has(place)) this.#host.report('stored records are damaged', cause)
    if (this.#damage.size < DAMAGE_REMEMBERED) this.#damage.add(place)
    return KafkaError.CORRUPT_MESSAGE
  }

  #storageError(event: string, cause: unknown): ErrorCode {
    this.#host.report(event, cause)
    return KafkaError.KAFKA_STORAGE_ERROR
  }

  #standing(): Told {
    const log = this.#log
    return {
      ...this.#host.identity,
      highWatermark: log?.highWatermark ?? -1,
      logStartOffset: log?.logStart ?? -1,
      gone: log?.deleted ?? false,
    }
  }

  #position(error: ErrorCode): WatchReply {
    return { error, highWatermark: offset(this.#log?.highWatermark ?? -1) }
  }

  #readReply(error: ErrorCode, pieces: Uint8Array[]): ReadReply {
    const log = this.#log
    return {
      error,
      highWatermark: offset(log?.highWatermark ?? -1),
      lastStableOffset: offset(log?.lastStableOffset ?? -1),
      logStartOffset: offset(log?.logStart ?? -1),
      pieces,
      abortedTransactions: [],
    }
  }
}

/** Rows that are not what was written, or pages of SQLite's own that are not. */
function isDamage(cause: unknown): boolean {
  return cause instanceof DamagedRangeError || /SQLITE_CORRUPT|malformed/.test(String(cause))
}
