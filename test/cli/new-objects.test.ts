import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ALARMS_FILE,
  emptyAlarms,
  makeObjectsFolder,
  syncObjectsFolder,
} from '../../src/cli/new-objects.ts'
import { OBJECTS } from '../../src/cli/workerd-config.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ottla-new-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('an empty record of alarms', () => {
  it('is a whole database, and takes rows', () => {
    const path = join(folder, ALARMS_FILE)
    writeFileSync(path, emptyAlarms())
    const database = new DatabaseSync(path)
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(database.prepare('SELECT * FROM _cf_ALARM').all()).toEqual([])
    const insert = database.prepare('INSERT INTO _cf_ALARM VALUES (?, ?, ?)')
    for (let row = 0; row < 500; row++) insert.run(`${row}`.padStart(64, 'a'), row, 'main/cluster')
    expect(database.prepare('SELECT count(*) AS n FROM _cf_ALARM').get()).toEqual({ n: 500 })
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    database.close()
  })
})

describe("the objects' folder", () => {
  it('is made with such a record for each class', () => {
    const objects = join(folder, 'objects')
    expect(makeObjectsFolder(objects)).toBe(true)
    syncObjectsFolder(objects)
    expect(readdirSync(folder)).toEqual(['objects'])
    expect(readdirSync(objects).toSorted()).toEqual(
      OBJECTS.map(({ className }) => `ottla-${className}`).toSorted(),
    )
    for (const { className } of OBJECTS) {
      const path = join(objects, `ottla-${className}`, ALARMS_FILE)
      expect(new Uint8Array(readFileSync(path))).toEqual(emptyAlarms())
    }
  })

  it('that is there is left as it is', () => {
    const objects = join(folder, 'objects')
    mkdirSync(objects)
    expect(makeObjectsFolder(objects)).toBe(false)
    expect(readdirSync(objects)).toEqual([])
  })

  it('is made where a start was killed while it made one', () => {
    mkdirSync(join(folder, `objects.${process.pid}`))
    makeObjectsFolder(join(folder, 'objects'))
    expect(readdirSync(folder)).toEqual(['objects'])
  })

  it('is not made where there is no folder for it', () => {
    expect(() => makeObjectsFolder(join(folder, 'none/objects'))).toThrow('ENOENT')
    expect(existsSync(join(folder, 'none'))).toBe(false)
  })
})
