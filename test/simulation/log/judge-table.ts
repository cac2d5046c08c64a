import type { Breach, Expectations } from './expectations.ts'
import type { WrittenRecord } from './written-log.ts'

/** What a pass over a log has of its keys. */
export interface Pass {
  readonly from: number
  /** Where it ended: the end of the log as it was. */
  readonly end: number
  readonly startedMs: number
  readonly nowMs: number
  readonly readCommitted: boolean
  /** The last record of each key. */
  readonly table: ReadonlyMap<string, WrittenRecord>
}

/**
 * Whoever reads to the end has the last value of each key that was there at its start: never an older one,
 * but where the last is a tombstone that went while it read for longer than tombstones stay.
 */
export function* judgeTable(expected: Expectations, pass: Pass): Generator<Breach> {
  const { from, end, table, readCommitted, nowMs, startedMs } = pass
  const invariant = 'a-table-is-never-older-than-the-log'
  for (const key of expected.written.keys) {
    const last = expected.written
      .ofKey(key)
      .findLast(
        ({ offset, batch }) =>
          offset >= from && offset < end && !(readCommitted && batch.outcome === 'aborted'),
      )
    const found = table.get(key)
    if (last === undefined || found === last || last.offset < expected.logStart) continue
    const isGone = expected.mustBeThere(last) === null
    const isSlow = nowMs - startedMs >= expected.deleteRetentionMs
    // An aborted one may be seen by who reads what is not committed, or not.
    if (isGone && (last.batch.outcome === 'aborted' || isSuperseded(expected, last, end))) continue
    if (isGone && last.isTombstone && (found === undefined || isSlow)) continue
    yield {
      invariant,
      what: `${key} is ${found?.token}, the log has ${last.token} at ${last.offset}`,
    }
  }
}

/** Whether what was written behind the end of a pass has taken the record away while it read. */
function isSuperseded(expected: Expectations, { key }: WrittenRecord, end: number): boolean {
  return expected.written
    .ofKey(key ?? '')
    .some(({ offset, batch }) => offset >= end && batch.outcome !== 'aborted')
}
