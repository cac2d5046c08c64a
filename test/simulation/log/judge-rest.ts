// Judges what a partition keeps when all is at rest and its alarms have had their time: what is due has been
// done, and no more is kept than has to be. Looks into its tables, since no client sees what is freed, merged or
// left behind.

import {
  FLUSH_BYTES,
  MERGE_BELOW_BYTES,
  MERGE_MIN_ROWS,
  MERGE_STEP_ROWS,
} from '../../../src/core/limits/partition.ts'
import type { Storage } from '../platform/storage.ts'
import type { Breach, Expectations } from './expectations.ts'
import { localStartOf, tierRows } from './judge-tier.ts'
import type { WrittenRecord } from './written-log.ts'

interface Row {
  readonly first: number
  readonly last: number
  readonly bytes: number
}

/** What a partition says and shows at rest. */
export interface AtRest {
  readonly storage: Storage
  /** Bytes that it says it keeps. */
  readonly sizeBytes: number
  /** All records that it still has. */
  readonly present: readonly WrittenRecord[]
  readonly nowMs: number
}

/** More than a chore that failed, its interval and its steps may take. */
const SLACK_MS = 60_000

/** See the head of this file. */
export function* judgeRest(expected: Expectations, rest: AtRest): Generator<Breach> {
  const { storage, sizeBytes } = rest
  const rows = numbers(
    storage,
    'SELECT first_offset AS first, last_offset AS last, size AS bytes FROM chunk ORDER BY 1',
  ) as unknown as Row[]
  const bases = numbers(storage, 'SELECT base_offset AS base FROM segment ORDER BY 1').map(
    ({ base }) => Number(base),
  )
  const kept = sum(rows)
  if (kept !== sizeBytes) {
    yield { invariant: 'size-is-what-is-kept', what: `${sizeBytes}, the rows have ${kept}` }
  }
  const localStart = Math.max(expected.logStart, localStartOf(storage))
  yield* freed(localStart, storage, rows)
  const tiered = tierRows(storage)
  const tieredEnd = (tiered.at(-1)?.last ?? -1) + 1
  const { cleanupDelete, cleanupCompact, remoteEnabled } = expected.settings
  const whole = [...tiered, ...rows.filter(({ first }) => first >= tieredEnd)]
  if (cleanupDelete) yield* retained(expected, rest, whole, bases)
  const local = { rows, bases, start: localStart, tieredEnd }
  if (remoteEnabled) yield* retainedLocally(expected, rest, local)
  if (cleanupCompact) yield* compacted(expected, rest, rows)
  else yield* merged(rows, bases)
}

/** What is below the start of the local log takes no room. */
function* freed(logStart: number, storage: Storage, rows: readonly Row[]): Generator<Breach> {
  const invariant = 'deleted-records-are-freed'
  for (const { first, last } of rows) {
    if (last < logStart)
      yield { invariant, what: `${first} to ${last}, the log starts at ${logStart}` }
  }
  const [lost] = numbers(
    storage,
    'SELECT count(*) AS pieces FROM chunk_part WHERE first_offset NOT IN (SELECT first_offset FROM chunk)',
  )
  if (Number(lost?.pieces) > 0) yield { invariant, what: `${lost?.pieces} pieces of no chunk` }
  const below = rows[0]?.first ?? logStart
  for (const { last } of numbers(
    storage,
    'SELECT last_offset AS last FROM aborted_transaction ORDER BY 1',
  )) {
    if (Number(last) < Math.min(below, logStart)) yield { invariant, what: `aborted up to ${last}` }
  }
}

function* retained(
  expected: Expectations,
  { nowMs }: AtRest,
  rows: readonly Row[],
  bases: readonly number[],
): Generator<Breach> {
  const invariant = 'what-must-go-goes'
  const { retentionMs, retentionBytes, retentionCheckMs } = expected.settings
  const [first] = rows
  if (first === undefined) return
  const next = bases.find((base) => base > first.first && base > expected.logStart)
  const later = next === undefined ? [] : rows.filter((row) => row.first >= next)
  if (retentionBytes >= 0 && next !== undefined && sum(later) >= retentionBytes) {
    yield {
      invariant,
      what: `${sum(rows)} bytes are kept, ${sum(later)} without the first segment`,
    }
  }
  if (retentionMs < 0) return
  const { written, logStart } = expected
  const overMs = nowMs - written.newestMs(logStart, next ?? written.nextOffset) - retentionMs
  if (overMs > SLACK_MS + 2 * retentionCheckMs && Number.isFinite(overMs)) {
    yield { invariant, what: `the first segment from ${first.first} on is ${overMs} ms too old` }
  }
}

interface LocalRows {
  readonly rows: readonly Row[]
  readonly bases: readonly number[]
  readonly start: number
  readonly tieredEnd: number
}

/** The oldest local segment that the tier holds is still wanted locally. */
function* retainedLocally(
  expected: Expectations,
  { nowMs }: AtRest,
  { rows, bases, start, tieredEnd }: LocalRows,
): Generator<Breach> {
  const invariant = 'what-need-not-be-local-is-given-up'
  const { localRetentionBytes, localRetentionMs, tierIntervalMs } = expected.settings
  const next = bases.find((base) => base > start)
  if (next === undefined || next > tieredEnd) return
  const later = sum(rows.filter(({ first }) => first >= next))
  if (localRetentionBytes >= 0 && later >= localRetentionBytes) {
    yield { invariant, what: `${later} bytes are local behind the first segment at ${start}` }
  }
  if (localRetentionMs < 0) return
  const overMs = nowMs - expected.written.newestMs(start, next) - localRetentionMs
  if (overMs > SLACK_MS + 2 * tierIntervalMs && Number.isFinite(overMs)) {
    yield { invariant, what: `the first local segment from ${start} on is ${overMs} ms too old` }
  }
}

function* compacted(
  expected: Expectations,
  { present, storage }: AtRest,
  rows: readonly Row[],
): Generator<Breach> {
  const invariant = 'what-is-superseded-goes'
  const { maxCompactionLagMs, minCleanableDirtyRatio } = expected.settings
  const end = expected.cleanableEnd
  const [state] = numbers(storage, 'SELECT clean_end AS clean, map_end AS map FROM compaction')
  const cleanEnd = Number(state?.clean ?? 0)
  if (state?.map !== undefined && state.map !== null) {
    yield { invariant, what: `a pass to ${state.map} has not ended` }
  }
  const from = Math.max(cleanEnd, expected.logStart)
  const isForced = maxCompactionLagMs < Number.MAX_SAFE_INTEGER
  if (isForced) {
    const last = new Map<string, number>()
    for (const { key, offset, batch } of present.toReversed()) {
      if (offset >= end || key === null) continue
      const laterOffset = last.get(key)
      if (batch.outcome === 'aborted') yield { invariant, what: `${offset} was aborted` }
      else if (laterOffset !== undefined) {
        yield { invariant, what: `${offset} of ${key} has ${laterOffset} behind it, below ${end}` }
      } else last.set(key, offset)
    }
    return
  }
  const dirty = sum(rows.filter((row) => row.last >= from && row.first < end))
  const clean = sum(rows.filter((row) => row.last < from && row.last >= expected.logStart))
  // A chunk at either end counts for more or less than it does there.
  const edge = Math.max(0, ...rows.map(({ bytes }) => bytes))
  if (from < end && dirty - 2 * edge > (clean + dirty) * minCleanableDirtyRatio) {
    yield { invariant, what: `${dirty} bytes are dirty, ${clean} clean, from ${from} to ${end}` }
  }
}

/** Small rows of a closed segment are few. */
function* merged(rows: readonly Row[], bases: readonly number[]): Generator<Breach> {
  const active = bases.at(-1) ?? Number.POSITIVE_INFINITY
  const starts = new Set(bases)
  let run: Row[] = []
  for (const row of [...rows, null]) {
    const isNext =
      row !== null &&
      row.bytes < MERGE_BELOW_BYTES &&
      !starts.has(row.first) &&
      (run.at(-1)?.last ?? row.first - 1) === row.first - 1
    if (isNext) {
      run.push(row)
      continue
    }
    const isClosed = (run[0]?.first ?? active) < active
    const isOne = sum(run) <= FLUSH_BYTES && run.length < MERGE_STEP_ROWS
    if (isClosed && isOne && run.length >= MERGE_MIN_ROWS) {
      const what = `${run.length} from ${run[0]?.first} to ${run.at(-1)?.last}, ${sum(run)} bytes`
      yield { invariant: 'small-rows-are-merged', what }
    }
    run = row !== null && row.bytes < MERGE_BELOW_BYTES ? [row] : []
  }
}

function sum(rows: readonly Row[]): number {
  return rows.reduce((bytes, row) => bytes + row.bytes, 0)
}

function numbers(storage: Storage, query: string) {
  return storage.look(query)
}
