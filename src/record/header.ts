// The header of a record batch of format 2: where its fields are, reading them, and the few that a
// broker rewrites in place. Not validation (produced.ts) and not records (records.ts).
// Follows Kafka's DefaultRecordBatch; numbers are big-endian.

import { crc32c } from '../core/wasm.ts'

/** Bytes before the records (or, compressed, before the one compressed blob of them). */
export const BATCH_HEADER_BYTES = 61
/** Bytes before and with the batch length: what the length does not count. */
export const BATCH_PREFIX_BYTES = 12
/** The only record format that is stored. */
export const MAGIC = 2

const LENGTH_AT = 8
const LEADER_EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const RECORD_COUNT_AT = 57

const CODEC_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** Set in a batch's attributes where its base timestamp is the time at which tombstones may go (KIP-534). */
export const DELETE_HORIZON_BIT = 0x40

/**
 * A batch's header. 64-bit fields are numbers, rounded beyond ±2^53 (see hasExactNumbers); a negative
 * offset delta, sequence or id is shown as it is.
 */
export interface BatchHeader {
  readonly baseOffset: number
  /** The whole batch with these fields, in bytes. */
  readonly sizeBytes: number
  readonly leaderEpoch: number
  readonly magic: number
  /** Unsigned. */
  readonly crc: number
  readonly attributes: number
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5 to 7 mean nothing. */
  readonly codec: number
  readonly logAppendTime: boolean
  readonly transactional: boolean
  readonly control: boolean
  /** The base timestamp is then the time at which tombstones may go (KIP-534). */
  readonly deleteHorizon: boolean
  readonly lastOffsetDelta: number
  /** Milliseconds. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1 none. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

function int16(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) >> 16) | (bytes[at + 1] as number)
}

function int32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)
  return high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
}

function int64(bytes: Uint8Array, at: number): number {
  return int32(bytes, at) * 0x1_0000_0000 + (int32(bytes, at + 4) >>> 0)
}

/** Writes a 16-bit number. */
export function putInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value
}

/** Writes a 32-bit number, signed or not. */
export function putInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24
  bytes[at + 1] = value >> 16
  bytes[at + 2] = value >> 8
  bytes[at + 3] = value
}

/** Writes a whole number within ±2^53 as 64 bits. */
export function putInt64(bytes: Uint8Array, at: number, value: number): void {
  putInt32(bytes, at, Math.floor(value / 0x1_0000_0000))
  putInt32(bytes, at + 4, value)
}

// Each of these reads one field of the batch at `at`, which must be there whole.

/** Size of the whole batch in bytes, from its length field: not checked against what is there. */
export function batchSizeAt(bytes: Uint8Array, at: number): number {
  return int32(bytes, at + LENGTH_AT) + BATCH_PREFIX_BYTES
}

/** Record format of the batch (or of the message set of an older format: it is at the same place). */
export function magicAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at + MAGIC_AT] as number) << 24) >> 24
}

/** Offset of the first record. */
export function baseOffsetAt(bytes: Uint8Array, at: number): number {
  return int64(bytes, at)
}

/** Offset of the last record (which compaction may have removed). */
export function lastOffsetAt(bytes: Uint8Array, at: number): number {
  return int64(bytes, at) + int32(bytes, at + LAST_OFFSET_DELTA_AT)
}

/** Largest timestamp of its records, in milliseconds. */
export function maxTimestampAt(bytes: Uint8Array, at: number): number {
  return int64(bytes, at + MAX_TIMESTAMP_AT)
}

/** The attribute bits. */
export function attributesAt(bytes: Uint8Array, at: number): number {
  return int16(bytes, at + ATTRIBUTES_AT)
}

/** True for a control batch: a transaction marker or a leader change, never shown to readers. */
export function isControlAt(bytes: Uint8Array, at: number): boolean {
  return (attributesAt(bytes, at) & CONTROL) !== 0
}

/** True for a batch that is part of a transaction. */
export function isTransactionalAt(bytes: Uint8Array, at: number): boolean {
  return (attributesAt(bytes, at) & TRANSACTIONAL) !== 0
}

/** Reads the header of the batch at `at`; its 61 bytes must be there. Checks nothing. */
export function readBatchHeader(bytes: Uint8Array, at = 0): BatchHeader {
  const attributes = attributesAt(bytes, at)
  return {
    baseOffset: baseOffsetAt(bytes, at),
    sizeBytes: batchSizeAt(bytes, at),
    leaderEpoch: int32(bytes, at + LEADER_EPOCH_AT),
    magic: magicAt(bytes, at),
    crc: int32(bytes, at + CRC_AT) >>> 0,
    attributes,
    codec: attributes & CODEC_MASK,
    logAppendTime: (attributes & LOG_APPEND_TIME) !== 0,
    transactional: (attributes & TRANSACTIONAL) !== 0,
    control: (attributes & CONTROL) !== 0,
    deleteHorizon: (attributes & DELETE_HORIZON_BIT) !== 0,
    lastOffsetDelta: int32(bytes, at + LAST_OFFSET_DELTA_AT),
    baseTimestamp: int64(bytes, at + BASE_TIMESTAMP_AT),
    maxTimestamp: maxTimestampAt(bytes, at),
    producerId: int64(bytes, at + PRODUCER_ID_AT),
    producerEpoch: int16(bytes, at + PRODUCER_EPOCH_AT),
    baseSequence: int32(bytes, at + BASE_SEQUENCE_AT),
    recordCount: int32(bytes, at + RECORD_COUNT_AT),
  }
}

/** True when no 64-bit field was rounded: producer id and timestamps are whole below 2^53. */
export function hasExactNumbers(header: BatchHeader): boolean {
  return (
    Number.isSafeInteger(header.producerId) &&
    Number.isSafeInteger(header.baseTimestamp) &&
    Number.isSafeInteger(header.maxTimestamp)
  )
}

/** The CRC-32C that the batch's bytes have: from the attributes to its end. */
export function computeBatchCrc(batch: Uint8Array): number {
  return crc32c(batch, ATTRIBUTES_AT)
}

/** The fields that a new header is written from. The batch's size is that of `batch`. */
export interface HeaderFields {
  readonly baseOffset: number
  readonly leaderEpoch: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

/** Attribute bits of a batch. */
export function attributeBits(bits: {
  readonly codec?: number
  readonly logAppendTime?: boolean
  readonly transactional?: boolean
  readonly control?: boolean
}): number {
  return (
    (bits.codec ?? 0) |
    (bits.logAppendTime ? LOG_APPEND_TIME : 0) |
    (bits.transactional ? TRANSACTIONAL : 0) |
    (bits.control ? CONTROL : 0)
  )
}

/** Writes header and CRC of a batch whose records are already behind the header. */
export function writeBatchHeader(batch: Uint8Array, fields: HeaderFields): void {
  putInt64(batch, 0, fields.baseOffset)
  putInt32(batch, LENGTH_AT, batch.length - BATCH_PREFIX_BYTES)
  putInt32(batch, LEADER_EPOCH_AT, fields.leaderEpoch)
  batch[MAGIC_AT] = MAGIC
  putInt16(batch, ATTRIBUTES_AT, fields.attributes)
  putInt32(batch, LAST_OFFSET_DELTA_AT, fields.lastOffsetDelta)
  putInt64(batch, BASE_TIMESTAMP_AT, fields.baseTimestamp)
  putInt64(batch, MAX_TIMESTAMP_AT, fields.maxTimestamp)
  putInt64(batch, PRODUCER_ID_AT, fields.producerId)
  putInt16(batch, PRODUCER_EPOCH_AT, fields.producerEpoch)
  putInt32(batch, BASE_SEQUENCE_AT, fields.baseSequence)
  putInt32(batch, RECORD_COUNT_AT, fields.recordCount)
  putInt32(batch, CRC_AT, computeBatchCrc(batch))
}

/** Sets the offset of the first record. The CRC does not cover it. */
export function patchBaseOffset(bytes: Uint8Array, at: number, baseOffset: number): void {
  putInt64(bytes, at, baseOffset)
}

/** Sets the partition leader's epoch. The CRC does not cover it. */
export function patchLeaderEpoch(bytes: Uint8Array, at: number, leaderEpoch: number): void {
  putInt32(bytes, at + LEADER_EPOCH_AT, leaderEpoch)
}

/** Marks one whole batch as stamped by the broker at `timestampMs`, and redoes its CRC. */
export function patchLogAppendTime(batch: Uint8Array, timestampMs: number): void {
  putInt16(batch, ATTRIBUTES_AT, attributesAt(batch, 0) | LOG_APPEND_TIME)
  putInt64(batch, MAX_TIMESTAMP_AT, timestampMs)
  putInt32(batch, CRC_AT, computeBatchCrc(batch))
}

/** Clears the mark that the broker stamped the batch: a client may set it and is not believed. */
export function patchCreateTime(batch: Uint8Array): void {
  putInt16(batch, ATTRIBUTES_AT, attributesAt(batch, 0) & ~LOG_APPEND_TIME)
  putInt32(batch, CRC_AT, computeBatchCrc(batch))
}

/** Corrects the largest timestamp of one whole batch, and redoes its CRC. */
export function patchMaxTimestamp(batch: Uint8Array, timestampMs: number): void {
  putInt64(batch, MAX_TIMESTAMP_AT, timestampMs)
  putInt32(batch, CRC_AT, computeBatchCrc(batch))
}
