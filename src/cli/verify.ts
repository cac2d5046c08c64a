// `ottla verify --data FOLDER`: checks the data of a broker that is stopped and reports partition by
// partition. Reads only; what it finds is not repaired. A bundle of its own (dist/verify.js), so that a
// start does not load it.

import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DEFAULT_TENANT } from '../core/ids.ts'
import { rowDamage } from '../runtime/checked-table.ts'
import { clusterFile, notedTenants } from './cluster-id.ts'
import { answers, inUse } from './data-folder.ts'
import { checkPartition, type DamagedOffsets, type PartitionCheck } from './verify-partition.ts'
import { SqliteFile, UnreadableFileError } from './verify-sqlite.ts'

/** What to check and how to say it. */
export interface VerifyOptions {
  /** As given, not resolved. */
  readonly data: string
  readonly json: boolean
  /** Takes one line without its newline. */
  readonly print: (line: string) => void
  /** Says why nothing was checked; answers the exit code. */
  readonly fail: (reason: string) => number
}

/** Checks everything. Answers the exit code: 0 when all is as it was written, else 1. */
export async function verify({ data, json, print, fail }: VerifyOptions): Promise<number> {
  const path = resolve(data)
  const objects = join(path, 'objects')
  if (!existsSync(objects)) return fail(`${path} is no data folder: it has no objects`)
  // The lock's path is short only relative to its folder.
  process.chdir(path)
  if (await answers()) return fail(inUse(path))
  const names = topicNames(objects, [DEFAULT_TENANT, ...notedTenants(path)])
  const totals = { partitions: 0, chunks: 0, bytes: 0, damaged: 0 }
  for (const checked of checkAll(objects)) {
    const name = nameOf(checked, names)
    totals.partitions += checked.check === null ? 0 : 1
    totals.chunks += checked.check?.chunks ?? 0
    totals.bytes += checked.check?.bytes ?? 0
    totals.damaged += checked.damaged.length > 0 ? 1 : 0
    for (const line of json ? [jsonLine(checked, name)] : textLines(checked, name)) print(line)
  }
  const { partitions, chunks, bytes, damaged } = totals
  const found = damaged === 0 ? 'no damage' : `damage in ${damaged} of its files`
  if (json) print(JSON.stringify({ summary: totals }))
  else print(`${partitions} partitions, ${chunks} chunks, ${bytes} bytes: ${found}`)
  return damaged === 0 ? 0 : 1
}

interface CheckedFile {
  readonly path: string
  /** null for the file of a coordinator, and for one that cannot be read. */
  readonly check: PartitionCheck | null
  readonly damaged: readonly DamagedOffsets[]
}

function* checkAll(objects: string): Generator<CheckedFile> {
  for (const folder of readdirSync(objects).toSorted()) {
    for (const path of databasesIn(join(objects, folder))) {
      // The runtime's own record of alarms.
      if (!path.endsWith('metadata.sqlite')) yield checkFile(path, folder === 'ottla-Partition')
    }
  }
}

function checkFile(path: string, isPartition: boolean): CheckedFile {
  let file: SqliteFile | undefined
  try {
    file = new SqliteFile(path)
    const check = isPartition ? checkPartition(file) : null
    const damaged = file.damage.map((reason) => ({ from: -1, to: -1, reason }))
    if (!isPartition) damaged.push(...brokenRows(file))
    return { path, check, damaged: [...damaged, ...(check?.damaged ?? [])] }
  } catch (error) {
    if (!(error instanceof UnreadableFileError || error instanceof RangeError)) throw error
    return { path, check: null, damaged: [{ from: -1, to: -1, reason: error.message }] }
  } finally {
    file?.close()
  }
}

/** Rows of a coordinator or the controller that cannot be read, or are not what their checksums say. */
function brokenRows(file: SqliteFile): DamagedOffsets[] {
  const damaged: DamagedOffsets[] = []
  for (const table of file.tables) {
    for (const found of file.rows(table)) {
      // A table without checksums is one of ids, or of an older layout.
      const isChecked = 'row' in found && 'checksum' in found.row
      const damage = 'damage' in found ? found.damage : isChecked ? rowDamage(found.row) : null
      if (damage !== null) damaged.push({ from: -1, to: -1, reason: `table ${table}: ${damage}` })
    }
  }
  return damaged
}

/** Topics by their ids, as the controllers have them, a tenant's behind its name; of one that cannot be read there are none. */
function topicNames(objects: string, tenants: readonly string[]): ReadonlyMap<string, string> {
  const known = new Map(tenants.map((tenant) => [clusterFile(objects, tenant), tenant]))
  const folder = join(objects, 'ottla-Cluster')
  const names = new Map<string, string>()
  for (const path of existsSync(folder) ? databasesIn(folder) : []) {
    const tenant = known.get(path) ?? UNKNOWN_TENANT
    const before = tenant === DEFAULT_TENANT ? '' : `${tenant}/`
    try {
      const file = new SqliteFile(path)
      for (const found of file.rows('topic')) {
        if ('row' in found) names.set(String(found.row.id), before + String(found.row.name))
      }
      file.close()
    } catch (error) {
      // It is reported where it is checked.
      if (!(error instanceof UnreadableFileError || error instanceof RangeError)) throw error
    }
  }
  return names
}

/** Of a tenant whose first broker has been killed nobody has noted the name yet. */
const UNKNOWN_TENANT = '?'

function databasesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite'))
    .toSorted()
    .map((name) => join(folder, name))
}

function nameOf({ path, check }: CheckedFile, names: ReadonlyMap<string, string>): string {
  if (check === null || check.topicId === '') return path
  return `${names.get(check.topicId) ?? check.topicId}-${check.partition}`
}

function jsonLine({ path, check, damaged }: CheckedFile, name: string): string {
  const { damaged: _, ...known } = check ?? { damaged }
  return JSON.stringify({ name, path, ...known, damaged })
}

function textLines({ path, check, damaged }: CheckedFile, name: string): string[] {
  if (check === null && damaged.length === 0) return []
  const { chunks = 0, bytes = 0, logStart = 0, end = 0, deleted = false } = check ?? {}
  const what = deleted ? 'deleted' : `offsets ${logStart} to ${end - 1}`
  const { tierSegments = 0, tierBytes = 0 } = check ?? {}
  const tier = tierSegments > 0 ? `, ${tierSegments} segments (${tierBytes} bytes) in the tier` : ''
  const local = `${chunks} chunks, ${bytes} bytes`
  const summary = check === null ? name : `${name}: ${what}, ${local}${tier}`
  if (damaged.length === 0) return [`ok      ${summary}`]
  return [
    `DAMAGED ${summary}`,
    ...damaged.map(({ from, to, reason }) => {
      const place = from < 0 ? path : to < 0 ? `from offset ${from}` : `offsets ${from} to ${to}`
      return `        ${place}: ${reason}`
    }),
  ]
}
