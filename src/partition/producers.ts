// What a partition remembers of its idempotent producers: epoch and last five batches of each, so that
// a batch sent twice is stored once and a missing one is noticed. Not the transactional side.
// Rules are those of Kafka's ProducerStateManager (KIP-98, KIP-360); times are the leader's clock, not
// the records', so that an old CreateTime does not make a producer look idle.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { PRODUCERS_PER_PARTITION } from '../core/limits.ts'
import {
  PRODUCER_BATCH_BYTES,
  type ProducerBatch,
  readProducerBatches,
  writeProducerBatch,
} from './producer-codec.ts'

/** The fields of a batch header that make it idempotent. A producer id below 0 means none. */
export interface Sequenced {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastOffsetDelta: number
}

/** What becomes of a batch by its sequence. */
export type SequenceCheck =
  | { readonly kind: 'next' }
  /** Stored before, at this offset. */
  | { readonly kind: 'duplicate'; readonly baseOffset: number }
  | { readonly kind: 'refused'; readonly error: ErrorCode; readonly message: string }

/** As many batches as clients keep in flight: max.in.flight.requests.per.connection is at most 5. */
const REMEMBERED_BATCHES = 5
const SEQUENCE_MAX = 2_147_483_647
/** Producers whose refused first batch is awaited; more are forgotten, oldest first. */
const AWAITED_MAX = 1_000

interface ProducerState {
  readonly epoch: number
  /** Oldest first, never empty. */
  readonly batches: readonly ProducerBatch[]
}

interface Awaited {
  readonly epoch: number
  readonly sequence: number
}

const NEXT: SequenceCheck = { kind: 'next' }

/** The state of all producers, in the order of their last append. */
export class ProducerTable {
  readonly #states = new Map<number, ProducerState>()
  readonly #awaited = new Map<number, Awaited>()
  readonly #capacity: number

  constructor(capacity: number = PRODUCERS_PER_PARTITION) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#states.size
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
    for (const batch of changes.batches) this.#apply(batch)
  }

  /**
   * Batches were refused with an error that clients retry: until the first of them comes again, later
   * ones of a producer that is not known yet are out of order. Otherwise "an unknown producer may
   * start at any sequence" would let a pipelined second batch in before its first.
   */
  awaitRetry(batch: Sequenced): void {
    const { producerId, producerEpoch, baseSequence } = batch
    if (producerId < 0 || this.#states.has(producerId)) return
    const awaited = this.#awaited.get(producerId)
    if (awaited?.epoch === producerEpoch && awaited.sequence <= baseSequence) return
    this.#awaited.set(producerId, { epoch: producerEpoch, sequence: baseSequence })
    if (this.#awaited.size <= AWAITED_MAX) return
    for (const oldest of this.#awaited.keys()) {
      this.#awaited.delete(oldest)
      return
    }
  }

  /** Applies what a chunk stored (or a whole snapshot), in the order it was written. */
  replay(encoded: Uint8Array): void {
    for (const batch of readProducerBatches(encoded)) this.#apply(batch)
  }

  /** The whole state but what has expired, for `replay`. */
  snapshot(nowMs: number, expirationMs: number): Uint8Array {
    const batches: ProducerBatch[] = []
    for (const state of this.#states.values()) {
      if (!isExpired(state, nowMs, expirationMs)) batches.push(...state.batches)
    }
    return encode(batches)
  }

  #apply(batch: ProducerBatch): void {
    const { producerId } = batch
    const after = withBatch(this.#states.get(producerId), batch)
    this.#states.delete(producerId)
    this.#states.set(producerId, after)
    this.#awaited.delete(producerId)
    if (this.#states.size <= this.#capacity) return
    for (const idlest of this.#states.keys()) {
      this.#states.delete(idlest)
      return
    }
  }
}

/** The checks of one flush, seeing the table as the flush will leave it. */
export class ProducerChanges {
  readonly #known: (producerId: number) => ProducerState | undefined
  readonly #awaited: ReadonlyMap<number, Awaited>
  readonly #changed = new Map<number, ProducerState>()
  readonly #batches: ProducerBatch[] = []

  constructor(
    known: (producerId: number) => ProducerState | undefined,
    awaited: ReadonlyMap<number, Awaited>,
  ) {
    this.#known = known
    this.#awaited = awaited
  }

  /** Batches accepted so far, in order. */
  get batches(): readonly ProducerBatch[] {
    return this.#batches
  }

  /** Kafka's answer to a batch by its producer id, epoch and sequence. */
  check(batch: Sequenced): SequenceCheck {
    const { producerId, producerEpoch, baseSequence } = batch
    const state = this.#changed.get(producerId) ?? this.#known(producerId)
    if (state === undefined) {
      const awaited = this.#awaited.get(producerId)
      const early = awaited?.epoch === producerEpoch && baseSequence > awaited.sequence
      return early ? outOfOrder(`${awaited.sequence} was refused and is awaited`) : NEXT
    }
    if (producerEpoch === state.epoch) {
      const lastSequence = sequenceAfter(baseSequence, batch.lastOffsetDelta)
      for (const stored of state.batches) {
        if (stored.firstSequence === baseSequence && stored.lastSequence === lastSequence) {
          return { kind: 'duplicate', baseOffset: stored.baseOffset }
        }
      }
      const expected = sequenceAfter(state.batches.at(-1)?.lastSequence ?? -1, 1)
      return baseSequence === expected ? NEXT : outOfOrder(`${expected} was expected`)
    }
    if (producerEpoch < state.epoch) {
      const message = `epoch ${producerEpoch} is older than ${state.epoch}`
      return { kind: 'refused', error: KafkaError.INVALID_PRODUCER_EPOCH, message }
    }
    return baseSequence === 0 ? NEXT : outOfOrder('a new epoch starts at 0')
  }

  /** Counts a batch that was checked as next. */
  accept(batch: Sequenced, baseOffset: number, nowMs: number): void {
    const { producerId, producerEpoch, baseSequence } = batch
    const stored: ProducerBatch = {
      producerId,
      epoch: producerEpoch,
      firstSequence: baseSequence,
      lastSequence: sequenceAfter(baseSequence, batch.lastOffsetDelta),
      baseOffset,
      appendedAtMs: nowMs,
    }
    const before = this.#changed.get(producerId) ?? this.#known(producerId)
    this.#changed.set(producerId, withBatch(before, stored))
    this.#batches.push(stored)
  }

  /** What the chunk stores beside its batches; null when none of them is idempotent. */
  encode(): Uint8Array | null {
    return this.#batches.length === 0 ? null : encode(this.#batches)
  }
}

/** The sequence `count` records after another: after 2147483647 comes 0. */
export function sequenceAfter(sequence: number, count: number): number {
  const sum = sequence + count
  return sum > SEQUENCE_MAX ? sum - SEQUENCE_MAX - 1 : sum
}

function withBatch(state: ProducerState | undefined, batch: ProducerBatch): ProducerState {
  if (state === undefined || state.epoch !== batch.epoch) {
    return { epoch: batch.epoch, batches: [batch] }
  }
  const kept =
    state.batches.length < REMEMBERED_BATCHES
      ? state.batches
      : state.batches.slice(state.batches.length - REMEMBERED_BATCHES + 1)
  return { epoch: batch.epoch, batches: [...kept, batch] }
}

function isExpired(state: ProducerState, nowMs: number, expirationMs: number): boolean {
  return nowMs - (state.batches.at(-1)?.appendedAtMs ?? 0) >= expirationMs
}

function outOfOrder(message: string): SequenceCheck {
  return { kind: 'refused', error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, message }
}

function encode(batches: readonly ProducerBatch[]): Uint8Array {
  const bytes = new Uint8Array(batches.length * PRODUCER_BATCH_BYTES)
  batches.forEach((batch, index) => {
    writeProducerBatch(bytes, index * PRODUCER_BATCH_BYTES, batch)
  })
  return bytes
}
