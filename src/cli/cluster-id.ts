// Whose data a folder holds: each cluster's id, noted in files beside the objects (main's in one, those of the tenants in
// another) and compared with the controllers' own at each start, before anything runs. A controller's file from another
// folder would know none of the topics here, give out producer ids a second time and take its own topics for empty.
// Reads only; the notes are all it writes.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clusterName, DEFAULT_TENANT } from '../core/ids.ts'
import { objectFile } from './object-file.ts'
import { SqliteFile, UnreadableFileError } from './verify-sqlite.ts'

/** The note of main's cluster in the data folder. */
export const CLUSTER_ID_FILE = 'cluster-id'
/** The notes of the tenants': a line each, of the name and the id, or `-` where there is none yet. */
export const TENANTS_FILE = 'tenants'

/** 16 bytes in base64url, as Kafka writes them. */
const CLUSTER_ID = /^[\w-]{22}$/
const TENANT_LINE = /^([a-z0-9-]+) (-|[\w-]{22})$/

/** A folder, and the tenants that are served from it beside main. */
export interface Holding {
  readonly path: string
  readonly objectsDir: string
  readonly tenants: readonly string[]
}

/** By tenant; null where there is none yet. */
type Ids = ReadonlyMap<string, string | null>

/**
 * Compares the notes with the controllers' data, and makes them where there are none.
 * @returns why the folder is not to be opened; null when it is
 */
export function foreignCluster({ path, objectsDir, tenants }: Holding): string | null {
  const noted = notedIds(path)
  if (typeof noted === 'string') return noted
  const names = new Set([DEFAULT_TENANT, ...noted.keys(), ...tenants])
  const files = new Map([...names].map((name) => [name, clusterFile(objectsDir, name)]))
  // Whoever removed the objects starts anew, with other ids.
  const isNew = ![...files.values()].some((file) => existsSync(file))
  const ids = new Map<string, string | null>()
  for (const [tenant, file] of files) {
    const known = isNew ? null : (noted.get(tenant) ?? null)
    const stored = existsSync(file) ? storedId(file) : null
    const of = tenant === DEFAULT_TENANT ? '' : ` of tenant ${tenant}`
    const note = noteOf(path, tenant)
    if (known !== null && !existsSync(file)) {
      return `the data folder ${path} lacks the controller's data${of} (cluster ${known}): put it back, or remove that line of ${note} if this is meant`
    }
    // A controller that cannot be read says so itself, and changes nothing.
    if (known !== null && stored !== null && stored !== known) {
      return `the data folder ${path} is of cluster ${known}, but the controller's data${of} in it is of cluster ${stored}: \
put back what belongs here, or remove ${tenant === DEFAULT_TENANT ? note : `that line of ${note}`} if this is meant`
    }
    ids.set(tenant, known ?? stored)
  }
  keepIds(path, ids, noted)
  return null
}

/** The tenants that were ever served from a folder, main aside; none where nobody knows. */
export function notedTenants(path: string): readonly string[] {
  const noted = notedIds(path)
  return typeof noted === 'string' ? [] : [...noted.keys()].filter((one) => one !== DEFAULT_TENANT)
}

/** The file of a tenant's controller, which may not be there. */
export function clusterFile(objectsDir: string, tenant: string): string {
  return objectFile(objectsDir, 'Cluster', clusterName(tenant))
}

function noteOf(path: string, tenant: string): string {
  return join(path, tenant === DEFAULT_TENANT ? CLUSTER_ID_FILE : TENANTS_FILE)
}

/** What is noted, or why it cannot be read. */
function notedIds(path: string): Ids | string {
  const note = join(path, CLUSTER_ID_FILE)
  const noted = existsSync(note) ? readFileSync(note, 'utf8').trim() : null
  if (noted !== null && !CLUSTER_ID.test(noted)) return `${note} holds no cluster id`
  const ids = new Map<string, string | null>([[DEFAULT_TENANT, noted]])
  const others = join(path, TENANTS_FILE)
  const lines = existsSync(others) ? readFileSync(others, 'utf8').split('\n') : []
  for (const line of lines.filter((one) => one !== '')) {
    const [, tenant, id] = TENANT_LINE.exec(line) ?? []
    if (tenant === undefined || id === undefined) return `${others} holds no tenant: ${line}`
    ids.set(tenant, id === '-' ? null : id)
  }
  return ids
}

function keepIds(path: string, ids: Ids, noted: Ids): void {
  const main = ids.get(DEFAULT_TENANT) ?? null
  if (main === null) rmSync(join(path, CLUSTER_ID_FILE), { force: true })
  else if (noted.get(DEFAULT_TENANT) !== main) replace(join(path, CLUSTER_ID_FILE), `${main}\n`)
  const others = [...ids].filter(([tenant]) => tenant !== DEFAULT_TENANT)
  if (others.every(([tenant, id]) => noted.get(tenant) === id)) return
  const lines = others.map(([tenant, id]) => `${tenant} ${id ?? '-'}\n`)
  replace(join(path, TENANTS_FILE), lines.join(''))
}

function replace(note: string, text: string): void {
  writeFileSync(`${note}.new`, text, { mode: 0o600 })
  renameSync(`${note}.new`, note)
}

function storedId(database: string): string | null {
  let file: SqliteFile | undefined
  try {
    file = new SqliteFile(database, true)
    for (const found of file.rows('cluster')) {
      const id = 'row' in found ? found.row.cluster_id : null
      if (typeof id === 'string' && CLUSTER_ID.test(id)) return id
    }
    return null
  } catch (error) {
    if (error instanceof UnreadableFileError || error instanceof RangeError) return null
    throw error
  } finally {
    file?.close()
  }
}
