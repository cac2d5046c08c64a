// Storage as earlier layouts had it: what newer ones have brought is taken away again.

import type { SqliteStorage } from './sqlite-storage.ts'

/** Tables and columns of layout 2: before segments, merging, compaction and checksums. */
const LAYOUT_2: Readonly<Record<string, readonly string[]>> = {
  schema_version: ['version'],
  leader: ['id', 'topic_id', 'partition', 'config_version', 'settings', 'log_start', 'deleted'],
  chunk: [
    'first_offset',
    'last_offset',
    'max_timestamp',
    'running_max_timestamp',
    'size',
    'running_size',
    'producers',
    'data',
  ],
  chunk_part: ['first_offset', 'part', 'data'],
  producer_snapshot: ['id', 'next_offset', 'data'],
  aborted_transaction: ['last_offset', 'first_offset', 'producer_id', 'stable_offset'],
}

/** Before checksums of segments, and requests. */
export function toLayout4(storage: SqliteStorage): void {
  storage.direct('ALTER TABLE segment DROP COLUMN checksum')
  storage.direct('ALTER TABLE chunk DROP COLUMN requests')
  storage.direct('UPDATE schema_version SET version = 4')
}

/** Before the tier. */
export function toLayout3(storage: SqliteStorage): void {
  toLayout4(storage)
  for (const table of ['tier_segment', 'tier_garbage', 'tiering']) {
    storage.direct(`DROP TABLE ${table}`)
  }
  storage.direct('UPDATE schema_version SET version = 3')
}

/** Before segments, merging, compaction and checksums. */
export function toLayout2(storage: SqliteStorage): void {
  for (const table of storage.tables()) {
    const columns = LAYOUT_2[table]
    if (columns === undefined) {
      storage.direct(`DROP TABLE ${table}`)
      continue
    }
    for (const { name } of storage.direct(`PRAGMA table_info(${table})`)) {
      if (columns.includes(String(name))) continue
      storage.direct(`ALTER TABLE ${table} DROP COLUMN ${name}`)
    }
  }
  storage.direct('UPDATE schema_version SET version = 2')
}

/** Before transactions. */
export function toLayout1(storage: SqliteStorage): void {
  toLayout2(storage)
  storage.direct('DROP TABLE aborted_transaction')
  storage.direct('UPDATE schema_version SET version = 1')
}
