// Where a segment ends: the rules of LogSegment.shouldRoll, cell by cell.

import { describe, expect, it } from 'vitest'
import { NO_LAYERS, topicSettings } from '../../../src/core/configs.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import {
  type ArrivingChunk,
  jittered,
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

  it('rolls earlier by what segment.jitter.ms takes off', () => {
    const settings = { ...SETTINGS, jitterMs: 1_200 }
    expect(rolls(ACTIVE, chunk(1, { maxTimestamp: 23_800 }), settings, 0)).toBe(false)
    expect(rolls(ACTIVE, chunk(1, { maxTimestamp: 23_801 }), settings, 0)).toBe(true)
    expect(rolls(UNDATED, chunk(1), settings, 73_800)).toBe(false)
    expect(rolls(UNDATED, chunk(1), settings, 73_801)).toBe(true)
  })
})

describe('segment.jitter.ms', () => {
  const log = (partition: number) => ({ topicId: 'topic' as TopicId, partition })
  const settingsOf = (jitterMs: string) =>
    topicSettings({ 'segment.ms': '5000', 'segment.jitter.ms': jitterMs }, NO_LAYERS)
  const taken = (jitterMs: string, partition: number, baseOffset: number) =>
    jittered(settingsOf(jitterMs), log(partition), { ...ACTIVE, baseOffset }).jitterMs

  it('of 0 takes nothing off, and nothing before there is a segment', () => {
    expect(taken('0', 1, 10)).toBeUndefined()
    expect(jittered(settingsOf('100'), log(1), null).jitterMs).toBeUndefined()
  })

  it.each([
    ['segment.jitter.ms', '1000', 1_000],
    ['segment.ms where that is less', '60000', 5_000],
  ])('takes something evenly spread below %s off', (_, jitterMs, below) => {
    const drawn = Array.from({ length: 2_000 }, (_, index) =>
      Number(taken(jitterMs, index % 40, Math.floor(index / 40) * 1_000)),
    )
    const parts = [0, 0, 0, 0]
    for (const ms of drawn) {
      const part = Math.floor((ms * 4) / below)
      parts[part]! += 1
    }
    expect(parts).toHaveLength(4)
    for (const count of parts) expect(count).toBeGreaterThan(400)
  })

  it('takes the same off a segment each time', () => {
    expect(taken('1000', 3, 77)).toBe(taken('1000', 3, 77))
  })
})
