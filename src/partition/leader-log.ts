// The log of a leader, loaded at first use together with what keeps it in order, and whether it is open to a call:
// not when the topic is deleted, the storage cannot be read, or a write was lost; and a partition never written asks
// Cluster first. Not what is answered: leader.ts and its siblings.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { StorageTouch } from '../runtime/touch.ts'
import { Admission } from './admission.ts'
import { CompactionChore } from './compaction/chore.ts'
import { CompactionStore } from './compaction/compaction-store.ts'
import { Compactor } from './compaction/compactor.ts'
import { type CompactionSlot, isolateCompaction } from './compaction/slot.ts'
import type { PartitionTarget } from './contract.ts'
import type { LeaderHost } from './host.ts'
import { Housekeeping } from './lifecycle/housekeeping.ts'
import { shareOf } from './lifecycle/share.ts'
import { PartitionLog } from './log.ts'
import { LogStore } from './store.ts'
import { TierStore } from './tiering/tier-store.ts'
import { isolateTiering, Tiering } from './tiering/tiering.ts'

const NONE = KafkaError.NONE

/** What the leader does when something becomes of its log. */
export interface LeaderLogEvents {
  /** It was loaded. */
  readonly loaded: (log: PartitionLog) => void
  /** A write was lost: whoever waits is told that nothing more comes from this object. */
  readonly ended: () => void
}

/** The log and its upkeep; null and absent until the first call. */
export class LeaderLog {
  /** What Cluster says of a partition that was never written. */
  readonly admission: Admission
  readonly #host: LeaderHost
  readonly #events: LeaderLogEvents
  readonly #touch: StorageTouch
  #log: PartitionLog | null = null
  /** With the log. */
  #tiering: Tiering | null = null
  /** As soon as the log is loaded. */
  #housekeeping: Housekeeping | null = null
  /** A write was lost: what is in memory is not on disk, so nothing more is said from it. */
  #broken = false

  constructor(host: LeaderHost, events: LeaderLogEvents) {
    this.#host = host
    this.#events = events
    this.#touch = new StorageTouch(host.storage, host.now)
    this.admission = new Admission({
      admit: host.admit,
      now: host.now,
      report: host.report,
      admitted: (config) => {
        const log = this.opened
        // A fence may have come while Cluster's earlier answer was under way.
        if (log.deleted) return KafkaError.UNKNOWN_TOPIC_ID
        log.configure(config)
        return NONE
      },
    })
  }

  /** As far as it is loaded. */
  get loaded(): PartitionLog | null {
    return this.#log
  }

  /** The log of a call that has checked closedTo. */
  get opened(): PartitionLog {
    if (this.#log === null) throw new Error('the log is not loaded')
    return this.#log
  }

  /** The tier of the log that is open. */
  get tiering(): Tiering {
    if (this.#tiering === null) throw new Error('the log is not loaded')
    return this.#tiering
  }

  get isBroken(): boolean {
    return this.#broken
  }

  /** Who of the isolate compacts, and whether others need its thread. */
  get turns(): CompactionSlot {
    return this.#host.compaction?.slot ?? isolateCompaction
  }

  /**
   * The log, loaded if it was not.
   * @param schedules false when what comes next says when the next alarm is due
   * @throws what the storage throws, and when it is not this partition's
   */
  open(schedules = true): PartitionLog {
    if (this.#log === null) {
      const { storage, identity, chunks, maxBytes } = this.#host
      const store = new LogStore(storage)
      const tier = new TierStore(storage)
      const log = new PartitionLog(store, tier, identity, chunks, maxBytes)
      this.#log = log
      this.#tiering = new Tiering(log, store, tier, {
        ...this.#host,
        tier: this.#host.tier ?? null,
        slot: this.#host.tieringSlot ?? isolateTiering,
        isOpen: () => !this.#broken,
        sync: () => this.#synced(),
        rested: () => this.schedule(),
      })
      // No more than remembering that there is an alarm, as a rule.
      const chores = [...log.chores, this.#compaction(log), this.#tiering.chore]
      this.#housekeeping = new Housekeeping(this.#host, chores, shareOf(identity))
      if (schedules) this.schedule()
      this.#events.loaded(log)
    }
    return this.#log
  }

  /** Has the object woken for the chore that is due first. */
  schedule(): void {
    this.#housekeeping?.schedule()
  }

  /**
   * The same for what the flush that was just written makes due once it is confirmed. In the same turn, so that the alarm
   * is in the same commit: whoever dies then loses both or none, and nobody else may ever call this object.
   */
  scheduleWritten(): void {
    this.#log?.asConfirmed(() => this.schedule())
  }

  /** One step of every chore that is due; true when there was one. */
  runChores(): boolean {
    return this.#housekeeping?.run() === true
  }

  /** Why a call cannot be served now, without asking anybody; loads the log at first use. */
  closedTo(target: PartitionTarget): ErrorCode {
    const { topicId, partition } = this.#host.identity
    if (target.topicId !== topicId || target.partition !== partition) {
      return KafkaError.UNKNOWN_TOPIC_ID
    }
    if (this.#broken) return KafkaError.KAFKA_STORAGE_ERROR
    try {
      return this.open().deleted ? KafkaError.UNKNOWN_TOPIC_ID : NONE
    } catch (cause) {
      return this.storageError('the log was not loaded', cause)
    }
  }

  /** As closedTo, but a partition never written asks Cluster whether it is alive. */
  async readiness(target: PartitionTarget): Promise<ErrorCode> {
    const error = this.closedTo(target)
    if (error !== NONE) return error
    if (this.opened.stored) return this.touched()
    const answer = await this.admission.toRead()
    return answer === NONE ? this.closedTo(target) : answer
  }

  /** Nothing is answered from memory by a leader that another has replaced. */
  touched(atOnce = false): ErrorCode {
    try {
      if (atOnce) this.#touch.now()
      else this.#touch.lately()
      return NONE
    } catch (cause) {
      return this.storageError('the storage was not reached', cause)
    }
  }

  /** The log of a call that only this partition's Cluster makes. Throws when it is for another. */
  demand(target: PartitionTarget): PartitionLog {
    const { topicId, partition } = this.#host.identity
    if (target.topicId === topicId && target.partition === partition) return this.open()
    throw new Error(`${target.topicId}/${target.partition} is another partition`)
  }

  /** False when the disk lost what was written: then this object says nothing more and ends. */
  async confirmed(): Promise<boolean> {
    try {
      await this.#host.sync()
      return !this.#broken
    } catch (cause) {
      this.#host.report('a commit was not confirmed', cause)
      this.end('a commit was not confirmed')
      return false
    }
  }

  /** Says nothing more from memory, and has a new object made from what is on disk. */
  end(reason: string): void {
    this.#broken = true
    this.#events.ended()
    this.#host.abort(reason)
  }

  /** What a call is told when the storage failed; the log says why. */
  storageError(event: string, cause: unknown): ErrorCode {
    this.#host.report(event, cause)
    return KafkaError.KAFKA_STORAGE_ERROR
  }

  #compaction(log: PartitionLog): CompactionChore {
    const { compaction, now, report, startTimer, storage } = this.#host
    const compactor = new Compactor(log.compactable, new CompactionStore(storage), {
      now,
      report,
      secret: () => crypto.getRandomValues(new Uint32Array(4)),
      slot: this.turns,
      ...(compaction === undefined
        ? {}
        : { mapBytes: compaction.mapBytes, saveRows: compaction.saveRows }),
    })
    return new CompactionChore(compactor, {
      now,
      report,
      startTimer,
      isOpen: () => log.stored && log.config !== null && !log.deleted && !this.#broken,
      isBusy: (nowMs) => this.turns.isBusy(nowMs),
      backoffMs: () => log.config?.settings.cleanerBackoffMs ?? 1,
      wrote: () => void this.confirmed(),
      rested: () => this.schedule(),
      ...(compaction === undefined ? {} : { budget: compaction.budget }),
    })
  }

  /** What was written is on disk; else this object ends. */
  async #synced(): Promise<void> {
    if (!(await this.confirmed())) throw new Error('a commit was not confirmed')
  }
}
