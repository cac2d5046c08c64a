// Checks the stored log of one partition: every row against its checksum, every batch against its CRC, and
// that no offset is missing. Not the reading of the file (verify-sqlite.ts) and not the report.

import { ROW_BYTES } from '../core/limits/partition.ts'
import {
  batchesDamage,
  type CheckedChunk,
  chunkDamage,
  pieceDamage,
} from '../partition/integrity.ts'
import { rowChecksum, rowDamage } from '../runtime/checked-table.ts'
import { AbortedCheck, type AbortedRow } from './verify-aborted.ts'
import type { SqliteFile, SqliteRow, Value } from './verify-sqlite.ts'
import { checkTier } from './verify-tier.ts'

/** Offsets that cannot be read, and why. */
export interface DamagedOffsets {
  readonly from: number
  /** The last one; -1 when it is not known. */
  readonly to: number
  readonly reason: string
}

/** What is known of one partition's log after all of it was read. */
export interface PartitionCheck {
  readonly topicId: string
  readonly partition: number
  readonly logStart: number
  /** The offset behind the last record. */
  readonly end: number
  readonly chunks: number
  readonly bytes: number
  /** What its rows say of the tier. */
  readonly tierSegments: number
  readonly tierBytes: number
  readonly damaged: readonly DamagedOffsets[]
  /** The topic was deleted; what is left of it is being removed. */
  readonly deleted: boolean
}

/** Reads all of a partition's file; null when it holds no partition (it was never written). */
export function checkPartition(file: SqliteFile): PartitionCheck | null {
  if (!file.has('leader')) return null
  const damaged: DamagedOffsets[] = []
  const [leader] = rowsOf(file, 'leader', damaged)
  if (leader === undefined) {
    damaged.push({ from: 0, to: -1, reason: 'the row that says whose log it is, is gone' })
  } else if (!isSound(leader, LEADER_COLUMNS)) {
    damaged.push({ from: 0, to: -1, reason: 'the row that says whose log it is, is damaged' })
  }
  const logStart = number(leader?.log_start)
  const deleted = leader?.deleted === 1
  const isCompacted = [...rowsOf(file, 'compaction', damaged)].length > 0
  const tier = checkTier(
    {
      state: rowsOf(file, 'tiering', damaged),
      segments: rowsOf(file, 'tier_segment', damaged),
    },
    { logStart, isWhole: !isCompacted && !deleted },
    damaged,
  )
  checkSegments(rowsOf(file, 'segment', damaged), damaged)
  const pieces = new LaterPieces(file, damaged)
  const aborted = new AbortedCheck(abortedRows(file, damaged))
  let next = Math.max(logStart, tier.localStart)
  let chunks = 0
  let bytes = 0
  for (const row of rowsOf(file, 'chunk', damaged)) {
    const chunk = chunkOf(row)
    const { firstOffset, lastOffset } = chunk
    chunks += 1
    bytes += chunk.sizeBytes
    // Below the log start the oldest chunks may be gone, and so may be some of the topic that was deleted.
    if (firstOffset > next && !isCompacted && !deleted) {
      damaged.push({ from: next, to: firstOffset - 1, reason: 'no chunk holds them' })
    }
    const later = pieces.of(firstOffset)
    const reason = chunkDamage(chunk) ?? contentDamage(chunk, later)
    if (reason !== null) damaged.push({ from: firstOffset, to: lastOffset, reason })
    else if (later.length === 0) aborted.pass(firstOffset, chunk.head)
    else aborted.pass(firstOffset, Buffer.concat([chunk.head, ...later.map(({ data }) => data)]))
    next = Math.max(next, lastOffset + 1)
  }
  pieces.of(Number.MAX_SAFE_INTEGER)
  // Where chunks are damaged it is not known what they said.
  if (!isCompacted && !deleted && damaged.length === 0) damaged.push(...aborted.damaged)
  checkRequests(file, damaged)
  const known = knownEnd(file, damaged)
  if (known > next && !deleted) {
    damaged.push({ from: next, to: known - 1, reason: 'no chunk holds them' })
  }
  return {
    topicId: String(leader?.topic_id ?? ''),
    partition: number(leader?.partition),
    logStart,
    end: Math.max(next, known),
    chunks,
    bytes,
    tierSegments: tier.segments,
    tierBytes: tier.bytes,
    damaged,
    deleted,
  }
}

/** Rows by which it is decided what expires, is compacted and is tiered. Those of older layouts have no checksum. */
function checkSegments(rows: Iterable<SqliteRow>, damaged: DamagedOffsets[]): void {
  for (const row of rows) {
    const damage = 'checksum' in row ? rowDamage(row) : null
    if (damage === null) continue
    const reason = `the row of the segment that begins here is damaged: ${damage}`
    damaged.push({ from: number(row.base_offset), to: -1, reason })
  }
}

function abortedRows(file: SqliteFile, damaged: DamagedOffsets[]): AbortedRow[] {
  return [...rowsOf(file, 'aborted_transaction', damaged)].map((row) => ({
    lastOffset: number(row.last_offset),
    firstOffset: number(row.first_offset),
    producerId: number(row.producer_id),
  }))
}

interface Piece {
  readonly piece: number
  readonly data: Uint8Array
  readonly damage: string | null
}

/** The later pieces of large batches, in the order of the chunks: one batch's are held at a time. */
class LaterPieces {
  readonly #rows: Generator<SqliteRow>
  readonly #damaged: DamagedOffsets[]
  #next: SqliteRow | undefined

  constructor(file: SqliteFile, damaged: DamagedOffsets[]) {
    this.#rows = rowsOf(file, 'chunk_part', damaged)
    this.#damaged = damaged
    this.#advance()
  }

  /** The pieces of the batch that starts here. Those before it belong to no chunk. */
  of(chunkOffset: number): Piece[] {
    const found: Piece[] = []
    for (let row = this.#next; row !== undefined; row = this.#next) {
      const firstOffset = number(row.first_offset)
      if (firstOffset > chunkOffset) return found
      this.#advance()
      if (firstOffset < chunkOffset) {
        this.#damaged.push({
          from: firstOffset,
          to: firstOffset,
          reason: 'its first piece is gone',
        })
        continue
      }
      const data = blob(row.data)
      const piece = number(row.part)
      const damage = pieceDamage({ firstOffset, piece, data, checksum: checksum(row.checksum) })
      found.push({ piece, data, damage })
    }
    return found
  }

  #advance(): void {
    const { done, value } = this.#rows.next()
    this.#next = done === true ? undefined : value
  }
}

/** What is wrong with all of a chunk's batches, whose row is as it was written. */
function contentDamage(chunk: CheckedChunk, pieces: readonly Piece[]): string | null {
  const bad = pieces.find(({ damage }) => damage !== null)
  if (bad !== undefined) return bad.damage
  const wanted = Math.max(1, Math.ceil(chunk.sizeBytes / ROW_BYTES)) - 1
  const missing = Array.from({ length: wanted }, (_, index) => index + 1).find(
    (piece) => pieces[piece - 1]?.piece !== piece,
  )
  if (missing !== undefined) return `piece ${missing} of its batch is gone`
  return batchesDamage(chunk, Buffer.concat([chunk.head, ...pieces.map(({ data }) => data)]))
}

/** The keyed requests as of the last snapshot; a log without them has no such table. */
function checkRequests(file: SqliteFile, damaged: DamagedOffsets[]): void {
  for (const row of rowsOf(file, 'request_snapshot', damaged)) {
    if (isSound(row, ['data'])) continue
    damaged.push({ from: 0, to: -1, reason: 'the keyed requests are damaged' })
  }
}

/** The end of the log as other rows know it: behind the last chunk when chunks are missing there. */
function knownEnd(file: SqliteFile, damaged: DamagedOffsets[]): number {
  let end = 0
  for (const row of rowsOf(file, 'producer_snapshot', damaged)) {
    if (!isSound(row, ['next_offset', 'data'])) {
      damaged.push({ from: 0, to: -1, reason: 'the state of its producers is damaged' })
    }
    end = Math.max(end, number(row.next_offset))
  }
  for (const row of rowsOf(file, 'aborted_transaction', damaged)) {
    end = Math.max(end, number(row.last_offset) + 1)
  }
  return end
}

/** What the checksum of the leader's row covers, in this order. */
const LEADER_COLUMNS = [
  'topic_id',
  'partition',
  'config_version',
  'settings',
  'log_start',
  'deleted',
] as const

/** Rows of older layouts have no checksum. */
function isSound(row: SqliteRow, columns: readonly string[]): boolean {
  const wanted = checksum(row.checksum)
  return wanted === null || rowChecksum(columns.map((column) => row[column] ?? null)) === wanted
}

function* rowsOf(file: SqliteFile, table: string, damaged: DamagedOffsets[]): Generator<SqliteRow> {
  for (const found of file.rows(table)) {
    if ('row' in found) yield found.row
    else damaged.push({ from: -1, to: -1, reason: `table ${table}: ${found.damage}` })
  }
}

function chunkOf(row: SqliteRow): CheckedChunk {
  return {
    firstOffset: number(row.first_offset),
    lastOffset: number(row.last_offset),
    maxTimestamp: number(row.max_timestamp),
    runningMaxTimestamp: number(row.running_max_timestamp),
    sizeBytes: number(row.size),
    runningSizeBytes: number(row.running_size),
    producers: row.producers instanceof Uint8Array ? row.producers : null,
    requests: row.requests instanceof Uint8Array ? row.requests : null,
    head: blob(row.data),
    checksum: checksum(row.checksum),
  }
}

function number(value: Value | undefined): number {
  return typeof value === 'number' ? value : 0
}

function checksum(value: Value | undefined): number | null {
  return typeof value === 'number' ? value : null
}

function blob(value: Value | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}
