// What compaction keeps in SQLite, and how it replaces chunks: one row of state for the whole log, no row
// per key. Only statements: compactor.ts and its siblings decide. As in ../store.ts SQL texts are
// constants and cursors are drained at once.

import { ROW_BYTES } from '../../core/limits/partition.ts'
import type { Row, SqlValue, Storage } from '../../runtime/storage.ts'
import { blob, CHECKED_COLUMNS, toCheckedChunk, toChecksum, toHeader } from '../chunk-rows.ts'
import type { AbortedSpan } from '../flush.ts'
import {
  chunkChecksum,
  chunkDamage,
  DamagedRangeError,
  pieceChecksum,
  pieceDamage,
} from '../integrity.ts'
import type { ChunkHeader } from '../stored.ts'

/** The table, since layout 3. */
export const CREATE_COMPACTION = `CREATE TABLE compaction (
  id INTEGER PRIMARY KEY CHECK (id = 0), clean_end INTEGER NOT NULL, clean_bytes INTEGER NOT NULL,
  map_end INTEGER, next_offset INTEGER NOT NULL)`

const READ_STATE = 'SELECT clean_end, clean_bytes, map_end, next_offset FROM compaction'
const SAVE_STATE = `INSERT INTO compaction
  (id, clean_end, clean_bytes, map_end, next_offset) VALUES (0, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET clean_end = excluded.clean_end, clean_bytes = excluded.clean_bytes,
  map_end = excluded.map_end, next_offset = excluded.next_offset`

const HEADER = 'first_offset, last_offset, max_timestamp, running_max_timestamp, size, running_size'
// The chunk that reaches the offset, or the next: chunks are in the order of both their offsets.
const NEXT_HEADERS = `SELECT ${HEADER} FROM chunk WHERE first_offset >=
  coalesce((SELECT first_offset FROM chunk WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1), 0)
  AND last_offset >= ? ORDER BY first_offset LIMIT ?`
// Reads headers only, in order, and stops at the first hit.
const FIRST_SINCE = `SELECT ${HEADER} FROM chunk
  WHERE first_offset BETWEEN ? AND ? AND max_timestamp > ? ORDER BY first_offset LIMIT 1`
const SIZE_BETWEEN = `SELECT coalesce(sum(size), 0) AS size FROM chunk
  WHERE first_offset >= ? AND first_offset < ?`
const READ_DATA = `SELECT ${CHECKED_COLUMNS} FROM chunk WHERE first_offset = ?`
const READ_PARTS =
  'SELECT part, checksum, data FROM chunk_part WHERE first_offset = ? ORDER BY part'

// In place: an update is one row written.
const UPDATE_CHUNK = `UPDATE chunk SET last_offset = ?, max_timestamp = ?, running_max_timestamp = ?,
  size = ?, running_size = ?, producers = NULL, requests = NULL, checksum = ?, data = ?
  WHERE first_offset = ?`
const INSERT_CHUNK = `INSERT INTO chunk (first_offset, last_offset, max_timestamp,
  running_max_timestamp, size, running_size, producers, requests, checksum, data)
  VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?)`
const INSERT_PART =
  'INSERT INTO chunk_part (first_offset, part, checksum, data) VALUES (?, ?, ?, ?)'
const DELETE_BETWEEN = 'DELETE FROM chunk WHERE first_offset > ? AND first_offset < ?'
const DELETE_SEGMENTS = 'DELETE FROM segment WHERE base_offset > ? AND base_offset <= ?'
const DELETE_PARTS = 'DELETE FROM chunk_part WHERE first_offset = ?'

// The bound on the first offset cannot end the search: a long transaction may lie behind short ones.
const READ_ABORTED = `SELECT last_offset, first_offset, producer_id, stable_offset FROM aborted_transaction
  WHERE last_offset >= ? ORDER BY last_offset LIMIT ?`
const LAST_ABORTED = 'SELECT max(last_offset) AS last_offset FROM aborted_transaction'
const DELETE_ABORTED = 'DELETE FROM aborted_transaction WHERE last_offset = ?'

/** Aborted transactions read together. */
const ABORTED_AT_ONCE = 256

/** What is kept between the steps of all passes. */
export interface CompactionState {
  /** Below it every key is there once, as far as what is below it goes. */
  readonly cleanEnd: number
  /** Bytes of batches below it when it was set. */
  readonly cleanBytes: number
  /** Where the stretch ends that the pass under way cleans; null when none is, or it only reads yet. */
  readonly mapEnd: number | null
  /** All below it was cleaned in the pass under way. */
  readonly nextOffset: number
}

/** Segments that become one with the one that begins at `after`. */
export interface JoinedSegments {
  readonly after: number
  readonly to: number
}

/** A chunk to be written. */
export interface CleanedChunk extends ChunkHeader {
  readonly data: Uint8Array
}

/** The statements of compaction. Every method may throw what SQLite throws. */
export class CompactionStore {
  readonly #storage: Storage

  constructor(storage: Storage) {
    this.#storage = storage
  }

  transaction(write: () => void): void {
    this.#storage.transactionSync(write)
  }

  state(): CompactionState | null {
    const row = this.#rows(READ_STATE)[0]
    if (row === undefined) return null
    return {
      cleanEnd: Number(row.clean_end),
      cleanBytes: Number(row.clean_bytes),
      mapEnd: row.map_end === null ? null : Number(row.map_end),
      nextOffset: Number(row.next_offset),
    }
  }

  saveState(state: CompactionState): void {
    const { cleanEnd, cleanBytes, mapEnd, nextOffset } = state
    this.#rows(SAVE_STATE, cleanEnd, cleanBytes, mapEnd, nextOffset)
  }

  /** Up to `limit` chunks in order, from the one that reaches `offset`. */
  headersReaching(offset: number, limit: number): ChunkHeader[] {
    return this.#rows(NEXT_HEADERS, offset, offset, limit).map(toHeader)
  }

  /** The first chunk that starts in the range (both inclusive) and has a record after a time. */
  firstSince(firstFrom: number, firstTo: number, timeMs: number): ChunkHeader | null {
    const row = this.#rows(FIRST_SINCE, firstFrom, firstTo, timeMs)[0]
    return row === undefined ? null : toHeader(row)
  }

  /** Bytes of the chunks that start in [from, end). */
  sizeBetween(from: number, end: number): number {
    return Number(this.#rows(SIZE_BETWEEN, from, end)[0]?.size ?? 0)
  }

  /**
   * All pieces of a chunk's data, each in a buffer of its own.
   * @throws DamagedRangeError: what is damaged must not be written again as if it were not
   */
  chunkData({ firstOffset, lastOffset, sizeBytes }: ChunkHeader): Uint8Array[] {
    const pieces: Uint8Array[] = []
    for (const row of this.#rows(READ_DATA, firstOffset)) {
      const chunk = toCheckedChunk(row)
      const damage = chunkDamage(chunk)
      if (damage !== null) throw new DamagedRangeError(firstOffset, lastOffset, damage)
      pieces.push(chunk.head)
    }
    if (sizeBytes <= ROW_BYTES) return pieces
    for (const row of this.#rows(READ_PARTS, firstOffset)) {
      const data = blob(row.data)
      const checksum = toChecksum(row.checksum)
      const damage = pieceDamage({ firstOffset, piece: Number(row.part), data, checksum })
      if (damage !== null) throw new DamagedRangeError(firstOffset, lastOffset, damage)
      pieces.push(data)
    }
    return pieces
  }

  /**
   * Puts `chunks` in the place of `sources`, which follow each other and of whose producers and requests a snapshot has
   * all. Only inside a transaction.
   */
  replace(sources: readonly ChunkHeader[], chunks: readonly CleanedChunk[]): void {
    const from = sources[0]?.firstOffset ?? 0
    const starts = new Set(sources.map(({ firstOffset }) => firstOffset))
    const end = (sources.at(-1)?.firstOffset ?? 0) + 1
    for (const { firstOffset, sizeBytes } of sources) {
      if (sizeBytes > ROW_BYTES) this.#rows(DELETE_PARTS, firstOffset)
    }
    let after = from - 1
    for (const chunk of chunks) {
      this.#rows(DELETE_BETWEEN, after, chunk.firstOffset)
      this.#write(chunk, starts.has(chunk.firstOffset))
      after = chunk.firstOffset
    }
    this.#rows(DELETE_BETWEEN, after, end)
  }

  #write(chunk: CleanedChunk, isUpdate: boolean): void {
    const { firstOffset, data } = chunk
    const head = data.length <= ROW_BYTES ? data : data.subarray(0, ROW_BYTES)
    const columns = [
      chunk.lastOffset,
      chunk.maxTimestamp,
      chunk.runningMaxTimestamp,
      chunk.sizeBytes,
      chunk.runningSizeBytes,
      chunkChecksum({ ...chunk, producers: null, requests: null, head }),
      head,
    ]
    if (isUpdate) this.#rows(UPDATE_CHUNK, ...columns, firstOffset)
    else this.#rows(INSERT_CHUNK, firstOffset, ...columns)
    for (let at = ROW_BYTES, piece = 1; at < data.length; at += ROW_BYTES, piece++) {
      const part = { firstOffset, piece, data: data.subarray(at, at + ROW_BYTES) }
      this.#rows(INSERT_PART, firstOffset, piece, pieceChecksum(part), part.data)
    }
  }

  /** Offset of the last marker of an aborted transaction; -1 without one. */
  lastAborted(): number {
    return Number(this.#rows(LAST_ABORTED)[0]?.last_offset ?? -1)
  }

  /** Aborted transactions that overlap the offsets, both inclusive. */
  aborted(from: number, to: number): AbortedSpan[] {
    const found: AbortedSpan[] = []
    for (let next = from; ; ) {
      const rows = this.#rows(READ_ABORTED, next, ABORTED_AT_ONCE)
      for (const row of rows) {
        const firstOffset = Number(row.first_offset)
        const lastOffset = Number(row.last_offset)
        if (firstOffset <= to) {
          found.push({ producerId: Number(row.producer_id), firstOffset, lastOffset })
        }
        // No transaction aborted later begins below this one's stable offset.
        if (Number(row.stable_offset) > to) return found
        next = lastOffset + 1
      }
      if (rows.length < ABORTED_AT_ONCE) return found
    }
  }

  /** Joins segments: forgets those that begin within (after, to]. */
  joinSegments({ after, to }: JoinedSegments): void {
    this.#rows(DELETE_SEGMENTS, after, to)
  }

  /** Forgets the aborted transaction whose marker is here. */
  deleteAborted(lastOffset: number): void {
    this.#rows(DELETE_ABORTED, lastOffset)
  }

  #rows(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#storage.sql.exec(query, ...bindings).toArray()
  }
}
