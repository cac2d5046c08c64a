// Plans one flush: which of the waiting appends go into the next chunk, at which offsets, and what the
// others are answered. Pure: nothing changes but the batches' own bytes (offset and leader epoch, which
// the CRC does not cover); log.ts stores the plan, leader.ts resolves the replies.

import { discard } from '../core/bytes.ts'
import { KafkaError } from '../core/errors.ts'
import { LEADER_EPOCH, offset } from '../core/ids.ts'
import { FLUSH_BYTES } from '../core/limits/partition.ts'
import { type BatchHeader, patchBaseOffset, patchLeaderEpoch } from '../record/header.ts'
import type { AppendReply } from './contract.ts'
import { PRODUCER_EVENT_BYTES } from './producer-codec.ts'
import type { NumberedEnd, ProducerChanges, ProducerCheck } from './producers.ts'
import type { PartPlace, PartVerdict, RequestChanges } from './requests.ts'
import { REQUEST_PART_BYTES } from './requests-codec.ts'
import type { RequestPart } from './requests-contract.ts'
import type { ChunkRow, VersionedSettings } from './stored.ts'

/** One batch that waits for its place: a client's, or a marker. */
export interface PendingAppend {
  readonly batch: Uint8Array
  readonly header: BatchHeader
  readonly configVersion: number
  /** Number of the transaction that the batch was found to be in; null when it is in none. */
  readonly transaction: number | null
  /** What a marker ends; null for a client's batch. */
  readonly end: TransactionEnd | null
  /** Of which keyed HTTP request the batch is a part; null of none. */
  readonly part: RequestPart | null
  readonly resolve: (reply: AppendReply) => void
}

/** A marker. */
export interface TransactionEnd extends NumberedEnd {
  readonly committed: boolean
}

/** An aborted transaction, from its first record to its marker. */
export interface AbortedSpan {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
}

/** Appends in arrival order, counted in bytes. */
export class AppendQueue {
  #entries: PendingAppend[] = []
  #head = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get length(): number {
    return this.#entries.length - this.#head
  }

  push(append: PendingAppend): void {
    this.#entries.push(append)
    this.#bytes += append.batch.length
  }

  peek(): PendingAppend | undefined {
    return this.#entries[this.#head]
  }

  shift(): PendingAppend | undefined {
    const append = this.#entries[this.#head]
    if (append === undefined) return undefined
    this.#head++
    this.#bytes -= append.batch.length
    if (this.#head === this.#entries.length) {
      this.#entries = []
      this.#head = 0
    }
    return append
  }

  /** Empties the queue. */
  takeAll(): PendingAppend[] {
    const rest = this.#entries.slice(this.#head)
    this.#entries = []
    this.#head = 0
    this.#bytes = 0
    return rest
  }
}

/** An append with the offset that it has, once the flush is durable. */
export interface PlacedAppend {
  readonly append: PendingAppend
  readonly baseOffset: number
}

/** The state of the log that a plan starts from. */
export interface FlushStart {
  readonly nextOffset: number
  readonly logStart: number
  readonly runningMaxTimestamp: number
  readonly runningSizeBytes: number
  readonly config: VersionedSettings
  readonly producers: ProducerChanges
  /** What is known of keyed requests: asked for with the first batch that is of one, for it may have to be read. */
  readonly requests: () => RequestChanges
  /** Keyed requests wait for a chunk that writes them down. */
  readonly hasUnwrittenRequests: boolean
  readonly nowMs: number
}

/** What to store and what to answer. */
export interface FlushPlan {
  /** null when nothing is to be stored. */
  readonly row: ChunkRow | null
  /** In the order of their offsets, then duplicates of batches of this same flush. */
  readonly placed: readonly PlacedAppend[]
  /** Answers that do not depend on this flush. */
  readonly settled: readonly { readonly append: PendingAppend; readonly reply: AppendReply }[]
  readonly nextOffset: number
  readonly producers: ProducerChanges
  /** What the flush adds to the keyed requests; null when nothing. */
  readonly requests: RequestChanges | null
  /** In the order of their markers. */
  readonly aborted: readonly AbortedSpan[]
}

/** Takes appends from the queue until the chunk is full; always at least one, whatever its size. */
export function planFlush(queue: AppendQueue, start: FlushStart): FlushPlan {
  const { producers, nowMs } = start
  const accepted: PlacedAppend[] = []
  const echoes: PlacedAppend[] = []
  const settled: { append: PendingAppend; reply: AppendReply }[] = []
  const aborted: AbortedSpan[] = []
  let nextOffset = start.nextOffset
  let flushBytes = 0
  let maxTimestamp = -1
  let requests = start.hasUnwrittenRequests ? start.requests() : null
  for (let append = queue.peek(); append !== undefined; append = queue.peek()) {
    const { header, end, part } = append
    const idempotent = header.producerId >= 0
    const state = (idempotent ? PRODUCER_EVENT_BYTES : 0) + (part === null ? 0 : REQUEST_PART_BYTES)
    const cost = append.batch.length + state
    if (accepted.length > 0 && flushBytes + cost > FLUSH_BYTES) break
    queue.shift()
    if (append.configVersion < start.config.configVersion) {
      settled.push({ append, reply: { kind: 'stale', ...start.config } })
      continue
    }
    if (part !== null) {
      requests ??= start.requests()
      const reply = keyedReply(requests.check(part), start.logStart)
      if (reply !== null) {
        settled.push({ append, reply })
        continue
      }
    }
    if (idempotent) {
      const check = checkOf(producers, append)
      if (check.kind === 'refused') {
        const logStartOffset = offset(start.logStart)
        settled.push({ append, reply: { ...check, logStartOffset } })
        continue
      }
      if (check.kind === 'duplicate') {
        const { baseOffset } = check
        // What is below was confirmed before this flush began: only one is under way at a time. What a
        // marker repeats may be in this flush.
        const isInFlush = end === null ? baseOffset >= start.nextOffset : accepted.length > 0
        if (isInFlush) echoes.push({ append, baseOffset })
        else settled.push({ append, reply: appended(baseOffset, start.logStart) })
        continue
      }
      if (end === null) producers.accept(header, nextOffset, nowMs, append.transaction)
      else {
        const ended = producers.acceptEnd(end, nextOffset, nowMs)
        if (ended !== null && !end.committed) {
          const { producerId } = end
          aborted.push({ producerId, firstOffset: ended.firstOffset, lastOffset: nextOffset })
        }
      }
    }
    if (part !== null) requests?.accept(part, partPlace(header, nextOffset, nowMs))
    patchBaseOffset(append.batch, 0, nextOffset)
    patchLeaderEpoch(append.batch, 0, LEADER_EPOCH)
    accepted.push({ append, baseOffset: nextOffset })
    nextOffset += header.lastOffsetDelta + 1
    flushBytes += cost
    maxTimestamp = Math.max(maxTimestamp, storable(header.maxTimestamp))
  }
  return {
    row:
      accepted.length === 0
        ? null
        : chunkRow(start, accepted, nextOffset, maxTimestamp, requests?.encode() ?? null),
    placed: echoes.length === 0 ? accepted : [...accepted, ...echoes],
    settled,
    nextOffset,
    producers,
    requests,
    aborted,
  }
}

/** What a batch is answered that does not come next in its request; null when it does. */
function keyedReply(verdict: PartVerdict, logStart: number): AppendReply | null {
  switch (verdict.kind) {
    case 'next':
      return null
    case 'known': {
      const { known } = verdict
      const error = KafkaError.DUPLICATE_SEQUENCE_NUMBER
      return { kind: 'refused', error, logStartOffset: offset(logStart), known }
    }
    case 'running':
      return refused(
        KafkaError.CONCURRENT_TRANSACTIONS,
        logStart,
        'a request of this key is running',
      )
    case 'other':
      return refused(KafkaError.INVALID_REQUEST, logStart, 'the key was used for another request')
  }
}

function partPlace(header: BatchHeader, firstOffset: number, nowMs: number): PartPlace {
  const { lastOffsetDelta, maxTimestamp, logAppendTime } = header
  const appendTimeMs = logAppendTime ? maxTimestamp : null
  return { firstOffset, lastOffset: firstOffset + lastOffsetDelta, appendTimeMs, nowMs }
}

function checkOf(producers: ProducerChanges, append: PendingAppend): ProducerCheck {
  const { end, header, transaction } = append
  if (end !== null) return producers.checkEnd(end)
  const check = producers.check(header, transaction)
  return check.kind === 'next' && header.transactional && transaction === null ? FORGOTTEN : check
}

/** It did not need to be verified when it came, because its producer was known: sent again, it will be. */
const FORGOTTEN: ProducerCheck = {
  kind: 'refused',
  error: KafkaError.NOT_LEADER_OR_FOLLOWER,
  message: 'the producer was forgotten meanwhile',
}

/** The answer to a batch that is durable. */
export function appended(baseOffset: number, logStart: number): AppendReply {
  return { kind: 'appended', baseOffset: offset(baseOffset), logStartOffset: offset(logStart) }
}

/** The answer to a batch of which nothing was stored. */
export function refused(error: number, logStart: number, message?: string): AppendReply {
  const logStartOffset = offset(logStart)
  return message === undefined
    ? { kind: 'refused', error, logStartOffset }
    : { kind: 'refused', error, message, logStartOffset }
}

/**
 * Why a batch cannot be appended whatever the log's state; null when it can. The broker has checked
 * the batch: this protects the log from the broker.
 */
export function refusalOf(batch: Uint8Array, header: BatchHeader): AppendReply | null {
  if (header.sizeBytes !== batch.length || header.lastOffsetDelta < 0) {
    return refused(KafkaError.CORRUPT_MESSAGE, -1, 'the batch is not as its header says')
  }
  if (header.transactional && header.producerId < 0) {
    return refused(KafkaError.INVALID_TXN_STATE, -1, 'a transactional batch has a producer')
  }
  if (header.control)
    return refused(KafkaError.INVALID_RECORD, -1, 'clients write no control batch')
  if (header.producerId >= 0 && header.baseSequence < 0) {
    return refused(KafkaError.INVALID_RECORD, -1, 'an idempotent batch has a sequence from 0')
  }
  if (header.producerId > Number.MAX_SAFE_INTEGER) {
    return refused(
      KafkaError.INVALID_PRODUCER_ID_MAPPING,
      -1,
      'the producer id was never given out',
    )
  }
  return null
}

function chunkRow(
  start: FlushStart,
  accepted: readonly PlacedAppend[],
  nextOffset: number,
  maxTimestamp: number,
  requests: Uint8Array | null,
): ChunkRow {
  const data = chunkData(accepted)
  return {
    firstOffset: start.nextOffset,
    lastOffset: nextOffset - 1,
    maxTimestamp,
    runningMaxTimestamp: Math.max(start.runningMaxTimestamp, maxTimestamp),
    sizeBytes: data.length,
    runningSizeBytes: start.runningSizeBytes + data.length,
    producers: start.producers.encode(),
    requests,
    data,
  }
}

/** The batches behind each other: the one copy of them the leader makes, none when there is one batch. */
function chunkData(accepted: readonly PlacedAppend[]): Uint8Array {
  const only = accepted.length === 1 ? accepted[0]?.append.batch : undefined
  if (only !== undefined) return only
  let bytes = 0
  for (const { append } of accepted) bytes += append.batch.length
  const data = new Uint8Array(bytes)
  let at = 0
  for (const { append } of accepted) {
    const { length } = append.batch
    data.set(append.batch, at)
    discard(append.batch)
    at += length
  }
  return data
}

/** A batch's time as a number SQLite keeps exactly; a client may claim any int64. */
function storable(timestamp: number): number {
  return Math.min(Math.max(timestamp, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}
