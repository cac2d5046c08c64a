// What a leader answers to those who read: from its rows, from the tier below them, or from there instead of a row that
// is damaged; else why not. Not what is read and how: reads.ts, tiering/. Not the waiting for more: leader.ts.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { offset } from '../core/ids.ts'
import { EVENTS_PIECE_BYTES } from '../core/limits.ts'
import { ObjectStoreError } from '../tier/object-store.ts'
import type {
  OffsetQuery,
  OffsetReply,
  PieceReply,
  PieceRequest,
  ReadReply,
  ReadRequest,
} from './contract.ts'
import type { SharedRead } from './fanout.ts'
import type { LeaderHost } from './host.ts'
import { DamagedRangeError } from './integrity.ts'
import type { LeaderLog } from './leader-log.ts'
import type { BatchRange } from './reads.ts'
import type { TieredRead } from './tiering/tiered-reads.ts'

const NONE = KafkaError.NONE

/** Damaged places that are reported once; of more than that, those beyond are reported each time. */
const DAMAGE_REMEMBERED = 100

/** The reading half of a leader's calls: they answer instead of throwing. */
export class ReadAnswers {
  readonly #host: LeaderHost
  readonly #log: LeaderLog
  /** Damage that was reported. */
  readonly #damage = new Set<string>()

  constructor(host: LeaderHost, log: LeaderLog) {
    this.#host = host
    this.#log = log
  }

  async read(request: ReadRequest): Promise<ReadReply> {
    const error = await this.#log.readiness(request)
    if (error !== NONE) return this.reply(error, [])
    const log = this.#log.opened
    const beyond = request.readCommitted ? log.lastStableOffset : log.highWatermark
    if (request.offset < log.logStart || request.offset > log.highWatermark) {
      // A client that is told so leaves its place: it must not hear it from a leader that is behind.
      const reached = this.#log.touched(true)
      return this.reply(reached === NONE ? KafkaError.OFFSET_OUT_OF_RANGE : reached, [])
    }
    if (request.offset >= beyond) return this.reply(NONE, [])
    this.#log.turns.served(this.#host.now())
    try {
      const { isolate, readCommitted, ...range } = request
      const sharing = isolate !== undefined && isolate === this.#host.isolate()
      if (request.offset < log.localStart) {
        return await this.#readTier({ ...range, sharing }, readCommitted)
      }
      const read = log.reads.read({ ...range, sharing }, readCommitted)
      const { pieces, laterPieces } = read
      const reply = { ...this.reply(NONE, pieces), laterPieces }
      if (!readCommitted) return reply
      return { ...reply, abortedTransactions: log.reads.abortedIn(request.offset, read) }
    } catch (cause) {
      const reply = this.reply(this.#readError('read failed', cause), [])
      if (!(cause instanceof DamagedRangeError)) return reply
      const instead = await this.#log.tiering.instead(request, request.readCommitted)
      if (instead) return this.#tierReply(instead, request.readCommitted)
      const { firstOffset, lastOffset } = cause
      const damage = { firstOffset: offset(firstOffset), lastOffset: offset(lastOffset) }
      return { ...reply, damage }
    }
  }

  /** The log may have been fenced, or cut, while the tier was read. */
  async #readTier(range: BatchRange, readCommitted: boolean): Promise<ReadReply> {
    const reading = this.#log.tiering.read(range, readCommitted)
    const isRead = await reading.then(
      () => true,
      () => false,
    )
    const open = this.#log.closedTo(this.#host.identity)
    // What is missing may have been deleted by a leader that has replaced this one.
    const closed = open === NONE && !isRead ? this.#log.touched(true) : open
    const isCut = closed === NONE && range.offset < this.#log.opened.logStart
    const error = isCut ? KafkaError.OFFSET_OUT_OF_RANGE : closed
    return error === NONE ? this.#tierReply(await reading, readCommitted) : this.reply(error, [])
  }

  #tierReply({ pieces, laterPieces, aborted }: TieredRead, readCommitted: boolean): ReadReply {
    const abortedTransactions = readCommitted ? [...aborted] : []
    return { ...this.reply(NONE, pieces), laterPieces, abortedTransactions }
  }

  /** A later piece of a batch that is larger than a row. */
  async readPiece(request: PieceRequest): Promise<PieceReply> {
    if ((await this.#log.readiness(request)) !== NONE) return { bytes: null }
    const { baseOffset, crc, piece } = request
    try {
      const log = this.#log.opened
      // A log start may lie inside a local batch.
      if (log.localStart > log.logStart && baseOffset < log.localStart) {
        return { bytes: await this.#log.tiering.piece(baseOffset, crc, piece) }
      }
      if (!log.reads.hasBatch(baseOffset, crc)) return { bytes: null }
      const bytes = log.reads.readPiece(baseOffset, piece)
      if (bytes !== null) return { bytes }
      throw new DamagedRangeError(baseOffset, baseOffset, `piece ${piece} is gone`)
    } catch (cause) {
      const error = this.#readError('a piece was not read', cause)
      if (!(cause instanceof DamagedRangeError)) return { bytes: null, error }
      const bytes = await this.#log.tiering.pieceInstead(baseOffset, crc, piece)
      return bytes === null ? { bytes, error } : { bytes }
    }
  }

  /** Whole batches for the fan-out, without waiting. */
  toShare(from: number, readCommitted: boolean): SharedRead {
    const error = this.#log.closedTo(this.#host.identity)
    if (error !== NONE) return { error, pieces: [], aborted: [], end: from }
    const log = this.#log.opened
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
      const read = log.reads.read(range, readCommitted)
      const aborted = readCommitted ? log.reads.abortedIn(from, read) : []
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

  /** ListOffsets. */
  async listOffset(query: OffsetQuery): Promise<OffsetReply> {
    const none = { offset: offset(-1), timestamp: -1 }
    const error = await this.#log.readiness(query)
    if (error !== NONE) return { error, ...none }
    try {
      const log = this.#log.opened
      return log.everTiered ? await this.#log.tiering.lookUp(query) : log.reads.lookUp(query)
    } catch (cause) {
      return { error: this.#readError('offset lookup failed', cause), ...none }
    }
  }

  /** Batches, or an error, and where the log is. */
  reply(error: ErrorCode, pieces: Uint8Array[]): ReadReply {
    const log = this.#log.loaded
    return {
      error,
      highWatermark: offset(log?.highWatermark ?? -1),
      lastStableOffset: offset(log?.lastStableOffset ?? -1),
      logStartOffset: offset(log?.logStart ?? -1),
      pieces,
      abortedTransactions: [],
    }
  }

  /** Damage is told as such, and of the same place once: whoever meets it will ask again and again. */
  #readError(event: string, cause: unknown): ErrorCode {
    // Told once for all who meet it (tiering/condition.ts).
    if (cause instanceof ObjectStoreError) return KafkaError.KAFKA_STORAGE_ERROR
    if (!isDamage(cause)) return this.#log.storageError(event, cause)
    const place = String(cause)
    if (!this.#damage.has(place)) this.#host.report('stored records are damaged', cause)
    if (this.#damage.size < DAMAGE_REMEMBERED) this.#damage.add(place)
    return KafkaError.CORRUPT_MESSAGE
  }
}

/** Rows that are not what was written, or pages of SQLite's own that are not. */
function isDamage(cause: unknown): boolean {
  return cause instanceof DamagedRangeError || /SQLITE_CORRUPT|malformed/.test(String(cause))
}
