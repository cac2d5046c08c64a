// Fetch (key 1), versions 4 to 17. Topic ids from 13 (KIP-516). No sessions: every answer grants
// session 0, so clients go on with full fetches (KIP-227 allows it). One byte budget for the whole
// answer, partitions in request order, KIP-74's one batch at least. Waits cost no call per poll.

import { discard } from '../../core/bytes.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { type Offset, offset, ZERO_TOPIC_ID } from '../../core/ids.ts'
import {
  FETCH_MAX_BYTES,
  FETCH_PART_BYTES,
  MEMORY_WAIT_MS,
  STALLED_CONNECTION_MS,
} from '../../core/limits.ts'
import type {
  AbortedTransaction,
  PartitionRpc,
  ReadReply,
  ReadRequest,
} from '../../partition/contract.ts'
import type { FetchRequest, FetchResponse } from '../../protocol/messages/fetch.ts'
import { readBatchHeader } from '../../record/header.ts'
import { endOfBatches } from '../../record/stored.ts'
import { CLUSTER_NAME, Operation, Resource } from '../../security/access.ts'
import { denial } from '../authorise.ts'
import { type Reservation, repliesPool } from '../budget.ts'
import type { Call } from '../call.ts'
import type { BrokerContext, Handling } from '../context.ts'
import { askLeader, knownTopic, type Route } from '../routing.ts'
import type { IdlePosition } from '../watches.ts'
import { leaderEpochError } from './leader-epoch.ts'

type PartitionRequest = FetchRequest['topics'][number]['partitions'][number]
type PartitionResponse = FetchResponse['responses'][number]['partitions'][number]

/** Of a request that wants no fetch session (KIP-227). */
export const SESSIONLESS_EPOCH = -1

/** Of a request that asks for one. */
const FIRST_EPOCH = 0

/** Reads under way to partitions at once, of one request. */
const READS_IN_FLIGHT = 32

/** One partition of the request, and what is known of it so far. */
interface Position {
  readonly route: Route
  readonly readCommitted: boolean
  readonly asked: PartitionRequest
  reply: ReadReply | null
  bytes: number
}

/** Reads what there is; waits for more until `minBytes` are there or `maxWaitMs` passed. */
export function fetch(
  request: FetchRequest,
  _call: Call,
  context: BrokerContext,
): Handling<FetchResponse> {
  const run = new FetchRun(request, context)
  return { effect: undefined, response: run.response(), appends: false, sent: () => run.release() }
}

class FetchRun {
  readonly #request: FetchRequest
  readonly #context: BrokerContext
  readonly #positions: Position[] = []
  readonly #reservations: Reservation[] = []
  readonly #isReplica: boolean
  #budget = 0

  constructor(request: FetchRequest, context: BrokerContext) {
    this.#request = request
    this.#context = context
    const { replicaId, replicaState } = request
    this.#isReplica = Math.max(replicaId, replicaState.replicaId) >= 0
    if (request.sessionEpoch === FIRST_EPOCH) context.watches.wantsSession = true
    const readCommitted = request.isolationLevel === 1
    for (const { topic, topicId, partitions } of request.topics) {
      for (const asked of partitions) {
        const route = { name: topic, topicId, partition: asked.partition }
        this.#positions.push({ route, readCommitted, asked, reply: null, bytes: 0 })
      }
    }
  }

  /** Gives back what the answer held. */
  release(): void {
    for (const { reply } of this.#positions) for (const piece of reply?.pieces ?? []) discard(piece)
    for (const reservation of this.#reservations.splice(0)) reservation.release()
  }

  async response(): Promise<FetchResponse> {
    const request = this.#request
    if (request.sessionId !== 0) {
      return { errorCode: KafkaError.FETCH_SESSION_ID_NOT_FOUND, responses: [] }
    }
    const { timers, watches, access } = this.#context
    if (!access.isOpen) await this.#authorise()
    const deadlineMs = timers.now() + Math.max(0, request.maxWaitMs)
    this.#budget = Math.max(0, Math.min(request.maxBytes, await this.#fetchMaxBytes()))
    for (;;) {
      await this.#readWhatIsNew(Math.max(deadlineMs, timers.now() + MEMORY_WAIT_MS))
      const leftMs = deadlineMs - timers.now()
      if (this.#isEnough() || leftMs <= 0) return this.#answer()
      if (this.#heldBytes() === 0) {
        await watches.news(leftMs)
        continue
      }
      // Too little for this client, and yet it is memory that others may be waiting for.
      await watches.news(Math.min(leftMs, STALLED_CONNECTION_MS))
      const { smallReplies, largeReplies } = this.#context.budget
      if (smallReplies.contended || largeReplies.contended) return this.#answer()
    }
  }

  /**
   * Answers the partitions that may not be read. A topic by an id that is not known here is asked about when it is. As in
   * Kafka, who says that it is a replica needs to act for the cluster, and no topic's READ.
   */
  async #authorise(): Promise<void> {
    await this.#context.access.ready()
    if (this.#isReplica) {
      const { access } = this.#context
      if (access.may(Operation.CLUSTER_ACTION, Resource.CLUSTER, CLUSTER_NAME)) return
      for (const position of this.#positions) {
        position.reply = failedReply(KafkaError.TOPIC_AUTHORIZATION_FAILED)
      }
      return
    }
    for (const position of this.#positions) {
      const { name, topicId } = position.route
      const isById = topicId !== ZERO_TOPIC_ID
      const known = isById ? this.#context.topics.byId(topicId)?.name : name
      const error = known === undefined ? KafkaError.NONE : this.#denial(known)
      if (error !== KafkaError.NONE) position.reply = failedReply(error)
    }
  }

  #denial(topic: string): ErrorCode {
    // Of the one broker there is nobody is a follower.
    if (this.#isReplica) return KafkaError.NOT_LEADER_OR_FOLLOWER
    return denial(this.#context.access, Operation.READ, Resource.TOPIC, topic)
  }

  async #fetchMaxBytes(): Promise<number> {
    const configured = Number(await this.#context.brokerConfig('fetch.max.bytes'))
    return Number.isFinite(configured) ? configured : FETCH_MAX_BYTES
  }

  #isEnough(): boolean {
    let bytes = 0
    for (const position of this.#positions) {
      if (position.reply !== null && position.reply.error !== KafkaError.NONE) return true
      bytes += position.bytes
    }
    // No answer has more than the budget, whatever is asked for (as in Kafka).
    return bytes >= Math.min(this.#request.minBytes, this.#budget) || this.#positions.length === 0
  }

  /** Reads, in request order, the partitions that may have something. */
  async #readWhatIsNew(memoryDeadlineMs: number): Promise<void> {
    const due = this.#positions.filter((position) => this.#isDue(position))
    if (due.length === 0) return
    const memory = await this.#reserve(due, memoryDeadlineMs)
    if (memory === null) return
    // Before the reads: should the client leave meanwhile, its context may end and nothing comes after them.
    this.#reservations.push(memory)
    const before = this.#heldBytes()
    await new Reads(due, this.#budget - before, before > 0, (position, limits) =>
      this.#read(position, limits),
    ).run()
    memory.shrink(this.#heldBytes() - before)
  }

  #heldBytes(): number {
    return this.#positions.reduce((bytes, position) => bytes + position.bytes, 0)
  }

  /** True for a partition that has no data yet and did not say since it was read that it is idle. */
  #isDue(position: Position): boolean {
    if (position.bytes > 0) return false
    const { reply, route, asked } = position
    if (reply !== null && reply.error !== KafkaError.NONE) return false
    const topic = knownTopic(this.#context, route)
    if (topic === undefined) return true
    const idle = this.#context.watches.idleAt(topic.id, route.partition, asked.fetchOffset)
    if (idle === undefined) return true
    // It was idle for a reader of the other isolation level, which may have come to its end earlier.
    if (asked.fetchOffset < endFor(position, idle)) return true
    position.reply = { ...idle, error: KafkaError.NONE, pieces: [], abortedTransactions: [] }
    return false
  }

  /** Room for all that this pass may read; null when others held it for too long. */
  #reserve(due: readonly Position[], deadlineMs: number): Promise<Reservation | null> {
    const { budget, timers } = this.#context
    let most = 0
    let largestBatch = 0
    for (const { asked, route } of due) {
      most += Math.max(0, asked.partitionMaxBytes)
      const topic = knownTopic(this.#context, route)
      largestBatch = Math.max(largestBatch, topic?.settings.maxMessageBytes ?? 0)
    }
    const bytes = Math.max(Math.min(most, this.#budget), largestBatch)
    return repliesPool(budget, bytes).reserve(
      bytes,
      (ms) => timers.sleep(ms),
      () => timers.now() > deadlineMs,
      this.#context,
    )
  }

  async #read(position: Position, limits: ReadLimits): Promise<void> {
    const { asked, route } = position
    const epochError = leaderEpochError(asked.currentLeaderEpoch)
    if (epochError !== KafkaError.NONE) {
      position.reply = failedReply(epochError)
      return
    }
    const answer = await askLeader(this.#context, route, async (leader, target, topic) => {
      const denied = this.#denial(topic.name)
      if (denied !== KafkaError.NONE) return failedReply(denied)
      const request = {
        ...target,
        offset: offset(limits.from ?? asked.fetchOffset),
        maxBytes: limits.maxBytes,
        atLeastOneBatch: limits.atLeastOneBatch,
        readCommitted: position.readCommitted,
      }
      const reply = await leader.read(request)
      if (reply.error === KafkaError.NONE && asked.fetchOffset >= endFor(position, reply)) {
        this.#context.watches.arm(leader, target, reply)
      }
      return completed(leader, request, reply)
    })
    const reply = 'failed' in answer ? failedReply(this.#errorFor(route, answer.error)) : answer
    const bytes = reply.pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (limits.from === undefined || position.reply === null) {
      position.reply = reply
      position.bytes = bytes
    } else if (reply.error === KafkaError.NONE) {
      position.reply.pieces.push(...reply.pieces)
      addAborted(position.reply, reply)
      position.bytes += bytes
    }
  }

  /**
   * In a fetch session Kafka still knows the name of a deleted topic and says the one error; without, the other.
   * Clients take the second for a topic that was recreated (franz-go gives it to its user). No session is
   * granted here, and some clients then ask for none: who has asked, and fetched the topic, is as in one.
   */
  #errorFor({ topicId }: Route, error: ErrorCode): ErrorCode {
    const { watches } = this.#context
    return error === KafkaError.UNKNOWN_TOPIC_ID &&
      watches.wantsSession &&
      watches.hasWaitedFor(topicId)
      ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION
      : error
  }

  #answer(): FetchResponse {
    let next = 0
    const responses = this.#request.topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map((): PartitionResponse => {
        const position = this.#positions[next++]
        return partitionResponse(position)
      }),
    }))
    return { throttleTimeMs: 0, errorCode: KafkaError.NONE, sessionId: 0, responses }
  }
}

/** What one read may return. */
interface ReadLimits {
  readonly maxBytes: number
  readonly atLeastOneBatch: boolean
  /** Where to go on after a part of FETCH_PART_BYTES; undefined for the position asked. */
  readonly from?: number
}

/** Several reads at once whose bytes together stay in one budget, settled in request order. */
class Reads {
  readonly #positions: readonly Position[]
  readonly #read: (position: Position, limits: ReadLimits) => Promise<void>
  #left: number
  #hasData: boolean

  constructor(
    positions: readonly Position[],
    budget: number,
    hasData: boolean,
    read: (position: Position, limits: ReadLimits) => Promise<void>,
  ) {
    this.#positions = positions
    this.#left = budget
    this.#hasData = hasData
    this.#read = read
  }

  async run(): Promise<void> {
    const underWay: { position: Position; ask: number; done: Promise<void> }[] = []
    let next = 0
    for (;;) {
      while (next < this.#positions.length && this.#mayStart(underWay)) {
        const position = this.#positions[next]
        if (position === undefined) break
        const ask = this.#share(position, 0)
        // A share that others under way may leave larger waits for them.
        if (underWay.length > 0 && ask < this.#wish(position, 0)) break
        next++
        this.#left -= ask
        const first = underWay.length === 0 && !this.#hasData
        const done = this.#read(position, { maxBytes: ask, atLeastOneBatch: first })
        underWay.push({ position, ask, done })
      }
      const oldest = underWay.shift()
      if (oldest === undefined) return
      await oldest.done
      this.#left += oldest.ask - oldest.position.bytes
      await this.#complete(oldest.position)
      if (oldest.position.bytes > 0) this.#hasData = true
    }
  }

  /** A read is copied several times on its way, so the bytes of all that are under way are few. */
  #mayStart(underWay: readonly { readonly ask: number }[]): boolean {
    const asked = underWay.reduce((sum, { ask }) => sum + ask, 0)
    return underWay.length < READS_IN_FLIGHT && asked < FETCH_PART_BYTES
  }

  /** What is left for a partition that has taken `taken` bytes. */
  #share(position: Position, taken: number): number {
    return Math.max(0, Math.min(this.#wish(position, taken), this.#left))
  }

  #wish(position: Position, taken: number): number {
    return Math.min(position.asked.partitionMaxBytes - taken, FETCH_PART_BYTES)
  }

  /** KIP-74's one batch for the first partition that has any, and further parts of a large share. */
  async #complete(position: Position): Promise<void> {
    if (position.bytes === 0 && !this.#hasData && hasMore(position)) {
      const maxBytes = this.#share(position, 0)
      await this.#read(position, { maxBytes, atLeastOneBatch: true })
      this.#left -= position.bytes
    }
    // Less than half a part means that there was no more to read.
    while (position.bytes > FETCH_PART_BYTES / 2) {
      const more = this.#share(position, position.bytes)
      const from = more > 0 ? endOfBatches(position.reply?.pieces ?? []) : null
      if (from === null) return
      const before = position.bytes
      await this.#read(position, { maxBytes: more, atLeastOneBatch: false, from })
      this.#left -= position.bytes - before
      if (position.bytes === before) return
    }
  }
}

/** How often a batch in pieces is read again that was replaced while it was read. */
const READ_AGAIN = 3

/** The reply with all pieces of a batch that is larger than a row. */
async function completed(
  leader: PartitionRpc,
  request: ReadRequest,
  reply: ReadReply,
  again = READ_AGAIN,
): Promise<ReadReply> {
  const [first] = reply.pieces
  if (first === undefined || !reply.laterPieces) return reply
  const { topicId, partition } = request
  const { baseOffset, crc } = readBatchHeader(first)
  for (let piece = 1; piece <= reply.laterPieces; piece++) {
    const wanted = { topicId, partition, baseOffset: offset(baseOffset), crc, piece }
    const { bytes, error } = await leader.readPiece(wanted)
    if (bytes === null) {
      if (error !== undefined && error !== KafkaError.NONE) return failedReply(error)
      // Compacted meanwhile, then it is there in another form; deleted, then the client is told.
      if (again === 0) return failedReply(KafkaError.KAFKA_STORAGE_ERROR)
      return completed(leader, request, await leader.read(request), again - 1)
    }
    reply.pieces.push(bytes)
  }
  return reply
}

/** One that reaches over two parts is listed once. */
function addAborted(reply: ReadReply, more: ReadReply): void {
  const listed = new Set(reply.abortedTransactions.map(transactionKey))
  const added = more.abortedTransactions.filter((one) => !listed.has(transactionKey(one)))
  reply.abortedTransactions.push(...added)
}

function transactionKey({ producerId, firstOffset }: AbortedTransaction): string {
  return `${producerId}/${firstOffset}`
}

function hasMore(position: Position): boolean {
  const { reply, asked } = position
  if (reply === null || reply.error !== KafkaError.NONE) return false
  return asked.fetchOffset < endFor(position, reply)
}

/** What a reader of the position's isolation level may see ends here. */
function endFor(
  { readCommitted }: Position,
  { lastStableOffset, highWatermark }: IdlePosition,
): Offset {
  return readCommitted ? lastStableOffset : highWatermark
}

function failedReply(error: ErrorCode): ReadReply {
  const none = offset(-1)
  return {
    error,
    highWatermark: none,
    lastStableOffset: none,
    logStartOffset: none,
    pieces: [],
    abortedTransactions: [],
  }
}

/** Partitions that memory kept from being read answer as empty, which every client takes. */
function partitionResponse(position: Position | undefined): PartitionResponse {
  const reply = position?.reply ?? failedReply(KafkaError.NONE)
  const isDenied = reply.error === KafkaError.TOPIC_AUTHORIZATION_FAILED
  return {
    partitionIndex: position?.asked.partition ?? -1,
    errorCode: reply.error,
    // As Kafka, an error tells nothing of where the log ends.
    highWatermark: reply.error === KafkaError.NONE ? reply.highWatermark : -1,
    lastStableOffset: reply.error === KafkaError.NONE ? reply.lastStableOffset : -1,
    logStartOffset: reply.logStartOffset,
    // Of what may not be read there are none, which is said in words of its own (as in Kafka).
    abortedTransactions:
      position?.readCommitted || isDenied
        ? reply.abortedTransactions.map(({ producerId, firstOffset }) => ({
            producerId: BigInt(producerId),
            firstOffset,
          }))
        : null,
    records: reply.pieces,
  }
}
