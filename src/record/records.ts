// The records inside a batch: reading them one by one, for those who need their content, and walking
// their structure without allocating, for the broker's check. Not writing (build.ts).
// Follows Kafka's DefaultRecord; as Kafka does, any negative key or value length reads as null.

import { DECOMPRESSED_BATCH_BYTES } from '../core/limits.ts'
import { readVarint, readVarlong, type VarintCursor, VarintError } from '../core/varint.ts'
import { CodecError } from '../core/wasm.ts'
import { decompress, isCodec } from './compression.ts'
import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from './header.ts'

/** A header of a record. Keys are text; bytes that are no UTF-8 show as U+FFFD. */
export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** A record as a consumer sees it. The bytes are views of the batch or of its decompressed content. */
export interface StoredRecord {
  readonly offset: number
  /** Milliseconds; the batch's for all records when the broker stamped it. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

const NO_HEADERS: readonly RecordHeader[] = []

const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

function malformed(what: string): CodecError {
  return new CodecError('malformed', `records: ${what}`)
}

/**
 * The bytes of a batch's records, decompressed.
 * @throws CodecError for an unknown codec, a damaged blob, or more than `maxBytes`
 */
export function recordBytes(
  batch: Uint8Array,
  header: BatchHeader,
  maxBytes: number = DECOMPRESSED_BATCH_BYTES,
): Uint8Array {
  if (!isCodec(header.codec)) throw malformed(`codec ${header.codec} is unknown`)
  return decompress(header.codec, batch.subarray(BATCH_HEADER_BYTES), maxBytes)
}

/**
 * The records of one whole batch, in order. Offsets follow the stored deltas, which have gaps after
 * compaction. Records before a damaged one are yielded first.
 * @throws CodecError when the batch cannot be decompressed, or a record is not as its lengths say
 */
export function* recordsOf(
  batch: Uint8Array,
  maxBytes: number = DECOMPRESSED_BATCH_BYTES,
): Generator<StoredRecord> {
  if (batch.length < BATCH_HEADER_BYTES) throw malformed('the batch is shorter than its header')
  const header = readBatchHeader(batch)
  const bytes = recordBytes(batch, header, maxBytes)
  const cursor = { bytes, at: 0, end: bytes.length }
  for (let index = 0; index < header.recordCount; index++) yield readRecord(cursor, header)
  if (cursor.at !== cursor.end) throw malformed('bytes are left behind the last record')
}

/** Reads the record at the cursor. */
function readRecord(cursor: VarintCursor, header: BatchHeader): StoredRecord {
  try {
    const length = readVarint(cursor)
    const end = cursor.at + length
    // The attributes byte has no meaning yet.
    if (length < 1 || end > cursor.end) throw malformed('a record is longer than its batch')
    const body = { bytes: cursor.bytes, at: cursor.at + 1, end }
    const timestampDelta = readVarlong(body)
    const offsetDelta = readVarint(body)
    const key = readBytes(body)
    const value = readBytes(body)
    const headers = readHeaders(body)
    if (body.at !== end) throw malformed('a record is shorter than its length')
    cursor.at = end
    const timestamp = header.logAppendTime
      ? header.maxTimestamp
      : header.baseTimestamp + timestampDelta
    return { offset: header.baseOffset + offsetDelta, timestamp, key, value, headers }
  } catch (error) {
    if (error instanceof VarintError) throw malformed(error.message)
    throw error
  }
}

function readBytes(cursor: VarintCursor): Uint8Array | null {
  const length = readVarint(cursor)
  if (length < 0) return null
  const end = cursor.at + length
  if (end > cursor.end) throw malformed('a length reaches beyond its record')
  const bytes = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return bytes
}

function readHeaders(cursor: VarintCursor): readonly RecordHeader[] {
  const count = readVarint(cursor)
  if (count === 0) return NO_HEADERS
  if (count < 0 || count > cursor.end - cursor.at) throw malformed('the header count is wrong')
  const headers: RecordHeader[] = []
  for (let index = 0; index < count; index++) {
    const key = readBytes(cursor)
    if (key === null) throw malformed('a header has no key')
    headers.push({ key: utf8.decode(key), value: readBytes(cursor) })
  }
  return headers
}

/** What a walk over the records found. */
export interface RecordWalk {
  /** Why the structure is wrong; null when it is right. */
  readonly problem: string | null
  /** Positions in the batch, from 0, of the records without a key; the first hundred. */
  readonly withoutKey: readonly number[]
  /** Largest timestamp of the records, as the producer gave them. */
  readonly maxTimestamp: number
}

/** How many records without a key are listed. */
const WITHOUT_KEY_LISTED = 100

/**
 * Walks the structure of a batch's decompressed records without allocating per record: lengths,
 * offset deltas 0, 1, 2, …, header keys, nothing left behind the last. Never throws.
 * @param bytes holds the records from `at` to its end
 */
export function walkRecords(bytes: Uint8Array, at: number, header: BatchHeader): RecordWalk {
  const cursor = { bytes, at, end: bytes.length }
  const withoutKey: number[] = []
  let maxDelta = Number.NEGATIVE_INFINITY
  let problem: string | null = null
  try {
    for (let index = 0; index < header.recordCount && problem === null; index++) {
      const length = readVarint(cursor)
      const end = cursor.at + length
      if (length < 1 || end > cursor.end) return wrong('a record is longer than its batch')
      cursor.at++
      const delta = readVarlong(cursor)
      if (delta > maxDelta) maxDelta = delta
      if (readVarint(cursor) !== index) return wrong('offset deltas do not count from 0')
      const keyLength = readVarint(cursor)
      if (keyLength > 0) cursor.at += keyLength
      else if (keyLength < 0 && withoutKey.length < WITHOUT_KEY_LISTED) withoutKey.push(index)
      const valueLength = readVarint(cursor)
      if (valueLength > 0) cursor.at += valueLength
      problem = walkHeaders(cursor, end)
      if (cursor.at !== end) problem ??= 'a record is not as long as its length'
    }
  } catch (error) {
    if (error instanceof VarintError) return wrong(error.message)
    throw error
  }
  if (problem === null && cursor.at !== cursor.end)
    problem = 'bytes are left behind the last record'
  return { problem, withoutKey, maxTimestamp: header.baseTimestamp + maxDelta }
}

function walkHeaders(cursor: VarintCursor, end: number): string | null {
  const count = readVarint(cursor)
  if (count < 0 || count > end - cursor.at) return 'the header count is wrong'
  for (let index = 0; index < count; index++) {
    const keyLength = readVarint(cursor)
    if (keyLength < 0) return 'a header has no key'
    cursor.at += keyLength
    const valueLength = readVarint(cursor)
    if (valueLength > 0) cursor.at += valueLength
    if (cursor.at > end) return 'a header reaches beyond its record'
  }
  return null
}

function wrong(problem: string): RecordWalk {
  return { problem, withoutKey: [], maxTimestamp: -1 }
}
