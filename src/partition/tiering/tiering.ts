// The tier of one partition: its chore, the reads and lookups that go to it, what is put back from it when a local
// chunk is damaged, and how it does. What is asked of it about a log of which nothing was ever tiered costs
// nothing. The leader decides which part of the log is asked for.

import { KafkaError } from '../../core/errors.ts'
import { offset } from '../../core/ids.ts'
import { FETCH_PART_BYTES } from '../../core/limits.ts'
import { endOfBatches } from '../../record/stored.ts'
import type { StartTimer } from '../../runtime/waiters.ts'
import { ObjectStoreError, type Tier } from '../../tier/object-store.ts'
import { CompactionSlot } from '../compaction/slot.ts'
import type { AbortedTransaction, OffsetQuery, OffsetReply } from '../contract.ts'
import type { PartitionLog } from '../log.ts'
import type { BatchRange } from '../reads.ts'
import type { LogStore } from '../store.ts'
import { OffsetSpec, type TimedRecord } from '../times.ts'
import { TieringChore, type TierWork } from './chore.ts'
import { TierCondition } from './condition.ts'
import { Repair } from './repair.ts'
import { isolateIndexes } from './tier-indexes.ts'
import { TierReader } from './tier-reader.ts'
import type { TierStore } from './tier-store.ts'
import { firstTieredSince, highestTieredTime } from './tier-times.ts'
import type { TierStatus } from './tierable.ts'
import { type TieredRead, TieredReads } from './tiered-reads.ts'
import { TierWorker } from './worker.ts'

/** One partition of the isolate has a segment in memory at a time. */
export const isolateTiering: CompactionSlot = new CompactionSlot()

/** What the tier of a partition needs. */
export interface TieringHost {
  /** null where none is configured. */
  readonly tier: Tier | null
  readonly now: () => number
  readonly startTimer: StartTimer
  readonly report: (event: string, error: unknown) => void
  readonly sync: () => Promise<void>
  /** False when what is in memory is not on disk. */
  readonly isOpen: () => boolean
  /** When a chore is due may have changed. */
  readonly rested: () => void
  readonly slot: CompactionSlot
}

/** The tier of one partition, over its log. */
export class Tiering {
  readonly chore: TieringChore
  readonly #log: PartitionLog
  readonly #chunks: LogStore
  readonly #store: TierStore
  readonly #host: TieringHost
  readonly #uploads: TierCondition
  readonly #readings: TierCondition
  /** As soon as the log is, or turns out to have been, tiered. */
  #parts: Parts | null = null
  #isErased = false

  constructor(log: PartitionLog, chunks: LogStore, store: TierStore, host: TieringHost) {
    this.#log = log
    this.#chunks = chunks
    this.#store = store
    this.#host = host
    this.#uploads = new TierCondition('the log is not tiered', host.report)
    this.#readings = new TierCondition('the tier cannot be read', host.report)
    this.chore = new TieringChore(() => this.#work(), this.#uploads, {
      now: host.now,
      startTimer: host.startTimer,
      isOpen: () => this.#isOpen(),
      intervalMs: () => log.config?.settings.tierIntervalMs ?? 1,
      slot: host.slot,
      rested: host.rested,
    })
  }

  /** null for a log that is not tiered and never was. */
  get status(): TierStatus | null {
    const { config, everTiered, localStart, stored } = this.#log
    const isTiered = config?.settings.remoteEnabled === true
    if (!stored || (!isTiered && !everTiered)) return null
    const missing = this.#host.tier === null ? { sinceMs: 0, reason: NOT_CONFIGURED } : null
    const failure = missing ?? this.#uploads.failure ?? this.#readings.failure
    const tieredEndOffset = this.#opened()?.worker.end ?? -1
    return { localLogStartOffset: localStart, tieredEndOffset, failure }
  }

  /**
   * A read that begins below the start of the local log: what the tier has of it and, where that ends, what
   * follows locally.
   * @throws ObjectStoreError, DamagedRangeError
   */
  async read(range: BatchRange, readCommitted: boolean): Promise<TieredRead> {
    const log = this.#log
    const limit = Math.min(log.localStart, visibleEnd(log, readCommitted))
    const read = await this.#reading(({ reads }) => reads.read(range, limit))
    const end = read.laterPieces > 0 ? null : endOfBatches(read.pieces)
    const taken = read.pieces.reduce((sum, { length }) => sum + length, 0)
    const maxBytes = Math.min(range.maxBytes, FETCH_PART_BYTES) - taken
    if (end === null || end !== log.localStart || maxBytes <= 0 || log.deleted) return read
    if (end >= visibleEnd(log, readCommitted)) return read
    const rest = { ...range, offset: end, maxBytes, atLeastOneBatch: false }
    const more = log.reads.readOrNothing(rest, readCommitted)
    if (more.pieces.length === 0 || more.laterPieces > 0) return read
    const aborted = readCommitted ? log.reads.abortedIn(end, more) : []
    return {
      pieces: [...read.pieces, ...more.pieces],
      laterPieces: 0,
      aborted: joined(read.aborted, aborted),
    }
  }

  /** What cannot be read locally, from the tier; null when it is not there either. It is put back later. */
  async instead(range: BatchRange, readCommitted: boolean): Promise<TieredRead | null> {
    const parts = this.#opened()
    const tierEnd = parts?.worker.end ?? -1
    if (parts === null || tierEnd <= range.offset) return null
    const limit = Math.min(tierEnd, visibleEnd(this.#log, readCommitted))
    parts.repair.want(range.offset)
    this.#host.rested()
    try {
      return await this.#reading(({ reads }) => reads.read(range, limit))
    } catch {
      // What is wrong locally is told.
      return null
    }
  }

  /** A later piece of a batch that was read from the tier, or is damaged locally; null when it is not there. */
  async piece(baseOffset: number, crc: number, piece: number): Promise<Uint8Array | null> {
    return this.#reading(({ reads }) => reads.piece(baseOffset, crc, piece))
  }

  /** The same of a batch that cannot be read locally; null when it is not in the tier either. */
  async pieceInstead(baseOffset: number, crc: number, piece: number): Promise<Uint8Array | null> {
    const parts = this.#opened()
    if (parts === null || (parts.worker.end ?? -1) <= baseOffset) return null
    parts.repair.want(baseOffset)
    this.#host.rested()
    return this.piece(baseOffset, crc, piece).catch(() => null)
  }

  /** ListOffsets of a log of which a part is, or was, in the tier. */
  async lookUp(query: OffsetQuery): Promise<OffsetReply> {
    const { timestamp, readCommitted } = query
    const log = this.#log
    if (timestamp === OffsetSpec.LATEST_TIERED) {
      const isTiered = log.config?.settings.remoteEnabled === true
      return reply(isTiered ? (this.#opened()?.worker.end ?? 0) - 1 : -1)
    }
    if (timestamp === OffsetSpec.EARLIEST_LOCAL) return reply(log.localStart)
    const isHighest = timestamp === OffsetSpec.MAX_TIMESTAMP
    const isTime = isHighest || timestamp >= 0
    if (!isTime || log.localStart <= log.logStart) return log.reads.lookUp(query)
    const end = visibleEnd(log, readCommitted)
    const bounds = { logStart: log.logStart, end: Math.min(log.localStart, end) }
    const since = (time: number) =>
      this.#reading(({ reader }) => firstTieredSince(this.#store, reader, time, bounds))
    if (!isHighest)
      return found(await since(timestamp)) ?? log.reads.lookUpLocally(timestamp, readCommitted)
    // The highest time of all is that of the last local chunk, unless its record was deleted.
    const local = log.reads.lookUpLocally(timestamp, readCommitted)
    const tiered = await this.#reading(({ reader }) =>
      highestTieredTime(this.#store, reader, bounds),
    )
    if (tiered < 0 || tiered < local.timestamp) return local
    return found(await since(tiered)) ?? local
  }

  /**
   * After the fence: no object of this partition is left.
   * @returns false while one may still appear: to be asked again
   * @throws ObjectStoreError
   */
  async deleteAll(): Promise<boolean> {
    if (this.#isErased || !this.#log.stored || !this.#log.everTiered) return true
    await this.chore.settled()
    this.#isErased = await this.#demanded().worker.deleteAll()
    await this.#host.sync()
    return this.#isErased
  }

  #isOpen(): boolean {
    const { stored, config, deleted } = this.#log
    return this.#host.isOpen() && stored && config !== null && !deleted
  }

  /** What the chore does, while there is anything that it could do. */
  #work(): TierWork | null {
    const parts = this.#opened()
    if (parts === null) return null
    const { worker, repair } = parts
    return {
      dueMs: (nowMs) => (repair.isWanted ? nowMs : worker.dueMs(nowMs)),
      step: async (nowMs) => {
        if (!repair.isWanted) return worker.step(nowMs)
        await repair.step(nowMs)
        return true
      },
    }
  }

  /** null while nothing is tiered, or no tier is configured. */
  #opened(): Parts | null {
    if (this.#parts !== null) return this.#parts
    const { config, everTiered, stored } = this.#log
    const { tier, now, startTimer, sync } = this.#host
    const isTiered = config?.settings.remoteEnabled === true || everTiered
    if (tier === null || !stored || !isTiered) return null
    const log = this.#log.tierable
    const reader = new TierReader(tier.store, log.identity, isolateIndexes)
    const store = this.#store
    const worker = new TierWorker(log, this.#chunks, store, tier, reader, {
      now,
      sync,
      uuid: () => crypto.randomUUID(),
      pause: () => this.chore.pause(),
      uploaded: () => {
        this.#uploads.worked()
        this.#readings.reached()
      },
      isOpen: () => this.#isOpen(),
    })
    const isCompacted = () => this.#chunks.isCompacted()
    const reads = new TieredReads({ tail: this.#log.tail, store, reader, isCompacted, startTimer })
    const repair = new Repair(log, this.#chunks, store, reader)
    this.#parts = { worker, reader, reads, repair }
    return this.#parts
  }

  #demanded(): Parts {
    const parts = this.#opened()
    if (parts === null) throw new ObjectStoreError(NOT_CONFIGURED, false)
    return parts
  }

  async #reading<T>(read: (parts: Parts) => Promise<T>): Promise<T> {
    try {
      const value = await read(this.#demanded())
      this.#readings.worked()
      return value
    } catch (error) {
      if (error instanceof ObjectStoreError) this.#readings.failed(error, this.#host.now())
      throw error
    }
  }
}

const NOT_CONFIGURED = 'a part of the log is in a tier, and none is configured'

/** What there is once a log is tiered. */
interface Parts {
  readonly worker: TierWorker
  readonly reader: TierReader
  readonly reads: TieredReads
  readonly repair: Repair
}

function visibleEnd(log: PartitionLog, readCommitted: boolean): number {
  return readCommitted ? log.lastStableOffset : log.highWatermark
}

function reply(found: number, timestamp = -1): OffsetReply {
  return { error: KafkaError.NONE, offset: offset(found), timestamp }
}

function found(record: TimedRecord | null): OffsetReply | null {
  return record === null ? null : reply(record.offset, record.timestamp)
}

/** One that reaches over both is listed once. */
function joined(
  first: readonly AbortedTransaction[],
  more: readonly AbortedTransaction[],
): AbortedTransaction[] {
  const isListed = (one: AbortedTransaction) =>
    first.some((each) => each.producerId === one.producerId && each.firstOffset === one.firstOffset)
  return [...first, ...more.filter((one) => !isListed(one))]
}
