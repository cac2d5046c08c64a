// What the life of a log keeps in SQLite beside the chunks: one row per segment, and how far small chunks
// have been merged. Only statements: what they mean is decided by the others of this folder. As in
// ../store.ts SQL texts are constants and cursors are drained at once.

import type { Row, SqlValue, Storage } from '../../runtime/storage.ts'
import { CHECKED_COLUMNS, toCheckedChunk } from '../chunk-rows.ts'
import { chunkChecksum, chunkDamage } from '../integrity.ts'
import type { ChunkRow } from '../stored.ts'
import type { Segment } from './segments.ts'

/** The tables, since layout 3. */
export const CREATE_LIFECYCLE = [
  `CREATE TABLE segment (
    base_offset INTEGER PRIMARY KEY, first_timestamp INTEGER NOT NULL,
    size_before INTEGER NOT NULL, created_ms INTEGER NOT NULL)`,
  `CREATE TABLE merging (
    id INTEGER PRIMARY KEY CHECK (id = 0), settled_offset INTEGER NOT NULL)`,
] as const

const SEGMENT = 'base_offset, first_timestamp, size_before, created_ms'
const INSERT_SEGMENT = `INSERT INTO segment (${SEGMENT}) VALUES (?, ?, ?, ?)`
const FIRST_SEGMENTS = `SELECT ${SEGMENT} FROM segment ORDER BY base_offset LIMIT ?`
const SEGMENTS_FROM = `SELECT ${SEGMENT} FROM segment WHERE base_offset >=
  coalesce((SELECT base_offset FROM segment WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1), 0)
  ORDER BY base_offset LIMIT ?`
const LAST_SEGMENT = `SELECT ${SEGMENT} FROM segment ORDER BY base_offset DESC LIMIT 1`
const SEGMENT_STARTS = 'SELECT base_offset FROM segment WHERE base_offset BETWEEN ? AND ?'
const DELETE_SEGMENTS = 'DELETE FROM segment WHERE base_offset < ?'
// The one that the offset lies in stays.
const DELETE_SEGMENTS_BEFORE = `DELETE FROM segment WHERE base_offset <
  (SELECT base_offset FROM segment WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1)`

const SIZE_FROM = 'SELECT sum(size) AS size FROM chunk WHERE first_offset >= ?'

const READ_SETTLED = 'SELECT settled_offset FROM merging'
const SAVE_SETTLED = `INSERT INTO merging (id, settled_offset) VALUES (0, ?)
  ON CONFLICT (id) DO UPDATE SET settled_offset = excluded.settled_offset`

const READ_RUN = `SELECT ${CHECKED_COLUMNS} FROM chunk
  WHERE first_offset BETWEEN ? AND ? ORDER BY first_offset`
const DELETE_BETWEEN = 'DELETE FROM chunk WHERE first_offset > ? AND first_offset <= ?'
// In place: an update is one row written, and with those deleted before it uses their pages.
const REPLACE_CHUNK = `UPDATE chunk SET last_offset = ?, max_timestamp = ?, running_max_timestamp = ?,
  size = ?, running_size = ?, producers = ?, checksum = ?, data = ? WHERE first_offset = ?`

/** A chunk as merging reads it. */
export interface SmallChunk {
  readonly lastOffset: number
  readonly sizeBytes: number
  readonly producers: Uint8Array | null
  readonly data: Uint8Array
  /** What is wrong with it; null when it is as it was written. */
  readonly damage: string | null
}

/** The statements of a log's life. Every method may throw what SQLite throws. */
export class LifecycleStore {
  readonly #sql: Storage['sql']

  constructor(sql: Storage['sql']) {
    this.#sql = sql
  }

  insertSegment(segment: Segment): void {
    const { baseOffset, firstTimestamp, sizeBefore, createdMs } = segment
    this.#rows(INSERT_SEGMENT, baseOffset, firstTimestamp, sizeBefore, createdMs)
  }

  /** The oldest segments, in order. */
  firstSegments(limit: number): Segment[] {
    return this.#rows(FIRST_SEGMENTS, limit).map(toSegment)
  }

  /** Segments in order, from the one that an offset lies in. */
  segmentsFrom(offset: number, limit: number): Segment[] {
    return this.#rows(SEGMENTS_FROM, offset, limit).map(toSegment)
  }

  /** The active segment, if there is any. */
  lastSegment(): Segment | null {
    const [row] = this.#rows(LAST_SEGMENT)
    return row === undefined ? null : toSegment(row)
  }

  /** Where segments begin within [from, to]. */
  segmentStarts(from: number, to: number): Set<number> {
    return new Set(this.#rows(SEGMENT_STARTS, from, to).map((row) => Number(row.base_offset)))
  }

  /** Forgets the segments that begin below an offset. */
  deleteSegments(below: number): void {
    this.#rows(DELETE_SEGMENTS, below)
  }

  /** Forgets the segments that end at or before an offset; never the active one. */
  deleteSegmentsBefore(offset: number): void {
    this.#rows(DELETE_SEGMENTS_BEFORE, offset)
  }

  /** Bytes of the chunks that start at or after an offset: looks at each. */
  sizeFrom(offset: number): number {
    return Number(this.#rows(SIZE_FROM, offset)[0]?.size ?? 0)
  }

  /** Below this offset no chunk is to be merged any more. */
  settledOffset(): number {
    return Number(this.#rows(READ_SETTLED)[0]?.settled_offset ?? 0)
  }

  saveSettledOffset(offset: number): void {
    this.#rows(SAVE_SETTLED, offset)
  }

  /** The chunks that start in the range (both inclusive), whole: none of them is larger than a row. */
  smallChunks(firstFrom: number, firstTo: number): SmallChunk[] {
    return this.#rows(READ_RUN, firstFrom, firstTo).map((row) => {
      const chunk = toCheckedChunk(row)
      const { lastOffset, sizeBytes, producers, head } = chunk
      return { lastOffset, sizeBytes, producers, data: head, damage: chunkDamage(chunk) }
    })
  }

  /** One row in place of the chunks from its own first offset to the one that starts at `lastStart`. */
  replaceChunks(chunk: ChunkRow, lastStart: number): void {
    this.#rows(DELETE_BETWEEN, chunk.firstOffset, lastStart)
    this.#rows(
      REPLACE_CHUNK,
      chunk.lastOffset,
      chunk.maxTimestamp,
      chunk.runningMaxTimestamp,
      chunk.sizeBytes,
      chunk.runningSizeBytes,
      chunk.producers,
      chunkChecksum({ ...chunk, head: chunk.data }),
      chunk.data,
      chunk.firstOffset,
    )
  }

  #rows(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#sql.exec(query, ...bindings).toArray()
  }
}

function toSegment(row: Row): Segment {
  return {
    baseOffset: Number(row.base_offset),
    firstTimestamp: Number(row.first_timestamp),
    sizeBefore: Number(row.size_before),
    createdMs: Number(row.created_ms),
  }
}
