// Whose data a folder holds: the cluster's id, noted in a file beside the objects and compared with the controller's own
// at each start, before anything runs. A controller's file from another folder would know none of the topics here,
// give out producer ids a second time and take its own topics for empty. Reads only; the note is all it writes.

import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SqliteFile, UnreadableFileError } from './verify-sqlite.ts'

/** The note's name in the data folder. */
export const CLUSTER_ID_FILE = 'cluster-id'

/** 16 bytes in base64url, as Kafka writes them. */
const CLUSTER_ID = /^[\w-]{22}$/

/**
 * Compares the note with the controller's data, and makes it where there is none.
 * @param path of the data folder
 * @returns why the folder is not to be opened; null when it is
 */
export function foreignCluster(path: string, objectsDir: string): string | null {
  const note = join(path, CLUSTER_ID_FILE)
  const database = controllerFile(objectsDir)
  if (database === null) {
    // Whoever removed the objects starts anew, with another id.
    rmSync(note, { force: true })
    return null
  }
  const noted = existsSync(note) ? readFileSync(note, 'utf8').trim() : null
  if (noted !== null && !CLUSTER_ID.test(noted)) return `${note} holds no cluster id`
  const stored = storedId(database)
  // A controller that cannot be read says so itself, and changes nothing.
  if (stored === null || stored === noted) return null
  if (noted !== null) {
    return `the data folder ${path} is of cluster ${noted}, but the controller's data in it is of cluster ${stored}: \
put back what belongs here, or remove ${note} if this is meant`
  }
  writeFileSync(`${note}.new`, `${stored}\n`, { mode: 0o600 })
  renameSync(`${note}.new`, note)
  return null
}

function controllerFile(objectsDir: string): string | null {
  const folder = join(objectsDir, 'ottla-Cluster')
  if (!existsSync(folder)) return null
  // The runtime's own record of alarms is there without any object.
  const names = readdirSync(folder).filter((name) => name.endsWith('.sqlite'))
  const name = names.find((one) => one !== 'metadata.sqlite')
  return name === undefined ? null : join(folder, name)
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
