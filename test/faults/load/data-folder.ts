// The files of a broker's data folder, for tests that damage them while no broker runs.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Far more than it takes. */
const VERIFY_WITHIN_MS = 60_000
const LAUNCHER = resolve(import.meta.dirname, '../../../dist/ottla.js')

/** A copy of a data folder, to be damaged. */
export function copyOf(data: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'ottla-faults-'))
  cpSync(join(data, 'objects'), join(copy, 'objects'), { recursive: true })
  return copy
}

/** Paths of the databases of one class of objects; the runtime's own is left out. */
export function databases(data: string, className: string): string[] {
  const folder = join(data, 'objects', `ottla-${className}`)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite') && name !== 'metadata.sqlite')
    .map((name) => join(folder, name))
}

/** The database of the one partition that holds most. Opens each, which moves their logs into them. */
export function largestPartition(data: string): string {
  return largest(data, sizeOfChunks)
}

/** The same by the sizes of their write-ahead logs: none is opened. */
export function largestUnopened(data: string): string {
  return largest(data, (path) => statSync(`${path}-wal`).size)
}

function largest(data: string, sizeOf: (path: string) => number): string {
  const sized = databases(data, 'Partition').map((path) => ({ path, size: sizeOf(path) }))
  return sized.toSorted((a, b) => b.size - a.size)[0]!.path
}

function sizeOfChunks(path: string): number {
  const row = inDatabase(path, (database) =>
    database.prepare('SELECT coalesce(sum(size), 0) AS size FROM chunk').get(),
  )
  return Number(row?.size)
}

/** Opens a database, moves its write-ahead log into the file, and closes it again. */
export function inDatabase<T>(path: string, use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path)
  try {
    const result = use(database)
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return result
  } finally {
    database.close()
  }
}

/** `ottla verify`: its exit code and what it printed. */
export function verify(data: string): { readonly code: number | null; readonly printed: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [LAUNCHER, 'verify', '--data', data],
    { encoding: 'utf8', timeout: VERIFY_WITHIN_MS },
  )
  return { code: status, printed: stdout + stderr }
}
