// One partition's records of a keyed request, in their order: those that an earlier try has stored are found by
// count and digest and not sent again, whatever batches they were in, and the others are. The partition is not asked
// first: it says what it has when it is given something that does not come next. Not the other partitions,
// and not how a batch is sent (appender.ts).

import type { KnownRequest, RequestPart, RequestSpan } from '../partition/requests-contract.ts'
import type { StoredSpan } from './appender.ts'
import { EMPTY_DIGEST, RecordsDigest } from './idempotency-digest.ts'
import { reusedKey } from './idempotency-key.ts'
import { Problem } from './problem.ts'
import type { IncomingRecord } from './record-in.ts'

/** What a batch is of its request. */
export type PartOfLane = Pick<RequestPart, 'start' | 'before' | 'count' | 'after'>

/** Sends a batch: where it is stored, or what the partition had instead of storing it. */
export type SendPart = (
  records: readonly IncomingRecord[],
  part: PartOfLane,
) => Promise<StoredSpan | { readonly known: KnownRequest } | Problem>

/** The records of one request in one partition. */
export class KeyedLane {
  readonly #send: SendPart
  /** Of the records so far. */
  #count = 0
  #digest = new RecordsDigest()
  /** What the partition was found to have. */
  #known: KnownRequest = { count: 0, digest: EMPTY_DIGEST, spans: [] }

  constructor(send: SendPart) {
    this.#send = send
  }

  /** The first try had more records here than this one. */
  get isShorter(): boolean {
    return this.#known.count > this.#count
  }

  /** Has the next records stored, or finds them stored. One call at a time. */
  async append(records: readonly IncomingRecord[]): Promise<readonly StoredSpan[] | Problem> {
    const spans: StoredSpan[] = []
    for (let at = 0; at < records.length; ) {
      const rest = records.slice(at)
      if (this.isShorter) {
        const found = this.#find(rest)
        if (found instanceof Problem) return found
        spans.push(...found)
        at += found.reduce((sum, { count }) => sum + count, 0)
        continue
      }
      const stored = await this.#store(rest)
      if (stored instanceof Problem) return stored
      if (stored === 'known') continue
      spans.push(stored)
      at = records.length
    }
    return spans
  }

  /** Records that the partition has: as many of these as it can be. */
  #find(records: readonly IncomingRecord[]): readonly StoredSpan[] | Problem {
    const { count, digest, spans } = this.#known
    const from = this.#count
    const to = Math.min(from + records.length, count)
    for (const record of records.slice(0, to - from)) this.#digest.add(record)
    this.#count = to
    if (to === count && this.#digest.value !== digest) return reusedKey()
    const found = spans.flatMap((span) => partOf(span, from, to))
    const isWhole = found.reduce((sum, one) => sum + one.count, 0) === to - from
    return isWhole ? found : reusedKey('of this Idempotency-Key only the end is remembered')
  }

  async #store(records: readonly IncomingRecord[]): Promise<StoredSpan | 'known' | Problem> {
    const after = this.#digest.copy()
    for (const record of records) after.add(record)
    const count = records.length
    const part = { start: this.#count, before: this.#digest.value, count, after: after.value }
    const answer = await this.#send(records, part)
    if (answer instanceof Problem) return answer
    if (!('known' in answer)) {
      this.#digest = after
      this.#count += count
      return answer
    }
    // Whoever says so of less than was there before would be asked for ever.
    if (answer.known.count <= this.#count) return reusedKey()
    this.#known = answer.known
    return 'known'
  }
}

/**
 * The part of a span that lies within [from, to) of the request's records. Of a stream the offsets between its first
 * and its last record are not known, nor asked for.
 */
function partOf(span: RequestSpan, from: number, to: number): StoredSpan[] {
  const first = Math.max(from, span.start)
  const end = Math.min(to, span.start + span.count)
  if (first >= end) return []
  const { timeMs, isAppendTime } = span
  const isDense = span.lastOffset - span.firstOffset + 1 === span.count
  const isEnd = end === span.start + span.count
  const firstOffset = isDense ? span.firstOffset + first - span.start : span.firstOffset
  const lastOffset = isDense ? firstOffset + end - first - 1 : isEnd ? span.lastOffset : firstOffset
  const appendTimeMs = isAppendTime ? timeMs : null
  const count = end - first
  return [{ count, firstOffset, lastOffset, timeMs, appendTimeMs, isReplayed: true }]
}
