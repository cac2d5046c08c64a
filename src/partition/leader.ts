// The leader of one partition: answers all that is asked of it, and parks those who wait. What is written goes by
// arrivals.ts, what is read by read-answers.ts, and leader-log.ts says whether the log is open to a call; log.ts knows
// nothing of waiting. Not the Durable Object: object.ts hosts it, tests host it on their own.

import type { TopicSettings } from '../core/configs.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { type Offset, offset } from '../core/ids.ts'
import {
  WATCH_AT_LEADER_MAX_MS,
  WATCH_CROWDED_MS,
  WATCHES_PER_PARTITION,
} from '../core/limits/watch.ts'
import { Waiters } from '../runtime/waiters.ts'
import type { Told } from '../watch/contract.ts'
import { Arrivals } from './arrivals.ts'
import type {
  AppendPart,
  AppendReply,
  AppendRequest,
  DeleteRecordsReply,
  DeleteRecordsRequest,
  FollowReply,
  FollowRequest,
  Freeing,
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
import { Fanouts } from './fanout.ts'
import { isolatePieces } from './fanout-pieces.ts'
import type { LeaderHost } from './host.ts'
import { LeaderLog } from './leader-log.ts'
import type { PartitionLog } from './log.ts'
import { ReadAnswers } from './read-answers.ts'
import { RequestAnswers } from './requests-answers.ts'
import type { ClaimReply, RequestClaim } from './requests-contract.ts'
import { Tells } from './tells.ts'

const NONE = KafkaError.NONE

/** The leader; its methods are those of PartitionRpc and answer instead of throwing. */
export class PartitionLeader implements PartitionRpc {
  readonly #host: LeaderHost
  readonly #log: LeaderLog
  readonly #arrivals: Arrivals
  readonly #answers: ReadAnswers
  readonly #requests: RequestAnswers
  readonly #waiters: Waiters<WatchReply>
  readonly #tells: Tells
  readonly #fanouts: Fanouts
  #erasing: Promise<void> | null = null

  constructor(host: LeaderHost) {
    this.#host = host
    this.#log = new LeaderLog(host, {
      loaded: (log) => {
        this.#arrivals.logLoaded(log)
        if (log.stored) this.#tells.loaded()
        host.loaded?.(log)
      },
      ended: () => {
        this.#arrivals.refuseAll(KafkaError.KAFKA_STORAGE_ERROR)
        this.#waiters.wakeAll(this.#position(KafkaError.KAFKA_STORAGE_ERROR))
        this.#fanouts.close()
      },
    })
    this.#arrivals = new Arrivals(host, this.#log, (log) => this.#published(log))
    this.#answers = new ReadAnswers(host, this.#log)
    this.#requests = new RequestAnswers(host, this.#log)
    this.#fanouts = new Fanouts({
      ...host,
      partition: host.identity.partition,
      budget: isolatePieces,
      read: (from, readCommitted) => this.#answers.toShare(from, readCommitted),
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

  appendAll(requests: readonly AppendRequest[]): Promise<AppendReply[]> {
    return this.#arrivals.appendAll(requests)
  }

  append(request: AppendRequest): Promise<AppendReply> {
    return this.#arrivals.append(request)
  }

  appendPart(part: AppendPart): Promise<AppendReply | null> {
    return this.#arrivals.appendPart(part)
  }

  endTransaction(marker: TransactionMarker): Promise<{ readonly error: ErrorCode }> {
    return this.#arrivals.endTransaction(marker)
  }

  read(request: ReadRequest): Promise<ReadReply> {
    return this.#answers.read(request)
  }

  readPiece(request: PieceRequest): Promise<PieceReply> {
    return this.#answers.readPiece(request)
  }

  claim(claim: RequestClaim): Promise<ClaimReply> {
    return this.#requests.claim(claim)
  }

  listOffset(query: OffsetQuery): Promise<OffsetReply> {
    return this.#answers.listOffset(query)
  }

  async producers(target: PartitionTarget): Promise<ProducersReply> {
    const error = await this.#log.readiness(target)
    if (error !== NONE) return { error, producers: [] }
    return { error, producers: this.#log.opened.describeProducers(this.#host.now()) }
  }

  async watch(target: PartitionTarget, after: Offset, timeoutMs: number): Promise<WatchReply> {
    const error = await this.#log.readiness(target)
    const waitMs = Math.min(timeoutMs, WATCH_AT_LEADER_MAX_MS)
    if (error !== NONE || this.#log.opened.highWatermark > after || waitMs <= 0) {
      return this.#position(error)
    }
    return this.#waiters.park(after, waitMs)
  }

  async subscribed(target: PartitionTarget): Promise<StandingReply> {
    const error = await this.#log.readiness(target)
    this.#tells.subscribed()
    const { pieces: _, abortedTransactions: __, ...standing } = this.#answers.reply(error, [])
    return standing
  }

  async follow(request: FollowRequest): Promise<FollowReply> {
    const error = await this.#log.readiness(request)
    if (error !== NONE || !this.#log.opened.stored) return { error }
    return this.#fanouts.follow(request, this.#log.opened.highWatermark)
  }

  async deleteRecords(request: DeleteRecordsRequest): Promise<DeleteRecordsReply> {
    const refuse = (error: ErrorCode) => ({ error, lowWatermark: offset(-1) })
    const error = await this.#log.readiness(request)
    if (error !== NONE) return refuse(error)
    const log = this.#log.opened
    if (log.config?.settings.cleanupDelete !== true) return refuse(KafkaError.POLICY_VIOLATION)
    const logStart = request.offset === -1 ? log.highWatermark : request.offset
    if (logStart < 0 || logStart > log.highWatermark) return refuse(KafkaError.OFFSET_OUT_OF_RANGE)
    if (logStart > log.logStart) {
      try {
        log.moveLogStart(logStart, this.#host.now())
      } catch (cause) {
        return refuse(this.#log.storageError('records were not deleted', cause))
      }
      this.#moved()
      this.#log.runChores()
    }
    // What another deletion has moved may not be on disk yet.
    if (!(await this.#log.confirmed())) return refuse(KafkaError.KAFKA_STORAGE_ERROR)
    return { error: NONE, lowWatermark: offset(log.logStart) }
  }

  async size(target: PartitionTarget): Promise<PartitionSize> {
    const error = await this.#log.readiness(target)
    const log = error === NONE ? this.#log.opened : null
    const tier = log === null ? null : this.#log.tiering.status
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
    const log = this.#log.demand(target)
    if (!log.deleted) log.configure({ configVersion, settings })
    this.#log.schedule()
    await this.#host.sync()
  }

  async fence(target: PartitionTarget): Promise<void> {
    const log = this.#log.demand(target)
    if (!log.deleted) log.fence()
    this.#arrivals.refuseAll(KafkaError.UNKNOWN_TOPIC_ID)
    this.#waiters.wakeAll(this.#position(KafkaError.UNKNOWN_TOPIC_ID))
    this.#fanouts.close()
    this.#moved()
    await this.#host.sync()
  }

  async free(target: PartitionTarget): Promise<Freeing> {
    const log = this.#log.demand(target)
    if (!log.stored) return 'freed'
    if (!log.deleted) throw new Error('a partition is fenced before it is freed')
    if (this.#erasing === null) {
      const isErased = await this.#log.tiering.deleteAll()
      if (log.freeAll()) return 'more'
      if (!isErased) return 'later'
    }
    this.#erasing ??= this.#host.deleteAll()
    try {
      await this.#erasing
      log.forget()
    } finally {
      this.#erasing = null
    }
    return 'freed'
  }

  /** What an alarm does: a step of each chore of the log that is due. */
  housekeep(): void {
    if (this.#log.isBroken) return
    // What it does then says when the next alarm is due.
    const log = this.#log.open(false)
    const { logStart } = log
    if (this.#log.runChores()) void this.#log.confirmed()
    if (log.logStart > logStart) this.#moved()
  }

  /** Those who wait elsewhere are told, and who counts. */
  #moved(): void {
    this.#tells.moved()
    this.#host.moved?.()
  }

  /** Who waits for what was appended gets it; the rest is told in time. */
  #published(log: PartitionLog): void {
    this.#log.turns.served(this.#host.now())
    this.#waiters.wake(log.highWatermark, this.#position(NONE))
    this.#moved()
  }

  #standing(): Told {
    const log = this.#log.loaded
    return {
      ...this.#host.identity,
      highWatermark: log?.highWatermark ?? -1,
      logStartOffset: log?.logStart ?? -1,
      gone: log?.deleted ?? false,
    }
  }

  #position(error: ErrorCode): WatchReply {
    return { error, highWatermark: offset(this.#log.loaded?.highWatermark ?? -1) }
  }
}
