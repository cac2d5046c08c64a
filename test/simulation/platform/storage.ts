// One object's durable storage: SQLite, its one alarm, and the moment at which what was written is safe.
// What was written and not yet confirmed may be lost by a crash, from the end backwards: a commit that
// is lost takes those after it with it. Survives the object's instances.

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

/** A statement that was run, with what it was given. */
export interface Statement {
  readonly query: string
  readonly bindings: readonly SQLInputValue[]
}

/** Hears of all that is written, from outside of the object: what the judges know (actors/written-log.ts). */
export interface StorageWitness {
  /** @param position behind what was written */
  wrote(statements: readonly Statement[], position: number): void
  /** All behind this position is lost. */
  cut(position: number): void
}

type Entry =
  | { readonly kind: 'statements'; readonly statements: readonly Statement[] }
  | { readonly kind: 'alarm'; readonly timeMs: number | null }

/** What a statement takes and gives. */
export type SqlValue = ArrayBuffer | ArrayBufferView | string | number | null
type Row = Record<string, ArrayBuffer | string | number | null>

const READS = /^\s*SELECT/i

/** See the head of this file. */
export class Storage {
  #database = new DatabaseSync(':memory:')
  #statements = new Map<string, StatementSync>()
  #journal: Entry[] = []
  #confirmed = 0
  #transaction: Statement[] | null = null
  #alarmMs: number | null = null
  witness: StorageWitness | null = null
  /** Whether a statement, or the end of a transaction, fails now; null: none ever does. */
  fails: ((query: string) => boolean) | null = null

  /** Writes that are not confirmed. */
  get unconfirmed(): number {
    return this.#journal.length - this.#confirmed
  }

  /** Position behind the last write. */
  get position(): number {
    return this.#journal.length
  }

  get confirmed(): number {
    return this.#confirmed
  }

  get alarmMs(): number | null {
    return this.#alarmMs
  }

  setAlarm(timeMs: number | null): void {
    this.#alarmMs = timeMs
    this.#journal.push({ kind: 'alarm', timeMs })
  }

  /** All up to this position is safe. */
  confirm(position: number): void {
    this.#confirmed = Math.max(this.#confirmed, position)
  }

  /** All behind this position is lost. */
  cut(position: number): void {
    if (position >= this.#journal.length) return
    const journal = this.#journal.slice(0, position)
    this.witness?.cut(position)
    this.#reset(journal)
    this.#confirmed = Math.min(this.#confirmed, position)
  }

  deleteAll(): void {
    this.#reset([])
    this.#confirmed = 0
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  transactionSync<T>(closure: () => T): T {
    this.#run('BEGIN')
    this.#transaction = []
    try {
      const result = closure()
      this.#mayFail('COMMIT')
      this.#run('COMMIT')
      if (this.#transaction.length > 0) this.#wrote(this.#transaction)
      return result
    } catch (error) {
      this.#run('ROLLBACK')
      throw error
    } finally {
      this.#transaction = null
    }
  }

  exec(query: string, bindings: readonly SqlValue[]): Row[] {
    const values = bindings.map(owned)
    this.#mayFail(query)
    const rows = this.#prepare(query).all(...values)
    if (READS.test(query)) return rows.map(withBuffers)
    const statement = { query, bindings: values }
    if (this.#transaction !== null) this.#transaction.push(statement)
    else this.#wrote([statement])
    return []
  }

  /** What is there, for who judges it: never fails and is no event. */
  look(query: string): Row[] {
    return this.#prepare(query).all().map(withBuffers)
  }

  #wrote(statements: readonly Statement[]): void {
    this.#journal.push({ kind: 'statements', statements })
    this.witness?.wrote(statements, this.#journal.length)
  }

  #mayFail(query: string): void {
    if (this.fails?.(query) === true) throw new Error('disk I/O error: SQLITE_IOERR')
  }

  #reset(journal: Entry[]): void {
    this.close()
    this.#database = new DatabaseSync(':memory:')
    this.#alarmMs = null
    for (const entry of journal) {
      if (entry.kind === 'alarm') this.#alarmMs = entry.timeMs
      else for (const { query, bindings } of entry.statements) this.#prepare(query).run(...bindings)
    }
    this.#journal = journal
  }

  #run(query: string): void {
    this.#prepare(query).run()
  }

  #prepare(query: string): StatementSync {
    const known = this.#statements.get(query)
    if (known !== undefined) return known
    const statement = this.#database.prepare(query)
    this.#statements.set(query, statement)
    return statement
  }
}

function owned(value: SqlValue): SQLInputValue {
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0))
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
  }
  return value
}

function withBuffers(row: Record<string, unknown>): Row {
  const copy: Row = {}
  for (const name of Object.keys(row)) {
    const value = row[name]
    copy[name] =
      value instanceof Uint8Array ? value.slice().buffer : (value as string | number | null)
  }
  return copy
}
