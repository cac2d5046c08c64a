import { describe, expect, it } from 'vitest'
import type { DamagedOffsets } from '../../src/cli/verify-partition.ts'
import type { SqliteRow } from '../../src/cli/verify-sqlite.ts'
import { checkTier } from '../../src/cli/verify-tier.ts'
import { columnsOf } from '../../src/partition/tiering/tier-store.ts'
import { rowChecksum } from '../../src/runtime/checked-table.ts'

function segment(firstOffset: number, lastOffset: number, change: SqliteRow = {}): SqliteRow {
  const columns = columnsOf({
    firstOffset,
    lastOffset,
    maxTimestamp: 5,
    runningMaxTimestamp: 6,
    sizeBytes: 100,
    runningSizeBytes: 1_000,
    objectBytes: 150,
    indexChecksum: 7,
    key: `topic/0/${firstOffset}`,
  })
  const [, , max, running, size, runningSize, objectSize, indexChecksum, key] = columns
  return {
    first_offset: firstOffset,
    last_offset: lastOffset,
    max_timestamp: max ?? 0,
    running_max_timestamp: running ?? 0,
    size: size ?? 0,
    running_size: runningSize ?? 0,
    object_size: objectSize ?? 0,
    index_checksum: indexChecksum ?? 0,
    key: key ?? '',
    checksum: rowChecksum(columns),
    ...change,
  }
}

function check(localStart: number | null, segments: SqliteRow[], logStart = 0, isWhole = true) {
  const damaged: DamagedOffsets[] = []
  const state =
    localStart === null ? [] : [{ local_start: localStart, checksum: rowChecksum([localStart]) }]
  const found = checkTier({ state, segments }, { logStart, isWhole }, damaged)
  return { ...found, damaged }
}

describe('the rows of the tier', () => {
  it('are right when every offset below the local log has a segment', () => {
    expect(check(20, [segment(0, 9), segment(10, 19), segment(20, 29)])).toEqual({
      localStart: 20,
      segments: 3,
      bytes: 300,
      damaged: [],
    })
    expect(check(null, []).damaged).toEqual([])
    expect(check(20, [segment(10, 19)], 15).damaged).toEqual([])
  })

  it.each<[string, SqliteRow[]]>([
    ['at the begin', [segment(10, 19)]],
    ['between', [segment(0, 4), segment(15, 19)]],
    ['at the end', [segment(0, 9)]],
    ['everywhere', []],
  ])('tell of offsets that no segment has: %s', (_, segments) => {
    expect(check(20, segments).damaged).toHaveLength(1)
    expect(check(20, segments, 0, false).damaged).toEqual([])
  })

  it('are damaged when they are not what their checksums say', () => {
    const { damaged } = check(10, [segment(0, 9, { key: 'topic/0/other' })])
    expect(damaged).toEqual([
      { from: 0, to: 9, reason: 'the row of their tier segment is damaged' },
    ])
    const state = [{ local_start: 3, checksum: rowChecksum([4]) }]
    const found: DamagedOffsets[] = []
    checkTier({ state, segments: [] }, { logStart: 3, isWhole: true }, found)
    expect(found).toHaveLength(1)
  })
})
