// What a partition keeps in SQLite and how it is read and written: the chunks and the producers' state here, the layout in
// schema.ts, the other tables in stores of their own. Not the rules of the log: log.ts and its siblings decide. SQL texts
// are constants because the platform caches statements by their text; every cursor is drained at once; int64 values are
// numbers below 2^53.

import { ROW_BYTES } from '../core/limits/partition.ts'
import { DamagedRowError, rowChecksum } from '../runtime/checked-table.ts'
import { type Row, type SqlValue, type Storage, storedSchema } from '../runtime/storage.ts'
import { AbortedStore } from './aborted-store.ts'
import {
  blob,
  CHECKED_COLUMNS,
  isSound,
  toCheckedChunk,
  toChecksum,
  toHeader,
} from './chunk-rows.ts'
import { CompactionStore } from './compaction/compaction-store.ts'
import {
  chunkChecksum,
  chunkDamage,
  DamagedRangeError,
  pieceChecksum,
  pieceDamage,
} from './integrity.ts'
import { insertLeader, readLeader, updateLeader } from './leader-row.ts'
import { LifecycleStore } from './lifecycle/store.ts'
import { readRequestSnapshot, saveRequestSnapshot } from './requests-store.ts'
import { createTables, SCHEMA_VERSION, upgrade } from './schema.ts'
import type {
  ChunkHeader,
  ChunkRow,
  Identity,
  LoadedLog,
  StoredChunk,
  VersionedSettings,
} from './stored.ts'
import { TierStore } from './tiering/tier-store.ts'

/** A log also has to know how large it has become. */
export interface LogStorage extends Storage {
  readonly sql: Storage['sql'] & {
    /** Bytes of the database's pages that are in use: freed ones, which are used again, do not count. */
    readonly databaseSize: number
  }
}

const INSERT_CHUNK = `INSERT INTO chunk (first_offset, last_offset, max_timestamp,
  running_max_timestamp, size, running_size, producers, requests, checksum, data)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_PART =
  'INSERT INTO chunk_part (first_offset, part, checksum, data) VALUES (?, ?, ?, ?)'
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

const READ_SNAPSHOT = 'SELECT next_offset, data, checksum FROM producer_snapshot'
// A merged chunk may begin before the snapshot and end behind it: it has the changes since.
const SINCE_SNAPSHOT = `FROM chunk WHERE last_offset >= ? AND first_offset >=
  coalesce((SELECT first_offset FROM chunk WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1), 0)`
const READ_DELTAS = `SELECT producers, length(requests) AS request_bytes ${SINCE_SNAPSHOT}
  ORDER BY first_offset`
const READ_REQUESTS = `SELECT requests ${SINCE_SNAPSHOT} AND requests IS NOT NULL ORDER BY first_offset`
// An update in place is one row written; INSERT OR REPLACE would be two.
const SAVE_SNAPSHOT = `INSERT INTO producer_snapshot (id, next_offset, data, checksum)
  VALUES (0, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
  next_offset = excluded.next_offset, data = excluded.data, checksum = excluded.checksum`

/** The statements of a partition over one object's storage. Every method may throw what SQLite throws. */
export class LogStore {
  /** What is kept of the life of the log beside its chunks. */
  readonly lifecycle: LifecycleStore
  /** The transactions that were aborted. */
  readonly aborted: AbortedStore
  readonly #storage: LogStorage
  readonly #sql: LogStorage['sql']

  constructor(storage: LogStorage) {
    this.#storage = storage
    this.#sql = storage.sql
    this.lifecycle = new LifecycleStore(storage)
    this.aborted = new AbortedStore(storage.sql)
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
    if (version < SCHEMA_VERSION) upgrade(this.#storage, version, this)
    const leader = readLeader(this.#storage)
    const snapshot = this.#rows(READ_SNAPSHOT)[0]
    if (snapshot !== undefined && !isSound(snapshot, snapshotChecksum(snapshot))) {
      throw new DamagedRowError('the state of the producers is damaged')
    }
    const since = snapshot === undefined ? 0 : Number(snapshot.next_offset)
    const last = header(this.#rows(LAST_HEADER)[0])
    const deltas = this.#rows(READ_DELTAS, since, since)
    return {
      ...leader,
      first: header(this.#rows(FIRST_HEADER)[0]),
      last,
      producerSnapshot: snapshot === undefined ? null : bytes(snapshot.data),
      snapshotOffset: since,
      producerDeltas: deltas.map(({ producers }) => (producers === null ? null : bytes(producers))),
      requestDeltaBytes: deltas.reduce((sum, row) => sum + Number(row.request_bytes ?? 0), 0),
      lastAborted: this.aborted.last(),
      activeSegment: last === null ? null : this.lifecycle.lastSegment(),
      compacted: new CompactionStore(this.#storage).state() !== null,
      ...new TierStore(this.#storage).load(),
    }
  }

  /** The tables and who the log is. Only inside a transaction, before the first row. */
  create(identity: Identity, config: VersionedSettings | null): void {
    createTables(this.#storage)
    insertLeader(this.#storage, identity, config)
  }

  saveSettings({ configVersion, settings }: VersionedSettings): void {
    updateLeader(this.#storage, {
      config_version: configVersion,
      settings: JSON.stringify(settings),
    })
  }

  saveLogStart(logStart: number): void {
    updateLeader(this.#storage, { log_start: logStart })
  }

  /** From here on the topic is deleted, whatever happens. */
  saveDeleted(): void {
    updateLeader(this.#storage, { deleted: 1 })
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
      row.requests,
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

  /** All that is known of keyed requests, in the order in which it came to be. Throws DamagedRowError. */
  requests(): Uint8Array[] {
    // A log that has no tables has no requests either.
    if (storedSchema(this.#storage, SCHEMA_VERSION) === null) return []
    const snapshot = readRequestSnapshot(this.#storage)
    const since = Number(this.#rows(READ_SNAPSHOT)[0]?.next_offset ?? 0)
    const deltas = this.#rows(READ_REQUESTS, since, since).map((row) => bytes(row.requests))
    return snapshot === null ? deltas : [snapshot, ...deltas]
  }

  /** All keyed requests as of the producers' snapshot, which is stored with it. */
  saveRequestSnapshot(data: Uint8Array): void {
    saveRequestSnapshot(this.#storage, data)
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

function header(row: Row | undefined): ChunkHeader | null {
  return row === undefined ? null : toHeader(row)
}

function snapshotChecksum(row: Row): number {
  return rowChecksum([Number(row.next_offset), blob(row.data)])
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  throw new Error('a blob was expected')
}
