// What of the figures is kept in SQLite, one table of keys and JSON: a restart shows what was known, though nothing
// that has not changed is reported again. A row that is damaged is dropped, unlike a coordinator's: it comes again
// with the next change. SQL texts are constants, because the platform caches statements by their text.

import type { TopicId } from '../core/ids.ts'
import { CheckedTable, rowDamage } from '../runtime/checked-table.ts'
import { CREATE_SCHEMA, type SqlValue, type Storage, storedSchema } from '../runtime/storage.ts'
import type { Source } from './counters.ts'
import { CATALOGUE_KEY, COUNTERS_KEY, type Figures, inBlock } from './figures.ts'
import type { LogFigures } from './logs.ts'

/** The layout this code reads and writes. A newer one is refused. */
export const SCHEMA_VERSION = 1

const CREATE = [
  CREATE_SCHEMA,
  'CREATE TABLE figure (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER) WITHOUT ROWID',
] as const
const INSERT_SCHEMA = 'INSERT INTO schema_version (version) VALUES (?)'
/** In the order of keys: the catalogue and groups come before what belongs to them. */
const READ = 'SELECT key, value, checksum FROM figure ORDER BY key'
const DELETE = 'DELETE FROM figure WHERE key = ?'

const FIGURE = new CheckedTable('figure', ['key', 'value'])

/** What a log's row holds of each partition. */
type KeptLog = readonly [
  partition: number,
  start: number,
  end: number,
  sizeBytes: number,
  writtenSeen: number,
  writtenBytes: number,
  readSource: string,
  readSeen: number,
  readBytes: number,
  reportedMs: number,
]

/** Storage of the figures. */
export class FiguresStore {
  readonly #storage: Storage
  #created: boolean

  /** @throws NewerSchemaError when a newer release wrote the storage */
  constructor(storage: Storage) {
    this.#storage = storage
    this.#created = storedSchema(storage, SCHEMA_VERSION) !== null
  }

  /**
   * Puts what is kept into empty figures.
   * @param dropped is told of each row that could not be read
   */
  load(figures: Figures, dropped: (key: string, reason: string) => void): void {
    if (!this.#created) return
    for (const row of this.#storage.sql.exec(READ).toArray()) {
      const key = String(row.key)
      const damage = rowDamage(row)
      if (damage === null) restore(figures, key, JSON.parse(String(row.value)))
      else {
        dropped(key, damage)
        this.#run(DELETE, key)
      }
    }
  }

  /** Writes the rows of these keys as they are now. */
  save(figures: Figures, keys: Iterable<string>): void {
    this.#storage.transactionSync(() => {
      if (!this.#created) {
        for (const statement of CREATE) this.#run(statement)
        this.#run(INSERT_SCHEMA, SCHEMA_VERSION)
      }
      for (const key of keys) {
        const value = kept(figures, key)
        if (value === null) this.#run(DELETE, key)
        else FIGURE.put(this.#storage, { key, value: JSON.stringify(value) })
      }
    })
    this.#created = true
  }

  #run(query: string, ...bindings: SqlValue[]): void {
    this.#storage.sql.exec(query, ...bindings).toArray()
  }
}

/** `a/b/c` in its kind, and what is behind it up to the second slash and behind that. */
function parts(key: string): [kind: string, first: string, rest: string] {
  const [, kind = '', first = '', rest = ''] = /^([^/]*)\/?([^/]*)\/?(.*)$/s.exec(key) ?? []
  return [kind, first, rest]
}

/** What a row holds; null when there is nothing to hold. */
function kept(figures: Figures, key: string): unknown {
  const [kind, first, rest] = parts(key)
  const topicId = first as TopicId
  switch (kind) {
    case COUNTERS_KEY:
      return figures.counters.totals
    case 'source':
      return figures.counters.source(first) ?? null
    case CATALOGUE_KEY:
      return { version: figures.catalogueVersion, clusterId: figures.clusterId }
    case 'topic': {
      const topic = figures.catalogue.get(topicId)
      if (topic === undefined) return null
      const { name, partitions, written } = topic
      return { name, partitions, written }
    }
    case 'log': {
      const logs = [...figures.logs.of(topicId)].filter(([one]) => inBlock(Number(rest), one))
      return logs.length === 0 ? null : logs.map(keptLog)
    }
    case 'group': {
      const group = figures.commits.groups.get(key.slice('group/'.length))
      if (group === undefined) return null
      const { type, state, members, reportedMs } = group
      return { type, state, members, reportedMs }
    }
    case 'offsets': {
      const topic = figures.commits.groups.get(rest)?.topics.get(topicId)
      return topic === undefined ? null : { name: topic.name, partitions: [...topic.partitions] }
    }
    default:
      return null
  }
}

function keptLog([partition, log]: readonly [number, LogFigures]): KeptLog {
  const { start, end, sizeBytes, writtenSeen, writtenBytes } = log
  const { readSource, readSeen, readBytes, reportedMs } = log
  const written = [writtenSeen, writtenBytes] as const
  return [partition, start, end, sizeBytes, ...written, readSource, readSeen, readBytes, reportedMs]
}

/** What was written by `kept`, whose checksum matches. */
function restore(figures: Figures, key: string, value: unknown): void {
  const [kind, first, rest] = parts(key)
  const topicId = first as TopicId
  switch (kind) {
    case COUNTERS_KEY:
      figures.counters.restoreTotals(value as Record<string, number>)
      return
    case 'source':
      figures.counters.restoreSource(first, value as Source)
      return
    case CATALOGUE_KEY: {
      const { version, clusterId } = value as { version: number; clusterId: string }
      figures.catalogueVersion = version
      figures.clusterId = clusterId
      return
    }
    case 'topic':
      figures.catalogue.set(topicId, {
        id: topicId,
        ...(value as { name: string; partitions: number; written: number }),
      })
      return
    case 'log':
      for (const one of value as KeptLog[]) restoreLog(figures, topicId, one)
      return
    case 'group': {
      const groupId = key.slice('group/'.length)
      const group = value as Omit<Parameters<Figures['commits']['restore']>[0], 'groupId'>
      figures.commits.restore({ groupId, ...group })
      figures.reportedMs = Math.max(figures.reportedMs ?? 0, group.reportedMs)
      return
    }
    case 'offsets':
      figures.commits.restoreOffsets(rest, {
        topicId,
        ...(value as { name: string; partitions: [number, number][] }),
      })
      return
  }
}

function restoreLog(figures: Figures, topicId: TopicId, one: KeptLog): void {
  const [partition, start, end, sizeBytes, writtenSeen, writtenBytes] = one
  const [readSource, readSeen, readBytes, reportedMs] = one.slice(6) as [
    string,
    number,
    number,
    number,
  ]
  const written = { writtenSeen, writtenBytes }
  const read = { readSource, readSeen, readBytes }
  const rates = { recordRate: 0, writeRate: 0, readRate: 0 }
  const figuresOfLog = { start, end, sizeBytes, ...written, ...read, reportedMs, ...rates }
  figures.logs.restore(topicId, partition, figuresOfLog)
  figures.reportedMs = Math.max(figures.reportedMs ?? 0, reportedMs)
}
