// Whether a produced batch may go to its leader, and in which form: one place for TCP and HTTP, by the
// topic's settings. The checks themselves are record/produced.ts. Not the sequence of an idempotent
// producer, which the leader judges.

import type { TopicSettings } from '../core/configs.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { DECOMPRESSED_BATCH_BYTES, SMALL_BYTES } from '../core/limits.ts'
import { recompress } from '../record/build.ts'
import { Codec, codecOfTopic } from '../record/compression.ts'
import {
  type BatchHeader,
  patchCreateTime,
  patchLogAppendTime,
  patchMaxTimestamp,
} from '../record/header.ts'
import {
  type BatchRefusal,
  checkProduced,
  checkTimestamps,
  isRefusal,
  validateRecords,
} from '../record/produced.ts'
import type { RecordWalk } from '../record/records.ts'

/** A batch as its leader may store it. */
export interface AdmittedBatch {
  readonly kind: 'admitted'
  /**
   * Owns its buffer, as RPC wants it; but one larger than SMALL_BYTES may be a view of what the client
   * sent, changed in place.
   */
  readonly batch: Uint8Array
  /** What the broker stamped, in ms; -1 for CreateTime. */
  readonly logAppendTimeMs: number
}

/** Kafka's refusal for the partition. */
export type RefusedBatch = BatchRefusal

/**
 * Checks one partition's records and gives them the form the topic asks for (stamp, codec).
 * @param records what the client sent; changed only in a batch larger than SMALL_BYTES
 * @param call.version version of the Produce request
 */
export function admitBatch(
  records: Uint8Array | null,
  settings: TopicSettings,
  call: { readonly version: number; readonly nowMs: number },
): AdmittedBatch | RefusedBatch {
  const produced = checkProduced(records, call.version, settings)
  if (produced.kind === 'refused') return produced
  const { batch, header } = produced
  const refusal = checkTimestamps(header, settings, call.nowMs)
  if (refusal !== null) return refusal
  const codec = codecOfTopic(settings.compressionType)
  const isRecoded = codec !== null && codec !== header.codec
  const walked = checkRecords(batch, header, settings, isRecoded)
  if (isRefusal(walked)) return walked
  const own = isRecoded ? recompress(batch, codec) : ownedIfSmall(batch)
  if (own.length > settings.maxMessageBytes) {
    const message = `Recompressed, the batch has ${own.length} bytes.`
    return refused(KafkaError.MESSAGE_TOO_LARGE, message)
  }
  if (settings.messageTimestampType === 'LogAppendTime') {
    patchLogAppendTime(own, call.nowMs)
    return { kind: 'admitted', batch: own, logAppendTimeMs: call.nowMs }
  }
  if (header.logAppendTime) patchCreateTime(own)
  // Time lookup goes by the header, so a wrong one is put right where the records are seen anyway.
  if (walked !== null && walked.maxTimestamp !== header.maxTimestamp) {
    patchMaxTimestamp(own, walked.maxTimestamp)
  }
  return { kind: 'admitted', batch: own, logAppendTimeMs: -1 }
}

/** A large batch stays where it is, in its frame, and is sent from there in pieces. */
function ownedIfSmall(batch: Uint8Array): Uint8Array {
  return batch.length > SMALL_BYTES ? batch : batch.slice()
}

/** The records of a compressed batch are opened only where the topic needs it: it costs far more. */
function checkRecords(
  batch: Uint8Array,
  header: BatchHeader,
  settings: TopicSettings,
  isRecoded: boolean,
): BatchRefusal | RecordWalk | null {
  const keysRequired = settings.cleanupCompact
  const isOpened =
    header.codec === Codec.none || keysRequired || settings.validateRecords || isRecoded
  if (!isOpened) return null
  return validateRecords(batch, header, { keysRequired, maxBytes: DECOMPRESSED_BATCH_BYTES })
}

function refused(error: ErrorCode, message: string): RefusedBatch {
  return { kind: 'refused', error, message, recordErrors: [] }
}
