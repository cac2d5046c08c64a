// What a partition keeps in SQLite and how it is read and written. Not the rules of the log: log.ts
// and its siblings decide, this file only stores. SQL texts are constants because the platform caches
// statements by their text; every cursor is drained at once; int64 values are numbers below 2^53.

import { NO_LAYERS, type TopicSettings, topicSettings } from '../core/configs.ts'
import { offset, type TopicId } from '../core/ids.ts'
import { ROW_BYTES, UPGRADE_CHUNKS } from '../core/limits.ts'
import { DamagedRowError, rowChecksum } from '../runtime/checked-table.ts'
import {
  CREATE_SCHEMA,
  type Row,
  type SqlValue,
  type Storage,
  storedSchema,
} from '../runtime/storage.ts'
import type { SegmentAborted } from '../tier/segment.ts'
import { blob, CHECKED_COLUMNS, toCheckedChunk, toChecksum, toHeader } from './chunk-rows.ts'
import { CompactionStore, CREATE_COMPACTION } from './compaction/compaction-store.ts'
import type { AbortedTransaction } from './contract.ts'
import type { AbortedSpan } from './flush.ts'
import {
  chunkChecksum,
  chunkDamage,
  DamagedRangeError,
  pieceChecksum,
  pieceDamage,
} from './integrity.ts'
import { CREATED_UNKNOWN, type Segment, segmentBegunBy } from './lifecycle/segments.ts'
import { CREATE_LIFECYCLE, LifecycleStore } from './lifecycle/store.ts'
import { CREATE_TIERING, TierStore } from './tiering/tier-store.ts'

/** A log also has to know how large it has become. */
export interface LogStorage extends Storage {
  readonly sql: Storage['sql'] & {
    /** Bytes of the database's pages that are in use: freed ones, which are used again, do not count. */
    readonly databaseSize: number
  }
}

/** The layout this code reads and writes. A newer one is refused. */
export const SCHEMA_VERSION = 4

/** Everything of a chunk but its batches. Sizes are bytes of batches, timestamps milliseconds. */
export interface ChunkHeader {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  /** Highest maxTimestamp of this and all earlier chunks: never falls, so it can be searched. */
  readonly runningMaxTimestamp: number
  readonly sizeBytes: number
  /** Sum of sizeBytes of this and all chunks ever before it. */
  readonly runningSizeBytes: number
}

/** A chunk to write. */
export interface ChunkRow extends ChunkHeader {
  /** What the chunk changes in the producers' state (producers.ts), null when nothing. */
  readonly producers: Uint8Array | null
  readonly data: Uint8Array
}

/** A chunk as read: its batches, or the first piece of one that is larger than a row. */
export interface StoredChunk {
  readonly firstOffset: number
  readonly lastOffset: number
  /** Of all its pieces. */
  readonly sizeBytes: number
  readonly data: Uint8Array
  /** What is wrong with it; null when it is as it was written. Its data may then be anything. */
  readonly damage: string | null
}

/** Who this log is and what Cluster said about it. */
export interface Identity {
  readonly topicId: TopicId
  readonly partition: number
}

/** Settings with their version, as Cluster gives them. */
export interface VersionedSettings {
  readonly configVersion: number
  readonly settings: TopicSettings
}

/** All that is needed to lead a log again. Bounded: no batch is read. */
export interface LoadedLog {
  readonly identity: Identity
  /** null: fenced before it had any. */
  readonly config: VersionedSettings | null
  readonly logStart: number
  readonly deleted: boolean
  readonly first: ChunkHeader | null
  readonly last: ChunkHeader | null
  readonly producerSnapshot: Uint8Array | null
  /** What chunks from this offset on changed is not in the snapshot. */
  readonly snapshotOffset: number
  /** Of the chunks since the snapshot, oldest first. */
  readonly producerDeltas: readonly (Uint8Array | null)[]
  /** Offset of the last marker of an aborted transaction; -1 without one. */
  readonly lastAborted: number
  /** The segment that is written to; null when the log has no chunks. */
  readonly activeSegment: Segment | null
  /** Chunks were replaced by smaller ones: their running sizes say too much. */
  readonly compacted: boolean
  /** Chunks below it are, or are to be, freed: the tier has them. 0 when there never were any. */
  readonly localStart: number
  /** The tier may have objects of this log. */
  readonly everTiered: boolean
}

/** Rows of aborted transactions, and headers of chunks, read together. */
const ABORTED_AT_ONCE = 256
const HEADERS_AT_ONCE = 1_000

/** Transactions that were aborted, by the offset of their marker. */
const CREATE_ABORTED = `CREATE TABLE aborted_transaction (
  last_offset INTEGER PRIMARY KEY, first_offset INTEGER NOT NULL,
  producer_id INTEGER NOT NULL, stable_offset INTEGER NOT NULL)`

/** In one transaction with the first row, so that a partition never written has no table. */
const CREATE = [
  CREATE_SCHEMA,
  `CREATE TABLE leader (
    id INTEGER PRIMARY KEY CHECK (id = 0), topic_id TEXT NOT NULL, partition INTEGER NOT NULL,
    config_version INTEGER NOT NULL, settings TEXT,
    log_start INTEGER NOT NULL, deleted INTEGER NOT NULL, checksum INTEGER)`,
  // The batches come last: SQLite reads a row from its front, so headers cost no page of them.
  `CREATE TABLE chunk (
    first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL,
    max_timestamp INTEGER NOT NULL, running_max_timestamp INTEGER NOT NULL,
    size INTEGER NOT NULL, running_size INTEGER NOT NULL,
    producers BLOB, checksum INTEGER, data BLOB NOT NULL)`,
  // Without a rowid there is no second index entry, which would be billed as a row.
  `CREATE TABLE chunk_part (
    first_offset INTEGER NOT NULL, part INTEGER NOT NULL, checksum INTEGER, data BLOB NOT NULL,
    PRIMARY KEY (first_offset, part)) WITHOUT ROWID`,
  `CREATE TABLE producer_snapshot (
    id INTEGER PRIMARY KEY CHECK (id = 0), next_offset INTEGER NOT NULL, data BLOB NOT NULL,
    checksum INTEGER)`,
  CREATE_ABORTED,
  ...CREATE_LIFECYCLE,
  CREATE_COMPACTION,
  ...CREATE_TIERING,
] as const

const SET_SCHEMA = 'UPDATE schema_version SET version = ?'

const INSERT_SCHEMA = 'INSERT INTO schema_version (version) VALUES (?)'
const INSERT_LEADER = `INSERT INTO leader
  (id, topic_id, partition, config_version, settings, log_start, deleted, checksum)
  VALUES (0, ?, ?, ?, ?, ?, ?, ?)`
const READ_LEADER = `SELECT topic_id, partition, config_version, settings, log_start, deleted, checksum
  FROM leader`
const UPDATE_LEADER = `UPDATE leader SET config_version = ?, settings = ?, log_start = ?, deleted = ?,
  checksum = ?`

const INSERT_CHUNK = `INSERT INTO chunk (first_offset, last_offset, max_timestamp,
  running_max_timestamp, size, running_size, producers, checksum, data)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_PART =
  'INSERT INTO chunk_part (first_offset, part, checksum, data) VALUES (?, ?, ?, ?)'
/** Layouts before 3 had no checksums (integrity.ts). */
const ADD_CHECKSUMS = [
  'ALTER TABLE chunk ADD COLUMN checksum INTEGER',
  'ALTER TABLE chunk_part ADD COLUMN checksum INTEGER',
  'ALTER TABLE leader ADD COLUMN checksum INTEGER',
  'ALTER TABLE producer_snapshot ADD COLUMN checksum INTEGER',
] as const

const HEADER = 'first_offset, last_offset, max_timestamp, running_max_timestamp, size, running_size'
const FIRST_HEADER = `SELECT ${HEADER} FROM chunk ORDER BY first_offset LIMIT 1`
const LAST_HEADER = `SELECT ${HEADER} FROM chunk ORDER BY first_offset DESC LIMIT 1`
const HEADER_AT_OR_BEFORE = `SELECT ${HEADER} FROM chunk
  WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1`
const HEADER_AFTER = `SELECT ${HEADER} FROM chunk WHERE first_offset > ? ORDER BY first_offset LIMIT 1`
// From the chunk that starts at or before the offset: one seek for the inner query, one for the outer.
const HEADERS_FROM = `SELECT ${HEADER} FROM chunk WHERE first_offset >=
  coalesce((SELECT first_offset FROM chunk WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1), 0)
  ORDER BY first_offset LIMIT ?`
// Reads headers only, in order, and stops at the first hit.
const HEADER_WITH_TIMESTAMP = `SELECT ${HEADER} FROM chunk
  WHERE first_offset >= ? AND max_timestamp >= ? ORDER BY first_offset LIMIT 1`
const HIGHEST_TIMESTAMP = `SELECT max(max_timestamp) AS max_timestamp FROM chunk
  WHERE first_offset >= ? AND first_offset < ?`
const HEADERS_BACK = `SELECT ${HEADER} FROM chunk
  WHERE first_offset BETWEEN ? AND ? ORDER BY first_offset DESC LIMIT ?`
const READ_CHUNKS = `SELECT ${CHECKED_COLUMNS} FROM chunk
  WHERE first_offset BETWEEN ? AND ? ORDER BY first_offset`
// Of the batch that the chunk begins with; the blob is read whole for it.
const READ_CRC = 'SELECT substr(data, 18, 4) AS crc FROM chunk WHERE first_offset = ?'
const READ_PART = 'SELECT checksum, data FROM chunk_part WHERE first_offset = ? AND part = ?'

const DELETE_CHUNKS = 'DELETE FROM chunk WHERE first_offset <= ?'
const DELETE_PARTS = 'DELETE FROM chunk_part WHERE first_offset <= ?'

const INSERT_ABORTED = `INSERT INTO aborted_transaction
  (last_offset, first_offset, producer_id, stable_offset) VALUES (?, ?, ?, ?)`
const READ_ABORTED = `SELECT last_offset, first_offset, producer_id, stable_offset FROM aborted_transaction
  WHERE last_offset >= ? ORDER BY last_offset LIMIT ?`
const LAST_ABORTED = 'SELECT max(last_offset) AS last_offset FROM aborted_transaction'
const DELETE_ABORTED = 'DELETE FROM aborted_transaction WHERE last_offset <= ?'

const READ_SNAPSHOT = 'SELECT next_offset, data, checksum FROM producer_snapshot'
// A merged chunk may begin before the snapshot and end behind it: it has the changes since.
const READ_DELTAS = `SELECT producers FROM chunk WHERE last_offset >= ? AND first_offset >=
  coalesce((SELECT first_offset FROM chunk WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1), 0)
  ORDER BY first_offset`
// An update in place is one row written; INSERT OR REPLACE would be two.
const SAVE_SNAPSHOT = `INSERT INTO producer_snapshot (id, next_offset, data, checksum)
  VALUES (0, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
  next_offset = excluded.next_offset, data = excluded.data, checksum = excluded.checksum`

/** The statements of a partition over one object's storage. Every method may throw what SQLite throws. */
export class LogStore {
  /** What is kept of the life of the log beside its chunks. */
  readonly lifecycle: LifecycleStore
  readonly #storage: LogStorage
  readonly #sql: LogStorage['sql']

  constructor(storage: LogStorage) {
    this.#storage = storage
    this.#sql = storage.sql
    this.lifecycle = new LifecycleStore(storage.sql)
  }

  /** Runs `write` as one transaction: all of it or, if it throws, nothing. */
  transaction(write: () => void): void {
    this.#storage.transactionSync(write)
  }

  /** Bytes of the pages that are in use. A query. */
  get databaseSizeBytes(): number {
    return this.#sql.databaseSize
  }

  /** What is stored, or null when nothing ever was. Throws NewerSchemaError. */
  load(): LoadedLog | null {
    const version = storedSchema(this.#storage, SCHEMA_VERSION)
    if (version === null) return null
    if (version < SCHEMA_VERSION) this.#upgrade(version)
    const leader = this.#leader()
    const snapshot = this.#rows(READ_SNAPSHOT)[0]
    if (snapshot !== undefined && !isSound(snapshot, snapshotChecksum(snapshot))) {
      throw new DamagedRowError('the state of the producers is damaged')
    }
    const since = snapshot === undefined ? 0 : Number(snapshot.next_offset)
    const last = header(this.#rows(LAST_HEADER)[0])
    return {
      identity: {
        topicId: String(leader.topic_id) as TopicId,
        partition: Number(leader.partition),
      },
      config: versionedSettings(leader),
      logStart: Number(leader.log_start),
      deleted: leader.deleted === 1,
      first: header(this.#rows(FIRST_HEADER)[0]),
      last,
      producerSnapshot: snapshot === undefined ? null : bytes(snapshot.data),
      snapshotOffset: since,
      producerDeltas: this.#rows(READ_DELTAS, since, since).map((row) =>
        row.producers === null ? null : bytes(row.producers),
      ),
      lastAborted: Number(this.#rows(LAST_ABORTED)[0]?.last_offset ?? -1),
      activeSegment: last === null ? null : this.lifecycle.lastSegment(),
      compacted: new CompactionStore(this.#storage).state() !== null,
      ...new TierStore(this.#storage).load(),
    }
  }

  /** Version 1 knew no transactions, version 2 no segments, version 3 no tier. */
  #upgrade(version: number): void {
    this.transaction(() => {
      if (version < 2) this.#run(CREATE_ABORTED)
      if (version < 3) {
        for (const statement of ADD_CHECKSUMS) this.#run(statement)
        for (const statement of CREATE_LIFECYCLE) this.#run(statement)
        this.#run(CREATE_COMPACTION)
        this.#cutIntoSegments()
      }
      for (const statement of CREATE_TIERING) this.#run(statement)
      this.#run(SET_SCHEMA, SCHEMA_VERSION)
    })
  }

  /** As if the chunks came now. When they did is not known: without timestamps they go by size alone. */
  #cutIntoSegments(): void {
    const leader = this.#rows(READ_LEADER)[0]
    const settings = leader === undefined ? null : versionedSettings(leader)?.settings
    if (!settings) return
    let active: Segment | null = null
    let next = 0
    for (let left = UPGRADE_CHUNKS; left > 0; left -= HEADERS_AT_ONCE) {
      const headers = this.headersFrom(next, HEADERS_AT_ONCE)
      for (const chunk of headers) {
        if (chunk.firstOffset < next) continue
        const begun: Segment | null = segmentBegunBy(
          chunk,
          chunk.maxTimestamp,
          active,
          settings,
          CREATED_UNKNOWN,
        )
        if (begun === null) continue
        this.lifecycle.insertSegment(begun)
        active = begun
      }
      if (headers.length < HEADERS_AT_ONCE) return
      next = (headers.at(-1)?.lastOffset ?? 0) + 1
    }
  }

  /** The tables and who the log is. Only inside a transaction, before the first row. */
  create(identity: Identity, config: VersionedSettings | null): void {
    for (const statement of CREATE) this.#run(statement)
    this.#run(INSERT_SCHEMA, SCHEMA_VERSION)
    this.#run(
      INSERT_LEADER,
      ...checkedLeader({
        topic_id: identity.topicId,
        partition: identity.partition,
        config_version: config?.configVersion ?? -1,
        settings: config === null ? null : JSON.stringify(config.settings),
        log_start: 0,
        deleted: 0,
      }),
    )
  }

  /** The row that says whose log this is and what is known of it. Throws when it is not as it was written. */
  #leader(): Row {
    const leader = this.#rows(READ_LEADER)[0]
    if (leader === undefined) throw new DamagedRowError('the leader row is missing')
    if (isSound(leader, Number(checkedLeader(leader).at(-1)))) return leader
    throw new DamagedRowError('the leader row is damaged')
  }

  #saveLeader(change: Row): void {
    const [, , ...columns] = checkedLeader({ ...this.#leader(), ...change })
    this.#run(UPDATE_LEADER, ...columns)
  }

  saveSettings({ configVersion, settings }: VersionedSettings): void {
    this.#saveLeader({ config_version: configVersion, settings: JSON.stringify(settings) })
  }

  saveLogStart(logStart: number): void {
    this.#saveLeader({ log_start: logStart })
  }

  /** From here on the topic is deleted, whatever happens. */
  saveDeleted(): void {
    this.#saveLeader({ deleted: 1 })
  }

  /** One row, and one more per ROW_BYTES when a single batch is larger than that. */
  insertChunk(row: ChunkRow): void {
    const { data, firstOffset } = row
    const head = data.length <= ROW_BYTES ? data : data.subarray(0, ROW_BYTES)
    this.#run(
      INSERT_CHUNK,
      row.firstOffset,
      row.lastOffset,
      row.maxTimestamp,
      row.runningMaxTimestamp,
      row.sizeBytes,
      row.runningSizeBytes,
      row.producers,
      chunkChecksum({ ...row, head }),
      head,
    )
    for (let at = ROW_BYTES, piece = 1; at < data.length; at += ROW_BYTES, piece++) {
      const part = { firstOffset, piece, data: data.subarray(at, at + ROW_BYTES) }
      this.#run(INSERT_PART, firstOffset, piece, pieceChecksum(part), part.data)
    }
  }

  /** The producers' state as of `nextOffset`; deltas of earlier chunks are not read again. */
  saveProducerSnapshot(nextOffset: number, data: Uint8Array): void {
    this.#run(SAVE_SNAPSHOT, nextOffset, data, rowChecksum([nextOffset, data]))
  }

  /** @param stableOffset no transaction aborted later begins below it */
  insertAborted(span: AbortedSpan, stableOffset: number): void {
    this.#run(INSERT_ABORTED, span.lastOffset, span.firstOffset, span.producerId, stableOffset)
  }

  /** Aborted transactions that overlap [from, end), sorted by their first offsets. */
  aborted(from: number, end: number): AbortedTransaction[] {
    return sorted(this.abortedSpans(from, end))
  }

  /** The same with where they end, sorted by that. */
  abortedSpans(from: number, end: number): SegmentAborted[] {
    const found: SegmentAborted[] = []
    for (let next = from; ; ) {
      const rows = this.#rows(READ_ABORTED, next, ABORTED_AT_ONCE)
      for (const row of rows) {
        const firstOffset = Number(row.first_offset)
        const lastOffset = Number(row.last_offset)
        const stableOffset = Number(row.stable_offset)
        const producerId = Number(row.producer_id)
        if (firstOffset < end) found.push({ producerId, firstOffset, lastOffset, stableOffset })
        if (stableOffset >= end) return found
        next = lastOffset + 1
      }
      if (rows.length < ABORTED_AT_ONCE) return found
    }
  }

  /** Forgets the aborted transactions that end at or before `lastOffset`. */
  deleteAborted(lastOffset: number): void {
    this.#run(DELETE_ABORTED, lastOffset)
  }

  /** The last chunk that starts at or before `offset`. */
  headerAtOrBefore(offset: number): ChunkHeader | null {
    return header(this.#rows(HEADER_AT_OR_BEFORE, offset)[0])
  }

  /** The first chunk that starts after `offset`. */
  headerAfter(offset: number): ChunkHeader | null {
    return header(this.#rows(HEADER_AFTER, offset)[0])
  }

  /** Up to `limit` chunks in order, from the one that starts at or before `offset` (else the first). */
  headersFrom(offset: number, limit: number): ChunkHeader[] {
    return this.#rows(HEADERS_FROM, offset, limit).map(toHeader)
  }

  /** Up to `limit` chunks that start in the range (both inclusive), the last one first. */
  headersBack(firstFrom: number, firstTo: number, limit: number): ChunkHeader[] {
    return this.#rows(HEADERS_BACK, firstFrom, firstTo, limit).map(toHeader)
  }

  /** The first chunk that starts at or after `offset` and has a record of that time or later. */
  headerWithTimestamp(offset: number, timestamp: number): ChunkHeader | null {
    return header(this.#rows(HEADER_WITH_TIMESTAMP, offset, timestamp)[0])
  }

  /** Highest timestamp in the chunks that start in [from, end); -1 when there is none. */
  highestTimestamp(from: number, end: number): number {
    return Number(this.#rows(HIGHEST_TIMESTAMP, from, end)[0]?.max_timestamp ?? -1)
  }

  /** The chunks that start in the range (both inclusive), with their batches or first piece. */
  chunks(firstFrom: number, firstTo: number): StoredChunk[] {
    return this.#rows(READ_CHUNKS, firstFrom, firstTo).map((row) => {
      const chunk = toCheckedChunk(row)
      const { firstOffset, lastOffset, sizeBytes, head } = chunk
      return { firstOffset, lastOffset, sizeBytes, data: head, damage: chunkDamage(chunk) }
    })
  }

  /** The checksum of a chunk's first batch, unsigned; null when no chunk starts there. */
  batchCrc(firstOffset: number): number | null {
    const row = this.#rows(READ_CRC, firstOffset)[0]
    if (row === undefined) return null
    const crc = bytes(row.crc)
    return new DataView(crc.buffer, crc.byteOffset, crc.length).getUint32(0)
  }

  /**
   * A later piece of a batch that is larger than a row, from 1 on; null when it is gone.
   * @throws DamagedRangeError
   */
  laterPiece(firstOffset: number, piece: number): Uint8Array | null {
    const row = this.#rows(READ_PART, firstOffset, piece)[0]
    if (row === undefined) return null
    const data = blob(row.data)
    const damage = pieceDamage({ firstOffset, piece, data, checksum: toChecksum(row.checksum) })
    if (damage !== null) throw new DamagedRangeError(firstOffset, firstOffset, damage)
    return data
  }

  /** Compaction has been here: it may have left offsets without a chunk. */
  isCompacted(): boolean {
    return new CompactionStore(this.#storage).state() !== null
  }

  /** Frees the chunks that start at or before `firstOffset`. The file keeps its size. */
  deleteChunks(firstOffset: number): void {
    this.#run(DELETE_CHUNKS, firstOffset)
    this.#run(DELETE_PARTS, firstOffset)
  }

  #run(query: string, ...bindings: SqlValue[]): void {
    this.#sql.exec(query, ...bindings).toArray()
  }

  #rows(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#sql.exec(query, ...bindings).toArray()
  }
}

function sorted(aborted: readonly SegmentAborted[]): AbortedTransaction[] {
  return aborted
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: offset(firstOffset) }))
    .toSorted((a, b) => a.firstOffset - b.firstOffset)
}

function header(row: Row | undefined): ChunkHeader | null {
  return row === undefined ? null : toHeader(row)
}

/** The leader row's columns behind its id, the checksum last. */
function checkedLeader(row: Row): SqlValue[] {
  const columns = [
    String(row.topic_id),
    Number(row.partition),
    Number(row.config_version),
    row.settings === null ? null : String(row.settings),
    Number(row.log_start),
    Number(row.deleted),
  ]
  return [...columns, rowChecksum(columns)]
}

function snapshotChecksum(row: Row): number {
  return rowChecksum([Number(row.next_offset), blob(row.data)])
}

/** Rows of older layouts have no checksum. */
function isSound(row: Row, checksum: number): boolean {
  return toChecksum(row.checksum) === null || row.checksum === checksum
}

function versionedSettings(row: Row): VersionedSettings | null {
  const text = row.settings
  if (typeof text !== 'string') return null
  // An older release knew fewer settings; Cluster tells of the others.
  const settings = { ...topicSettings({}, NO_LAYERS), ...(JSON.parse(text) as TopicSettings) }
  return { configVersion: Number(row.config_version), settings }
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  throw new Error('a blob was expected')
}
