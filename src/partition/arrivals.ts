// What arrives at a leader to be written: batches, whole or in pieces, and the markers that end transactions. Each
// takes its place before its call returns, or is refused at once. Not the flush: appender.ts, flush.ts.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { buildEndTransaction } from '../record/control.ts'
import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from '../record/header.ts'
import { Appender } from './appender.ts'
import type { AppendPart, AppendReply, AppendRequest, TransactionMarker } from './contract.ts'
import { Enlistments } from './enlistments.ts'
import { type PendingAppend, refusalOf, refused } from './flush.ts'
import type { LeaderHost } from './host.ts'
import type { LeaderLog } from './leader-log.ts'
import type { PartitionLog } from './log.ts'
import { Uploads } from './uploads.ts'

const NONE = KafkaError.NONE

/** Refused batches that are awaited once the log is loaded; of more than that the order is their producers'. */
const APPENDS_UNREAD = 1_000

/** The writing half of a leader's calls: they answer instead of throwing. */
export class Arrivals {
  readonly #host: LeaderHost
  readonly #log: LeaderLog
  readonly #appender: Appender
  readonly #enlistments: Enlistments
  readonly #uploads: Uploads
  /** Batches that were refused because the log could not be loaded. */
  readonly #unread: BatchHeader[] = []

  /** @param published readers may see what the log holds now */
  constructor(host: LeaderHost, log: LeaderLog, published: (log: PartitionLog) => void) {
    this.#host = host
    this.#log = log
    this.#uploads = new Uploads(host.startTimer)
    this.#enlistments = new Enlistments({
      enlist: host.enlist,
      state: (producerId) => log.loaded?.producer(producerId, host.now()),
      isCrowded: (joining) => log.loaded?.isCrowded(joining) ?? false,
      push: (append) => this.#appender.push(append),
      refuse: (append, error) => this.#appender.refuse(append, error),
      startTimer: host.startTimer,
      report: host.report,
    })
    this.#appender = new Appender({
      log: () => log.loaded,
      admission: log.admission,
      now: host.now,
      confirmed: () => log.confirmed(),
      turn: host.turn,
      written: () => log.scheduleWritten(),
      published,
      refusedAll: (error) => this.#enlistments.refuseAll(error),
      end: (reason) => log.end(reason),
      report: host.report,
    })
  }

  /** The log can be read: what was refused before must not be overtaken by what came behind it. */
  logLoaded(log: PartitionLog): void {
    for (const header of this.#unread.splice(0)) log.awaitRetry(header)
  }

  /** Refuses what waits. */
  refuseAll(error: ErrorCode): void {
    this.#appender.refuseAll(error)
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
      const error = this.#log.closedTo(request)
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
        part: request.part ?? null,
        resolve,
      }
      const refusal = refusalOf(batch, header) ?? this.#unreadable(append)
      if (refusal !== null) resolve(refusal)
      else if (header.transactional) this.#enlistments.take(append, request.transaction)
      else this.#appender.push(append)
    })
  }

  /** What is known of keyed requests is read before the first of them waits for its place. */
  #unreadable({ part }: PendingAppend): AppendReply | null {
    if (part === null) return null
    try {
      this.#log.opened.readRequests()
      return null
    } catch (cause) {
      return refused(this.#log.storageError('keyed requests were not read', cause), -1)
    }
  }

  /** A batch that is larger than a call; null while pieces of it are missing. */
  async appendPart(part: AppendPart): Promise<AppendReply | null> {
    const whole = this.#uploads.add(part)
    if (whole === null) return null
    if (whole === 'lost') {
      this.#awaitUpload(part)
      return refused(KafkaError.NOT_LEADER_OR_FOLLOWER, -1)
    }
    const { upload: _, totalBytes: __, at: ___, bytes: ____, ...request } = part
    return this.append({ ...request, batch: whole })
  }

  /** A marker takes its place among the appends, and no limit holds it back. */
  endTransaction(marker: TransactionMarker): Promise<{ readonly error: ErrorCode }> {
    const error = this.#log.closedTo(marker)
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
        part: null,
        end: { producerId, producerEpoch, number, coordinatorEpoch, committed },
        resolve: (reply) => resolve({ error: reply.kind === 'refused' ? reply.error : NONE }),
      })
    })
  }

  /** What comes behind it in the same pipeline must not come before it once the log can be read. */
  #refusedUnread(header: BatchHeader): void {
    if (this.#log.loaded !== null || this.#unread.length >= APPENDS_UNREAD) return
    this.#unread.push(header)
  }

  /** Its producer sends the batch again, and none of those behind it may come before. */
  #awaitUpload({ at, bytes, ...target }: AppendPart): void {
    if (at !== 0 || bytes.length < BATCH_HEADER_BYTES || this.#log.closedTo(target) !== NONE) return
    this.#log.opened.awaitRetry(readBatchHeader(bytes))
  }
}
