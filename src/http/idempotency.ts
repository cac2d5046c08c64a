// One HTTP request with an Idempotency-Key, over all partitions it writes to. Each partition remembers its part with
// the records (partition/requests.ts), so that a retry stores what is missing, however the first try ended. The
// partition where all requests of a key meet is told first: it knows what the key was used for, and who runs. If
// all records go there, it learns both from the batch itself.
//
// What is stored once does not hang on that: each partition judges each batch by what it has. What does, is that
// another body is noticed where the two have no partition in common, while the place of meeting remembers a request of
// which it has no records: that is in its next chunk, and lost when the object ends before it has one.
// A topic that got partitions between two tries places by the number that the first one had, where that is remembered.

import type { BrokerContext } from '../broker/context.ts'
import { rejectionError } from '../broker/routing.ts'
import type { TopicState } from '../cluster/contract.ts'
import { KafkaError } from '../core/errors.ts'
import { REQUEST_CLAIM_MS } from '../core/limits/requests.ts'
import type { RequestClaim, RequestId, RequestIdentity } from '../partition/requests-contract.ts'
import { type AppendOutcome, appendPart } from './appender.ts'
import { digestOf } from './idempotency-digest.ts'
import { homeOf, reusedKey, stillRunning } from './idempotency-key.ts'
import { KeyedLane, type PartOfLane } from './idempotency-lane.ts'
import { type Place, placementBeside } from './placement.ts'
import { Problem } from './problem.ts'
import type { IncomingRecord } from './record-in.ts'

/** What a request is: a list that is known whole, or a stream. */
export interface KeyedBody {
  /** Digest of all records, or of the first of a stream. */
  readonly body: string
  readonly isStream: boolean
}

/** A request in progress. */
export class KeyedRequest {
  readonly #broker: BrokerContext
  readonly #topic: TopicState
  readonly #id: RequestId
  /** The time of records that have none. */
  readonly nowMs: number
  readonly #lanes = new Map<number, KeyedLane>()
  #identity: RequestIdentity
  #place: Place
  /** Whom the place of meeting knows, and since when; null when it was not told. */
  #claim: { readonly owner: string; readonly home: number; atMs: number } | null = null
  /** Records of a stream so far; and in all, where a try before this one was received whole. */
  #taken = 0
  #total = 0
  #stored = 0
  #replayed = 0

  constructor(broker: BrokerContext, topic: TopicState, id: RequestId, nowMs: number) {
    this.#broker = broker
    this.#topic = topic
    this.#id = id
    this.nowMs = nowMs
    this.#identity = { id, body: '', isStream: true, partitions: topic.partitions, total: 0 }
    this.#place = this.#placement(topic.partitions)
  }

  /** Places the records: those without a key where requests of this key meet, so that a retry does it again. */
  readonly place: Place = (record) => this.#place(record)

  /** Everything was there before: the answer is that of another try. */
  get isReplayed(): boolean {
    return this.#stored === 0 && this.#replayed > 0
  }

  /** Asks whether the request may run. `records` are those that are known: of a list all. */
  async begin(keyed: KeyedBody, records: readonly IncomingRecord[]): Promise<Problem | null> {
    const { partitions } = this.#topic
    this.#identity = { id: this.#id, ...keyed, partitions, total: 0 }
    const home = homeOf(this.#id, partitions)
    const goesHome = (record: IncomingRecord) => this.#place(record) === home
    if (!keyed.isStream && records.every(goesHome)) return null
    // What cannot be placed is refused before anything is remembered.
    if (records.some((record) => this.#place(record) instanceof Problem)) return null
    const owner = crypto.randomUUID()
    const reply = await this.#tell({ owner, home, act: 'begin' })
    if (reply instanceof Problem) return reply
    if (reply.verdict === 'other') return reusedKey()
    if (reply.verdict === 'running') return stillRunning()
    this.#claim = { owner, home, atMs: this.#broker.timers.now() }
    this.#total = reply.total
    const before = reply.partitions
    if (before > 0 && before < partitions) {
      this.#identity = { ...this.#identity, partitions: before }
      this.#place = this.#placement(before)
    }
    return null
  }

  /** The next record of a stream, before it is placed: with the first it begins. */
  async take(record: IncomingRecord): Promise<Problem | null> {
    this.#taken += 1
    if (this.#taken === 1) return this.begin({ body: digestOf([record]), isStream: true }, [record])
    return this.#total > 0 && this.#taken > this.#total ? reusedKey() : null
  }

  /** Has the next records of a partition stored, or finds them stored. */
  async append(partition: number, records: readonly IncomingRecord[]): Promise<AppendOutcome> {
    await this.#keepClaim()
    const lane = this.#lanes.get(partition) ?? this.#lane(partition)
    const spans = await lane.append(records)
    if (spans instanceof Problem) return spans
    for (const { count, isReplayed } of spans) {
      if (isReplayed) this.#replayed += count
      else this.#stored += count
    }
    const [first] = spans
    if (first === undefined) throw new Error('no record was asked for')
    return { baseOffset: first.firstOffset, logAppendTimeMs: first.appendTimeMs, spans }
  }

  /** The stream is over: 422 when a try before this one had records that this one has not. */
  whole(): Problem | null {
    const isShorter = [...this.#lanes.values()].some((lane) => lane.isShorter)
    if (isShorter || this.#taken < this.#total) return reusedKey()
    this.#identity = { ...this.#identity, total: this.#taken }
    return null
  }

  /** The request is over; awaited before it is answered, so that whoever retries then is not told that it runs. */
  async end(outcome: unknown): Promise<void> {
    if (this.#claim === null) return
    const { owner, home } = this.#claim
    const isRefused = outcome instanceof Problem && outcome.status < 500
    const isForgotten = isRefused && this.#stored === 0 && this.#replayed === 0
    await this.#tell({ owner, home, act: isForgotten ? 'forget' : 'end' })
  }

  #lane(partition: number): KeyedLane {
    const send = async (records: readonly IncomingRecord[], part: PartOfLane) => {
      const keyed = { ...this.#identity, ...part, timeMs: this.nowMs }
      const sent = await appendPart(this.#broker, this.#topic, partition, records, keyed)
      if (!(sent instanceof Problem)) return sent
      if (sent.code === KafkaError.INVALID_REQUEST) return reusedKey()
      return sent.code === KafkaError.CONCURRENT_TRANSACTIONS ? stillRunning() : sent
    }
    const lane = new KeyedLane(send)
    this.#lanes.set(partition, lane)
    return lane
  }

  #placement(partitions: number): Place {
    return placementBeside(this.#topic, homeOf(this.#id, partitions), partitions)
  }

  /** A stream says now and then that it still runs. */
  async #keepClaim(): Promise<void> {
    const claim = this.#claim
    const nowMs = this.#broker.timers.now()
    if (claim === null || nowMs < claim.atMs + REQUEST_CLAIM_MS / 2) return
    claim.atMs = nowMs
    await this.#tell({ owner: claim.owner, home: claim.home, act: 'begin' })
  }

  async #tell({ home, ...said }: Pick<RequestClaim, 'owner' | 'act'> & { readonly home: number }) {
    const target = { topicId: this.#topic.id, partition: home }
    try {
      const leader = this.#broker.objects.partition(this.#topic.id, home)
      const reply = await leader.claim({ ...target, ...this.#identity, ...said })
      return reply.error === KafkaError.NONE ? reply : new Problem(reply.error)
    } catch (cause) {
      return new Problem(rejectionError(cause))
    }
  }
}
