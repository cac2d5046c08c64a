// Produce (key 0), versions 3 to 13; advertised from 0 because old librdkafka turns compression off
// otherwise (KAFKA-18659). Topic ids from 13 (KIP-516). acks=0 has no answer. A transactional batch is
// verified by its leader at the transaction's coordinator; from 12 on it joins by itself (KIP-890). Internal topics are
// not for clients.

import type { TopicState } from '../../cluster/contract.ts'
import { AUDIT_TOPIC, isInternalTopic } from '../../cluster/names.ts'
import { discard } from '../../core/bytes.ts'
import { type ErrorCode, errorName, KafkaError } from '../../core/errors.ts'
import { offset, ZERO_TOPIC_ID } from '../../core/ids.ts'
import { APPEND_PART_BYTES, APPENDS_IN_FLIGHT_BYTES, SMALL_BYTES } from '../../core/limits.ts'
import type { AppendReply, AppendRequest, AppendTransaction } from '../../partition/contract.ts'
import type { ProduceRequest, ProduceResponse } from '../../protocol/messages/produce.ts'
import { BATCH_HEADER_BYTES, isTransactionalAt } from '../../record/header.ts'
import { Operation, Resource } from '../../security/access.ts'
import { denial } from '../authorise.ts'
import { type AdmittedBatch, admitBatch, type RefusedBatch } from '../batch-admission.ts'
import type { Call } from '../call.ts'
import { type BrokerContext, CloseConnection, type Handling } from '../context.ts'
import { knownTopic, lookUpTopic, type Route, rejectionError, successorOf } from '../routing.ts'

type PartitionResponse = ProduceResponse['responses'][number]['partitionResponses'][number]

/** What was sent, and the promise of its answer; boxed, for to await it is to wait for the answer. */
interface Sent {
  readonly answer: Promise<PartitionResponse>
}

/** From here on a batch may join its producer's transaction by itself (KIP-890). */
const IMPLICIT_FROM_VERSION = 12

/** From here on clients know that they are to abort (KIP-890). */
const ABORTABLE_FROM_VERSION = 11

/** What not every client retries on a produce. */
const COORDINATOR_ERRORS: ReadonlySet<ErrorCode> = new Set([
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.NOT_COORDINATOR,
])

/** Apache Kafka lets clients that call themselves this write to its own topics, of which none is used here. */
const ADMIN_CLIENT = '__admin_client'

const INTERNAL: RefusedBatch = {
  kind: 'refused',
  error: KafkaError.INVALID_TOPIC_EXCEPTION,
  message: 'Clients cannot write to an internal topic.',
  recordErrors: [],
}

const EMPTY = new Uint8Array(0)

/** The same object for all: most requests have no key. */
const UNKEYED: Pick<AppendRequest, 'part'> = {}

/** One partition of a request on its way to its leader. */
interface Append extends Route {
  /** The client's bytes: a view of the frame, valid until the request has taken effect. */
  readonly records: Uint8Array | null
}

/**
 * Checks each partition's batch and hands it to its leader; answers when all are durable or refused.
 * Takes effect when the last batch has been sent: calls to one leader arrive in the order sent.
 */
export function produce(
  request: ProduceRequest,
  call: Call,
  context: BrokerContext,
): Handling<ProduceResponse> {
  const run = new ProduceRun(request, call, context)
  const reading = context.access.ready()
  if (reading !== undefined) {
    const sent = reading.then(() => run.send())
    const left = () => {}
    return {
      effect: sent.then(left, left),
      response: sent.then(() => run.response()),
      appends: true,
    }
  }
  const effect = run.send()
  const response = effect === undefined ? run.response() : effect.then(() => run.response())
  return { effect, response, appends: true }
}

class ProduceRun {
  readonly #request: ProduceRequest
  readonly #version: number
  readonly #call: Call
  /** What the leader is told of a keyed request. */
  readonly #part: Pick<AppendRequest, 'part'>
  readonly #context: BrokerContext
  readonly #appends: Append[] = []
  readonly #answers: Sent[] = []
  #bytesInFlight = 0
  #roomWaiter: (() => void) | null = null

  constructor(request: ProduceRequest, call: Call, context: BrokerContext) {
    this.#request = request
    this.#version = call.version
    this.#call = call
    this.#part = call.keyed === undefined ? UNKEYED : { part: call.keyed.part }
    this.#context = context
    for (const topic of request.topicData) {
      for (const { index, records } of topic.partitionData) {
        this.#appends.push({ name: topic.name, topicId: topic.topicId, partition: index, records })
      }
    }
  }

  /** Sends what can be sent at once; a promise when a topic must be looked up or bytes must land first. */
  send(): Promise<void> | undefined {
    const error = this.#requestError()
    if (error !== KafkaError.NONE) {
      for (const append of this.#appends) this.#refuse(append, error)
      return undefined
    }
    for (const [at, append] of this.#appends.entries()) {
      const topic = knownTopic(this.#context, append)
      if (topic === undefined || !this.#hasRoom(append)) return this.#sendFrom(at)
      if (this.#denial(topic.name) !== KafkaError.NONE) {
        this.#refuse(append, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        continue
      }
      const admitted = this.#admit(append, topic)
      if (dependsOnSettings(admitted) || isLarge(admitted)) return this.#sendFrom(at)
      this.#answers.push({ answer: this.#sendOne(append, topic, admitted) })
    }
    return undefined
  }

  /** What makes Kafka refuse every partition of the request. */
  #requestError(): ErrorCode {
    const { acks, transactionalId } = this.#request
    if (this.#appends.some(({ records }) => claimsTransaction(records))) {
      if (transactionalId === null) return KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
      const { access } = this.#context
      const denied = denial(access, Operation.WRITE, Resource.TRANSACTIONAL_ID, transactionalId)
      if (denied !== KafkaError.NONE) return denied
    }
    const isAcks = acks === 0 || acks === 1 || acks === -1
    return isAcks ? KafkaError.NONE : KafkaError.INVALID_REQUIRED_ACKS
  }

  /** A topic that may not be written to is said before what is wrong with the acks. */
  #refuse(append: Append, error: ErrorCode): void {
    const isOfAcks = error === KafkaError.INVALID_REQUIRED_ACKS
    const denied = isOfAcks ? this.#denialOf(append) : KafkaError.NONE
    this.#answers.push({ answer: refusal(append.partition, denied || error) })
  }

  /** NONE also for a topic by an id that is not known here. */
  #denialOf({ name, topicId }: Append): ErrorCode {
    const known = topicId === ZERO_TOPIC_ID ? name : this.#context.topics.byId(topicId)?.name
    return known === undefined ? KafkaError.NONE : this.#denial(known)
  }

  #denial(topic: string): ErrorCode {
    return denial(this.#context.access, Operation.WRITE, Resource.TOPIC, topic)
  }

  /** @throws CloseConnection for an error with acks=0, where Kafka has no other way to say it */
  async response(): Promise<ProduceResponse | null> {
    const answers = await Promise.all(this.#answers.map(({ answer }) => answer))
    if (this.#request.acks === 0) {
      const failed = answers.find(({ errorCode }) => errorCode !== KafkaError.NONE)
      if (failed === undefined) return null
      throw new CloseConnection(`produce with acks=0 failed: ${errorName(failed.errorCode)}`)
    }
    let next = 0
    const responses = this.#request.topicData.map(({ name, topicId, partitionData }) => {
      const partitionResponses = answers.slice(next, next + partitionData.length)
      next += partitionData.length
      return { name, topicId, partitionResponses }
    })
    return { responses, throttleTimeMs: 0 }
  }

  async #sendFrom(first: number): Promise<void> {
    for (const append of this.#appends.slice(first)) {
      while (!this.#hasRoom(append)) {
        await new Promise<void>((resolve) => {
          this.#roomWaiter = resolve
        })
      }
      this.#answers.push(await this.#sendInTurn(append))
    }
  }

  /** The answer, in a box: the wait is for the sending alone. */
  async #sendInTurn(append: Append): Promise<Sent> {
    let topic: TopicState | ErrorCode | undefined = knownTopic(this.#context, append)
    // Whether a topic exists that may not be written to is not told; by its id it must be found first.
    const denied = this.#denialOf(append)
    if (denied !== KafkaError.NONE) return { answer: refusal(append.partition, denied) }
    let admitted = topic === undefined ? undefined : this.#admit(append, topic)
    // A refusal by settings may be due to old ones: a cache is wrong for one request at most.
    if (topic === undefined || admitted === undefined || dependsOnSettings(admitted)) {
      topic = await lookUpTopic(this.#context, append)
      if (typeof topic === 'number') return { answer: refusal(append.partition, topic) }
      const foundDenied = this.#denial(topic.name)
      if (foundDenied !== KafkaError.NONE) return { answer: refusal(append.partition, foundDenied) }
      admitted = this.#admit(append, topic)
    }
    if (admitted.kind === 'admitted' && isLarge(admitted)) {
      const reply = await this.#sendParts(append, topic, admitted)
      // From here on there is nothing to send again.
      const sent = { ...admitted, batch: EMPTY }
      return { answer: this.#settle(append, topic, sent, reply.last) }
    }
    return { answer: this.#sendOne(append, topic, admitted) }
  }

  /** One piece is under way at a time, so that copies of a large batch do not add up. */
  async #sendParts(
    append: Append,
    topic: TopicState,
    { batch }: AdmittedBatch,
  ): Promise<{ readonly last: Promise<AppendReply> }> {
    const leader = this.#context.objects.partition(topic.id, append.partition)
    const upload = crypto.randomUUID()
    const totalBytes = batch.length
    this.#bytesInFlight += totalBytes
    const ofTransaction = this.#ofTransaction(batch, topic)
    for (let at = 0; ; at += APPEND_PART_BYTES) {
      const bytes = batch.slice(at, at + APPEND_PART_BYTES)
      const reply = leader.appendPart({
        topicId: topic.id,
        partition: append.partition,
        configVersion: topic.configVersion,
        upload,
        totalBytes,
        at,
        bytes,
        ...ofTransaction,
        ...this.#part,
      })
      discard(bytes)
      const isLast = at + APPEND_PART_BYTES >= totalBytes
      const isOver = isLast || (await reply.catch(() => 'failed')) !== null
      if (!isOver) continue
      const landed = () => this.#landed(totalBytes)
      void reply.then(landed, landed)
      return { last: reply.then((answer) => answer ?? unanswered()) }
    }
  }

  #hasRoom(append: Append): boolean {
    const bytes = append.records?.length ?? 0
    return this.#bytesInFlight === 0 || this.#bytesInFlight + bytes <= APPENDS_IN_FLIGHT_BYTES
  }

  /** Its synchronous stretch sends the batch; the answer comes when the leader has made it durable. */
  #sendOne(
    append: Append,
    topic: TopicState,
    admitted: AdmittedBatch | RefusedBatch = this.#admit(append, topic),
  ): Promise<PartitionResponse> {
    if (admitted.kind === 'refused') return refusedBatch(append.partition, admitted)
    return this.#settle(append, topic, admitted, this.#append(append, topic, admitted))
  }

  #admit(append: Append, topic: TopicState): AdmittedBatch | RefusedBatch {
    if (isInternalTopic(topic.name) && !this.#mayWriteInternal(topic.name)) return INTERNAL
    return admitBatch(append.records, topic.settings, {
      version: this.#version,
      nowMs: this.#context.timers.now(),
    })
  }

  /** Nobody but the broker says what has happened. */
  #mayWriteInternal(topic: string): boolean {
    const { isOwn, clientId } = this.#call
    return isOwn === true || (topic !== AUDIT_TOPIC && clientId === ADMIN_CLIENT)
  }

  #append(append: Append, topic: TopicState, { batch }: AdmittedBatch): Promise<AppendReply> {
    const { length } = batch
    this.#bytesInFlight += length
    const reply = this.#context.objects.partition(topic.id, append.partition).append({
      topicId: topic.id,
      partition: append.partition,
      configVersion: topic.configVersion,
      batch,
      ...this.#ofTransaction(batch, topic),
      ...this.#part,
    })
    const landed = () => this.#landed(length)
    void reply.then(landed, landed)
    return reply
  }

  /** What the leader must know to verify a transactional batch. */
  #ofTransaction(
    batch: Uint8Array,
    topic: TopicState,
  ): { readonly transaction?: AppendTransaction } {
    const { transactionalId } = this.#request
    if (transactionalId === null || !claimsTransaction(batch)) return {}
    const implicit = this.#version >= IMPLICIT_FROM_VERSION
    return { transaction: { transactionalId, topic: topic.name, implicit } }
  }

  #landed(bytes: number): void {
    this.#bytesInFlight -= bytes
    this.#roomWaiter?.()
    this.#roomWaiter = null
  }

  async #settle(
    append: Append,
    topic: TopicState,
    admitted: AdmittedBatch,
    reply: Promise<AppendReply>,
  ): Promise<PartitionResponse> {
    const { topics, log } = this.#context
    let answer: AppendReply
    try {
      answer = await reply
    } catch (error) {
      // The outcome is unknown. A retriable error makes the client send again; its sequence numbers
      // tell a duplicate.
      log('warn', 'append failed', { partition: append.partition, reason: String(error) })
      return refusal(append.partition, rejectionError(error))
    }
    if (answer.kind === 'appended') {
      discard(admitted.batch)
      return {
        index: append.partition,
        errorCode: KafkaError.NONE,
        baseOffset: answer.baseOffset,
        logAppendTimeMs: admitted.logAppendTimeMs,
        logStartOffset: answer.logStartOffset,
      }
    }
    // From here on the frame's bytes are gone; the admitted batch is ours.
    const own = { ...append, records: answer.batch ?? admitted.batch }
    const isGone = own.records.length === 0
    if (answer.kind === 'stale') {
      const { configVersion, settings } = answer
      const newer = { ...topic, configVersion, settings }
      topics.put(newer)
      return isGone ? sendAgain(append) : this.#sendOne(own, newer)
    }
    if (answer.error === KafkaError.UNKNOWN_TOPIC_ID) {
      if (isGone) topics.forget(topic.id)
      return isGone ? sendAgain(append) : this.#sendToSuccessor(own, topic)
    }
    if (answer.known !== undefined) this.#call.keyed?.known(answer.known)
    return refusal(append.partition, this.#errorFor(answer.error), answer.message)
  }

  /** As Kafka says on a produce what a coordinator said: in words that clients of this version act on. */
  #errorFor(error: ErrorCode): ErrorCode {
    if (COORDINATOR_ERRORS.has(error)) return KafkaError.NOT_ENOUGH_REPLICAS
    switch (error) {
      case KafkaError.PRODUCER_FENCED:
        return KafkaError.INVALID_PRODUCER_EPOCH
      case KafkaError.CONCURRENT_TRANSACTIONS:
        return this.#version < IMPLICIT_FROM_VERSION ? KafkaError.NOT_ENOUGH_REPLICAS : error
      case KafkaError.TRANSACTION_ABORTABLE:
        return this.#version < ABORTABLE_FROM_VERSION ? KafkaError.INVALID_TXN_STATE : error
      default:
        return error
    }
  }

  /** The id is dead: a topic recreated under the name takes the batch, if the client asked by name. */
  async #sendToSuccessor(append: Append, dead: TopicState): Promise<PartitionResponse> {
    const topic = await successorOf(this.#context, append, dead)
    if (typeof topic === 'number') return refusal(append.partition, topic)
    return this.#sendOne(append, topic)
  }
}

async function refusal(
  index: number,
  errorCode: ErrorCode,
  errorMessage: string | null = null,
): Promise<PartitionResponse> {
  return { index, errorCode, baseOffset: offset(-1), errorMessage }
}

/** Too large to be copied in one call. */
function isLarge(admitted: AdmittedBatch | RefusedBatch): boolean {
  return admitted.kind === 'admitted' && admitted.batch.length > SMALL_BYTES
}

function unanswered(): never {
  throw new Error('the last piece of a batch had no answer')
}

/** Refused for what the topic's settings say, and not for what the batch is. */
function dependsOnSettings(admitted: AdmittedBatch | RefusedBatch): boolean {
  if (admitted.kind !== 'refused') return false
  const { error, recordErrors } = admitted
  return (
    error === KafkaError.MESSAGE_TOO_LARGE ||
    error === KafkaError.RECORD_LIST_TOO_LARGE ||
    error === KafkaError.INVALID_TIMESTAMP ||
    recordErrors.length > 0
  )
}

function claimsTransaction(records: Uint8Array | null): boolean {
  return records !== null && records.length >= BATCH_HEADER_BYTES && isTransactionalAt(records, 0)
}

/** The batch's memory is given back already: the client, told to retry, sends it again. */
function sendAgain({ partition }: Append): Promise<PartitionResponse> {
  return refusal(partition, KafkaError.NOT_LEADER_OR_FOLLOWER)
}

async function refusedBatch(index: number, refused: RefusedBatch): Promise<PartitionResponse> {
  const { error, message, recordErrors } = refused
  return {
    index,
    errorCode: error,
    baseOffset: offset(-1),
    errorMessage: message,
    recordErrors: recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => ({
      batchIndex,
      batchIndexErrorMessage,
    })),
  }
}
