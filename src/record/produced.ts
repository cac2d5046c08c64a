// What a broker checks of the bytes that a client produces to one partition, with Kafka's error for
// each failure, in Kafka's order. Not what depends on the partition's state (sequences, epochs).
// Follows ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords and LogValidator of
// Apache Kafka 4.1.1; its answers are recorded in test/vectors/produce-errors.json.

import { discard } from '../core/bytes.ts'
import type { TopicSettings } from '../core/configs.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { CodecError } from '../core/wasm.ts'
import { Codec, isCodec } from './compression.ts'
import {
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  type BatchHeader,
  batchSizeAt,
  computeBatchCrc,
  hasExactNumbers,
  MAGIC,
  magicAt,
  readBatchHeader,
} from './header.ts'
import { type RecordWalk, recordBytes, walkRecords } from './records.ts'

/** A record that made its batch fail; position in the batch from 0 (Produce v8, KIP-467). */
export interface RefusedRecord {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

/** Kafka's refusal of a produced batch. */
export interface BatchRefusal {
  readonly kind: 'refused'
  readonly error: ErrorCode
  readonly message: string
  readonly recordErrors: readonly RefusedRecord[]
}

/** A batch whose header and CRC are right. */
export interface ProducedBatch {
  readonly kind: 'produced'
  /** The one whole batch: a view of the client's bytes without an incomplete rest behind it. */
  readonly batch: Uint8Array
  readonly header: BatchHeader
}

/** Smallest value of the length field that can be any record format at all. */
const SMALLEST_LENGTH = 14
/** Bytes up to and with the magic: fewer are no batch yet. */
const BYTES_TO_MAGIC = 17
/** Produce version from which zstd may be sent (KIP-110). */
const ZSTD_SINCE_VERSION = 7

function refuse(
  error: ErrorCode,
  message: string,
  recordErrors: readonly RefusedRecord[] = [],
): BatchRefusal {
  return { kind: 'refused', error, message, recordErrors }
}

/** Size of the whole batch or old message at `at`; null when an incomplete rest is all there is. */
function nextSize(bytes: Uint8Array, at: number): number | null | BatchRefusal {
  const left = bytes.length - at
  if (left < BATCH_PREFIX_BYTES) return null
  const size = batchSizeAt(bytes, at)
  if (size - BATCH_PREFIX_BYTES < SMALLEST_LENGTH)
    return refuse(KafkaError.CORRUPT_MESSAGE, 'The batch length is less than any batch has.')
  if (left < BYTES_TO_MAGIC) return null
  const magic = magicAt(bytes, at)
  if (magic < 0 || magic > MAGIC)
    return refuse(KafkaError.CORRUPT_MESSAGE, `Record format ${magic} does not exist.`)
  return size > left ? null : size
}

/** The first batch in the bytes, which must be of format 2 and the only one. */
function onlyBatch(bytes: Uint8Array, produceVersion: number): Uint8Array | BatchRefusal {
  const size = nextSize(bytes, 0)
  if (size === null)
    return refuse(KafkaError.INVALID_RECORD, 'There must be one whole record batch per partition.')
  if (typeof size !== 'number') return size
  if (magicAt(bytes, 0) !== MAGIC)
    return refuse(KafkaError.INVALID_RECORD, 'Only record batches of format 2 are accepted.')
  // The attributes may be missing in a batch that is too short; that is found below.
  if (produceVersion < ZSTD_SINCE_VERSION && ((bytes[22] ?? 0) & 7) === Codec.zstd)
    return refuse(
      KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
      `Produce version ${produceVersion} does not allow zstd.`,
    )
  const next = nextSize(bytes, size)
  if (typeof next === 'number')
    return refuse(KafkaError.INVALID_RECORD, 'There must be only one record batch per partition.')
  return next ?? bytes.subarray(0, size)
}

function checkCounts(header: BatchHeader): BatchRefusal | null {
  const { lastOffsetDelta, recordCount } = header
  if (lastOffsetDelta < 0)
    return refuse(KafkaError.INVALID_RECORD, `Last offset delta ${lastOffsetDelta} is negative.`)
  if (recordCount !== lastOffsetDelta + 1)
    return refuse(
      KafkaError.INVALID_RECORD,
      `Record count ${recordCount} does not fit last offset delta ${lastOffsetDelta}.`,
    )
  return null
}

/** What the header alone says, once the CRC vouches for it. */
function checkHeader(header: BatchHeader): BatchRefusal | null {
  if (!isCodec(header.codec))
    return refuse(KafkaError.UNKNOWN_SERVER_ERROR, `Compression codec ${header.codec} is unknown.`)
  const counts = checkCounts(header)
  if (counts !== null) return counts
  if (header.control)
    return refuse(KafkaError.INVALID_RECORD, 'Clients may not write control records.')
  if (header.producerId >= 0 && header.baseSequence < 0)
    return refuse(KafkaError.INVALID_RECORD, 'A batch with a producer id needs a sequence number.')
  if (!hasExactNumbers(header))
    return refuse(KafkaError.INVALID_RECORD, 'Producer id and timestamps must be below 2^53.')
  return null
}

/**
 * Checks what a client sent for one partition: exactly one batch of format 2, its size, CRC and
 * header. The bytes are not changed.
 * @param produceVersion version of the Produce request, from 3
 */
export function checkProduced(
  records: Uint8Array | null,
  produceVersion: number,
  settings: Pick<TopicSettings, 'maxMessageBytes' | 'segmentBytes'>,
): ProducedBatch | BatchRefusal {
  const batch = onlyBatch(records ?? new Uint8Array(0), produceVersion)
  if (!(batch instanceof Uint8Array)) return batch
  const tooShort = batch.length < BATCH_HEADER_BYTES
  const header = tooShort ? null : readBatchHeader(batch)
  if (header !== null && header.baseOffset !== 0)
    return refuse(KafkaError.INVALID_RECORD, `Base offset ${header.baseOffset} is not 0.`)
  if (batch.length > settings.maxMessageBytes)
    return refuse(
      KafkaError.MESSAGE_TOO_LARGE,
      `The batch has ${batch.length} bytes; at most ${settings.maxMessageBytes} are accepted.`,
    )
  if (header === null || header.crc !== computeBatchCrc(batch))
    return refuse(KafkaError.CORRUPT_MESSAGE, 'The batch is cut short or its CRC is wrong.')
  const refusal = checkHeader(header)
  if (refusal !== null) return refusal
  if (batch.length > settings.segmentBytes)
    return refuse(
      KafkaError.RECORD_LIST_TOO_LARGE,
      `The batch has ${batch.length} bytes; a segment has ${settings.segmentBytes}.`,
    )
  return { kind: 'produced', batch, header }
}

/**
 * Checks a CreateTime batch's timestamps against the topic's bounds, by its header: the first and the
 * largest. -1 is no timestamp and always right. LogAppendTime topics are not asked.
 */
export function checkTimestamps(
  header: BatchHeader,
  settings: Pick<
    TopicSettings,
    'messageTimestampType' | 'timestampBeforeMaxMs' | 'timestampAfterMaxMs'
  >,
  nowMs: number,
): BatchRefusal | null {
  if (settings.messageTimestampType === 'LogAppendTime') return null
  const earliest = nowMs - settings.timestampBeforeMaxMs
  const latest = nowMs + settings.timestampAfterMaxMs
  for (const timestamp of [header.baseTimestamp, header.maxTimestamp]) {
    if (timestamp === -1 || (timestamp >= earliest && timestamp <= latest)) continue
    return refuse(
      KafkaError.INVALID_TIMESTAMP,
      `Timestamp ${timestamp} is not within [${earliest}, ${latest}].`,
    )
  }
  return null
}

/** Kafka lists this many failed records of a batch at most in its message; we list so many in all. */
const RECORD_ERRORS_LISTED = 100

function keysMissing(withoutKey: readonly number[]): BatchRefusal {
  const recordErrors = withoutKey.slice(0, RECORD_ERRORS_LISTED).map((batchIndex) => ({
    batchIndex,
    batchIndexErrorMessage: 'A compacted topic takes no record without a key.',
  }))
  return refuse(KafkaError.INVALID_RECORD, 'Records without a key were refused.', recordErrors)
}

/**
 * Checks the structure of the records, decompressing them where needed, and that each has a key
 * where the topic is compacted. Answers the walk (with the records' true largest timestamp).
 * @param maxBytes bound of the decompressed records
 */
export function validateRecords(
  batch: Uint8Array,
  header: BatchHeader,
  options: { readonly keysRequired: boolean; readonly maxBytes: number },
): RecordWalk | BatchRefusal {
  let walk: RecordWalk
  if (header.codec === Codec.none) {
    walk = walkRecords(batch, BATCH_HEADER_BYTES, header)
  } else {
    try {
      const content = recordBytes(batch, header, options.maxBytes)
      walk = walkRecords(content, 0, header)
      discard(content)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      if (error.reason === 'too-large') return refuse(KafkaError.MESSAGE_TOO_LARGE, error.message)
      return refuse(KafkaError.UNKNOWN_SERVER_ERROR, error.message)
    }
  }
  if (walk.problem !== null) return refuse(KafkaError.INVALID_RECORD, `Records: ${walk.problem}.`)
  if (options.keysRequired && walk.withoutKey.length > 0) return keysMissing(walk.withoutKey)
  return walk
}

/** Tells a refusal from what else a check may answer. */
export function isRefusal(answer: object | null): answer is BatchRefusal {
  return answer !== null && 'kind' in answer && answer.kind === 'refused'
}
