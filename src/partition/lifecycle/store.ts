// What the life of a log keeps in SQLite beside the chunks: one row per segment, and how far small chunks
// have been merged. Only statements: what they mean is decided by the others of this folder. As in
// ../store.ts SQL texts are constants and cursors are drained at once. A segment's row is checked whenever it is read:
// what goes and what is tiered is decided by it.

import { CheckedTable, type CheckedValue } from '../../runtime/checked-table.ts'
import type { Row, SqlValue, Storage } from '../../runtime/storage.ts'
import { CHECKED_COLUMNS, toCheckedChunk } from '../chunk-rows.ts'
import { chunkChecksum, chunkDamage } from '../integrity.ts'
import type { ChunkRow } from '../stored.ts'
import type { Segment } from './segments.ts'

/** The tables, since layout 3; the checksum since layout 5. */
export const CREATE_LIFECYCLE = [
  `CREATE TABLE segment (
    base_offset INTEGER PRIMARY KEY, first_timestamp INTEGER NOT NULL,
    size_before INTEGER NOT NULL, created_ms INTEGER NOT NULL, checksum INTEGER)`,
  `CREATE TABLE merging (
    id INTEGER PRIMARY KEY CHECK (id = 0), settled_offset INTEGER NOT NULL)`,
] as const

/** The segments' rows. */
export const SEGMENTS = new CheckedTable('segment', [
  'base_offset',
  'first_timestamp',
  'size_before',
  'created_ms',
])

const FIRST_SEGMENTS = 'ORDER BY base_offset LIMIT ?'
const SEGMENTS_FROM = `WHERE base_offset >=
  coalesce((SELECT base_offset FROM segment WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1), 0)
  ORDER BY base_offset LIMIT ?`
const LAST_SEGMENT = 'ORDER BY base_offset DESC LIMIT 1'
const SEGMENTS_BETWEEN = 'WHERE base_offset BETWEEN ? AND ?'
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
  size = ?, running_size = ?, producers = ?, requests = ?, checksum = ?, data = ?
  WHERE first_offset = ?`

/** A chunk as merging reads it. */
export interface SmallChunk {
  readonly lastOffset: number
  readonly sizeBytes: number
  readonly producers: Uint8Array | null
  readonly requests: Uint8Array | null
  readonly data: Uint8Array
  /** What is wrong with it; null when it is as it was written. */
  readonly damage: string | null
}

/** The statements of a log's life. Every method may throw what SQLite throws; those that give segments DamagedRowError. */
export class LifecycleStore {
  readonly #storage: Storage

  constructor(storage: Storage) {
    this.#storage = storage
  }

  insertSegment(segment: Segment): void {
    SEGMENTS.put(this.#storage, {
      base_offset: segment.baseOffset,
      first_timestamp: segment.firstTimestamp,
      size_before: segment.sizeBefore,
      created_ms: segment.createdMs,
    })
  }

  /** The oldest segments, in order. */
  firstSegments(limit: number): Segment[] {
    return this.#segments(FIRST_SEGMENTS, limit)
  }

  /** Segments in order, from the one that an offset lies in. */
  segmentsFrom(offset: number, limit: number): Segment[] {
    return this.#segments(SEGMENTS_FROM, offset, limit)
  }

  /** The active segment, if there is any. */
  lastSegment(): Segment | null {
    return this.#segments(LAST_SEGMENT)[0] ?? null
  }

  /** Where segments begin within [from, to]. */
  segmentStarts(from: number, to: number): Set<number> {
    const between = this.#segments(SEGMENTS_BETWEEN, from, to)
    return new Set(between.map(({ baseOffset }) => baseOffset))
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
      const { lastOffset, sizeBytes, producers, requests, head } = chunk
      const damage = chunkDamage(chunk)
      return { lastOffset, sizeBytes, producers, requests, data: head, damage }
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
      chunk.requests,
      chunkChecksum({ ...chunk, head: chunk.data }),
      chunk.data,
      chunk.firstOffset,
    )
  }

  #segments(rest: string, ...bindings: SqlValue[]): Segment[] {
    return SEGMENTS.read(this.#storage, rest, ...bindings).map(toSegment)
  }

  #rows(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#storage.sql.exec(query, ...bindings).toArray()
  }
}

function toSegment(row: Readonly<Record<string, CheckedValue>>): Segment {
  return {
    baseOffset: Number(row.base_offset),
    firstTimestamp: Number(row.first_timestamp),
    sizeBefore: Number(row.size_before),
    createdMs: Number(row.created_ms),
  }
}
