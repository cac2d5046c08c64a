// What a group keeps in SQLite and how it is read and written: rows of its membership, offsets by topic
// id and partition, offsets of open transactions. Nothing is created for a group that does not exist.
// Not what may change: group.ts decides. SQL texts are constants because the platform caches statements
// by their text; every cursor is drained at once.

import type { TopicId } from '../core/ids.ts'
import { CheckedTable, DamagedRowError } from '../runtime/checked-table.ts'
import {
  CREATE_SCHEMA,
  type Row,
  type SqlValue,
  type Storage,
  storedSchema,
} from '../runtime/storage.ts'
import type { GroupChange } from './commands.ts'
import type { KeptOffset, KeptOffsets, OffsetChange } from './offsets.ts'
import { groupSettings } from './settings.ts'
import type { KeptGroupState } from './whole-group.ts'

/** The layout this code reads and writes. An older one is brought up to it, a newer one refused. */
export const SCHEMA_VERSION = 4

const CREATE = [
  CREATE_SCHEMA,
  `CREATE TABLE consumer_group (
    id INTEGER PRIMARY KEY CHECK (id = 0), group_id TEXT NOT NULL, type TEXT NOT NULL,
    settings TEXT, checksum INTEGER)`,
  'CREATE TABLE membership (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER) WITHOUT ROWID',
  `CREATE TABLE committed_offset (
    topic_id TEXT NOT NULL, partition INTEGER NOT NULL, name TEXT NOT NULL,
    committed INTEGER NOT NULL, leader_epoch INTEGER NOT NULL, metadata TEXT NOT NULL,
    committed_ms INTEGER NOT NULL, expires_ms INTEGER, sequence INTEGER NOT NULL, history TEXT,
    checksum INTEGER, PRIMARY KEY (topic_id, partition)) WITHOUT ROWID`,
  `CREATE TABLE pending_offset (
    producer_id INTEGER NOT NULL, topic_id TEXT NOT NULL, partition INTEGER NOT NULL,
    producer_epoch INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
    committed INTEGER NOT NULL, leader_epoch INTEGER NOT NULL, metadata TEXT NOT NULL,
    committed_ms INTEGER NOT NULL, sequence INTEGER NOT NULL, checksum INTEGER,
    PRIMARY KEY (producer_id, topic_id, partition)) WITHOUT ROWID`,
] as const

const INSERT_SCHEMA = 'INSERT INTO schema_version (version) VALUES (?)'
/**
 * Layout 1 came in two forms: at first the group's own configurations were kept, later the settings that they
 * come to with the broker's. Without settings a group has the defaults until Cluster tells it.
 */
const READ_FORM = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'consumer_group'"
const FROM_CONFIGS = [
  'ALTER TABLE consumer_group DROP COLUMN configs',
  'ALTER TABLE consumer_group ADD COLUMN settings TEXT',
] as const
const SET_SCHEMA = 'UPDATE schema_version SET version = ?'

const GROUP = new CheckedTable('consumer_group', ['id', 'group_id', 'type', 'settings'])
const MEMBERSHIP = new CheckedTable('membership', ['key', 'value'])
/** As it was up to layout 3. */
const COMMITTED_COLUMNS = [
  'topic_id',
  'partition',
  'name',
  'committed',
  'leader_epoch',
  'metadata',
  'committed_ms',
  'expires_ms',
  'sequence',
] as const
const COMMITTED_BEFORE = new CheckedTable('committed_offset', COMMITTED_COLUMNS, 2)
const ADD_HISTORY = 'ALTER TABLE committed_offset ADD COLUMN history TEXT'
const COMMITTED = new CheckedTable('committed_offset', [...COMMITTED_COLUMNS, 'history'], 2)
const PENDING = new CheckedTable(
  'pending_offset',
  [
    'producer_id',
    'topic_id',
    'partition',
    'producer_epoch',
    'number',
    'name',
    'committed',
    'leader_epoch',
    'metadata',
    'committed_ms',
    'sequence',
  ],
  3,
)

const DELETE_ROW = 'DELETE FROM membership WHERE key = ?'
const DELETE_COMMITTED = 'DELETE FROM committed_offset WHERE topic_id = ? AND partition = ?'
const DELETE_PENDING =
  'DELETE FROM pending_offset WHERE producer_id = ? AND topic_id = ? AND partition = ?'
const CLEAR = [
  'DELETE FROM consumer_group',
  'DELETE FROM membership',
  'DELETE FROM committed_offset',
  'DELETE FROM pending_offset',
] as const

/** Storage of one group. */
export class GroupStore {
  readonly #storage: Storage
  #created: boolean

  /** @throws NewerSchemaError when a newer release wrote the storage */
  constructor(storage: Storage) {
    this.#storage = storage
    const version = storedSchema(storage, SCHEMA_VERSION)
    this.#created = version !== null
    if (version !== null && version < SCHEMA_VERSION) this.#upgrade(version)
  }

  /** Whether there is anything that could be given back. */
  get isCreated(): boolean {
    return this.#created
  }

  /** Everything was deleted beneath: the next write begins anew. */
  forgotten(): void {
    this.#created = false
  }

  /**
   * The group, if it exists.
   * @throws DamagedRowError when it is not as it was written
   */
  load(): KeptGroupState | null {
    if (!this.#created) return null
    const [group] = GROUP.read(this.#storage)
    const rows = MEMBERSHIP.read(this.#storage, 'ORDER BY key')
    const offsets = readOffsets(this.#storage)
    if (group === undefined) {
      if (rows.length + offsets.committed.length + offsets.pending.length === 0) return null
      throw new DamagedRowError('the row of consumer_group is missing')
    }
    return {
      groupId: String(group.group_id),
      type: group.type === 'consumer' ? 'consumer' : 'classic',
      // What a newer release knows beside it has its default until Cluster says more.
      settings: { ...groupSettings({}), ...(JSON.parse(String(group.settings ?? '{}')) as object) },
      rows: new Map(rows.map(({ key, value }) => [String(key), String(value)])),
      offsets,
    }
  }

  /** Writes the changes, all or none. */
  write(changes: readonly GroupChange[]): void {
    this.#storage.transactionSync(() => {
      if (!this.#created) this.#create()
      for (const change of changes) this.#writeOne(change)
    })
    this.#created = true
  }

  /** Layouts before 3 had no checksums, those before 4 no history. */
  #upgrade(version: number): void {
    const { sql } = this.#storage
    this.#storage.transactionSync(() => {
      const form = version > 1 ? '' : String(sql.exec(READ_FORM).toArray()[0]?.sql)
      if (form.includes('configs')) for (const statement of FROM_CONFIGS) this.#run(statement)
      if (version < 3) {
        const tables = [GROUP, MEMBERSHIP, COMMITTED_BEFORE, PENDING]
        for (const table of tables) table.addChecksums(this.#storage)
      }
      // What is damaged is not given a checksum that matches.
      const rows = COMMITTED_BEFORE.read(this.#storage)
      this.#run(ADD_HISTORY)
      for (const row of rows) COMMITTED.put(this.#storage, { ...row, history: null })
      this.#run(SET_SCHEMA, SCHEMA_VERSION)
    })
  }

  #create(): void {
    for (const statement of CREATE) this.#run(statement)
    this.#run(INSERT_SCHEMA, SCHEMA_VERSION)
  }

  #writeOne(change: GroupChange): void {
    switch (change.kind) {
      case 'group':
        this.#putGroup({ group_id: change.groupId, type: change.type })
        return
      case 'settings':
        this.#putGroup({ settings: change.settings })
        return
      case 'row': {
        const { row } = change
        if (row.kind === 'put') MEMBERSHIP.put(this.#storage, { key: row.key, value: row.value })
        else this.#run(DELETE_ROW, row.key)
        return
      }
      case 'offset':
        this.#writeOffset(change.offset)
        return
      case 'gone':
        for (const statement of CLEAR) this.#run(statement)
        return
    }
  }

  #writeOffset(change: OffsetChange): void {
    const { kind, topicId, partition } = change
    if (kind === 'forget') {
      this.#run(DELETE_COMMITTED, topicId, partition)
      return
    }
    if (kind === 'unpend') {
      this.#run(DELETE_PENDING, change.producerId, topicId, partition)
      return
    }
    const { offset, leaderEpoch, metadata, committedMs, expiresMs, sequence } = change.kept
    const { history } = change.kept
    const kept = {
      topic_id: topicId,
      partition,
      name: change.name,
      committed: offset,
      leader_epoch: leaderEpoch,
      metadata,
      committed_ms: committedMs,
      sequence,
    }
    if (kind === 'commit') {
      COMMITTED.put(this.#storage, { ...kept, expires_ms: expiresMs, history })
    } else {
      const { producerId, producerEpoch, number } = change
      const producer = { producer_id: producerId, producer_epoch: producerEpoch, number }
      PENDING.put(this.#storage, { ...kept, ...producer })
    }
  }

  /** Of a group that is there, what is not said stays as it is; settings come behind their group. */
  #putGroup(change: { group_id?: string; type?: string; settings?: string }): void {
    const [before] = GROUP.read(this.#storage)
    if (before === undefined && change.group_id === undefined) return
    const made = { id: 0, group_id: null, type: null, settings: null }
    GROUP.put(this.#storage, { ...made, ...before, ...change })
  }

  #run(query: string, ...bindings: SqlValue[]): void {
    this.#storage.sql.exec(query, ...bindings).toArray()
  }
}

function readOffsets(storage: Storage): KeptOffsets {
  return {
    committed: COMMITTED.read(storage).map((row) => ({ ...whereOf(row), kept: keptOf(row) })),
    pending: PENDING.read(storage).map((row) => ({
      ...whereOf(row),
      producerId: Number(row.producer_id),
      producerEpoch: Number(row.producer_epoch),
      number: Number(row.number),
      kept: keptOf({ ...row, expires_ms: null, history: null }),
    })),
  }
}

function whereOf(row: Row) {
  return {
    topicId: String(row.topic_id) as TopicId,
    partition: Number(row.partition),
    name: String(row.name),
  }
}

function keptOf(row: Row): KeptOffset {
  return {
    offset: Number(row.committed),
    leaderEpoch: Number(row.leader_epoch),
    metadata: String(row.metadata),
    committedMs: Number(row.committed_ms),
    expiresMs: row.expires_ms === null ? null : Number(row.expires_ms),
    sequence: Number(row.sequence),
    history: String(row.history ?? ''),
  }
}
