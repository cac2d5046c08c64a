// Checks what a partition's file says of the part of the log that is in the tier: every row against its checksum, and
// that nothing is missing between the log start and where the local log begins. Not the objects themselves:
// they are elsewhere, and are checked whenever they are read.

import { rowChecksum } from '../runtime/checked-table.ts'
import type { DamagedOffsets } from './verify-partition.ts'
import type { SqliteRow, Value } from './verify-sqlite.ts'

/** What is known of a log's tier. */
export interface TierCheck {
  /** Where the log begins to be local; 0 when none of it was ever given up. */
  readonly localStart: number
  /** Of the log that is in the tier, whether it is local too or not. */
  readonly segments: number
  readonly bytes: number
}

/** The columns that the checksum of a segment's row covers, in this order. */
const COLUMNS = [
  'first_offset',
  'last_offset',
  'max_timestamp',
  'running_max_timestamp',
  'size',
  'running_size',
  'object_size',
  'index_checksum',
  'key',
] as const

/** Where the log begins, and whether all of it should be there. */
export interface TierBounds {
  readonly logStart: number
  /** False for a log that was deleted, or compacted once: offsets may be missing. */
  readonly isWhole: boolean
}

/** Goes over all rows. `damaged` takes what is wrong. */
export function checkTier(
  rows: { readonly state: Iterable<SqliteRow>; readonly segments: Iterable<SqliteRow> },
  { logStart, isWhole }: TierBounds,
  damaged: DamagedOffsets[],
): TierCheck {
  const [state] = rows.state
  const localStart = number(state?.local_start)
  if (state !== undefined && rowChecksum([localStart]) !== state.checksum) {
    const reason = 'the row that says where the local log begins is damaged'
    damaged.push({ from: 0, to: -1, reason })
  }
  let next = logStart
  let segments = 0
  let bytes = 0
  const missing = (to: number) => {
    if (!isWhole || to <= next) return
    damaged.push({ from: next, to: to - 1, reason: 'the tier has no segment of them' })
  }
  for (const row of rows.segments) {
    const from = number(row.first_offset)
    const to = number(row.last_offset)
    segments += 1
    bytes += number(row.size)
    if (rowChecksum(COLUMNS.map((column) => row[column] ?? null)) !== row.checksum) {
      damaged.push({ from, to, reason: 'the row of their tier segment is damaged' })
    }
    missing(Math.min(from, localStart))
    next = Math.max(next, to + 1)
  }
  missing(localStart)
  return { localStart, segments, bytes }
}

function number(value: Value | undefined): number {
  return typeof value === 'number' ? value : 0
}
