// The directory store through workerd's disk service, with the launcher's configuration of it.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noise, storeContract } from '../../tier/store-contract.ts'
import { type RunningStore, startStore } from './stores.ts'

let running: RunningStore
const folder = mkdtempSync(join(tmpdir(), 'ottla-tier-'))

beforeAll(async () => {
  running = await startStore({ 'ottla.tier.dir': folder })
})

afterAll(async () => {
  await running?.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the store in a directory', () => {
  storeContract(() => running.store)

  it('does not claim to survive the loss of power', async () => {
    expect(await running.kind()).toEqual({ tier: 'DirectoryStore', isSynced: false })
  })

  it('has an object as one file', async () => {
    await running.store.put('files/topic/0/1', noise(10))
    expect(readdirSync(join(folder, 'files/topic/0'))).toEqual(['1.object'])
  })

  it('does not list, give or delete what is not its own', async () => {
    const own = join(folder, 'own')
    mkdirSync(join(own, 'folder.object'), { recursive: true })
    for (const name of ['readme.txt', '.1.object.7.0.tmp', 'folder.object/1']) {
      writeFileSync(join(own, name), 'x')
    }
    expect(await running.store.list('own/', null)).toEqual({ objects: [], next: null })
    expect(await running.store.get('own/readme.txt')).toBeNull()
    await running.store.delete(['own/readme.txt', 'own'])
    const bad = running.store.delete(['own/folder.object'])
    await expect(bad).rejects.toMatchObject({ retriable: false })
    expect(existsSync(join(own, 'readme.txt'))).toBe(true)
    expect(existsSync(join(own, 'folder.object/1'))).toBe(true)
  })

  it('says that a put failed, and that it may be tried again', async () => {
    writeFileSync(join(folder, 'blocked'), 'a file where a folder must be')
    const put = running.store.put('blocked/1', noise(1))
    await expect(put).rejects.toMatchObject({ retriable: true })
  })
})
