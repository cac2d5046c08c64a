// The layout of a partition's SQLite: its tables, its version, and how older ones are brought up to it. Forwards only:
// a newer layout is refused by whoever loads (runtime/storage.ts). Not the statements on the tables: store.ts.
//
// Layout 1: chunks, their pieces, the producers' state. 2: aborted transactions. 3: checksums, segments, compaction.
// 4: the tier. 5: segments have checksums, and a chunk may have `requests`, what it adds to the keyed HTTP
// requests (data folders of the seventh kind, 7-requests in test/vectors), null as a rule, covered by the chunk's
// checksum; their snapshot has a table where there is one (requests-store.ts).

import { UPGRADE_CHUNKS } from '../core/limits/partition.ts'
import { CREATE_SCHEMA, type Storage } from '../runtime/storage.ts'
import { CREATE_ABORTED } from './aborted-store.ts'
import { CREATE_COMPACTION } from './compaction/compaction-store.ts'
import { readSettings } from './leader-row.ts'
import { CREATED_UNKNOWN, type Segment, segmentBegunBy } from './lifecycle/segments.ts'
import { CREATE_LIFECYCLE, SEGMENTS } from './lifecycle/store.ts'
import type { LogStore } from './store.ts'
import { CREATE_TIERING } from './tiering/tier-store.ts'

/** The layout this code reads and writes. A newer one is refused. */
export const SCHEMA_VERSION = 5

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
    producers BLOB, requests BLOB, checksum INTEGER, data BLOB NOT NULL)`,
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

/** Layouts before 3 had no checksums (integrity.ts). */
const ADD_CHECKSUMS = [
  'ALTER TABLE chunk ADD COLUMN checksum INTEGER',
  'ALTER TABLE chunk_part ADD COLUMN checksum INTEGER',
  'ALTER TABLE leader ADD COLUMN checksum INTEGER',
  'ALTER TABLE producer_snapshot ADD COLUMN checksum INTEGER',
] as const

/** Behind the batches in a log of before layout 5: where it is null, as in all of its rows, it is not looked for there. */
const ADD_REQUESTS = 'ALTER TABLE chunk ADD COLUMN requests BLOB'

/** Headers of chunks read together. */
const HEADERS_AT_ONCE = 1_000

/** Makes the tables. Only inside a transaction, before the first row. */
export function createTables({ sql }: Storage): void {
  for (const statement of CREATE) sql.exec(statement).toArray()
  sql.exec(INSERT_SCHEMA, SCHEMA_VERSION).toArray()
}

/**
 * Brings an older layout up to this one, in one transaction. Version 1 knew no transactions, version 2 no segments,
 * version 3 no tier, version 4 no checksums of segments and no requests.
 */
export function upgrade(storage: Storage, version: number, store: LogStore): void {
  const { sql } = storage
  const run = (statements: readonly string[]) => {
    for (const statement of statements) sql.exec(statement).toArray()
  }
  storage.transactionSync(() => {
    if (version < 2) run([CREATE_ABORTED])
    if (version < 3) {
      run([...ADD_CHECKSUMS, ...CREATE_LIFECYCLE, CREATE_COMPACTION])
      cutIntoSegments(storage, store)
    } else SEGMENTS.addChecksums(storage)
    if (version < 4) run(CREATE_TIERING)
    run([ADD_REQUESTS])
    sql.exec(SET_SCHEMA, SCHEMA_VERSION).toArray()
  })
}

/** As if the chunks came now. When they did is not known: without timestamps they go by size alone. */
function cutIntoSegments(storage: Storage, store: LogStore): void {
  const settings = readSettings(storage)
  if (settings === null) return
  let active: Segment | null = null
  let next = 0
  for (let left = UPGRADE_CHUNKS; left > 0; left -= HEADERS_AT_ONCE) {
    const headers = store.headersFrom(next, HEADERS_AT_ONCE)
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
      store.lifecycle.insertSegment(begun)
      active = begun
    }
    if (headers.length < HEADERS_AT_ONCE) return
    next = (headers.at(-1)?.lastOffset ?? 0) + 1
  }
}
