// What a partition keeps in SQLite of its tier: a row for each segment object that holds a part of the log, the
// offset from which the log is local, and the keys of objects that are to go. Only statements: the others of
// this folder decide. As in ../store.ts SQL texts are constants and cursors are drained at once.

import { DamagedRowError, rowChecksum } from '../../runtime/checked-table.ts'
import type { Row, SqlValue, Storage } from '../../runtime/storage.ts'
import { toHeader } from '../chunk-rows.ts'
import { DamagedRangeError } from '../integrity.ts'
import type { ChunkHeader } from '../stored.ts'

/** The tables, since layout 4. */
export const CREATE_TIERING = [
  `CREATE TABLE tier_segment (
    first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL,
    max_timestamp INTEGER NOT NULL, running_max_timestamp INTEGER NOT NULL,
    size INTEGER NOT NULL, running_size INTEGER NOT NULL, object_size INTEGER NOT NULL,
    index_checksum INTEGER NOT NULL, key TEXT NOT NULL, checksum INTEGER NOT NULL)`,
  // Every key that an object may have and no segment has: written before the object is.
  `CREATE TABLE tier_garbage (key TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE tiering (
    id INTEGER PRIMARY KEY CHECK (id = 0), local_start INTEGER NOT NULL, checksum INTEGER NOT NULL)`,
] as const

/** A part of the log that the tier holds: whole chunks of one segment, in one object. */
export interface TierSegment extends ChunkHeader {
  readonly objectBytes: number
  /** Of the index in the object: it is this very object. */
  readonly indexChecksum: number
  readonly key: string
}

/** An object that is to go. */
export interface Garbage {
  readonly key: string
  /** When its upload began, if that may still be under way somewhere; 0 when it is not. */
  readonly sinceMs: number
}

const COLUMNS = `first_offset, last_offset, max_timestamp, running_max_timestamp, size, running_size,
  object_size, index_checksum, key`
const SEGMENT = `SELECT ${COLUMNS}, checksum FROM tier_segment`
const FIRST = `${SEGMENT} ORDER BY first_offset LIMIT 1`
const LAST = `${SEGMENT} ORDER BY first_offset DESC LIMIT 1`
const AT_OR_BEFORE = `${SEGMENT} WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1`
const AFTER = `${SEGMENT} WHERE first_offset > ? ORDER BY first_offset LIMIT 1`
const BEGIN_BELOW = `${SEGMENT} WHERE first_offset < ? ORDER BY first_offset LIMIT ?`
// In order, and stops at the first hit.
const WITH_TIMESTAMP = `${SEGMENT} WHERE first_offset >= ? AND max_timestamp >= ?
  ORDER BY first_offset LIMIT 1`
const HIGHEST_TIMESTAMP = `SELECT max(max_timestamp) AS max_timestamp FROM tier_segment
  WHERE first_offset >= ? AND first_offset < ?`
const SIZE_BETWEEN = `SELECT sum(size) AS size FROM tier_segment
  WHERE first_offset >= ? AND first_offset < ?`
const HAS_KEY = 'SELECT 1 AS found FROM tier_segment WHERE first_offset = ? AND key = ?'
const INSERT = `INSERT INTO tier_segment (${COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const DELETE = 'DELETE FROM tier_segment WHERE first_offset = ?'
const CLEAR_SEGMENTS = 'DELETE FROM tier_segment'
const CLEAR_GARBAGE = 'DELETE FROM tier_garbage WHERE since_ms <= ?'

const ADD_GARBAGE = 'INSERT INTO tier_garbage (key, since_ms) VALUES (?, ?)'
const REMOVE_GARBAGE = 'DELETE FROM tier_garbage WHERE key = ?'
const GARBAGE = 'SELECT key, since_ms FROM tier_garbage ORDER BY key LIMIT ?'

const DELETE_LOCAL = [
  'DELETE FROM chunk WHERE first_offset BETWEEN ? AND ?',
  'DELETE FROM chunk_part WHERE first_offset BETWEEN ? AND ?',
] as const

// One row, whatever there is.
const LOAD = `SELECT (SELECT local_start FROM tiering) AS local_start,
  (SELECT checksum FROM tiering) AS checksum,
  EXISTS (SELECT 1 FROM tier_segment) OR EXISTS (SELECT 1 FROM tier_garbage) AS tiered`
const SAVE_LOCAL_START = `INSERT INTO tiering (id, local_start, checksum) VALUES (0, ?, ?)
  ON CONFLICT (id) DO UPDATE SET local_start = excluded.local_start, checksum = excluded.checksum`

/** The statements of tiering. Every method may throw what SQLite throws, and for a damaged row DamagedRangeError. */
export class TierStore {
  readonly #storage: Storage

  constructor(storage: Storage) {
    this.#storage = storage
  }

  transaction(write: () => void): void {
    this.#storage.transactionSync(write)
  }

  /** What a log has to know before anything is asked of its tier. Throws DamagedRowError. */
  load(): { readonly localStart: number; readonly everTiered: boolean } {
    const row = this.#rows(LOAD)[0]
    const everTiered = row?.tiered === 1
    if (row === undefined || row.local_start === null) return { localStart: 0, everTiered }
    const localStart = Number(row.local_start)
    if (rowChecksum([localStart]) === row.checksum) return { localStart, everTiered: true }
    throw new DamagedRowError('the row that says where the local log begins is damaged')
  }

  /** From this offset on the log is local; below it only the tier has it. */
  saveLocalStart(localStart: number): void {
    this.#rows(SAVE_LOCAL_START, localStart, rowChecksum([localStart]))
  }

  first(): TierSegment | null {
    return segment(this.#rows(FIRST)[0])
  }

  last(): TierSegment | null {
    return segment(this.#rows(LAST)[0])
  }

  /** The segment that holds the offset or, where nothing does, the next one. */
  reaching(offset: number): TierSegment | null {
    const covering = this.headerAtOrBefore(offset)
    if (covering !== null && covering.lastOffset >= offset) return covering
    return segment(this.#rows(AFTER, offset)[0])
  }

  /** The last segment that starts at or before `offset`. */
  headerAtOrBefore(offset: number): TierSegment | null {
    return segment(this.#rows(AT_OR_BEFORE, offset)[0])
  }

  /** The first segments that end below an offset. */
  endingBelow(offset: number, limit: number): TierSegment[] {
    return this.#rows(BEGIN_BELOW, offset, limit)
      .map(toSegment)
      .filter(({ lastOffset }) => lastOffset < offset)
  }

  /** The first segment that starts at or after `offset` and has a record of that time or later. */
  headerWithTimestamp(offset: number, timestamp: number): TierSegment | null {
    return segment(this.#rows(WITH_TIMESTAMP, offset, timestamp)[0])
  }

  /** Highest timestamp in the segments that start in [from, end); -1 when there is none. */
  highestTimestamp(from: number, end: number): number {
    return Number(this.#rows(HIGHEST_TIMESTAMP, from, end)[0]?.max_timestamp ?? -1)
  }

  /** Bytes of batches in the segments that start in [from, end): looks at each. */
  sizeBetween(from: number, end: number): number {
    return Number(this.#rows(SIZE_BETWEEN, from, end)[0]?.size ?? 0)
  }

  /** Whether an object is a segment's. */
  names(firstOffset: number, key: string): boolean {
    return this.#rows(HAS_KEY, firstOffset, key).length > 0
  }

  /** The object under the segment's key is a part of the log from here on, and no garbage. */
  insert(stored: TierSegment): void {
    this.#rows(REMOVE_GARBAGE, stored.key)
    const columns = columnsOf(stored)
    this.#rows(INSERT, ...columns, rowChecksum(columns))
  }

  /** The objects of these segments are no part of the log any more. */
  drop(segments: readonly TierSegment[]): void {
    for (const { firstOffset, key } of segments) {
      this.#rows(DELETE, firstOffset)
      this.#rows(ADD_GARBAGE, key, 0)
    }
  }

  addGarbage({ key, sinceMs }: Garbage): void {
    this.#rows(ADD_GARBAGE, key, sinceMs)
  }

  removeGarbage(keys: readonly string[]): void {
    for (const key of keys) this.#rows(REMOVE_GARBAGE, key)
  }

  garbage(limit: number): Garbage[] {
    return this.#rows(GARBAGE, limit).map((row) => ({
      key: String(row.key),
      sinceMs: Number(row.since_ms),
    }))
  }

  /** Removes the local chunks that start in the range (both inclusive): others take their place. */
  deleteLocalChunks(firstFrom: number, firstTo: number): void {
    for (const statement of DELETE_LOCAL) this.#rows(statement, firstFrom, firstTo)
  }

  /** Forgets all objects, for they are gone, but those that were noted after this: they may come. */
  clear(settledMs: number): void {
    this.#rows(CLEAR_SEGMENTS)
    this.#rows(CLEAR_GARBAGE, settledMs)
  }

  #rows(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#storage.sql.exec(query, ...bindings).toArray()
  }
}

/** What the checksum of a segment's row covers, in this order. */
export function columnsOf(stored: TierSegment): (string | number)[] {
  return [
    stored.firstOffset,
    stored.lastOffset,
    stored.maxTimestamp,
    stored.runningMaxTimestamp,
    stored.sizeBytes,
    stored.runningSizeBytes,
    stored.objectBytes,
    stored.indexChecksum,
    stored.key,
  ]
}

function segment(row: Row | undefined): TierSegment | null {
  return row === undefined ? null : toSegment(row)
}

function toSegment(row: Row): TierSegment {
  const stored: TierSegment = {
    ...toHeader(row),
    objectBytes: Number(row.object_size),
    indexChecksum: Number(row.index_checksum),
    key: String(row.key),
  }
  if (rowChecksum(columnsOf(stored)) === row.checksum) return stored
  const { firstOffset, lastOffset } = stored
  throw new DamagedRangeError(firstOffset, lastOffset, 'the row of their tier segment is damaged')
}
