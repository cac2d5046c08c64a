// Flushes the appends of one partition, group by group, one commit at a time. An append to an idle partition is
// written in its own turn; what arrives before that commit is confirmed forms the next flush. Not what may be
// appended (leader.ts, flush.ts) and not what is stored (log.ts).

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { APPEND_QUEUE_BYTES } from '../core/limits/partition.ts'
import type { Admission } from './admission.ts'
import { AppendQueue, appended, type FlushPlan, type PendingAppend, refused } from './flush.ts'
import type { PartitionLog } from './log.ts'
import { LogFullError } from './room.ts'

/** How often it is said that a partition is full. */
const REPORT_FULL_MS = 60_000

/** What appending works with. */
export interface AppenderHost {
  /** The log, as far as it is loaded; whoever pushes has loaded it. */
  readonly log: () => PartitionLog | null
  readonly admission: Admission
  readonly now: () => number
  /** Resolves when what was written is on disk; false when it was lost: then the object ends. */
  readonly confirmed: () => Promise<boolean>
  /** Resolves in a later turn; what was answered before has left by then. */
  readonly turn: () => Promise<void>
  /** A flush was written, in this turn, and is not confirmed: what it makes due is asked for now. */
  readonly written: () => void
  /** Readers may see what the log holds now. */
  readonly published: (log: PartitionLog) => void
  /** The queue was refused: what waits elsewhere for its place goes with it. */
  readonly refusedAll: (error: ErrorCode) => void
  /** Says nothing more from memory: the object ends. */
  readonly end: (reason: string) => void
  readonly report: (event: string, cause: unknown) => void
}

/** Appends in arrival order. */
export class Appender {
  readonly #host: AppenderHost
  readonly #queue = new AppendQueue()
  #draining = false
  /** Appends are being gathered: their flush begins with the last of them. */
  #gathering = false
  #reportedFullMs = Number.NEGATIVE_INFINITY

  constructor(host: AppenderHost) {
    this.#host = host
  }

  /** The appends that `act` pushes go into one flush, as far as there is room. */
  together<Result>(act: () => Result): Result {
    this.#gathering = true
    try {
      return act()
    } finally {
      this.#gathering = false
      this.#startDraining()
    }
  }

  /** Takes its place in the queue, unless too much waits there. */
  push(append: PendingAppend): void {
    const { length } = append.batch
    if (this.#queue.length > 0 && this.#queue.bytes + length > APPEND_QUEUE_BYTES) {
      // Of the retriable errors every producer knows, the one that does not claim a timeout.
      this.refuse(append, KafkaError.NOT_LEADER_OR_FOLLOWER)
    } else this.enqueue(append)
  }

  /** Takes its place in the queue, however much waits there: for markers. */
  enqueue(append: PendingAppend): void {
    this.#queue.push(append)
    this.#startDraining()
  }

  refuse(append: PendingAppend, error: ErrorCode, message?: string): void {
    const log = this.#host.log()
    if (append.end === null) log?.awaitRetry(append.header)
    append.resolve(refused(error, log?.logStart ?? -1, message))
  }

  /** Refuses what waits. */
  refuseAll(error: ErrorCode): void {
    for (const append of this.#queue.takeAll()) this.refuse(append, error)
    this.#host.refusedAll(error)
  }

  #startDraining(): void {
    if (this.#queue.length > 0 && !this.#draining && !this.#gathering) void this.#drain()
  }

  /** Flushes until the queue is empty. Up to the first `await` it runs in the append's own turn. */
  async #drain(): Promise<void> {
    const { admission, end, now, report } = this.#host
    this.#draining = true
    try {
      while (this.#queue.length > 0) {
        const log = this.#host.log()
        if (log === null) throw new Error('the log is not loaded')
        if (!log.stored && !admission.mayWrite) {
          const error = await admission.toWrite()
          if (error !== KafkaError.NONE) this.refuseAll(error)
          continue
        }
        const plan = log.plan(this.#queue, now())
        this.#settle(log, plan)
        if (plan.row !== null && this.#write(log, plan)) {
          await this.#publish(log, plan)
          // What was answered leaves first: the object's output waits for every write begun before it, so
          // each append, and each reader, would wait for the next commit as well as for its own.
          await this.#host.turn()
        }
      }
    } catch (cause) {
      // A bug. Whose append it was is not known: all calls in progress end with the object.
      report('a flush was not planned', cause)
      end('a flush was not planned')
    } finally {
      this.#draining = false
    }
  }

  /** Answers what does not depend on the flush. */
  #settle(log: PartitionLog, plan: FlushPlan): void {
    for (const { append, reply } of plan.settled) {
      if (reply.kind === 'stale') log.awaitRetry(append.header)
      append.resolve(reply)
    }
  }

  #write(log: PartitionLog, plan: FlushPlan): boolean {
    if (plan.row === null) return false
    try {
      log.write(plan.row, plan, this.#host.now())
    } catch (cause) {
      this.#reportNotWritten(cause)
      const message = cause instanceof LogFullError ? cause.message : undefined
      for (const { append } of plan.placed) {
        this.refuse(append, KafkaError.KAFKA_STORAGE_ERROR, message)
      }
      return false
    }
    this.#host.written()
    return true
  }

  /** Producers send again what was not written: a partition that is full says so now and then. */
  #reportNotWritten(cause: unknown): void {
    const nowMs = this.#host.now()
    if (cause instanceof LogFullError) {
      if (nowMs < this.#reportedFullMs + REPORT_FULL_MS) return
      this.#reportedFullMs = nowMs
    }
    this.#host.report('a flush was not written', cause)
  }

  /** Waits for the disk, then lets readers see the flush and answers its appends. */
  async #publish(log: PartitionLog, plan: FlushPlan): Promise<void> {
    const confirmed = await this.#host.confirmed()
    if (!confirmed || log.deleted) {
      const error = confirmed ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.KAFKA_STORAGE_ERROR
      for (const { append } of plan.placed) this.refuse(append, error)
      return
    }
    log.confirm()
    for (const { append, baseOffset } of plan.placed) {
      append.resolve(appended(baseOffset, log.logStart))
    }
    this.#host.published(log)
  }
}
