import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { clusterFile, foreignCluster, notedTenants } from '../../src/cli/cluster-id.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

const ID = (letter: string) => letter.repeat(22)

/** A data folder with the controllers of some tenants. */
function folder(clusters: Readonly<Record<string, string>>) {
  const path = mkdtempSync(join(tmpdir(), 'ottla-ids-'))
  folders.push(path)
  const objectsDir = join(path, 'objects')
  mkdirSync(objectsDir)
  const put = (tenant: string, id: string) => {
    const file = clusterFile(objectsDir, tenant)
    mkdirSync(dirname(file), { recursive: true })
    rmSync(file, { force: true })
    const database = new DatabaseSync(file)
    database.exec('CREATE TABLE cluster (id INTEGER PRIMARY KEY, cluster_id TEXT NOT NULL)')
    database.prepare('INSERT INTO cluster VALUES (0, ?)').run(id)
    database.close()
  }
  for (const [tenant, id] of Object.entries(clusters)) put(tenant, id)
  const check = (...tenants: string[]) => foreignCluster({ path, objectsDir, tenants })
  const note = (name: string) =>
    existsSync(join(path, name)) ? readFileSync(join(path, name), 'utf8') : null
  return { path, objectsDir, put, check, note }
}

it('the file of a controller is named as the runtime names it', () => {
  // Of a data folder that workerd has made.
  expect(clusterFile('', 'main')).toBe(
    'ottla-Cluster/cc60824d4e8bd6abbaf6c7de916c9cdb26a87f8c6bb603deba15858050a8aa9e.sqlite',
  )
  expect(clusterFile('', 'acme')).toBe(
    'ottla-Cluster/66868b7741655d5fbcbbcf0bd3460dd207230420f5903f386d5837d0cc33c4dc.sqlite',
  )
})

describe('whose a folder is', () => {
  it('is noted of main, and of each tenant that was ever served', () => {
    const { path, put, check, note } = folder({ main: ID('m'), acme: ID('a') })
    expect(check('acme', 'beta')).toBeNull()
    expect(note('cluster-id')).toBe(`${ID('m')}\n`)
    expect(note('tenants')).toBe(`acme ${ID('a')}\nbeta -\n`)
    put('beta', ID('b'))
    expect(check('acme')).toBeNull()
    expect(note('tenants')).toBe(`acme ${ID('a')}\nbeta ${ID('b')}\n`)
    expect(notedTenants(path)).toEqual(['acme', 'beta'])
  })

  it('is main’s alone where there are no tenants', () => {
    const { path, check, note } = folder({ main: ID('m') })
    expect(check()).toBeNull()
    expect(note('cluster-id')).toBe(`${ID('m')}\n`)
    expect(note('tenants')).toBeNull()
    expect(notedTenants(path)).toEqual([])
  })

  it('is not mistaken for main’s for a tenant’s controller', () => {
    const { check, note } = folder({ acme: ID('a') })
    expect(check('acme')).toBeNull()
    expect(note('cluster-id')).toBeNull()
  })

  it.each(['main', 'acme'])('is refused where the controller of %s is another’s', (tenant) => {
    const { put, check } = folder({ main: ID('m'), acme: ID('a') })
    expect(check('acme')).toBeNull()
    put(tenant, ID('x'))
    // Whether the tenant is listed or not: its topics would be taken for empty when it is again.
    expect(check()).toContain(`is of cluster ${ID('x')}`)
  })

  it.each(['main', 'acme'])('is refused where the controller of %s is gone', (tenant) => {
    const { objectsDir, check } = folder({ main: ID('m'), acme: ID('a') })
    expect(check('acme')).toBeNull()
    rmSync(clusterFile(objectsDir, tenant))
    expect(check('acme')).toContain('lacks the controller')
  })

  it('is nobody’s where all objects were removed', () => {
    const { objectsDir, check, note } = folder({ main: ID('m'), acme: ID('a') })
    expect(check('acme')).toBeNull()
    for (const tenant of ['main', 'acme']) rmSync(clusterFile(objectsDir, tenant))
    expect(check('acme')).toBeNull()
    expect(note('cluster-id')).toBeNull()
    expect(note('tenants')).toBe('acme -\n')
  })

  it('is not guessed from notes that cannot be read', () => {
    const { path, check } = folder({ main: ID('m') })
    writeFileSync(join(path, 'tenants'), 'acme what\n')
    expect(check('acme')).toContain('holds no tenant: acme what')
  })
})
