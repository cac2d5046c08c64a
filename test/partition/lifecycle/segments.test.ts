// Where a segment ends: the rules of LogSegment.shouldRoll, cell by cell.

import { describe, expect, it } from 'vitest'
import {
  type ArrivingChunk,
  rolls,
  type Segment,
  segmentBegunBy,
} from '../../../src/partition/lifecycle/segments.ts'

const SETTINGS = { segmentBytes: 1_000, segmentMs: 5_000 }
const ACTIVE: Segment = {
  baseOffset: 10,
  firstTimestamp: 20_000,
  sizeBefore: 400,
  createdMs: 70_000,
}

/** A chunk that comes when the active segment has `held` bytes. */
function chunk(held: number, fields: Partial<ArrivingChunk> = {}): ArrivingChunk {
  const sizeBytes = fields.sizeBytes ?? 100
  return {
    firstOffset: 20,
    lastOffset: 29,
    maxTimestamp: 20_000,
    sizeBytes,
    runningSizeBytes: ACTIVE.sizeBefore + held + sizeBytes,
    ...fields,
  }
}

const UNDATED: Segment = { ...ACTIVE, firstTimestamp: -1 }

// biome-ignore format: a table reads best with a row a line
const CASES: readonly (readonly [title: string, active: Segment, chunk: ArrivingChunk, nowMs: number, rolls: boolean])[] = [
  ['fits the segment exactly', ACTIVE, chunk(900), 0, false],
  ['is one byte too much', ACTIVE, chunk(901), 0, true],
  ['alone is larger than a segment, which is empty', ACTIVE, chunk(0, { sizeBytes: 5_000 }), 0, false],
  ['alone is larger than a segment, which is not empty', ACTIVE, chunk(1, { sizeBytes: 5_000 }), 0, true],
  ['is segment.ms younger than the first', ACTIVE, chunk(1, { maxTimestamp: 25_000 }), 0, false],
  ['is more than segment.ms younger than the first', ACTIVE, chunk(1, { maxTimestamp: 25_001 }), 0, true],
  ['is much younger than the first of an empty segment', ACTIVE, chunk(0, { maxTimestamp: 99_999 }), 0, false],
  ['is older than the first', ACTIVE, chunk(1, { maxTimestamp: 3 }), 999_999, false],
  ['comes late by the clock, which does not count', ACTIVE, chunk(1), 999_999, false],
  ['follows one without a timestamp within segment.ms', UNDATED, chunk(1, { maxTimestamp: 999_999 }), 75_000, false],
  ['follows one without a timestamp later than segment.ms', UNDATED, chunk(1), 75_001, true],
  ['has the last offset that is kept relatively', ACTIVE, chunk(1, { lastOffset: 10 + 2_147_483_647 }), 0, false],
  ['has an offset beyond it', ACTIVE, chunk(1, { lastOffset: 11 + 2_147_483_647 }), 0, true],
]

describe('a chunk', () => {
  it.each(CASES)('that %s', (_, active, arriving, nowMs, expected) => {
    expect(rolls(active, arriving, SETTINGS, nowMs)).toBe(expected)
    const begun = segmentBegunBy(arriving, 7, active, SETTINGS, nowMs)
    expect(begun?.baseOffset ?? null).toBe(expected ? arriving.firstOffset : null)
  })

  it('begins a segment where there is none, and says all that is needed of it', () => {
    expect(segmentBegunBy(chunk(900), 19_000, null, SETTINGS, 80_000)).toEqual({
      baseOffset: 20,
      firstTimestamp: 19_000,
      sizeBefore: 1_300,
      createdMs: 80_000,
    })
    const old = segmentBegunBy(chunk(900), -5_000, null, SETTINGS, 80_000)
    expect(old).toMatchObject({ firstTimestamp: -1 })
  })

  it('is not rolled before by segment.ms without an end', () => {
    const settings = { segmentBytes: 1_000, segmentMs: Number.MAX_SAFE_INTEGER }
    const late = chunk(1, { maxTimestamp: Number.MAX_SAFE_INTEGER })
    expect(rolls(ACTIVE, late, settings, 0)).toBe(false)
  })
})
