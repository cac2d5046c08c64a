// What a group keeps in SQLite and how it is read and written: rows of its membership, offsets by topic
// id and partition, offsets of open transactions. Nothing is created for a group that does not exist.
// Not what may change: group.ts decides. SQL texts are constants because the platform caches statements
// by their text; every cursor is drained at once.

import type { TopicId } from '../core/ids.ts'
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

/** The layout this code reads and writes. A newer one is refused. */
export const SCHEMA_VERSION = 1

const CREATE = [
  CREATE_SCHEMA,
  `CREATE TABLE consumer_group (
    id INTEGER PRIMARY KEY CHECK (id = 0), group_id TEXT NOT NULL, type TEXT NOT NULL,
    settings TEXT)`,
  'CREATE TABLE membership (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  `CREATE TABLE committed_offset (
    topic_id TEXT NOT NULL, partition INTEGER NOT NULL, name TEXT NOT NULL,
    committed INTEGER NOT NULL, leader_epoch INTEGER NOT NULL, metadata TEXT NOT NULL,
    committed_ms INTEGER NOT NULL, expires_ms INTEGER, sequence INTEGER NOT NULL,
    PRIMARY KEY (topic_id, partition)) WITHOUT ROWID`,
  `CREATE TABLE pending_offset (
    producer_id INTEGER NOT NULL, topic_id TEXT NOT NULL, partition INTEGER NOT NULL,
    producer_epoch INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
    committed INTEGER NOT NULL, leader_epoch INTEGER NOT NULL, metadata TEXT NOT NULL,
    committed_ms INTEGER NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (producer_id, topic_id, partition)) WITHOUT ROWID`,
] as const

const INSERT_SCHEMA = 'INSERT INTO schema_version (version) VALUES (?)'
const READ_GROUP = 'SELECT group_id, type, settings FROM consumer_group'
const READ_MEMBERSHIP = 'SELECT key, value FROM membership ORDER BY key'
const READ_COMMITTED = `SELECT topic_id, partition, name, committed, leader_epoch, metadata,
  committed_ms, expires_ms, sequence FROM committed_offset`
const READ_PENDING = `SELECT producer_id, topic_id, partition, producer_epoch, number, name, committed,
  leader_epoch, metadata, committed_ms, NULL AS expires_ms, sequence FROM pending_offset`

const PUT_GROUP = `INSERT INTO consumer_group (id, group_id, type) VALUES (0, ?, ?)
  ON CONFLICT (id) DO UPDATE SET type = excluded.type`
const SET_SETTINGS = 'UPDATE consumer_group SET settings = ?'
const PUT_ROW = 'INSERT OR REPLACE INTO membership (key, value) VALUES (?, ?)'
const DELETE_ROW = 'DELETE FROM membership WHERE key = ?'
const PUT_COMMITTED = `INSERT OR REPLACE INTO committed_offset (topic_id, partition, name, committed,
  leader_epoch, metadata, committed_ms, expires_ms, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
const DELETE_COMMITTED = 'DELETE FROM committed_offset WHERE topic_id = ? AND partition = ?'
const PUT_PENDING = `INSERT OR REPLACE INTO pending_offset (producer_id, topic_id, partition,
  producer_epoch, number, name, committed, leader_epoch, metadata, committed_ms, sequence)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
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
    this.#created = storedSchema(storage, SCHEMA_VERSION) !== null
  }

  /** Whether there is anything that could be given back. */
  get isCreated(): boolean {
    return this.#created
  }

  /** Everything was deleted beneath: the next write begins anew. */
  forgotten(): void {
    this.#created = false
  }

  /** The group, if it exists. */
  load(): KeptGroupState | null {
    if (!this.#created) return null
    const { sql } = this.#storage
    const group = sql.exec(READ_GROUP).toArray()[0]
    if (group === undefined) return null
    const rows = sql.exec(READ_MEMBERSHIP).toArray()
    return {
      groupId: String(group.group_id),
      type: group.type === 'consumer' ? 'consumer' : 'classic',
      // What a newer release knows beside it has its default until Cluster says more.
      settings: { ...groupSettings({}), ...(JSON.parse(String(group.settings ?? '{}')) as object) },
      rows: new Map(rows.map(({ key, value }) => [String(key), String(value)])),
      offsets: readOffsets(this.#storage),
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

  #create(): void {
    for (const statement of CREATE) this.#run(statement)
    this.#run(INSERT_SCHEMA, SCHEMA_VERSION)
  }

  #writeOne(change: GroupChange): void {
    switch (change.kind) {
      case 'group':
        this.#run(PUT_GROUP, change.groupId, change.type)
        return
      case 'settings':
        this.#run(SET_SETTINGS, change.settings)
        return
      case 'row': {
        const { row } = change
        if (row.kind === 'put') this.#run(PUT_ROW, row.key, row.value)
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
    const value = [change.name, offset, leaderEpoch, metadata, committedMs] as const
    if (kind === 'commit') {
      this.#run(PUT_COMMITTED, topicId, partition, ...value, expiresMs, sequence)
    } else {
      const { producerId, producerEpoch, number } = change
      this.#run(
        PUT_PENDING,
        producerId,
        topicId,
        partition,
        producerEpoch,
        number,
        ...value,
        sequence,
      )
    }
  }

  #run(query: string, ...bindings: SqlValue[]): void {
    this.#storage.sql.exec(query, ...bindings).toArray()
  }
}

function readOffsets({ sql }: Storage): KeptOffsets {
  return {
    committed: sql
      .exec(READ_COMMITTED)
      .toArray()
      .map((row) => ({ ...whereOf(row), kept: keptOf(row) })),
    pending: sql
      .exec(READ_PENDING)
      .toArray()
      .map((row) => ({
        ...whereOf(row),
        producerId: Number(row.producer_id),
        producerEpoch: Number(row.producer_epoch),
        number: Number(row.number),
        kept: keptOf(row),
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
  }
}
