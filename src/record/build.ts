// Makes record batches of format 2 from records, and the same batch in another codec. Not the checks
// that a broker makes (produced.ts). Follows Kafka's DefaultRecordBatch and DefaultRecord.

import { discard } from '../core/bytes.ts'
import { DECOMPRESSED_BATCH_BYTES } from '../core/limits.ts'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from '../core/varint.ts'
import { type CodecId, compress } from './compression.ts'
import { attributeBits, BATCH_HEADER_BYTES, readBatchHeader, writeBatchHeader } from './header.ts'
import { type RecordHeader, recordBytes } from './records.ts'

/** A record to be written. */
export interface NewRecord {
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
}

/** A batch to be made. What is left out is what a client without idempotence sends. */
export interface NewBatch {
  /** At least one. */
  readonly records: readonly NewRecord[]
  readonly codec?: CodecId
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
}

const utf8 = new TextEncoder()

interface EncodedHeader {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** A record with its header keys encoded and the length that goes in front of it. */
interface EncodedRecord {
  readonly record: NewRecord
  readonly headers: readonly EncodedHeader[]
  readonly timestampDelta: number
  readonly length: number
}

function sizeOfBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length
}

function encodeRecord(record: NewRecord, index: number, baseTimestamp: number): EncodedRecord {
  const headers = (record.headers ?? []).map(({ key, value }) => ({ key: utf8.encode(key), value }))
  const timestampDelta = record.timestamp - baseTimestamp
  let length = 1 + sizeOfVarlong(timestampDelta) + sizeOfVarint(index)
  length += sizeOfBytes(record.key) + sizeOfBytes(record.value) + sizeOfVarint(headers.length)
  for (const { key, value } of headers) length += sizeOfBytes(key) + sizeOfBytes(value)
  return { record, headers, timestampDelta, length }
}

function writeBytes(out: Uint8Array, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(out, at, -1)
  const start = writeVarint(out, at, bytes.length)
  out.set(bytes, start)
  return start + bytes.length
}

function writeRecord(out: Uint8Array, to: number, index: number, encoded: EncodedRecord): number {
  let at = writeVarint(out, to, encoded.length)
  out[at++] = 0
  at = writeVarlong(out, at, encoded.timestampDelta)
  at = writeVarint(out, at, index)
  at = writeBytes(out, at, encoded.record.key)
  at = writeBytes(out, at, encoded.record.value)
  at = writeVarint(out, at, encoded.headers.length)
  for (const { key, value } of encoded.headers) {
    at = writeBytes(out, at, key)
    at = writeBytes(out, at, value)
  }
  return at
}

/** One whole batch that owns its buffer. Throws RangeError without records. */
export function buildBatch(batch: NewBatch): Uint8Array {
  const first = batch.records[0]
  if (first === undefined) throw new RangeError('a batch has at least one record')
  const encoded: EncodedRecord[] = []
  let size = 0
  let maxTimestamp = first.timestamp
  for (const [index, record] of batch.records.entries()) {
    const one = encodeRecord(record, index, first.timestamp)
    encoded.push(one)
    size += sizeOfVarint(one.length) + one.length
    maxTimestamp = Math.max(maxTimestamp, record.timestamp)
  }
  const codec = batch.codec ?? 0
  const plain = new Uint8Array(BATCH_HEADER_BYTES + size)
  let at = BATCH_HEADER_BYTES
  for (const [index, one] of encoded.entries()) at = writeRecord(plain, at, index, one)
  const whole = codec === 0 ? plain : withBlob(compress(codec, plain.subarray(BATCH_HEADER_BYTES)))
  const { transactional = false, control = false } = batch
  writeBatchHeader(whole, {
    baseOffset: batch.baseOffset ?? 0,
    leaderEpoch: batch.leaderEpoch ?? -1,
    attributes: attributeBits({ codec, transactional, control }),
    lastOffsetDelta: encoded.length - 1,
    baseTimestamp: first.timestamp,
    maxTimestamp,
    producerId: batch.producerId ?? -1,
    producerEpoch: batch.producerEpoch ?? -1,
    baseSequence: batch.baseSequence ?? -1,
    recordCount: encoded.length,
  })
  return whole
}

/** Room for a header, and the blob behind it. */
function withBlob(blob: Uint8Array): Uint8Array {
  const whole = new Uint8Array(BATCH_HEADER_BYTES + blob.length)
  whole.set(blob, BATCH_HEADER_BYTES)
  return whole
}

/**
 * The same batch with its records in another codec: everything else in the header is kept and the
 * CRC is redone. The result owns its buffer.
 * @throws CodecError when the batch cannot be decompressed within `maxBytes`
 */
export function recompress(
  batch: Uint8Array,
  codec: CodecId,
  maxBytes: number = DECOMPRESSED_BATCH_BYTES,
): Uint8Array {
  const header = readBatchHeader(batch)
  const content = recordBytes(batch, header, maxBytes)
  const whole = withBlob(compress(codec, content))
  discard(content)
  writeBatchHeader(whole, { ...header, attributes: (header.attributes & ~7) | codec })
  return whole
}
