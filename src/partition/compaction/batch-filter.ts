// What one pass does to one batch: keeps it, takes records from it, empties it, or removes it. The rules
// are those of Kafka's Cleaner (KIP-98, KIP-534): last value per key, tombstones and spent markers for
// `delete.retention.ms` after a pass first met them, nothing of aborted transactions, and a batch that an
// active producer is known by stays, empty if need be. Not where batches come from or go to.

import { discard } from '../../core/bytes.ts'
import { COMPACTION_MARKER_KEPT_MS } from '../../core/limits/partition.ts'
import { CodecError } from '../../core/wasm.ts'
import { Codec } from '../../record/compression.ts'
import { readControlRecord } from '../../record/control.ts'
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  hasExactNumbers,
  readBatchHeader,
} from '../../record/header.ts'
import { recordBytes, recordsOf } from '../../record/records.ts'
import { emptyBatch, retainRecords } from '../../record/retain.ts'
import type { LastOffsets } from './last-offsets.ts'
import type { OffsetMap } from './offset-map.ts'
import type { Content, RecordScan } from './record-scan.ts'
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
  /** The same by offset, for batches that the map was made of. */
  readonly last: LastOffsets
  readonly scan: RecordScan
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
    stretches: [BATCH_HEADER_BYTES, batch.length],
    count: 1,
    maxTimestamp: header.maxTimestamp,
    deleteHorizonMs: Math.min(deleteHorizonMs, Number.MAX_SAFE_INTEGER),
  })
  return { ...whole, batch: marked, isLastOfAborted }
}

function filterRecords(batch: Uint8Array, header: BatchHeader, rules: PassRules): FilteredBatch {
  const left = rules.last.countOf(header, rules.mapEnd)
  if (left !== null && (left === 0 || left === header.recordCount)) {
    const whole = { batch, isLastOfAborted: false, problem: null, work: batch.length }
    return left === 0 ? { ...whole, batch: withoutRecords(batch, header, rules) } : whole
  }
  if (header.codec === Codec.none) {
    const plain = { content: batch, at: BATCH_HEADER_BYTES }
    return filterContent(batch, header, rules, plain, left !== null)
  }
  const content = recordBytes(batch, header)
  try {
    return filterContent(batch, header, rules, { content, at: 0 }, left !== null)
  } finally {
    discard(content)
  }
}

/** What stays of a batch. */
interface Staying {
  readonly stretches: number[]
  count: number
  hasTombstones: boolean
  maxTimestamp: number
}

function filterContent(
  batch: Uint8Array,
  header: BatchHeader,
  rules: PassRules,
  content: Content,
  isKnown: boolean,
): FilteredBatch {
  const whole = { batch, isLastOfAborted: false, problem: null, work: content.content.length }
  const staying = stayingOf(header, rules, content, isKnown)
  const { stretches, count, maxTimestamp } = staying
  // A batch that reaches beyond the map is clean only after the next pass.
  const isWhole = header.baseOffset + header.lastOffsetDelta < rules.mapEnd
  const needsHorizon = staying.hasTombstones && !header.deleteHorizon && isWhole
  if (count === header.recordCount && !needsHorizon) return whole
  if (count === 0) return { ...whole, batch: withoutRecords(batch, header, rules) }
  if (!hasExactNumbers(header) || !Number.isSafeInteger(maxTimestamp)) {
    return { ...whole, problem: 'times are out of range' }
  }
  const deleteHorizonMs = needsHorizon
    ? Math.min(rules.nowMs + rules.deleteRetentionMs, Number.MAX_SAFE_INTEGER)
    : null
  const retained = { ...content, stretches, count, maxTimestamp, deleteHorizonMs }
  return { ...whole, batch: retainRecords(header, retained) }
}

/** @param isKnown the batch's last offsets are known: its keys need not be hashed */
function stayingOf(
  header: BatchHeader,
  { map, last, scan, mapEnd, nowMs }: PassRules,
  content: Content,
  isKnown: boolean,
): Staying {
  const { baseOffset, baseTimestamp } = header
  const tombstonesStay = !header.deleteHorizon || nowMs < baseTimestamp
  const stretches: number[] = []
  let count = 0
  let hasTombstones = false
  let maxDelta = Number.NEGATIVE_INFINITY
  let end = -1
  scan.begin(content, header)
  while (scan.next(!isKnown)) {
    for (let record = 0; record < scan.count; record++) {
      const offset = baseOffset + scan.offsetDelta(record)
      const hasValue = scan.hasValue(record)
      if (isKnown) {
        if (!last.has(offset)) continue
      } else if (offset < mapEnd) {
        // From a time when the topic was not compacted.
        if (!scan.hasKey(record)) continue
        if (!hasValue && !tombstonesStay) continue
        if (map.lastOffset(scan.words, scan.wordsOf(record)) > offset) continue
      }
      if (!hasValue) hasTombstones = true
      count++
      const delta = scan.timestampDelta(record)
      if (delta > maxDelta) maxDelta = delta
      const start = scan.start(record)
      if (start === end) stretches.pop()
      else stretches.push(start)
      end = scan.end(record)
      stretches.push(end)
    }
  }
  const maxTimestamp = header.logAppendTime ? header.maxTimestamp : baseTimestamp + maxDelta
  return { stretches, count, hasTombstones, maxTimestamp }
}

/** What a pass makes of the keys that it goes over. */
export interface KeyMap {
  readonly map: OffsetMap
  readonly last: LastOffsets
  readonly scan: RecordScan
  /** Records below are not its to count. */
  readonly from: number
}

/**
 * Counts a batch's keys into the map.
 * @returns the offset of the first record that found no room; null when all did
 */
export function mapBatch(
  batch: Uint8Array,
  keys: KeyMap,
  transactions: PassTransactions,
): { readonly full: number | null; readonly work: number } {
  const header = readBatchHeader(batch)
  const nothing = { full: null, work: batch.length }
  if (header.control || header.recordCount === 0) return nothing
  if (header.transactional && transactions.isAborted(header)) return nothing
  try {
    if (header.codec === Codec.none) {
      const plain = { content: batch, at: BATCH_HEADER_BYTES }
      return { full: mapContent(header, plain, keys), work: batch.length }
    }
    const content = recordBytes(batch, header)
    try {
      return { full: mapContent(header, { content, at: 0 }, keys), work: content.length }
    } finally {
      discard(content)
    }
  } catch (error) {
    if (error instanceof CodecError) return nothing
    throw error
  }
}

function mapContent(header: BatchHeader, content: Content, keys: KeyMap): number | null {
  const { map, last, scan, from } = keys
  scan.begin(content, header)
  let more = scan.next(true)
  if (!scan.isWhole) {
    // Keys of a batch that cannot be read to its end take nothing from the log: it may be unreadable to all.
    while (scan.next(false));
    scan.begin(content, header)
    more = scan.next(true)
  }
  let hasTombstones = false
  for (; more; more = scan.next(true)) {
    for (let record = 0; record < scan.count; record++) {
      const offset = header.baseOffset + scan.offsetDelta(record)
      if (!scan.hasValue(record)) hasTombstones = true
      if (offset < from || !scan.hasKey(record)) continue
      if (!map.put(scan.words, scan.wordsOf(record), offset)) return offset
    }
  }
  // Of a batch with tombstones more has to be known than what is last.
  if (header.baseOffset >= from && !hasTombstones) last.mapped(header)
  return null
}
