// InitProducerId of a transactional id: which id and epoch its producer has from now on (KIP-98, and
// KIP-360 for a producer that says what it had). An open transaction is aborted first, and the producer
// asks again. Pure: a function from a state to the next.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { InitRequest } from './contract.ts'
import { isExhausted, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from './epochs.ts'
import { isPreparing, type TransactionState } from './state.ts'

/** What becomes of a request for an id and epoch. */
export type InitOutcome =
  | { readonly kind: 'refused'; readonly error: ErrorCode }
  /** The open transaction is to be aborted; the producer asks again. */
  | { readonly kind: 'abort' }
  | { readonly kind: 'initialised'; readonly next: TransactionState }

/** Whether this request would be answered with an id not given before. */
export function initNeedsProducerId(state: TransactionState | null, request: InitRequest): boolean {
  if (state === null) return true
  if (state.state === 'Ongoing' || isPreparing(state) || !isKnown(state, request)) return false
  return rotates(state, request)
}

/** @param freshId a producer id never given before; used when initNeedsProducerId says so */
export function initialise(
  state: TransactionState | null,
  request: InitRequest,
  freshId: number,
  nowMs: number,
): InitOutcome {
  if (state === null) return created(request, freshId, nowMs)
  if (isPreparing(state)) return refused(KafkaError.CONCURRENT_TRANSACTIONS)
  if (!isKnown(state, request)) return refused(KafkaError.PRODUCER_FENCED)
  if (state.state === 'Ongoing') return { kind: 'abort' }
  const says = hasExpectation(request)
  const { producerId, producerEpoch, lastProducerEpoch } = state
  if (rotates(state, request)) {
    return initialised(state, request, nowMs, {
      producerId: freshId,
      producerEpoch: 0,
      lastProducerEpoch: says ? request.producerEpoch : NO_PRODUCER_EPOCH,
      previousProducerId: producerId,
    })
  }
  if (!says || request.producerEpoch === producerEpoch) {
    return initialised(state, request, nowMs, {
      producerEpoch: producerEpoch + 1,
      lastProducerEpoch: says ? producerEpoch : NO_PRODUCER_EPOCH,
      previousProducerId: producerId,
    })
  }
  // The answer to the request before this one was lost: nobody else can have asked in between, since
  // that would have made the last epoch unknown.
  if (request.producerEpoch === lastProducerEpoch) return initialised(state, request, nowMs, {})
  return refused(KafkaError.PRODUCER_FENCED)
}

/** The producer's own id, or the one before it at its last epoch: then the answer to that was lost. */
function isKnown(state: TransactionState, request: InitRequest): boolean {
  if (!hasExpectation(request) || request.producerId === state.producerId) return true
  return request.producerId === state.previousProducerId && isExhausted(request.producerEpoch)
}

/** The epochs are used up, and the producer, if it says what it had, is not a stale one. */
function rotates(state: TransactionState, request: InitRequest): boolean {
  const { producerId, producerEpoch, lastProducerEpoch } = state
  if (!isExhausted(producerEpoch)) return false
  if (!hasExpectation(request)) return true
  if (request.producerId !== producerId) return false
  return request.producerEpoch === producerEpoch || request.producerEpoch === lastProducerEpoch
}

function created(request: InitRequest, producerId: number, nowMs: number): InitOutcome {
  const next: TransactionState = {
    transactionalId: request.transactionalId,
    state: 'Empty',
    producerId,
    producerEpoch: 0,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    previousProducerId: NO_PRODUCER_ID,
    nextProducerId: NO_PRODUCER_ID,
    timeoutMs: request.transactionTimeoutMs,
    startTimeMs: -1,
    updatedMs: nowMs,
    number: 0,
  }
  return { kind: 'initialised', next }
}

function initialised(
  state: TransactionState,
  request: InitRequest,
  nowMs: number,
  producer: Partial<TransactionState>,
): InitOutcome {
  const next: TransactionState = {
    ...state,
    ...producer,
    state: 'Empty',
    timeoutMs: request.transactionTimeoutMs,
    startTimeMs: -1,
    updatedMs: nowMs,
  }
  return { kind: 'initialised', next }
}

function hasExpectation({ producerId }: InitRequest): boolean {
  return producerId !== NO_PRODUCER_ID
}

function refused(error: ErrorCode): InitOutcome {
  return { kind: 'refused', error }
}
