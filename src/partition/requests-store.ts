// Where a log keeps its keyed requests beside the chunks: one row with all that chunks before the producers' snapshot
// have added. Its table is made with the first such row, so that a log without keys has none. Statements only:
// when they are used is requests-kept.ts's and producer-snapshots.ts's.

import { DamagedRowError, rowChecksum } from '../runtime/checked-table.ts'
import type { Storage } from '../runtime/storage.ts'
import { blob } from './chunk-rows.ts'

const CREATE = `CREATE TABLE IF NOT EXISTS request_snapshot (
  id INTEGER PRIMARY KEY CHECK (id = 0), data BLOB NOT NULL, checksum INTEGER NOT NULL)`
const IS_THERE = `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'request_snapshot'`
const READ = 'SELECT data, checksum FROM request_snapshot'
// An update in place is one row written; INSERT OR REPLACE would be two.
const SAVE = `INSERT INTO request_snapshot (id, data, checksum) VALUES (0, ?, ?)
  ON CONFLICT (id) DO UPDATE SET data = excluded.data, checksum = excluded.checksum`

/** The snapshot; null when there is none. Throws DamagedRowError. */
export function readRequestSnapshot({ sql }: Storage): Uint8Array | null {
  if (sql.exec(IS_THERE).toArray().length === 0) return null
  const row = sql.exec(READ).toArray()[0]
  if (row === undefined) return null
  const data = blob(row.data)
  if (row.checksum === rowChecksum([data])) return data
  throw new DamagedRowError('the keyed requests are damaged')
}

/** Stores all that is known of requests as of the producers' snapshot. Only inside the transaction that stores that. */
export function saveRequestSnapshot({ sql }: Storage, data: Uint8Array): void {
  sql.exec(CREATE).toArray()
  sql.exec(SAVE, data, rowChecksum([data])).toArray()
}
