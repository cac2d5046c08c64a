// What a partition remembers of its idempotent and transactional producers, so that a batch sent twice
// is stored once, a missing one is noticed, and a transaction's records are known until its marker.
// Rules are those of Kafka's ProducerStateManager (KIP-98, KIP-360, KIP-890); times are the leader's
// clock, not the records', so that an old CreateTime does not make a producer look idle.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { PRODUCERS_PER_PARTITION } from '../core/limits/partition.ts'
import {
  encodeProducerEvents,
  type ProducerBatch,
  type ProducerEvent,
  readProducerEvents,
} from './producer-codec.ts'
import { after, eventsOf, type OpenTransaction, type ProducerState } from './producer-state.ts'

/** The fields of a batch header that make it idempotent. A producer id below 0 means none. */
export interface Sequenced {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastOffsetDelta: number
}

/** What becomes of a batch or a marker. */
export type ProducerCheck =
  | { readonly kind: 'next' }
  /** Stored before, at this offset (a batch); or over before (a marker, its offset is -1). */
  | { readonly kind: 'duplicate'; readonly baseOffset: number }
  | { readonly kind: 'refused'; readonly error: ErrorCode; readonly message: string }

/** A marker as its check needs it. */
export interface NumberedEnd {
  readonly producerId: number
  readonly producerEpoch: number
  readonly number: number | null
  readonly coordinatorEpoch: number
}

const SEQUENCE_MAX = 2_147_483_647
/** Producers whose refused first batch is awaited; more are forgotten, oldest first. */
const AWAITED_MAX = 1_000

interface Awaited {
  readonly epoch: number
  readonly sequence: number
}

const NEXT: ProducerCheck = { kind: 'next' }

/** The state of all producers, in the order of their last append. */
export class ProducerTable {
  readonly #states = new Map<number, ProducerState>()
  /** Producers with an open transaction, in the order of their first offsets. */
  readonly #open = new Map<number, OpenTransaction>()
  readonly #awaited = new Map<number, Awaited>()
  readonly #capacity: number

  constructor(capacity: number = PRODUCERS_PER_PARTITION) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#states.size
  }

  /** Every producer and its state. */
  get entries(): Iterable<readonly [producerId: number, state: ProducerState]> {
    return this.#states
  }

  /** First offset of the oldest open transaction; null when none is open. */
  get firstOpenOffset(): number | null {
    for (const { firstOffset } of this.#open.values()) return firstOffset
    return null
  }

  /**
   * No more transactions may be open here than are, with `joining` others: they can not be forgotten,
   * and all producers must fit a snapshot's row.
   */
  isCrowded(joining: number): boolean {
    return this.#open.size + joining >= this.#capacity
  }

  state(producerId: number): ProducerState | undefined {
    return this.#states.get(producerId)
  }

  /** As firstOpenOffset, when these changes will have been committed. */
  firstOpenOffsetAfter(changes: ProducerChanges): number | null {
    for (const [producerId, open] of this.#open) {
      if (changes.state(producerId)?.open?.firstOffset === open.firstOffset) return open.firstOffset
    }
    return changes.firstBegun
  }

  /** Starts the checks of one flush: nothing changes here until they are committed. */
  begin(nowMs: number, expirationMs: number): ProducerChanges {
    return new ProducerChanges((producerId) => {
      const state = this.#states.get(producerId)
      return state === undefined || isExpired(state, nowMs, expirationMs) ? undefined : state
    }, this.#awaited)
  }

  /** Takes over what a flush changed, once it is stored. */
  commit(changes: ProducerChanges): void {
    for (const event of changes.events) this.#apply(event)
  }

  /**
   * Batches were refused with an error that clients retry: until the first of them comes again, later
   * ones of a producer that is not known yet are out of order. Otherwise "an unknown producer may
   * start at any sequence" would let a pipelined second batch in before its first.
   */
  awaitRetry(batch: Sequenced): void {
    const { producerId, producerEpoch, baseSequence } = batch
    // Of a producer that is known its sequence says more, unless it expires meanwhile.
    if (producerId < 0) return
    const awaited = this.#awaited.get(producerId)
    if (awaited?.epoch === producerEpoch && awaited.sequence <= baseSequence) return
    this.#awaited.set(producerId, { epoch: producerEpoch, sequence: baseSequence })
    if (this.#awaited.size <= AWAITED_MAX) return
    for (const oldest of this.#awaited.keys()) {
      this.#awaited.delete(oldest)
      return
    }
  }

  /** Forgets those that are expired: they are not known any more in any case. */
  forgetExpired(nowMs: number, expirationMs: number): void {
    for (const [producerId, state] of this.#states) {
      if (isExpired(state, nowMs, expirationMs)) this.#states.delete(producerId)
    }
  }

  /** Applies what a chunk stored (or a whole snapshot), in the order it was written. */
  replay(encoded: Uint8Array): void {
    for (const event of readProducerEvents(encoded)) this.#apply(event)
  }

  /** The whole state but what has expired, for `replay`: open transactions in their order. */
  snapshot(nowMs: number, expirationMs: number): Uint8Array {
    const begins: ProducerEvent[] = []
    const events: ProducerEvent[] = []
    for (const [producerId, state] of this.#states) {
      if (isExpired(state, nowMs, expirationMs)) continue
      for (const event of eventsOf(producerId, state)) {
        if (event.kind !== 'begin') events.push(event)
      }
    }
    for (const [producerId, open] of this.#open) {
      const epoch = this.#states.get(producerId)?.epoch ?? -1
      begins.push({ kind: 'begin', producerId, epoch, ...open })
    }
    return encodeProducerEvents([...events, ...begins])
  }

  #apply(event: ProducerEvent): void {
    const { producerId } = event
    const state = after(this.#states.get(producerId), event)
    this.#states.delete(producerId)
    this.#states.set(producerId, state)
    this.#awaited.delete(producerId)
    if (event.kind === 'begin' && state.open !== null) this.#open.set(producerId, state.open)
    if (event.kind === 'end') this.#open.delete(producerId)
    if (this.#states.size > this.#capacity) this.#forgetIdlest()
  }

  /** A transaction that is open is never forgotten: its marker is still to come. */
  #forgetIdlest(): void {
    for (const [producerId, { open }] of this.#states) {
      if (open !== null) continue
      this.#states.delete(producerId)
      return
    }
  }
}

/** The checks of one flush, seeing the table as the flush will leave it. */
export class ProducerChanges {
  readonly #known: (producerId: number) => ProducerState | undefined
  readonly #awaited: ReadonlyMap<number, Awaited>
  readonly #changed = new Map<number, ProducerState>()
  readonly #events: ProducerEvent[] = []

  constructor(
    known: (producerId: number) => ProducerState | undefined,
    awaited: ReadonlyMap<number, Awaited>,
  ) {
    this.#known = known
    this.#awaited = awaited
  }

  /** What was accepted so far, in order. */
  get events(): readonly ProducerEvent[] {
    return this.#events
  }

  /** First offset of the oldest transaction that began in this flush and is open after it. */
  get firstBegun(): number | null {
    for (const event of this.#events) {
      if (event.kind !== 'begin') continue
      const { firstOffset } = event
      if (this.state(event.producerId)?.open?.firstOffset === firstOffset) return firstOffset
    }
    return null
  }

  /** The producer as the flush so far leaves it. */
  state(producerId: number): ProducerState | undefined {
    return this.#changed.get(producerId) ?? this.#known(producerId)
  }

  /**
   * Kafka's answer to a batch by its producer id, epoch and sequence, then by its transaction.
   * @param transaction number of the transaction it was verified in; null for a batch that is in none
   */
  check(batch: Sequenced, transaction: number | null): ProducerCheck {
    const state = this.state(batch.producerId)
    const check = this.#sequenceCheck(batch, state)
    if (check.kind !== 'next') return check
    const open = state?.open ?? null
    if (transaction === null) {
      return open === null ? NEXT : outside('the producer has an open transaction')
    }
    if (open !== null) {
      return open.number === transaction ? NEXT : outside('another transaction is open')
    }
    return transaction > (state?.endedNumber ?? -1) ? NEXT : outside('the transaction is over')
  }

  /** Kafka's answer to a marker; `duplicate` when its transaction is over here already. */
  checkEnd(end: NumberedEnd): ProducerCheck {
    const state = this.state(end.producerId)
    if (state === undefined) return NEXT
    if (end.number !== null) {
      const { open, endedNumber } = state
      const isOver = end.number <= endedNumber || (open !== null && end.number < open.number)
      if (isOver) return { kind: 'duplicate', baseOffset: -1 }
    }
    if (end.producerEpoch < state.epoch) return fenced(end.producerEpoch, state.epoch)
    // A coordinator of ours has no rivals: its markers are known by their numbers.
    if (end.number === null && end.coordinatorEpoch < state.coordinatorEpoch) {
      const message = `coordinator epoch ${end.coordinatorEpoch} is older than ${state.coordinatorEpoch}`
      return { kind: 'refused', error: KafkaError.TRANSACTION_COORDINATOR_FENCED, message }
    }
    return NEXT
  }

  /** Counts a batch that was checked as next. */
  accept(batch: Sequenced, baseOffset: number, nowMs: number, transaction: number | null): void {
    const { producerId, producerEpoch: epoch, baseSequence: firstSequence } = batch
    const lastSequence = sequenceAfter(firstSequence, batch.lastOffsetDelta)
    const sequences = { firstSequence, lastSequence }
    if (transaction !== null && this.state(producerId)?.open?.number !== transaction) {
      const firstOffset = baseOffset
      this.#add({ kind: 'begin', producerId, epoch, number: transaction, firstOffset })
    }
    this.#add({ kind: 'batch', producerId, epoch, ...sequences, baseOffset, appendedAtMs: nowMs })
  }

  /** Counts a marker that was checked as next. Answers the transaction that it ends, if one was open. */
  acceptEnd(end: NumberedEnd, offset: number, nowMs: number): OpenTransaction | null {
    const { producerId, producerEpoch: epoch, coordinatorEpoch } = end
    const open = this.state(producerId)?.open ?? null
    this.#add({ kind: 'end', producerId, epoch, coordinatorEpoch, offset, appendedAtMs: nowMs })
    const number = end.number ?? open?.number
    if (number !== undefined) this.#add({ kind: 'ended', producerId, number })
    return open
  }

  /** What the chunk stores beside its batches; null when nothing changed. */
  encode(): Uint8Array | null {
    return this.#events.length === 0 ? null : encodeProducerEvents(this.#events)
  }

  #add(event: ProducerEvent): void {
    const { producerId } = event
    this.#changed.set(producerId, after(this.state(producerId), event))
    this.#events.push(event)
  }

  #sequenceCheck(batch: Sequenced, state: ProducerState | undefined): ProducerCheck {
    const { producerId, producerEpoch, baseSequence } = batch
    if (state === undefined) {
      const awaited = this.#awaited.get(producerId)
      const early = awaited?.epoch === producerEpoch && baseSequence > awaited.sequence
      return early ? outOfOrder(`${awaited.sequence} was refused and is awaited`) : NEXT
    }
    if (producerEpoch === state.epoch) {
      const stored = storedBatch(state, batch)
      if (stored !== null) return { kind: 'duplicate', baseOffset: stored }
      const expected = sequenceAfter(state.batches.at(-1)?.lastSequence ?? -1, 1)
      return baseSequence === expected ? NEXT : outOfOrder(`${expected} was expected`)
    }
    if (producerEpoch < state.epoch) return fenced(producerEpoch, state.epoch)
    return baseSequence === 0 ? NEXT : outOfOrder('a new epoch starts at 0')
  }
}

/** Where this very batch was stored; null when it is not among those remembered. */
export function storedBatch(state: ProducerState, batch: Sequenced): number | null {
  if (state.epoch !== batch.producerEpoch) return null
  const lastSequence = sequenceAfter(batch.baseSequence, batch.lastOffsetDelta)
  for (const stored of state.batches) {
    if (stored.firstSequence === batch.baseSequence && stored.lastSequence === lastSequence) {
      return stored.baseOffset
    }
  }
  return null
}

/** Offset of a batch's last record: its records have neighbouring sequences. */
export function lastOffsetOf({ baseOffset, firstSequence, lastSequence }: ProducerBatch): number {
  const delta = lastSequence - firstSequence
  return baseOffset + (delta < 0 ? delta + SEQUENCE_MAX + 1 : delta)
}

/** The sequence `count` records after another: after 2147483647 comes 0. */
export function sequenceAfter(sequence: number, count: number): number {
  const sum = sequence + count
  return sum > SEQUENCE_MAX ? sum - SEQUENCE_MAX - 1 : sum
}

/** Idle for so long that it is forgotten; never while its transaction is open. */
export function isExpired(state: ProducerState, nowMs: number, expirationMs: number): boolean {
  return state.open === null && nowMs - state.lastAppendMs >= expirationMs
}

function outOfOrder(message: string): ProducerCheck {
  return { kind: 'refused', error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, message }
}

function fenced(epoch: number, newer: number): ProducerCheck {
  const message = `epoch ${epoch} is older than ${newer}`
  return { kind: 'refused', error: KafkaError.INVALID_PRODUCER_EPOCH, message }
}

function outside(message: string): ProducerCheck {
  return { kind: 'refused', error: KafkaError.INVALID_TXN_STATE, message }
}
