// Goes through the records of a batch by position, without making anything per record: for work that
// looks at every record of a log (compaction). Not for reading content: records.ts gives that.
// Follows Kafka's DefaultRecord; offset deltas may have gaps but never go back.

import { readVarint, readVarlong, type VarintCursor, VarintError } from '../core/varint.ts'
import { CodecError } from '../core/wasm.ts'
import type { BatchHeader } from './header.ts'

/** Fewest bytes of a record: its length, attributes, two deltas, key and value lengths, header count. */
const RECORD_MIN_BYTES = 7

/** One record at a time; its fields hold until the next call of `next`. */
export class RecordCursor {
  /** The batch's records, decompressed. */
  readonly bytes: Uint8Array
  readonly #cursor: VarintCursor & { at: number }
  readonly #header: BatchHeader
  readonly #lastOffsetDelta: number
  #left: number
  /** Position of the record, its length included, and behind it. */
  start = 0
  end = 0
  timestampDelta = 0
  offsetDelta = -1
  /** Where the offset delta is: from here on a record does not depend on the batch's base timestamp. */
  offsetDeltaAt = 0
  keyAt = 0
  /** -1 for a record without a key. */
  keyLength = -1
  /** False for a tombstone. */
  hasValue = false

  /** @param bytes holds the records from `at` to its end */
  constructor(bytes: Uint8Array, at: number, header: BatchHeader) {
    if (header.recordCount < 0 || header.recordCount > (bytes.length - at) / RECORD_MIN_BYTES) {
      throw malformed('there are not as many as the header says')
    }
    this.bytes = bytes
    this.#cursor = { bytes, at, end: bytes.length }
    this.#header = header
    this.#lastOffsetDelta = header.lastOffsetDelta
    this.#left = header.recordCount
  }

  get timestamp(): number {
    const { logAppendTime, maxTimestamp, baseTimestamp } = this.#header
    return logAppendTime ? maxTimestamp : baseTimestamp + this.timestampDelta
  }

  /**
   * Moves to the next record; false behind the last.
   * @throws CodecError when a record is not as its lengths say
   */
  next(): boolean {
    try {
      return this.#next()
    } catch (error) {
      if (error instanceof VarintError) throw malformed(error.message)
      throw error
    }
  }

  #next(): boolean {
    const cursor = this.#cursor
    if (this.#left === 0) {
      if (cursor.at !== cursor.end) throw malformed('bytes are left behind the last record')
      return false
    }
    this.#left--
    this.start = cursor.at
    const length = readVarint(cursor)
    const end = cursor.at + length
    if (length < 1 || end > cursor.end) throw malformed('a record is longer than its batch')
    // The attributes byte has no meaning yet.
    cursor.at++
    this.timestampDelta = readVarlong(cursor)
    this.offsetDeltaAt = cursor.at
    const offsetDelta = readVarint(cursor)
    if (offsetDelta <= this.offsetDelta || offsetDelta > this.#lastOffsetDelta) {
      throw malformed('offsets are out of order')
    }
    this.offsetDelta = offsetDelta
    this.keyLength = Math.max(-1, readVarint(cursor))
    this.keyAt = cursor.at
    if (this.keyLength > 0) cursor.at += this.keyLength
    if (cursor.at > end) throw malformed('a key reaches beyond its record')
    const valueLength = readVarint(cursor)
    this.hasValue = valueLength >= 0
    if (valueLength > 0) cursor.at += valueLength
    if (cursor.at > end) throw malformed('a value reaches beyond its record')
    walkHeaders(cursor, end)
    if (cursor.at !== end) throw malformed('a record is not as long as its length')
    this.end = end
    return true
  }
}

function walkHeaders(cursor: VarintCursor, end: number): void {
  const count = readVarint(cursor)
  if (count < 0 || count > end - cursor.at) throw malformed('the header count is wrong')
  for (let index = 0; index < count; index++) {
    const keyLength = readVarint(cursor)
    if (keyLength < 0) throw malformed('a header has no key')
    cursor.at += keyLength
    const valueLength = readVarint(cursor)
    if (valueLength > 0) cursor.at += valueLength
    if (cursor.at > end) throw malformed('a header reaches beyond its record')
  }
}

function malformed(what: string): CodecError {
  return new CodecError('malformed', `records: ${what}`)
}
