// What one pass does to one batch: keeps it, takes records from it, empties it, or removes it. The rules
// are those of Kafka's Cleaner (KIP-98, KIP-534): last value per key, tombstones and spent markers for
// `delete.retention.ms` after a pass first met them, nothing of aborted transactions, and a batch that an
// active producer is known by stays, empty if need be. Not where batches come from or go to.

import { discard } from '../../core/bytes.ts'
import { COMPACTION_MARKER_KEPT_MS } from '../../core/limits.ts'
import { CodecError } from '../../core/wasm.ts'
import { Codec } from '../../record/compression.ts'
import { readControlRecord } from '../../record/control.ts'
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  hasExactNumbers,
  readBatchHeader,
} from '../../record/header.ts'
import { RecordCursor } from '../../record/record-cursor.ts'
import { recordBytes, recordsOf } from '../../record/records.ts'
import { emptyBatch, retainRecords } from '../../record/retain.ts'
import type { OffsetMap } from './offset-map.ts'
import type { PassTransactions } from './transactions.ts'

/** What is known of a producer that has not expired. */
export interface ActiveProducer {
  readonly epoch: number
  /** Offset of its last record; null when it has only written markers since its epoch. */
  readonly lastOffset: number | null
}

/** What a pass decides by. */
export interface PassRules {
  readonly map: Pick<OffsetMap, 'lastOffset'>
  /** Records from here on are left alone. */
  readonly mapEnd: number
  readonly producers: ReadonlyMap<number, ActiveProducer>
  /** When the pass began. */
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

/** A batch after the pass. */
export interface FilteredBatch {
  /** The batch given when nothing changed; null when it is gone. */
  readonly batch: Uint8Array | null
  /** The marker was the last trace of an aborted transaction: the index forgets it. */
  readonly isLastOfAborted: boolean
  /** Its content could not be read: it stays as it is. */
  readonly problem: string | null
  /** Bytes that had to be looked at: the content's. */
  readonly work: number
}

/** Filters one batch. Batches are given in the order of their offsets. */
export function filterBatch(
  batch: Uint8Array,
  rules: PassRules,
  transactions: PassTransactions,
): FilteredBatch {
  const header = readBatchHeader(batch)
  const whole = { batch, isLastOfAborted: false, problem: null, work: batch.length }
  if (header.baseOffset >= rules.mapEnd) return whole
  try {
    if (header.control) return filterMarker(batch, header, rules, transactions)
    if (header.transactional && transactions.isAborted(header)) {
      return { ...whole, batch: withoutRecords(batch, header, rules) }
    }
    if (header.recordCount === 0) {
      return { ...whole, batch: withoutRecords(batch, header, rules) }
    }
    return filterRecords(batch, header, rules)
  } catch (error) {
    if (error instanceof CodecError) return { ...whole, problem: error.message }
    throw error
  }
}

/** Nothing, or the batch without records where its producer is known by it. */
function withoutRecords(batch: Uint8Array, header: BatchHeader, rules: PassRules) {
  if (!isKnownBy(header, rules)) return null
  return header.recordCount === 0 ? batch : emptyBatch(header)
}

/** Whether an active producer's last sequence, or its epoch, is this batch's. */
function isKnownBy(header: BatchHeader, { producers }: PassRules): boolean {
  const producer = header.producerId < 0 ? undefined : producers.get(header.producerId)
  if (producer === undefined) return false
  if (producer.lastOffset === null) return header.control && header.producerEpoch === producer.epoch
  return header.baseOffset + header.lastOffsetDelta === producer.lastOffset
}

function filterMarker(
  batch: Uint8Array,
  header: BatchHeader,
  rules: PassRules,
  transactions: PassTransactions,
): FilteredBatch {
  const { nowMs } = rules
  const whole = { batch, isLastOfAborted: false, problem: null, work: batch.length }
  // An earlier pass has emptied it.
  if (header.recordCount === 0) return { ...whole, batch: withoutRecords(batch, header, rules) }
  const first = recordsOf(batch).next()
  const record = first.done === true ? null : readControlRecord(first.value)
  if (record === null || (record.kind !== 'commit' && record.kind !== 'abort')) return whole
  if (!transactions.isSpent(header, record.kind === 'commit')) return whole
  const isLastOfAborted = record.kind === 'abort'
  if (header.deleteHorizon) {
    const isOver = header.baseTimestamp <= nowMs
    const left = isOver ? withoutRecords(batch, header, rules) : batch
    return { ...whole, batch: left, isLastOfAborted }
  }
  // A fetch is read in several parts: who was told of the aborted transaction must meet its end.
  const deleteHorizonMs = nowMs + Math.max(rules.deleteRetentionMs, COMPACTION_MARKER_KEPT_MS)
  const marked = retainRecords(header, {
    content: batch,
    at: BATCH_HEADER_BYTES,
    kept: Uint8Array.of(1),
    count: 1,
    maxTimestamp: header.maxTimestamp,
    deleteHorizonMs: Math.min(deleteHorizonMs, Number.MAX_SAFE_INTEGER),
  })
  return { ...whole, batch: marked, isLastOfAborted }
}

function filterRecords(batch: Uint8Array, header: BatchHeader, rules: PassRules): FilteredBatch {
  if (header.codec === Codec.none) {
    return filterContent(batch, header, rules, { content: batch, at: BATCH_HEADER_BYTES })
  }
  const content = recordBytes(batch, header)
  try {
    return filterContent(batch, header, rules, { content, at: 0 })
  } finally {
    discard(content)
  }
}

/** A batch's records, decompressed, from `at` to the end. */
interface Content {
  readonly content: Uint8Array
  readonly at: number
}

function filterContent(
  batch: Uint8Array,
  header: BatchHeader,
  rules: PassRules,
  { content, at }: Content,
): FilteredBatch {
  const { map, mapEnd, nowMs } = rules
  const whole = { batch, isLastOfAborted: false, problem: null, work: content.length }
  const tombstonesStay = !header.deleteHorizon || nowMs < header.baseTimestamp
  const cursor = new RecordCursor(content, at, header)
  const kept = new Uint8Array((header.recordCount + 7) >>> 3)
  let count = 0
  let hasTombstones = false
  let maxTimestamp = Number.NEGATIVE_INFINITY
  for (let index = 0; cursor.next(); index++) {
    const offset = header.baseOffset + cursor.offsetDelta
    if (offset < mapEnd) {
      // From a time when the topic was not compacted.
      if (cursor.keyLength < 0) continue
      if (!cursor.hasValue && !tombstonesStay) continue
      if (map.lastOffset(content, cursor.keyAt, cursor.keyLength) > offset) continue
    }
    if (!cursor.hasValue) hasTombstones = true
    kept[index >>> 3] = (kept[index >>> 3] as number) | (1 << (index & 7))
    count++
    const { timestamp } = cursor
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
  }
  // A batch that reaches beyond the map is clean only after the next pass.
  const isWhole = header.baseOffset + header.lastOffsetDelta < mapEnd
  const needsHorizon = hasTombstones && !header.deleteHorizon && isWhole
  if (count === header.recordCount && !needsHorizon) return whole
  if (count === 0) return { ...whole, batch: withoutRecords(batch, header, rules) }
  if (!hasExactNumbers(header) || !Number.isSafeInteger(maxTimestamp)) {
    return { ...whole, problem: 'times are out of range' }
  }
  const deleteHorizonMs = needsHorizon
    ? Math.min(nowMs + rules.deleteRetentionMs, Number.MAX_SAFE_INTEGER)
    : null
  const retained = { content, at, kept, count, maxTimestamp, deleteHorizonMs }
  return { ...whole, batch: retainRecords(header, retained) }
}

/**
 * Counts a batch's keys from `from` on into the map.
 * @returns the offset of the first record that found no room; null when all did
 */
export function mapBatch(
  batch: Uint8Array,
  map: OffsetMap,
  from: number,
  transactions: PassTransactions,
): { readonly full: number | null; readonly work: number } {
  const header = readBatchHeader(batch)
  const nothing = { full: null, work: batch.length }
  if (header.control || header.recordCount === 0) return nothing
  if (header.transactional && transactions.isAborted(header)) return nothing
  try {
    if (header.codec === Codec.none) {
      const plain = { content: batch, at: BATCH_HEADER_BYTES }
      return { full: mapContent(header, plain, map, from), work: batch.length }
    }
    const content = recordBytes(batch, header)
    try {
      return { full: mapContent(header, { content, at: 0 }, map, from), work: content.length }
    } finally {
      discard(content)
    }
  } catch (error) {
    if (error instanceof CodecError) return nothing
    throw error
  }
}

function mapContent(
  header: BatchHeader,
  { content, at }: Content,
  map: OffsetMap,
  from: number,
): number | null {
  // Keys of a batch that cannot be read to its end take nothing from the log: it may be unreadable to all.
  for (const check = new RecordCursor(content, at, header); check.next(); );
  const cursor = new RecordCursor(content, at, header)
  while (cursor.next()) {
    const offset = header.baseOffset + cursor.offsetDelta
    if (offset < from || cursor.keyLength < 0) continue
    if (!map.put(content, cursor.keyAt, cursor.keyLength, offset)) return offset
  }
  return null
}
