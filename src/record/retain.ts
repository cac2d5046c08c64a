// The same batch with fewer records, or none: what compaction writes. Offsets, producer fields, codec and
// the records' own times stay; count, size, CRC and what depends on the records left are made anew.
// Follows Kafka's MemoryRecords.filterTo and KIP-534. Which records are left is the caller's to say.

import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from '../core/varint.ts'
import { compress, isCodec } from './compression.ts'
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  DELETE_HORIZON_BIT,
  writeBatchHeader,
} from './header.ts'
import { RecordCursor } from './record-cursor.ts'

/** Codec bits of the attributes. */
const CODEC_BITS = 0x07
const NO_TIMESTAMP = -1

/** What is left of a batch. */
export interface Retained {
  /** The batch's records, decompressed, from `at` to the end. */
  readonly content: Uint8Array
  readonly at: number
  /** Where those that stay begin and end, one after the other; neighbours may be one stretch. */
  readonly stretches: readonly number[]
  /** How many stay; at least one. */
  readonly count: number
  /** Highest time of those that stay. */
  readonly maxTimestamp: number
  /** When what is to be removed later may go; null leaves the batch's own, or none. */
  readonly deleteHorizonMs: number | null
}

/** A batch with the retained records. It owns its buffer; it may be larger than before (a new horizon). */
export function retainRecords(header: BatchHeader, retained: Retained): Uint8Array {
  const { deleteHorizonMs } = retained
  const codec = isCodec(header.codec) ? header.codec : 0
  const records = deleteHorizonMs === null ? copied(retained) : shifted(header, retained)
  const blob = compress(codec, records)
  const batch = new Uint8Array(BATCH_HEADER_BYTES + blob.length)
  batch.set(blob, BATCH_HEADER_BYTES)
  writeBatchHeader(batch, {
    ...header,
    attributes: header.attributes | (deleteHorizonMs === null ? 0 : DELETE_HORIZON_BIT),
    baseTimestamp: deleteHorizonMs ?? header.baseTimestamp,
    maxTimestamp: header.logAppendTime ? header.maxTimestamp : retained.maxTimestamp,
    recordCount: retained.count,
  })
  return batch
}

/** A batch without records: it keeps offsets and what is known of its producer. */
export function emptyBatch(header: BatchHeader): Uint8Array {
  const batch = new Uint8Array(BATCH_HEADER_BYTES)
  writeBatchHeader(batch, {
    ...header,
    attributes: header.attributes & ~(CODEC_BITS | DELETE_HORIZON_BIT),
    baseTimestamp: NO_TIMESTAMP,
    recordCount: 0,
  })
  return batch
}

/** The records that stay as they are. */
function copied({ content, stretches }: Retained): Uint8Array {
  let size = 0
  for (let index = 0; index < stretches.length; index += 2) {
    size += (stretches[index + 1] as number) - (stretches[index] as number)
  }
  const records = new Uint8Array(size)
  let to = 0
  for (let index = 0; index < stretches.length; index += 2) {
    const stretch = content.subarray(stretches[index], stretches[index + 1])
    records.set(stretch, to)
    to += stretch.length
  }
  return records
}

/** The records that stay, their times counted from the delete horizon. */
function shifted(header: BatchHeader, retained: Retained): Uint8Array {
  const shift = header.baseTimestamp - (retained.deleteHorizonMs ?? 0)
  let size = 0
  for (const cursor of staying(header, retained)) {
    const length = shiftedLength(cursor, shift)
    size += sizeOfVarint(length) + length
  }
  const records = new Uint8Array(size)
  let to = 0
  for (const cursor of staying(header, retained)) {
    to = writeVarint(records, to, shiftedLength(cursor, shift))
    records[to++] = 0
    to = writeVarlong(records, to, cursor.timestampDelta + shift)
    records.set(retained.content.subarray(cursor.offsetDeltaAt, cursor.end), to)
    to += cursor.end - cursor.offsetDeltaAt
  }
  return records
}

/** One cursor, on each record that stays. */
function* staying(header: BatchHeader, { content, at, stretches }: Retained) {
  const cursor = new RecordCursor(content, at, header)
  let stretch = 0
  while (cursor.next()) {
    while (cursor.start >= (stretches[stretch + 1] ?? Number.POSITIVE_INFINITY)) stretch += 2
    if (cursor.start >= (stretches[stretch] ?? Number.POSITIVE_INFINITY)) yield cursor
  }
}

function shiftedLength(cursor: RecordCursor, shift: number): number {
  return 1 + sizeOfVarlong(cursor.timestampDelta + shift) + cursor.end - cursor.offsetDeltaAt
}
