// Judges one answer to a read by what was written and by what may be gone. What a consumer makes of the
// answer is made here as well: aborted records dropped, pieces of a large batch put together by who asked.

import { KafkaError } from '../../../src/core/errors.ts'
import type { ReadReply } from '../../../src/partition/contract.ts'
import { readBatchHeader } from '../../../src/record/header.ts'
import { recordsOf } from '../../../src/record/records.ts'
import { batchesInPieces } from '../../../src/record/stored.ts'
import { consumed } from '../actors/reader.ts'
import type { Breach, Expectations } from './expectations.ts'
import { contentOf, type WrittenRecord } from './written-log.ts'

/** A read with its answer. */
export interface JudgedRead {
  readonly from: number
  readonly readCommitted: boolean
  readonly reply: ReadReply
}

/** What a consumer has of a read. */
export interface ReadOutcome {
  /** Records that it hands on. */
  readonly records: readonly WrittenRecord[]
  /** Where it reads next. */
  readonly next: number
  readonly breaches: readonly Breach[]
}

/** See the head of this file. */
export function judgeRead(expected: Expectations, read: JudgedRead): ReadOutcome {
  const { from, readCommitted, reply } = read
  const { error, highWatermark, logStartOffset, lastStableOffset } = reply
  const breaches: Breach[] = []
  const breach = (invariant: string, what: string) => breaches.push({ invariant, what })
  const nothing = { records: [], next: from, breaches }
  if (error === KafkaError.OFFSET_OUT_OF_RANGE) {
    if (from >= logStartOffset && from <= highWatermark) {
      breach('readers-are-in-range', `${from} is within ${logStartOffset} to ${highWatermark}`)
    }
    return nothing
  }
  if (error === KafkaError.CORRUPT_MESSAGE) breach('nothing-is-damaged', `at ${from}`)
  if (error !== KafkaError.NONE) return nothing
  const there = new Map<number, WrittenRecord>()
  let end = -1
  for (const bytes of batchesInPieces(reply.pieces)) {
    const { baseOffset, lastOffsetDelta, ...header } = readBatchHeader(bytes)
    const batch = expected.written.batch(baseOffset)
    const last = baseOffset + lastOffsetDelta
    if (batch === undefined || batch.lastOffset !== last) {
      breach('offsets-are-never-renumbered', `no batch was given ${baseOffset} to ${last}`)
      continue
    }
    if (baseOffset <= end) breach('batches-are-in-order', `${baseOffset} comes behind ${end}`)
    if (last < from) breach('batches-are-in-order', `${last} is before ${from}`)
    end = last
    for (const field of ['producerId', 'producerEpoch', 'baseSequence', 'control'] as const) {
      if (header[field] === batch.header[field]) continue
      breach(
        'batches-keep-their-producer',
        `${field} at ${baseOffset} was ${batch.header[field]} and is ${header[field]}`,
      )
    }
    if (header.control) continue
    for (const record of recordsOf(bytes)) {
      const written = expected.written.record(record.offset)
      const { token, key, isTombstone } = contentOf(record)
      const isSame =
        written?.token === token &&
        written.key === key &&
        written.isTombstone === isTombstone &&
        written.timestamp === record.timestamp
      if (isSame) there.set(record.offset, written)
      else {
        breach(
          'offsets-are-never-renumbered',
          `${token} of ${key} is at ${record.offset}, where ${written?.token} of ${written?.key} was written`,
        )
      }
    }
  }
  const visible = readCommitted ? lastStableOffset : highWatermark
  if (end >= visible) breach('readers-stay-below-the-visible-end', `${end}, of ${visible}`)
  const next = Math.max(from, end + 1)
  // Without a batch: there is none left below the visible end.
  const searched = end < 0 ? visible : next
  const handedOn = new Map(
    consumed(reply, from, readCommitted).seen.map(({ offset }) => [offset, there.get(offset)]),
  )
  for (let offset = Math.max(from, logStartOffset); offset < searched; offset++) {
    const record = expected.written.record(offset)
    if (record === undefined) continue
    const { outcome } = record.batch
    const isAborted = readCommitted && outcome === 'aborted'
    if (handedOn.has(offset)) {
      if (isAborted) breach('no-aborted-record-is-read', `${record.token} at ${offset}`)
      if (readCommitted && outcome === 'open') {
        breach('no-open-record-is-read', `${record.token} at ${offset}`)
      }
    } else if (!isAborted) {
      const gone = there.has(offset)
        ? { invariant: 'no-committed-record-is-dropped', what: `${record.token} at ${offset}` }
        : expected.mustBeThere(record)
      if (gone !== null) breaches.push(gone)
    }
  }
  const records = [...handedOn.values()].filter((record) => record !== undefined)
  return { records, next, breaches }
}
