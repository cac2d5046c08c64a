// The one row that says whose log it is and what is known of it: identity, settings, log start, whether the topic is
// deleted. Only statements; the row is checked whenever it is read, because all else hangs on it.

import { NO_LAYERS, type TopicSettings, topicSettings } from '../core/configs.ts'
import type { TopicId } from '../core/ids.ts'
import { DamagedRowError, rowChecksum } from '../runtime/checked-table.ts'
import type { Row, SqlValue, Storage } from '../runtime/storage.ts'
import { isSound } from './chunk-rows.ts'
import type { Identity, VersionedSettings } from './stored.ts'

const INSERT_LEADER = `INSERT INTO leader
  (id, topic_id, partition, config_version, settings, log_start, deleted, checksum)
  VALUES (0, ?, ?, ?, ?, ?, ?, ?)`
const READ_LEADER = `SELECT topic_id, partition, config_version, settings, log_start, deleted, checksum
  FROM leader`
const READ_SETTINGS = 'SELECT config_version, settings FROM leader'
const UPDATE_LEADER = `UPDATE leader SET config_version = ?, settings = ?, log_start = ?, deleted = ?,
  checksum = ?`

/** The row. */
export interface LeaderRow {
  readonly identity: Identity
  /** null: fenced before it had any. */
  readonly config: VersionedSettings | null
  readonly logStart: number
  readonly deleted: boolean
}

/** The row, checked. Throws DamagedRowError. */
export function readLeader(storage: Storage): LeaderRow {
  const row = checkedRow(storage)
  return {
    identity: { topicId: String(row.topic_id) as TopicId, partition: Number(row.partition) },
    config: versionedSettings(row),
    logStart: Number(row.log_start),
    deleted: row.deleted === 1,
  }
}

/** The settings alone, from a row of any layout; null without any. */
export function readSettings({ sql }: Storage): TopicSettings | null {
  const row = sql.exec(READ_SETTINGS).toArray()[0]
  return row === undefined ? null : (versionedSettings(row)?.settings ?? null)
}

/** Writes the first row. Only inside the transaction that makes the tables. */
export function insertLeader(
  { sql }: Storage,
  identity: Identity,
  config: VersionedSettings | null,
): void {
  const columns = checkedColumns({
    topic_id: identity.topicId,
    partition: identity.partition,
    config_version: config?.configVersion ?? -1,
    settings: config === null ? null : JSON.stringify(config.settings),
    log_start: 0,
    deleted: 0,
  })
  sql.exec(INSERT_LEADER, ...columns).toArray()
}

/** Changes some columns of the row. Throws DamagedRowError. */
export function updateLeader(storage: Storage, change: Row): void {
  const [, , ...columns] = checkedColumns({ ...checkedRow(storage), ...change })
  storage.sql.exec(UPDATE_LEADER, ...columns).toArray()
}

/** Throws when it is not as it was written. */
function checkedRow({ sql }: Storage): Row {
  const row = sql.exec(READ_LEADER).toArray()[0]
  if (row === undefined) throw new DamagedRowError('the leader row is missing')
  if (isSound(row, Number(checkedColumns(row).at(-1)))) return row
  throw new DamagedRowError('the leader row is damaged')
}

/** The columns behind its id, the checksum last. */
function checkedColumns(row: Row): SqlValue[] {
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

function versionedSettings(row: Row): VersionedSettings | null {
  const text = row.settings
  if (typeof text !== 'string') return null
  // An older release knew fewer settings; Cluster tells of the others.
  const settings = { ...topicSettings({}, NO_LAYERS), ...(JSON.parse(text) as TopicSettings) }
  return { configVersion: Number(row.config_version), settings }
}
