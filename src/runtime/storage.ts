// The part of the platform's SQLite storage that the objects use, and the version of the layout that each
// keeps from its first day. Not the layouts: every noun's store.ts has its own. SQL texts are constants,
// because the platform caches statements by their text; every cursor is drained at once.

/** What a statement takes. */
export type SqlValue = ArrayBuffer | ArrayBufferView | string | number | null

/** What a statement gives. */
export type Row = Readonly<Record<string, ArrayBuffer | string | number | null>>

/** Synchronous storage; tests give their own. */
export interface Storage {
  readonly sql: { exec(query: string, ...bindings: SqlValue[]): { toArray(): Row[] } }
  /** What the closure wrote is undone when it throws. */
  transactionSync<T>(closure: () => T): T
}

/** The storage was written by a newer release: nothing is read or written. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError'
}

const FIND_SCHEMA =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'"
const READ_SCHEMA = 'SELECT version FROM schema_version'

/** The first table of every layout, which holds its version. */
export const CREATE_SCHEMA = 'CREATE TABLE schema_version (version INTEGER NOT NULL)'

/**
 * The version of the layout that is stored; null when nothing is.
 * @param newest the newest that this release reads
 * @throws NewerSchemaError
 */
export function storedSchema({ sql }: Storage, newest: number): number | null {
  if (sql.exec(FIND_SCHEMA).toArray().length === 0) return null
  const found = Number(sql.exec(READ_SCHEMA).toArray()[0]?.version)
  if (found <= newest) return found
  throw new NewerSchemaError(`the storage has layout ${found}; this release reads up to ${newest}`)
}
