// What a partition leader says over RPC: plain data only, so that the broker and the tests can use
// it without the Durable Object. Not behaviour: log.ts decides, object.ts hosts.

import type { TopicSettings } from '../core/configs.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { Offset, TopicId } from '../core/ids.ts'
import type { ClaimReply, KnownRequest, RequestClaim, RequestPart } from './requests-contract.ts'
import type { TierStatus } from './tiering/tierable.ts'

/** Which partition the caller means, and the configuration version the caller acted on. */
export interface PartitionTarget {
  readonly topicId: TopicId
  readonly partition: number
}

/** One record batch to append. */
export interface AppendRequest extends PartitionTarget {
  /** Version of the settings the batch was checked against (see TopicState.configVersion). */
  readonly configVersion: number
  /**
   * One whole record batch (magic 2), CRC and header already checked by the broker. It must own its
   * buffer (byteOffset 0, full length): a view would ship its whole backing buffer over RPC. The call
   * may take the buffer away; a reply that refuses the batch then gives it back.
   */
  readonly batch: Uint8Array
  /** Given with a transactional batch. */
  readonly transaction?: AppendTransaction
  /** Given with a batch of a keyed HTTP request. */
  readonly part?: RequestPart
}

/** The appends that one caller makes in one turn: one call, and as a rule one flush, for all of them. */
export interface AppendCall {
  /** In the order they were made; none where they are lent. */
  readonly appends: readonly AppendRequest[]
  /** The caller's isolate, and the number of the appends where they are lent within it. */
  readonly isolate: string
  readonly loan?: number
}

/** The answer to an AppendCall. */
export interface AppendAnswer {
  /** One per append, in their order; none where they are lent, or where the appends were and could not be taken. */
  readonly replies: readonly AppendReply[]
  /** The object lives in the caller's isolate: the next appends may be lent. */
  readonly near?: true
  /** The number of the replies where they are lent; those that refuse have their batch. */
  readonly loan?: number
}

/** To whom a transactional batch belongs, for the partition's question to the coordinator. */
export interface AppendTransaction {
  readonly transactionalId: string
  /** The topic's name, for DescribeTransactions. */
  readonly topic: string
  /**
   * Produce from version 12 on (KIP-890): the leader adds itself to the transaction. Before, the client
   * has said AddPartitionsToTxn and the leader only verifies it.
   */
  readonly implicit: boolean
}

/** A piece of a batch that is larger than SMALL_BYTES; pieces come in order, one at a time. */
export interface AppendPart extends PartitionTarget {
  readonly configVersion: number
  /** Names the batch among those under way. */
  readonly upload: string
  readonly totalBytes: number
  /** Where the piece lies in the batch. */
  readonly at: number
  /** Owns its buffer. */
  readonly bytes: Uint8Array
  /** The same with each piece of a transactional batch. */
  readonly transaction?: AppendTransaction
  /** The same with each piece of a keyed request's batch. */
  readonly part?: RequestPart
}

/** The batch, where the call had taken it away. */
export interface GivenBack {
  readonly batch?: Uint8Array
}

/** The leader holds newer settings than the caller: nothing was stored, check again and resend. */
export interface StaleConfig extends GivenBack {
  readonly kind: 'stale'
  readonly configVersion: number
  readonly settings: TopicSettings
}

/** The batch is durable at `baseOffset` (or was already: an idempotent duplicate). */
export interface Appended {
  readonly kind: 'appended'
  readonly baseOffset: Offset
  readonly logStartOffset: Offset
}

/**
 * Kafka's per-partition refusal; nothing of this batch was stored. NOT_LEADER_OR_FOLLOWER: too much
 * is waiting here, or Cluster could not be asked; KAFKA_STORAGE_ERROR: the disk refused or is full.
 */
export interface Refused extends GivenBack {
  readonly kind: 'refused'
  readonly error: ErrorCode
  readonly message?: string
  /** -1 when unknown. */
  readonly logStartOffset: Offset
  /** With DUPLICATE_SEQUENCE_NUMBER of a keyed request's batch: what is here of the request already. */
  readonly known?: KnownRequest
}

export type AppendReply = Appended | StaleConfig | Refused

export interface ReadRequest extends PartitionTarget {
  readonly offset: Offset
  /** Soft limit in bytes of whole batches returned. */
  readonly maxBytes: number
  /** KIP-74: return one whole batch even if it alone is larger than maxBytes. */
  readonly atLeastOneBatch: boolean
  /** True reads up to the last stable offset and reports aborted transactions. */
  readonly readCommitted: boolean
  /** The caller's isolate: an object of the same one may lend the pieces (runtime/lending.ts). */
  readonly isolate?: string
}

/** Somebody who has read up to `offset` and wants what comes next as it comes. */
export interface FollowRequest extends PartitionTarget {
  readonly offset: Offset
  readonly readCommitted: boolean
  /** The caller's isolate: an object of the same one shares its memory (partition/fanout-pieces.ts). */
  readonly isolate?: string
}

/** How to follow; neither `shared` nor `stream` when it cannot be done: read, and ask again at the head. */
export interface FollowReply {
  readonly error: ErrorCode
  /** The number of the shared pieces, for a caller in the same isolate. */
  readonly shared?: number
  /**
   * Server-sent events from `offset` on, with ids of this partition alone. It ends when nothing came for a
   * while, when the reader is too slow or too much is written, and may break at any byte.
   */
  readonly stream?: ReadableStream<Uint8Array>
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: Offset
}

export interface ReadReply {
  /** 0, OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_ID, KAFKA_STORAGE_ERROR, … */
  readonly error: ErrorCode
  readonly highWatermark: Offset
  readonly lastStableOffset: Offset
  readonly logStartOffset: Offset
  /**
   * Whole batches in offset order, the first one covering `offset`; each piece owns its buffer and
   * holds one or more whole batches, or (a batch larger than a row) the first piece of one.
   */
  readonly pieces: Uint8Array[]
  /** Empty unless readCommitted. */
  readonly abortedTransactions: AbortedTransaction[]
  /**
   * When `pieces` holds the first piece of one batch larger than a row: how many more it has, to be
   * asked for with readPiece. Otherwise 0 or absent.
   */
  readonly laterPieces?: number
  /** With CORRUPT_MESSAGE: the offsets that cannot be read; others can. Unknown without. */
  readonly damage?: { readonly firstOffset: Offset; readonly lastOffset: Offset }
  /** Where the pieces are lent. The wrapper of all calls puts them back: nobody else sees this. */
  readonly loan?: number
}

/** Piece 1, 2, … of a batch of which a read gave the first. */
export interface PieceRequest extends PartitionTarget {
  readonly baseOffset: Offset
  /** As the batch's header, in the first piece, says it. */
  readonly crc: number
  readonly piece: number
}

/** A piece of a batch. An object, because the memory of a bare array is not given back with the call. */
export interface PieceReply {
  readonly bytes: Uint8Array | null
  /** CORRUPT_MESSAGE when the piece is damaged, and will be the next time. */
  readonly error?: ErrorCode
}

export interface OffsetQuery extends PartitionTarget {
  /** ≥ 0: first offset at or after this time (ms). -1 latest, -2 earliest, -3 max timestamp, -4 earliest local, -5 latest tiered. */
  readonly timestamp: number
  readonly readCommitted: boolean
}

export interface OffsetReply {
  readonly error: ErrorCode
  /** -1 when no record matches. */
  readonly offset: Offset
  /** Timestamp of the record found; -1 for -1, -2 and when none matches. */
  readonly timestamp: number
}

export interface DeleteRecordsRequest extends PartitionTarget {
  /** New log start; -1 means the high watermark. May lie inside a batch. */
  readonly offset: number
}

export interface DeleteRecordsReply {
  readonly error: ErrorCode
  readonly lowWatermark: Offset
}

export interface PartitionSize {
  readonly error: ErrorCode
  readonly logStartOffset: Offset
  readonly highWatermark: Offset
  /** Bytes of record batches kept, without those that only the tier has. */
  readonly sizeBytes: number
  /** Of a log that is tiered, or was. */
  readonly tier?: TierStatus
}

/** The end of a transaction: a control batch to write. */
export interface TransactionMarker extends PartitionTarget {
  readonly producerId: number
  /** From here on older epochs of this producer are refused. */
  readonly producerEpoch: number
  /**
   * Number of the transaction in its coordinator. One at or below the last number ended here is answered
   * with success and written nowhere. null for an operator's WriteTxnMarkers.
   */
  readonly number: number | null
  /** What the control record carries. */
  readonly coordinatorEpoch: number
  readonly committed: boolean
}

/** A producer as DescribeProducers shows it. */
export interface ProducerDescription {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: number
  /** -1 when no marker was written. */
  readonly coordinatorEpoch: number
  /** First offset of the open transaction; -1 when none is open. */
  readonly currentTransactionStartOffset: number
}

export interface ProducersReply {
  readonly error: ErrorCode
  readonly producers: readonly ProducerDescription[]
}

/** Why a parked watch ended: news, or only its time. */
export interface WatchReply {
  readonly error: ErrorCode
  readonly highWatermark: Offset
}

/** Where the partition stands, for somebody who waits at its end. */
export interface StandingReply extends WatchReply {
  readonly lastStableOffset: Offset
  readonly logStartOffset: Offset
}

/**
 * How far freeing has come: nothing is left, there is more to do at once, or it has to wait because an object of the
 * tier whose put was given up on may still appear.
 */
export type Freeing = 'freed' | 'more' | 'later'

/**
 * The methods of a Partition object. Calls of one caller on one stub arrive in the order they were
 * made; `append` takes its place in the log in its first synchronous stretch.
 * A partition that was never written asks Cluster on first touch whether it is alive; if not, every
 * method answers UNKNOWN_TOPIC_ID and stores nothing.
 */
export interface PartitionRpc extends PartitionQueries {
  append(request: AppendRequest): Promise<AppendReply>
}

/** A leader as its Durable Object offers it: appends come joined. */
export interface PartitionCalls extends PartitionQueries {
  appendAll(call: AppendCall): Promise<AppendAnswer>
}

/** What is asked of a leader one call at a time. */
export interface PartitionQueries {
  /** A piece of a large batch: null while more are to come. The last takes the batch's place in the log. */
  appendPart(part: AppendPart): Promise<AppendReply | null>
  read(request: ReadRequest): Promise<ReadReply>
  /** null when the batch is gone, or compaction has replaced it since its first piece was read. */
  readPiece(request: PieceRequest): Promise<PieceReply>
  /**
   * Parks until the high watermark is above `after` (or the partition is deleted), at most
   * `timeoutMs` (≤ WATCH_AT_LEADER_MAX_MS; ≤ 1 s once thousands are parked here): a partition where nothing
   * happens for longer is watched at its Watch object. A hint only: a rejection means re-read.
   */
  watch(target: PartitionTarget, after: Offset, timeoutMs: number): Promise<WatchReply>
  /**
   * Said by whoever has subscribed to this partition at its Watch object: from here on the leader tells
   * that object of what moves. What moved before is in the answer.
   */
  subscribed(target: PartitionTarget): Promise<StandingReply>
  /** At or near the head: what is new is encoded once for all who follow. */
  follow(request: FollowRequest): Promise<FollowReply>
  /** A keyed HTTP request begins, or ends, at the partition where all of its key meet. */
  claim(claim: RequestClaim): Promise<ClaimReply>
  listOffset(query: OffsetQuery): Promise<OffsetReply>
  deleteRecords(request: DeleteRecordsRequest): Promise<DeleteRecordsReply>
  size(target: PartitionTarget): Promise<PartitionSize>
  /**
   * Writes the marker of a transaction's end, durably. INVALID_PRODUCER_EPOCH when a newer epoch of the
   * producer was seen; UNKNOWN_TOPIC_ID when the topic is deleted (then nothing is left to end).
   */
  endTransaction(marker: TransactionMarker): Promise<{ readonly error: ErrorCode }>
  producers(target: PartitionTarget): Promise<ProducersReply>
  /** New settings from Cluster's outbox; an older or equal version is ignored. */
  configure(target: PartitionTarget, configVersion: number, settings: TopicSettings): Promise<void>
  /** Persists that the topic is deleted: from here on nothing is appended. Idempotent. */
  fence(target: PartitionTarget): Promise<void>
  /** After the fence: frees the storage in bounded steps. */
  free(target: PartitionTarget): Promise<Freeing>
}
