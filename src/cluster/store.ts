// What the controller keeps in SQLite and how it is read and written. Not what may change: commands
// decide, this file stores their changes in one transaction. SQL texts are constants because the
// platform caches statements by their text; every cursor is drained at once.

import type { BrokerLayers, ConfigMap } from '../core/configs.ts'
import type { TopicId } from '../core/ids.ts'
import { CheckedTable, type CheckedValue, DamagedRowError } from '../runtime/checked-table.ts'
import { CREATE_SCHEMA, type SqlValue, type Storage, storedSchema } from '../runtime/storage.ts'
import {
  apply,
  type Change,
  type ClusterState,
  type DynamicLayer,
  emptyCluster,
  isEmpty,
  type Stage,
  setLayers,
} from './cluster.ts'
import type { GroupEntry, TransactionEntry } from './contract.ts'
import { CREATE_SECURITY, readSecurity, writeSecurity } from './security-store.ts'

/** The layout this code reads and writes. An older one is brought up to it, a newer one refused. */
export const SCHEMA_VERSION = 4

/** What a start finds. */
export interface Loaded {
  readonly state: ClusterState
  /** The settings that partitions were last told for topics without their own (see propagation.ts). */
  readonly toldSettings: string | null
}

/** The first layout. What came after it is in MIGRATIONS, which a new storage goes through too. */
const CREATE = [
  CREATE_SCHEMA,
  `CREATE TABLE cluster (
    id INTEGER PRIMARY KEY CHECK (id = 0), cluster_id TEXT NOT NULL,
    broker_version INTEGER NOT NULL, told_settings TEXT, next_producer_id INTEGER NOT NULL)`,
  // stage is null while the topic lives; then its name is free and only its partitions matter.
  `CREATE TABLE topic (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, partitions INTEGER NOT NULL,
    configs TEXT NOT NULL, version INTEGER NOT NULL, stage TEXT) WITHOUT ROWID`,
  `CREATE TABLE written_partition (
    topic_id TEXT NOT NULL, partition INTEGER NOT NULL,
    PRIMARY KEY (topic_id, partition)) WITHOUT ROWID`,
  'CREATE TABLE broker_layer (layer TEXT PRIMARY KEY, configs TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE notice (topic_id TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID',
] as const

const CLUSTER = new CheckedTable('cluster', [
  'id',
  'cluster_id',
  'broker_version',
  'told_settings',
  'next_producer_id',
  'metadata_version',
  'features_epoch',
  'swept_ms',
])
const TOPIC = new CheckedTable('topic', ['id', 'name', 'partitions', 'configs', 'version', 'stage'])
const LAYER = new CheckedTable('broker_layer', ['layer', 'configs'])
const FEATURE = new CheckedTable('feature', ['name', 'level'])
const GROUP = new CheckedTable('group_entry', ['group_id', 'at_ms', 'entry'])
const GROUP_CONFIG = new CheckedTable('group_config', ['group_id', 'configs'])
const TRANSACTION = new CheckedTable('transaction_entry', ['transactional_id', 'at_ms', 'entry'])

/** Not what is owed (notices, written partitions): their rows are ids, and what is owed twice is paid twice. */
const CHECKED = [CLUSTER, TOPIC, LAYER, FEATURE, GROUP, GROUP_CONFIG, TRANSACTION]

const BEFORE_CHECKSUMS = 2

/** By the layout they start from. The levels of features are those that release came with. */
const MIGRATIONS: ReadonlyMap<number, readonly string[]> = new Map([
  [
    1,
    [
      'ALTER TABLE cluster ADD COLUMN metadata_version INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE cluster ADD COLUMN features_epoch INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE cluster ADD COLUMN swept_ms INTEGER NOT NULL DEFAULT 0',
      'CREATE TABLE feature (name TEXT PRIMARY KEY, level INTEGER NOT NULL) WITHOUT ROWID',
      "INSERT INTO feature (name, level) VALUES ('group.version', 1), ('transaction.version', 2)",
      `CREATE TABLE group_entry (
        group_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, entry TEXT NOT NULL) WITHOUT ROWID`,
      'CREATE TABLE group_config (group_id TEXT PRIMARY KEY, configs TEXT NOT NULL) WITHOUT ROWID',
      'CREATE TABLE group_notice (group_id TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID',
      `CREATE TABLE transaction_entry (
        transactional_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, entry TEXT NOT NULL)
        WITHOUT ROWID`,
    ],
  ],
  [BEFORE_CHECKSUMS, []],
  [3, CREATE_SECURITY],
])

const INSERT_SCHEMA = 'INSERT INTO schema_version (version) VALUES (?)'
const INSERT_CLUSTER = `INSERT INTO cluster
  (id, cluster_id, broker_version, told_settings, next_producer_id) VALUES (0, ?, 0, NULL, 0)`
const SET_SCHEMA = 'UPDATE schema_version SET version = ?'
const READ_WRITTEN = 'SELECT topic_id, partition FROM written_partition'
const READ_NOTICES = 'SELECT topic_id, version FROM notice'
const READ_GROUP_NOTICES = 'SELECT group_id, version FROM group_notice'

const NEXT_TOPICS = 'WHERE id > ? ORDER BY id LIMIT ?'
const ONE_TOPIC = 'WHERE id = ?'
const DELETE_TOPIC = 'DELETE FROM topic WHERE id = ?'
const PUT_WRITTEN = 'INSERT OR IGNORE INTO written_partition (topic_id, partition) VALUES (?, ?)'
const DELETE_WRITTEN = 'DELETE FROM written_partition WHERE topic_id = ? AND partition = ?'
const DELETE_ALL_WRITTEN = 'DELETE FROM written_partition WHERE topic_id = ?'
const PUT_NOTICE = 'INSERT OR REPLACE INTO notice (topic_id, version) VALUES (?, ?)'
const DELETE_NOTICE = 'DELETE FROM notice WHERE topic_id = ?'
const DELETE_GROUP = 'DELETE FROM group_entry WHERE group_id = ?'
const DELETE_GROUP_CONFIGS = 'DELETE FROM group_config WHERE group_id = ?'
const PUT_GROUP_NOTICE = 'INSERT OR REPLACE INTO group_notice (group_id, version) VALUES (?, ?)'
const DELETE_GROUP_NOTICE = 'DELETE FROM group_notice WHERE group_id = ?'
const DELETE_TRANSACTION = 'DELETE FROM transaction_entry WHERE transactional_id = ?'

/**
 * Reads the state; the first time it makes the tables and keeps the cluster id.
 * @param newClusterId makes the id of a cluster that has none yet
 * @param staticConfigs the broker configuration given at start
 * @throws NewerSchemaError when a newer release wrote the storage
 * @throws DamagedRowError when it is not as it was written
 */
export function load(
  storage: Storage,
  newClusterId: () => string,
  staticConfigs: ConfigMap,
): Loaded {
  if (storedSchema(storage, SCHEMA_VERSION) === null) {
    storage.transactionSync(() => create(storage, newClusterId()))
  }
  migrate(storage)
  const row = clusterRow(storage)
  const state = emptyCluster(String(row.cluster_id))
  setLayers(state, readLayers(storage, staticConfigs))
  state.brokerVersion = Number(row.broker_version)
  state.nextProducerId = Number(row.next_producer_id)
  state.metadataVersion = Number(row.metadata_version)
  state.sweptMs = Number(row.swept_ms)
  readTopics(storage, state)
  readDirectory(storage, state)
  readFeatures(storage, state, Number(row.features_epoch))
  state.security = readSecurity(storage)
  const told = row.told_settings
  return { state, toldSettings: told === null ? null : String(told) }
}

function clusterRow(storage: Storage) {
  const [row] = CLUSTER.read(storage)
  if (row === undefined) throw new DamagedRowError('the row of cluster is missing')
  return row
}

const NO_CONFIGS: ConfigMap = Object.freeze({})

/** Writes the changes, all or none, then makes them true in memory. */
export function commit(storage: Storage, state: ClusterState, changes: readonly Change[]): void {
  if (changes.length === 0) return
  storage.transactionSync(() => {
    for (const change of changes) write(storage, change)
  })
  for (const change of changes) apply(state, change)
}

function create({ sql }: Storage, clusterId: string): void {
  for (const statement of CREATE) sql.exec(statement).toArray()
  sql.exec(INSERT_SCHEMA, 1).toArray()
  sql.exec(INSERT_CLUSTER, clusterId).toArray()
}

/** Brings an older layout up to this release's, a step and all of it at a time. */
function migrate(storage: Storage): void {
  const { sql } = storage
  for (;;) {
    const found = storedSchema(storage, SCHEMA_VERSION)
    const steps = found === null ? undefined : MIGRATIONS.get(found)
    if (found === null || steps === undefined) return
    storage.transactionSync(() => {
      for (const statement of steps) sql.exec(statement).toArray()
      if (found === BEFORE_CHECKSUMS) for (const table of CHECKED) table.addChecksums(storage)
      sql.exec(SET_SCHEMA, found + 1).toArray()
    })
  }
}

function readLayers(storage: Storage, staticConfigs: ConfigMap): BrokerLayers {
  const layers: Record<string, ConfigMap> = {}
  for (const { layer, configs } of LAYER.read(storage)) {
    layers[String(layer)] = JSON.parse(String(configs)) as ConfigMap
  }
  const of = (layer: DynamicLayer) => layers[layer] ?? {}
  return {
    dynamicBroker: of('dynamicBroker'),
    dynamicDefault: of('dynamicDefault'),
    static: staticConfigs,
  }
}

/** Rows read together: what all of ten thousand take at once would stay with the process. */
const TOPICS_AT_ONCE = 500

function* topicRows(storage: Storage) {
  for (let after = ''; ; ) {
    const rows = TOPIC.read(storage, NEXT_TOPICS, after, TOPICS_AT_ONCE)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < TOPICS_AT_ONCE) return
    after = String(last.id)
  }
}

function readTopics(storage: Storage, state: ClusterState): void {
  const { sql } = storage
  for (const row of topicRows(storage)) {
    const id = String(row.id) as TopicId
    if (row.stage !== null) {
      state.deleting.set(id, String(row.stage) as Stage)
      continue
    }
    const topic = {
      id,
      name: String(row.name),
      partitions: Number(row.partitions),
      // Most topics have none: they share one object.
      configs: row.configs === '{}' ? NO_CONFIGS : (JSON.parse(String(row.configs)) as ConfigMap),
      version: Number(row.version),
    }
    apply(state, { kind: 'topic', topic })
  }
  for (const row of sql.exec(READ_WRITTEN).toArray()) {
    const id = String(row.topic_id) as TopicId
    apply(state, { kind: 'written', id, partition: Number(row.partition) })
  }
  for (const row of sql.exec(READ_NOTICES).toArray()) {
    const id = String(row.topic_id) as TopicId
    apply(state, { kind: 'notice', id, version: Number(row.version) })
  }
}

function readDirectory(storage: Storage, state: ClusterState): void {
  for (const row of GROUP.read(storage)) {
    const entry = JSON.parse(String(row.entry)) as GroupEntry
    apply(state, { kind: 'group', entry, atMs: Number(row.at_ms) })
  }
  for (const row of GROUP_CONFIG.read(storage)) {
    state.groupConfigs.set(String(row.group_id), JSON.parse(String(row.configs)) as ConfigMap)
  }
  for (const row of storage.sql.exec(READ_GROUP_NOTICES).toArray()) {
    state.groupNotices.set(String(row.group_id), Number(row.version))
  }
  for (const row of TRANSACTION.read(storage)) {
    const entry = JSON.parse(String(row.entry)) as TransactionEntry
    apply(state, { kind: 'transaction', entry, atMs: Number(row.at_ms) })
  }
}

function readFeatures(storage: Storage, state: ClusterState, epoch: number): void {
  const rows = FEATURE.read(storage)
  const levels = Object.fromEntries(rows.map(({ name, level }) => [String(name), Number(level)]))
  state.features = { epoch, levels }
}

function write(storage: Storage, change: Change): void {
  const run = (query: string, ...bindings: SqlValue[]) => {
    storage.sql.exec(query, ...bindings).toArray()
  }
  switch (change.kind) {
    case 'topic': {
      const { id, name, partitions, configs, version } = change.topic
      const row = { id, name, partitions, configs: JSON.stringify(configs), version }
      TOPIC.put(storage, { ...row, stage: null })
      return
    }
    case 'doomed':
      setStage(storage, change.id, 'fencing')
      run(DELETE_NOTICE, change.id)
      return
    case 'fenced':
      setStage(storage, change.id, 'freeing')
      return
    case 'forgotten':
      run(DELETE_TOPIC, change.id)
      run(DELETE_ALL_WRITTEN, change.id)
      return
    case 'written':
      run(PUT_WRITTEN, change.id, change.partition)
      return
    case 'freed':
      run(DELETE_WRITTEN, change.id, change.partition)
      return
    case 'layer':
      LAYER.put(storage, { layer: change.layer, configs: JSON.stringify(change.configs) })
      return
    case 'brokerVersion':
      setCluster(storage, { broker_version: change.version, told_settings: change.settings })
      return
    case 'notice':
      run(PUT_NOTICE, change.id, change.version)
      return
    case 'noticed':
      run(DELETE_NOTICE, change.id)
      return
    case 'producerIds':
      setCluster(storage, { next_producer_id: change.next })
      return
    case 'group':
      GROUP.put(storage, {
        group_id: change.entry.groupId,
        at_ms: change.atMs,
        entry: JSON.stringify(change.entry),
      })
      return
    case 'groupGone':
      run(DELETE_GROUP, change.groupId)
      run(DELETE_GROUP_NOTICE, change.groupId)
      return
    case 'groupConfigs':
      if (isEmpty(change.configs)) run(DELETE_GROUP_CONFIGS, change.groupId)
      else {
        const configs = JSON.stringify(change.configs)
        GROUP_CONFIG.put(storage, { group_id: change.groupId, configs })
      }
      return
    case 'transaction': {
      const { entry, atMs } = change
      TRANSACTION.put(storage, {
        transactional_id: entry.transactionalId,
        at_ms: atMs,
        entry: JSON.stringify(entry),
      })
      return
    }
    case 'transactionGone':
      run(DELETE_TRANSACTION, change.transactionalId)
      return
    case 'metadataVersion':
      setCluster(storage, { metadata_version: change.version })
      return
    case 'groupNotice':
      run(PUT_GROUP_NOTICE, change.groupId, change.version)
      return
    case 'groupNoticed':
      run(DELETE_GROUP_NOTICE, change.groupId)
      return
    case 'feature':
      FEATURE.put(storage, { name: change.name, level: change.level })
      return
    case 'featuresEpoch':
      setCluster(storage, { features_epoch: change.epoch })
      return
    case 'swept':
      setCluster(storage, { swept_ms: change.atMs })
      return
    default:
      writeSecurity(storage, change)
  }
}

function setCluster(storage: Storage, change: Readonly<Record<string, CheckedValue>>): void {
  CLUSTER.put(storage, { ...clusterRow(storage), ...change })
}

function setStage(storage: Storage, id: TopicId, stage: Stage): void {
  for (const row of TOPIC.read(storage, ONE_TOPIC, id)) TOPIC.put(storage, { ...row, stage })
}
