// Looks into a partition's SQLite file after its broker was stopped or killed: how large the rows are
// that it wrote, and how many commits wrote them. Never while a broker has it open.
// Write-ahead log: https://sqlite.org/fileformat2.html, section 4.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { objectsOf } from './launcher.ts'

/** The chunks of a partition from some offset on. */
export interface Rows {
  readonly rows: number
  /** Of batches. */
  readonly bytes: number
  /** First offset of the earliest. */
  readonly first: number
}

const CHUNKS = `SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes,
  coalesce(min(first_offset), 0) AS first FROM chunk WHERE first_offset >= ?`

/** The chunks that start at or after the offset in the only partition of a data folder. */
export function chunkRows(data: string, fromOffset: number): Rows {
  const database = new DatabaseSync(partitionFile(data))
  try {
    return database.prepare(CHUNKS).get(fromOffset) as unknown as Rows
  } finally {
    database.close()
  }
}

/** The object's id: its file's name. */
export function partitionId(data: string): string {
  return basename(partitionFile(data), '.sqlite')
}

/** Bytes of the write-ahead log's header, and of the header of each frame in it. */
const WAL_HEADER = 32
const FRAME_HEADER = 24

/**
 * Commits in the write-ahead log of a broker that was killed before the log was first reset (which
 * SQLite does after about a thousand pages). To be called before anything opens the file.
 */
export function commitsInLog(data: string): number {
  const log = readFileSync(`${partitionFile(data)}-wal`)
  const frameBytes = FRAME_HEADER + log.readUInt32BE(8)
  const salt = log.readBigUInt64BE(16)
  let commits = 0
  for (let at = WAL_HEADER; at + frameBytes <= log.length; at += frameBytes) {
    // Frames of another salt are left from before a reset.
    if (log.readBigUInt64BE(at + 8) !== salt) break
    // The last frame of a commit carries the size of the database after it.
    if (log.readUInt32BE(at + 4) !== 0) commits++
  }
  return commits
}

/** The only partition in a data folder. */
export function partitionFile(data: string): string {
  const folder = join(objectsOf(data), 'ottla-Partition')
  const files = existsSync(folder)
    ? readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
    : []
  const [file, ...others] = files
  if (file === undefined || others.length > 0) {
    throw new Error(`${folder} holds ${files.length} partitions, expected one`)
  }
  return join(folder, file)
}
