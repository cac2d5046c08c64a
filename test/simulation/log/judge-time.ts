import type { OffsetReply } from '../../../src/partition/contract.ts'
import { OffsetSpec } from '../../../src/partition/times.ts'
import type { Breach, Expectations } from './expectations.ts'

/** A lookup with its answer. */
export interface JudgedTime {
  readonly timestamp: number
  /** An end of the log that was known when it was asked. */
  readonly known: number
  readonly reply: OffsetReply
}

/** The first record of a time is found, as far as it is there; the ends of the log are where they are. */
export function* judgeTime(expected: Expectations, { timestamp, known, reply }: JudgedTime) {
  const breach = (what: string): Breach => ({ invariant: 'times-are-found', what })
  const { offset } = reply
  if (timestamp === OffsetSpec.LATEST) {
    if (offset < known) yield breach(`the log ends at ${offset}, it did at ${known}`)
    return
  }
  if (timestamp === OffsetSpec.EARLIEST) {
    if (offset > expected.written.nextOffset) yield breach(`the log starts at ${offset}`)
    return
  }
  if (offset >= 0) {
    const found = expected.written.record(offset)
    const marker = expected.written.batch(offset)
    const time = found?.timestamp ?? marker?.header.maxTimestamp
    if (time === undefined || time < timestamp) {
      yield breach(`${offset} is of ${time}, asked was for ${timestamp}`)
    }
  }
  const end = offset < 0 ? known : offset
  for (let before = expected.written.logStart; before < end; before++) {
    const record = expected.written.record(before)
    if (record === undefined || record.timestamp < timestamp) continue
    if (expected.mustBeThere(record) !== null) {
      yield breach(
        `${before} is of ${record.timestamp}, asked was for ${timestamp}, told ${offset}`,
      )
      return
    }
  }
}
