// Tables of state that is small and irreplaceable: each row has a checksum of its other columns, and a row that
// is not as it was written is an error instead of an answer. Who loads it then serves nothing and writes
// nothing, so that what is left can be looked at or restored. Not for record batches:
// partition/integrity.ts, which can give the rest of a log.

import { xxh32 } from '../core/wasm.ts'
import type { SqlValue, Storage } from './storage.ts'

/** A row without which nothing is known is not as it was written, or is gone. */
export class DamagedRowError extends Error {
  override readonly name = 'DamagedRowError'
}

/** A row as the platform gives it, or as another reader of the file does. */
type AnyRow = Readonly<Record<string, string | number | ArrayBuffer | Uint8Array | null>>

const utf8 = new TextEncoder()
/** Reused: ten thousand rows are read at once, and a buffer for each is what V8 is slowest to give back. */
const SCRATCH = new Uint8Array(16 * 1024)
/** The most bytes of UTF-8 that a unit of UTF-16 becomes. */
const BYTES_PER_UNIT = 3

/** The checksum of a row of few columns: of all of them but the checksum, in an order that stays. */
export function rowChecksum(columns: readonly (string | number | Uint8Array | null)[]): number {
  const hasBytes = columns.some((value) => value instanceof Uint8Array)
  const json = JSON.stringify(
    hasBytes
      ? columns.map((value) => (value instanceof Uint8Array ? `x${xxh32(value)}` : value))
      : columns,
  )
  if (json.length * BYTES_PER_UNIT > SCRATCH.length) return xxh32(utf8.encode(json))
  return xxh32(SCRATCH.subarray(0, utf8.encodeInto(json, SCRATCH).written))
}

/** What is wrong with the row of a checked table, all of whose columns are given; null when nothing is. */
export function rowDamage(row: AnyRow): string | null {
  const { checksum, ...columns } = row
  return checksum === checksumOf(columns) ? null : 'its checksum does not match'
}

/** The checksum of a row without it: by the columns' names, so that it does not matter which were added later. */
export function checksumOf(columns: AnyRow): number {
  return rowChecksum(
    Object.keys(columns)
      .sort()
      .map((name) => {
        const value = columns[name] ?? null
        return value instanceof ArrayBuffer ? new Uint8Array(value) : value
      }),
  )
}

/** A value of a checked table; none has a blob. */
export type CheckedValue = string | number | null

/** The statements of one checked table. */
export class CheckedTable<Column extends string> {
  readonly #name: string
  readonly #columns: readonly Column[]
  readonly #sorted: readonly Column[]
  readonly #select: string
  readonly #put: string
  readonly #alter: string

  /**
   * @param columns all but the checksum, those of the primary key first
   * @param keyColumns how many are of the primary key
   */
  constructor(name: string, columns: readonly Column[], keyColumns = 1) {
    this.#name = name
    this.#columns = columns
    this.#sorted = columns.toSorted()
    const all = [...columns, 'checksum']
    const key = columns.slice(0, keyColumns).join(', ')
    const set = all.slice(keyColumns).map((column) => `${column} = excluded.${column}`)
    this.#alter = `ALTER TABLE ${name} ADD COLUMN checksum INTEGER`
    this.#select = `SELECT ${all.join(', ')} FROM ${name}`
    // In place: INSERT OR REPLACE would be two rows written.
    this.#put = `INSERT INTO ${name} (${all.join(', ')}) VALUES (${all.map(() => '?').join(', ')})
      ON CONFLICT (${key}) DO UPDATE SET ${set.join(', ')}`
  }

  /**
   * The rows, or those that the rest of the statement leaves.
   * @param rest constant text behind FROM, as `WHERE a > ?`
   * @throws DamagedRowError
   */
  read(
    { sql }: Storage,
    rest = '',
    ...bindings: SqlValue[]
  ): Readonly<Record<Column, CheckedValue>>[] {
    const found = sql.exec(rest === '' ? this.#select : `${this.#select} ${rest}`, ...bindings)
    const rows = found.toArray() as Readonly<Record<Column | 'checksum', CheckedValue>>[]
    for (const row of rows) {
      if (row.checksum === this.#checksumOf(row)) continue
      const key = row[this.#columns[0] as Column]
      const text = `the row ${String(key)} of ${this.#name} is damaged: its checksum does not match`
      throw new DamagedRowError(text)
    }
    return rows
  }

  /** Inserts the row or replaces the one of its key. */
  put({ sql }: Storage, row: Readonly<Record<Column, CheckedValue>>): void {
    const values = this.#columns.map((column) => row[column])
    sql.exec(this.#put, ...values, this.#checksumOf(row)).toArray()
  }

  #checksumOf(row: Readonly<Record<Column, CheckedValue>>): number {
    return rowChecksum(this.#sorted.map((column) => row[column]))
  }

  /** Brings the table of a layout without checksums up to this: its rows are taken to be as they were written. */
  addChecksums(storage: Storage): void {
    storage.sql.exec(this.#alter).toArray()
    const rows = storage.sql.exec(this.#select).toArray()
    for (const row of rows) this.put(storage, row as Readonly<Record<Column, CheckedValue>>)
  }
}
