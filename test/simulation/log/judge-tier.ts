// Judges what a tiered partition has in its object store: all that is not local is there, once, and at rest nothing
// else is. Looks into its tables and into the bucket.

import type { SimulatedBucket } from '../platform/bucket.ts'
import type { Storage } from '../platform/storage.ts'
import type { Breach, Expectations } from './expectations.ts'

/** A part of the log in the tier. */
export interface TierRow {
  readonly first: number
  readonly last: number
  readonly bytes: number
  readonly objectBytes: number
  readonly key: string
}

const SEGMENTS = `SELECT first_offset AS first, last_offset AS last, size AS bytes,
  object_size AS objectBytes, key FROM tier_segment ORDER BY 1`
const LOCAL_START = 'SELECT local_start AS start FROM tiering'

/** The parts of the log in the tier, in order. */
export function tierRows(storage: Storage): readonly TierRow[] {
  return storage.look(SEGMENTS) as unknown as TierRow[]
}

/** Where the log begins to be local, if it ever was given up. */
export function localStartOf(storage: Storage): number {
  return Number(storage.look(LOCAL_START)[0]?.start ?? 0)
}

/** What is given up locally is in the tier: all of it, and as it was stored. */
export function* judgeTrim(
  storage: Storage,
  bucket: SimulatedBucket | null,
  logStart: number,
  localStart: number,
): Generator<Breach> {
  const invariant = 'only-what-the-tier-holds-is-given-up'
  let next = logStart
  for (const { first, last, key, objectBytes } of tierRows(storage)) {
    if (last < logStart || first >= localStart) continue
    if (first > next) yield { invariant, what: `${next} to ${first - 1} are in no object` }
    next = last + 1
    const { length = -1 } = bucket?.objects.get(key) ?? {}
    if (length !== objectBytes) yield { invariant, what: `${key} has ${length} bytes` }
  }
  if (next < localStart) yield { invariant, what: `${next} to ${localStart - 1} are in no object` }
}

/** At rest. */
export function* judgeTier(
  expected: Expectations,
  storage: Storage,
  bucket: SimulatedBucket,
  prefix: string,
): Generator<Breach> {
  const { logStart, written, settings } = expected
  const rows = tierRows(storage)
  yield* judgeTrim(storage, bucket, logStart, Math.max(logStart, localStartOf(storage)))
  let end = -1
  for (const { first, last } of rows) {
    if (first <= end)
      yield { invariant: 'no-record-is-tiered-twice', what: `${first}, behind ${end}` }
    if (last < logStart) {
      yield { invariant: 'deleted-records-are-freed', what: `${first} to ${last} in the tier` }
    }
    end = last
  }
  const named = new Set(rows.map(({ key }) => key))
  for (const key of bucket.objects.keys()) {
    if (key.startsWith(prefix) && !named.has(key)) {
      yield { invariant: 'orphans-are-collected', what: key }
    }
  }
  for (const key of named) {
    if (!bucket.objects.has(key)) yield { invariant: 'no-object-of-the-log-is-deleted', what: key }
  }
  const tieredEnd = Math.max(end + 1, logStart)
  if (settings.remoteEnabled && tieredEnd < Math.min(written.activeFrom, written.stableOffset)) {
    const what = `up to ${end}, the active one begins at ${written.activeFrom}`
    yield { invariant: 'closed-segments-are-tiered', what }
  }
}
