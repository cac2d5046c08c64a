// EndTxn: whether a transaction may be ended as asked, is already, or is being (KIP-98; from version 5 on
// KIP-890, where each end raises the epoch and a repeated request is known by the epoch before). Pure.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { EndRequest } from './contract.ts'
import { isExhausted, LAST_PRODUCER_EPOCH } from './epochs.ts'
import { isPreparing, type TransactionState } from './state.ts'

/** First version of EndTxn that raises the epoch. */
const BUMPING_VERSION = 5

/** What becomes of a request to end a transaction. */
export type EndOutcome =
  | { readonly kind: 'refused'; readonly error: ErrorCode }
  /** Ended as asked before: the same answer again. */
  | { readonly kind: 'repeated' }
  | { readonly kind: 'end' }

/** Whether this request, if it ends a transaction, uses up the last epoch of its producer id. */
export function endNeedsProducerId(state: TransactionState | null, request: EndRequest): boolean {
  if (state === null || !bumps(request) || !isExhausted(state.producerEpoch)) return false
  return ending(state, request).kind === 'end'
}

/** Whether this version raises the epoch with the end. */
export function bumps({ version }: EndRequest): boolean {
  return version >= BUMPING_VERSION
}

/** Judges a request. */
export function ending(state: TransactionState | null, request: EndRequest): EndOutcome {
  if (state === null) return refused(KafkaError.INVALID_PRODUCER_ID_MAPPING)
  return bumps(request) ? endingWithBump(state, request) : endingWithout(state, request)
}

function endingWithout(state: TransactionState, request: EndRequest): EndOutcome {
  if (request.producerId !== state.producerId) {
    return refused(KafkaError.INVALID_PRODUCER_ID_MAPPING)
  }
  if (request.producerEpoch !== state.producerEpoch) return refused(KafkaError.PRODUCER_FENCED)
  if (isPreparing(state)) return refused(KafkaError.CONCURRENT_TRANSACTIONS)
  if (state.state === 'Ongoing') return { kind: 'end' }
  return endedSo(state, request) ? { kind: 'repeated' } : refused(KafkaError.INVALID_TXN_STATE)
}

function endingWithBump(state: TransactionState, request: EndRequest): EndOutcome {
  const { producerId, producerEpoch, previousProducerId } = state
  // Asked first, because the client may name the id and epoch that are valid once this is complete.
  if (isPreparing(state)) return refused(KafkaError.CONCURRENT_TRANSACTIONS)
  const overflowed =
    request.producerId === previousProducerId &&
    request.producerEpoch === LAST_PRODUCER_EPOCH - 1 &&
    producerEpoch === 0
  if (request.producerId !== producerId && !overflowed) {
    return refused(KafkaError.INVALID_PRODUCER_ID_MAPPING)
  }
  const ended = state.state === 'CompleteCommit' || state.state === 'CompleteAbort'
  const repeated = ended && (overflowed || request.producerEpoch + 1 === producerEpoch)
  if (!repeated && request.producerEpoch !== producerEpoch) {
    return refused(KafkaError.PRODUCER_FENCED)
  }
  if (repeated) {
    return endedSo(state, request) ? { kind: 'repeated' } : refused(KafkaError.INVALID_TXN_STATE)
  }
  // A producer may abort what it never began: its sends may all have failed on their way.
  if (state.state === 'Ongoing' || !request.committed) return { kind: 'end' }
  return refused(KafkaError.INVALID_TXN_STATE)
}

function endedSo({ state }: TransactionState, { committed }: EndRequest): boolean {
  return state === (committed ? 'CompleteCommit' : 'CompleteAbort')
}

function refused(error: ErrorCode): EndOutcome {
  return { kind: 'refused', error }
}
