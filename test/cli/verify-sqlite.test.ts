// What our reader of SQLite files finds, against SQLite itself, on databases that SQLite wrote: of many
// sizes of rows and pages, in the file and in the write-ahead log, whole and damaged.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { SqliteFile, type SqliteRow, UnreadableFileError } from '../../src/cli/verify-sqlite.ts'
import { Random } from '../simulation/platform/random.ts'

const folder = mkdtempSync(join(tmpdir(), 'ottla-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const CREATE = [
  'CREATE TABLE chunk (first_offset INTEGER PRIMARY KEY, size INTEGER NOT NULL CHECK (size IN (1, -1)),\n note TEXT, data BLOB NOT NULL)',
  `CREATE TABLE part (data BLOB NOT NULL, first_offset INTEGER NOT NULL, part INTEGER NOT NULL,
    PRIMARY KEY (first_offset, part)) WITHOUT ROWID`,
  'CREATE TABLE named (name TEXT PRIMARY KEY, value REAL) WITHOUT ROWID',
  'CREATE TABLE plain (value TEXT)',
]

/** Fills a database; `checkpoint` moves all of it from the log into the file. */
function made(
  name: string,
  { rows, pageBytes, checkpoint }: { rows: number; pageBytes: number; checkpoint: boolean },
): string {
  const path = join(folder, name)
  const database = new DatabaseSync(`${path}-live`)
  database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL`)
  database.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF')
  for (const statement of CREATE) database.exec(statement)
  const random = new Random(rows)
  const chunk = database.prepare('INSERT INTO chunk VALUES (?, ?, ?, ?)')
  const part = database.prepare('INSERT INTO part VALUES (?, ?, ?)')
  const named = database.prepare('INSERT INTO named VALUES (?, ?)')
  for (let index = 0; index < rows; index++) {
    if (index % 10 === 0) database.exec(index === 0 ? 'BEGIN' : 'COMMIT; BEGIN')
    const bytes = new Uint8Array(random.pick([0, 1, 100, 450, 487, 488, 4061, 4062, 9_000]))
    bytes.fill(index)
    const first = index * 1_000_003 * (index % 7 === 0 ? 1_000 : 1)
    chunk.run(first, random.pick([1, -1]), random.pick([null, 'ünï', '']), bytes)
    part.run(bytes, -first, random.between(-3, 2 ** 31))
    named.run(`name ${random.between(0, 1e9)} ${index}`, random.pick([0, 1, 0.5, -1e300, null]))
  }
  if (rows > 0) database.exec('COMMIT')
  database.exec("INSERT INTO plain VALUES ('before')")
  database.exec('ALTER TABLE plain ADD COLUMN later INTEGER')
  database.exec("INSERT INTO plain VALUES ('after', 5)")
  database.exec('DELETE FROM chunk WHERE first_offset % 5 = 3')
  if (checkpoint) database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  // As a killed process leaves it: nothing is closed.
  copyFileSync(`${path}-live`, path)
  copyFileSync(`${path}-live-wal`, `${path}-wal`)
  database.close()
  return path
}

function expected(path: string, table: string, order: string): unknown[] {
  // SQLite writes where it opens: into another copy.
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, `${path}-oracle${suffix}`)
  const database = new DatabaseSync(`${path}-oracle`)
  const rows = database.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all()
  database.close()
  return rows.map((row) => ({ ...row }))
}

function read(path: string, table: string): { rows: SqliteRow[]; damage: string[] } {
  const file = new SqliteFile(path)
  const found = [...file.rows(table)]
  file.close()
  return {
    rows: found.flatMap((one) => ('row' in one ? [one.row] : [])),
    damage: [...file.damage, ...found.flatMap((one) => ('damage' in one ? [one.damage] : []))],
  }
}

const TABLES = [
  ['chunk', 'first_offset'],
  ['part', 'first_offset, part'],
  ['named', 'name'],
  ['plain', 'rowid'],
] as const

describe('The reader of SQLite files', () => {
  test.each([
    { rows: 0, pageBytes: 4096, checkpoint: false },
    { rows: 3, pageBytes: 4096, checkpoint: false },
    { rows: 400, pageBytes: 4096, checkpoint: true },
    { rows: 400, pageBytes: 4096, checkpoint: false },
    { rows: 200, pageBytes: 512, checkpoint: true },
    { rows: 100, pageBytes: 65_536, checkpoint: true },
  ])('finds what SQLite finds: %o', (options) => {
    const path = made(`whole-${Object.values(options).join('-')}`, options)
    for (const [table, order] of TABLES) {
      const { rows, damage } = read(path, table)
      expect(damage).toEqual([])
      expect(rows).toEqual(expected(path, table, order))
    }
  })

  test('reads a log that is cut anywhere up to the last whole commit, as SQLite does', () => {
    const path = made('cut', { rows: 12, pageBytes: 4096, checkpoint: false })
    const log = readFileSync(`${path}-wal`)
    const random = new Random(1)
    for (let times = 0; times < 60; times++) {
      const cut = join(folder, `cut-${times}`)
      copyFileSync(path, cut)
      writeFileSync(`${cut}-wal`, log.subarray(0, random.between(0, log.length)))
      let found: unknown
      try {
        found = read(cut, 'chunk').rows
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableFileError)
        found = 'unreadable'
      }
      let wanted: unknown
      try {
        wanted = expected(cut, 'chunk', 'first_offset')
      } catch {
        wanted = found === 'unreadable' ? found : []
      }
      expect(found).toEqual(wanted)
    }
  })

  test('tells a log that is damaged in its middle from one that ends there', () => {
    const path = made('middle', { rows: 30, pageBytes: 4096, checkpoint: false })
    const log = readFileSync(`${path}-wal`)
    expect(read(path, 'chunk').damage).toEqual([])
    log[32 + 20 * (24 + 4096) + 100]! ^= 1
    writeFileSync(`${path}-wal`, log)
    expect(read(path, 'chunk').damage[0]).toMatch(/damaged at frame 20: \d+ frames/)
  })

  test('goes on behind a damaged page, and never fails on any byte that is not what it was', () => {
    const path = made('flipped', { rows: 150, pageBytes: 4096, checkpoint: true })
    const whole = readFileSync(path)
    const all = read(path, 'chunk').rows.length
    const random = new Random(7)
    let damaged = 0
    for (let times = 0; times < 100; times++) {
      const bytes = Buffer.from(whole)
      // Behind the first page, for a file whose list of tables is gone is told as such; where pages begin.
      const page = 4096 * random.between(1, bytes.length / 4096 - 1)
      bytes[page + random.between(0, random.pick([12, 4095]))] = random.between(0, 255)
      writeFileSync(path, bytes)
      const { rows, damage } = read(path, 'chunk')
      if (damage.length > 0) damaged += 1
      expect(rows.length > 0 || damage.length > 0).toBe(true)
    }
    expect(damaged).toBeGreaterThan(0)
    const leftOf = Array.from({ length: whole.length / 4096 - 1 }, (_, page) => {
      const bytes = Buffer.from(whole).fill(0xff, (page + 1) * 4096, (page + 2) * 4096)
      writeFileSync(path, bytes)
      const { rows, damage } = read(path, 'chunk')
      // A row is missing only where damage is told.
      expect(rows.length === all || damage.length > 0).toBe(true)
      return rows.length
    })
    expect(leftOf.some((left) => left < all && left > all / 2)).toBe(true)
  })

  test('refuses what is no database, and changes nothing', () => {
    const path = join(folder, 'no-database')
    writeFileSync(path, 'something else')
    expect(() => new SqliteFile(path)).toThrow(UnreadableFileError)
    const whole = made('unchanged', { rows: 5, pageBytes: 4096, checkpoint: false })
    const before = [statSync(whole).mtimeMs, statSync(`${whole}-wal`).mtimeMs]
    read(whole, 'chunk')
    expect([statSync(whole).mtimeMs, statSync(`${whole}-wal`).mtimeMs]).toEqual(before)
  })
})
