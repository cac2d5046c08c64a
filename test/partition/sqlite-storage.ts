// The platform's storage over Node's own SQLite: real statements, and what a platform cannot be asked
// for: a statement that fails, a commit that is never confirmed, a crash that loses what was not.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { LogStorage } from '../../src/partition/store.ts'
import type { SqlValue } from '../../src/runtime/storage.ts'

const PAGE_BYTES = 4_096

interface Statement {
  readonly query: string
  readonly bindings: SQLInputValue[]
}

/** One object's storage. What is committed and not confirmed is lost by `crash`. */
export class SqliteStorage implements LogStorage {
  #database = new DatabaseSync(':memory:')
  #journal: Statement[] = []
  #confirmed = 0
  #transaction: Statement[] | null = null
  #statements = 0
  /** Throws from the statement of this number on (1 is the next), once; 0 never. */
  failAt = 0
  failure: () => Error = () => new Error('SQLITE_FULL: database or disk is full')
  /** Rows written since the start, as far as a statement says so. */
  rowsWritten = 0
  /** Texts of the statements since they were last cleared. */
  queries: string[] = []
  databaseSizeOverride: number | null = null
  /** How often the size was asked for. */
  sizeQueries = 0
  /** Without it memory does not grow with all that was ever written, and there is no crash. */
  keepsJournal = true

  readonly sql: LogStorage['sql'] = {
    exec: (query, ...bindings) => this.#exec(query, bindings),
    get databaseSize() {
      return 0
    },
  }

  constructor() {
    Object.defineProperty(this.sql, 'databaseSize', {
      get: () => this.databaseSizeOverride ?? this.#bytesInUse(),
    })
  }

  /** Statements run since `countFrom`. */
  get statements(): number {
    return this.#statements
  }

  /** Counts statements (and failures) from here. */
  countFrom(): void {
    this.#statements = 0
    this.queries = []
  }

  transactionSync<T>(closure: () => T): T {
    this.#database.exec('BEGIN')
    this.#transaction = []
    try {
      const result = closure()
      this.#database.exec('COMMIT')
      this.#journal.push(...this.#transaction)
      return result
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    } finally {
      this.#transaction = null
    }
  }

  /** All that was committed is now safe. */
  confirm(): void {
    this.#confirmed = this.#journal.length
  }

  /** The process dies: what was not confirmed is gone. */
  crash(): void {
    this.#rebuild(this.#journal.slice(0, this.#confirmed))
  }

  deleteAll(): void {
    this.#rebuild([])
  }

  /** Pages of the file, and those of them that are free. */
  pages(): { readonly all: number; readonly free: number } {
    const all = Number(this.direct('PRAGMA page_count')[0]?.page_count)
    const free = Number(this.direct('PRAGMA freelist_count')[0]?.freelist_count)
    return { all, free }
  }

  /** As the platform counts: without the pages that are free. */
  #bytesInUse(): number {
    this.sizeQueries++
    const { all, free } = this.pages()
    return (all - free) * PAGE_BYTES
  }

  /** Names of the tables there are. */
  tables(): string[] {
    const rows = this.#database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    return rows.map((row) => String(row.name))
  }

  /** Runs a statement beside the counting, for a look or a forgery. */
  direct(query: string, ...bindings: SQLInputValue[]): Record<string, unknown>[] {
    return this.#database.prepare(query).all(...bindings)
  }

  #rebuild(journal: Statement[]): void {
    this.#database.close()
    this.#database = new DatabaseSync(':memory:')
    for (const { query, bindings } of journal) this.#database.prepare(query).all(...bindings)
    this.#journal = journal
    this.#confirmed = journal.length
  }

  #exec(query: string, bindings: SqlValue[]): ReturnType<LogStorage['sql']['exec']> {
    this.#statements++
    if (this.#statements === this.failAt) {
      this.failAt = 0
      throw this.failure()
    }
    this.queries.push(query)
    const values = bindings.map((value) => copied(value))
    const rows = this.#database.prepare(query).all(...values)
    if (!/^\s*SELECT/i.test(query)) {
      const statement = { query, bindings: values }
      if (this.keepsJournal) (this.#transaction ?? this.#journal).push(statement)
      this.rowsWritten += Number(this.#database.prepare('SELECT changes() AS n').get()?.n ?? 0)
    }
    return { toArray: () => rows.map((row) => ({ ...mapBlobs(row) })) }
  }
}

/** SQLite keeps what it is given at once; a Uint8Array of Node's is not copied by binding it. */
function copied(value: SqlValue): SQLInputValue {
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0))
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
  }
  return value
}

function mapBlobs(
  row: Record<string, unknown>,
): Record<string, ArrayBuffer | string | number | null> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? value.slice().buffer : (value as string | number | null),
    ]),
  )
}
