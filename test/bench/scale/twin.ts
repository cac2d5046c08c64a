// A partition's leader with nothing around it: the project's own code over Node's SQLite, in memory or in a
// file. For what a running broker cannot be made to do: a commit that takes so long, a million chunks
// in seconds. Not the harness of test/partition, which fails, crashes and keeps a journal.

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { NO_LAYERS, topicSettings } from '../../../src/core/configs.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import { PartitionLeader } from '../../../src/partition/leader.ts'
import { type LogStorage, LogStore } from '../../../src/partition/store.ts'
import type { Identity } from '../../../src/partition/stored.ts'
import { ChunkCache } from '../../../src/partition/tail.ts'
import type { Row, SqlValue } from '../../../src/runtime/storage.ts'

/** The platform's storage over one SQLite file (or `:memory:`). */
export class DatabaseStorage implements LogStorage {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #inTransaction = false
  readonly sql: LogStorage['sql'] = {
    exec: (query, ...bindings) => {
      const rows = this.#run(query, bindings)
      return { toArray: () => rows }
    },
    // No test here comes near the limit that it is compared with.
    databaseSize: 0,
  }

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
  }

  /** All that `act` writes in one transaction, so that a million rows are not a million commits. */
  async together(act: () => Promise<void>): Promise<void> {
    this.#database.exec('BEGIN')
    this.#inTransaction = true
    await act()
    this.#inTransaction = false
    this.#database.exec('COMMIT')
  }

  transactionSync<T>(closure: () => T): T {
    if (this.#inTransaction) return closure()
    this.#database.exec('BEGIN')
    try {
      const result = closure()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Everything into the file itself, so that it can be opened by another process. */
  close(): void {
    this.#statements.clear()
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    this.#database.close()
  }

  #run(query: string, bindings: readonly SqlValue[]): Row[] {
    let statement = this.#statements.get(query)
    if (statement === undefined) {
      statement = this.#database.prepare(query)
      this.#statements.set(query, statement)
    }
    return statement.all(...(bindings as SQLInputValue[])).map(toRow)
  }
}

/** The platform gives blobs as buffers. */
function toRow(row: Record<string, unknown>): Row {
  const made: Record<string, ArrayBuffer | string | number | null> = {}
  for (const [name, value] of Object.entries(row)) {
    made[name] =
      value instanceof Uint8Array ? value.slice().buffer : (value as string | number | null)
  }
  return made
}

/** What a twin is made of. */
export interface TwinOptions {
  readonly storage: DatabaseStorage
  readonly identity: Identity
  /** How long a commit takes to be confirmed; 0 for at once. */
  readonly commitMs: number
  /** Memory for its newest chunks. */
  readonly tailBytes: number
}

/** A leader whose partition is stored already, so that it asks nobody whether it may write. */
export function twinOf({ storage, identity, commitMs, tailBytes }: TwinOptions): PartitionLeader {
  return new PartitionLeader({
    identity,
    storage,
    sync: () => (commitMs === 0 ? Promise.resolve() : sleep(commitMs)),
    turn: async () => {},
    deleteAll: () => Promise.reject(new Error('nothing is deleted here')),
    abort: (reason) => {
      throw new Error(reason)
    },
    wakeAt: () => {},
    admit: () => Promise.reject(new Error('it is stored')),
    enlist: () => Promise.reject(new Error('there is no coordinator')),
    tell: () => Promise.resolve({ subscribed: false }),
    openPipe: () => {
      throw new Error('nobody is elsewhere')
    },
    isolate: () => 'bench',
    now: () => Date.now(),
    startTimer: (fire, ms) => {
      const timer = setTimeout(fire, ms)
      return () => clearTimeout(timer)
    },
    chunks: new ChunkCache(tailBytes),
    report: (event, error) => console.error(event, error),
  })
}

/** Whose partition a file is. */
export function identityIn(storage: DatabaseStorage): Identity {
  const loaded = new LogStore(storage).load()
  if (loaded === null) throw new Error('the partition was never written')
  return loaded.identity
}

/** Makes the storage that of a partition with no record yet, as a leader's first flush would. */
export function storeEmpty(storage: DatabaseStorage): Identity {
  const identity = { topicId: 'YmVuY2gtdG9waWMtaWQtMQ' as TopicId, partition: 0 }
  const settings = topicSettings({}, NO_LAYERS)
  const store = new LogStore(storage)
  store.transaction(() => store.create(identity, { configVersion: 1, settings }))
  return identity
}
