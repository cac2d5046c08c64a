// The objects' folder of a new data folder, with what workerd would else make in it before it listens: for each class
// of objects a record of their alarms, a SQLite database with one empty table. workerd syncs seven times for each, one
// after the other, and a first start waited for that more than for anything else of ours. Written here they
// are all there at once, or none is. Never touches a folder that is there.
// Of the format (sqlite.org/fileformat2.html) only what such a file has: a page of the schema, one of the table.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { OBJECTS } from './workerd-config.ts'

/** workerd's name for it, beside the databases of a class's objects. */
export const ALARMS_FILE = 'metadata.sqlite'

/** In workerd's own words: it makes the table where there is none of this name. */
const CREATE_TABLE = `CREATE TABLE _cf_ALARM (
      actor_id TEXT PRIMARY KEY,
      scheduled_time INTEGER,
      actor_name TEXT
    ) WITHOUT ROWID`

/**
 * Makes the folder unless it is there: true if it did.
 * @throws whatever the file system refuses
 */
export function makeObjectsFolder(path: string): boolean {
  if (existsSync(path)) return false
  const made = `${path}.${process.pid}`
  rmSync(made, { recursive: true, force: true })
  const alarms = emptyAlarms()
  mkdirSync(made, { mode: 0o700 })
  for (const { className } of OBJECTS) {
    const folder = join(made, `ottla-${className}`)
    mkdirSync(folder)
    const file = openSync(join(folder, ALARMS_FILE), 'wx')
    writeSync(file, alarms)
    closeSync(file)
  }
  try {
    renameSync(made, path)
  } catch (error) {
    rmSync(made, { recursive: true, force: true })
    // Another launcher that starts in the same folder was first.
    if (!existsSync(path)) throw error
    return false
  }
  return true
}

/** Has what was made on disk. To be called while workerd boots, which takes longer, and before anybody is told of it. */
export function syncObjectsFolder(path: string): void {
  for (const { className } of OBJECTS) sync(join(path, `ottla-${className}`, ALARMS_FILE), 'r+')
  // The name, too.
  sync(dirname(path), 'r')
}

/** Where folders cannot be synced, as on Windows, it is as if nobody had asked. */
function sync(path: string, flags: 'r' | 'r+'): void {
  let file: number | null = null
  try {
    file = openSync(path, flags)
    fsyncSync(file)
  } catch {
    // Not a promise of this platform.
  } finally {
    if (file !== null) closeSync(file)
  }
}

const PAGE_BYTES = 4096
const HEADER_BYTES = 100
/** Kinds of page: a leaf of a table, and one of an index, which a table without rowids is. */
const TABLE_LEAF = 13
const INDEX_LEAF = 10
/** Read and written with a write-ahead log. */
const WAL = 2
const SCHEMA_FORMAT = 4
const UTF8 = 1
/** Whose the file says it is; any will do. */
const SQLITE_VERSION = 3_046_000

/** A record of alarms that has none. */
export function emptyAlarms(): Uint8Array {
  const bytes = new Uint8Array(2 * PAGE_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode('SQLite format 3\0'))
  view.setUint16(16, PAGE_BYTES)
  // Then: no reserved bytes, and how much of a page a payload may fill, which the format has fixed.
  bytes.set([WAL, WAL, 0, 64, 32, 32], 18)
  // One change so far, and by this version.
  view.setUint32(24, 1)
  view.setUint32(92, 1)
  view.setUint32(96, SQLITE_VERSION)
  view.setUint32(28, bytes.length / PAGE_BYTES)
  view.setUint32(40, 1)
  view.setUint32(44, SCHEMA_FORMAT)
  view.setUint32(56, UTF8)
  const row = schemaRow()
  const rowAt = PAGE_BYTES - row.length
  bytes.set(row, rowAt)
  leaf(view, HEADER_BYTES, TABLE_LEAF, rowAt)
  leaf(view, PAGE_BYTES, INDEX_LEAF, null)
  return bytes
}

/** The header of a page with one cell or none. */
function leaf(view: DataView, at: number, kind: number, cellAt: number | null): void {
  view.setUint8(at, kind)
  view.setUint16(at + 3, cellAt === null ? 0 : 1)
  view.setUint16(at + 5, cellAt ?? PAGE_BYTES)
  if (cellAt !== null) view.setUint16(at + 8, cellAt)
}

/** The row of the schema's table: type, name, table, root page and statement. */
function schemaRow(): Uint8Array {
  const encoder = new TextEncoder()
  const names = ['table', '_cf_ALARM', '_cf_ALARM'].map((name) => encoder.encode(name))
  const statement = encoder.encode(CREATE_TABLE)
  const ofNames = names.map(({ length }) => 13 + 2 * length)
  // The header's own size, then a type for each value; 1 is an integer of one byte.
  const header = [7, ...ofNames, 1, ...varint(13 + 2 * statement.length)]
  const payload = [...header, ...names.flatMap((name) => [...name]), 2, ...statement]
  return Uint8Array.from([...varint(payload.length), 1, ...payload])
}

/** Of two bytes, as long as the value needs them. */
function varint(value: number): [number, number] {
  return [0x80 | (value >> 7), value & 0x7f]
}
