// What the launcher writes into a new data folder in workerd's place: workerd takes it as its own, and makes the same
// where it is missing. A workerd that makes another would be seen here.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { ALARMS_FILE, emptyAlarms } from '../../../src/cli/new-objects.ts'
import { OBJECTS } from '../../../src/cli/workerd-config.ts'
import { ANY_PORTS, Run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'ottla-new-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const data = join(folder, 'data')
const pathOf = (className: string) => join(data, 'objects', `ottla-${className}`, ALARMS_FILE)

async function startedAndStopped(): Promise<void> {
  const run = new Run([...ANY_PORTS, '--data', data])
  await run.ready()
  expect((await run.stop()).code).toBe(0)
}

/** Of every table, and how the file is written. */
function schemaOf(className: string) {
  const database = new DatabaseSync(pathOf(className))
  try {
    const tables = database.prepare('SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master')
    const settings = ['journal_mode', 'page_size', 'encoding', 'auto_vacuum', 'user_version']
    return [
      tables.all(),
      settings.map((name) => database.prepare(`PRAGMA ${name}`).get()),
      database.prepare('PRAGMA integrity_check').get(),
    ]
  } finally {
    database.close()
  }
}

describe('the records of alarms in a new data folder', () => {
  it('are taken by workerd as they are', async () => {
    await startedAndStopped()
    for (const { className } of OBJECTS) {
      expect(new Uint8Array(readFileSync(pathOf(className)))).toEqual(emptyAlarms())
    }
  })

  it('are what workerd makes where there is none', async () => {
    rmSync(join(data, 'objects', 'ottla-Group'), { recursive: true })
    await startedAndStopped()
    expect(schemaOf('Group')).toEqual(schemaOf('Partition'))
  })
})
