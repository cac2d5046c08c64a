// What is kept of one transactional id, and the steps from one such state to the next (KIP-98, KIP-360,
// KIP-890). Pure data and arithmetic: which step is due is for init.ts and ending.ts to say, who is told
// for transaction.ts. PrepareEpochFence and Dead are Kafka's names for moments that are never stored.

import { LAST_PRODUCER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from './epochs.ts'

/** The states that are stored. */
export type StoredStateName =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'

/** One transactional id as it is kept; its participants are kept beside it. */
export interface TransactionState {
  readonly transactionalId: string
  readonly state: StoredStateName
  readonly producerId: number
  /** In a Prepare state it is that of the markers: already raised when the end raises it. */
  readonly producerEpoch: number
  /** The epoch before, by which a repeated request is known; -1 when there is none. */
  readonly lastProducerEpoch: number
  /** The id before the last step, by which a request repeated over a change of id is known. */
  readonly previousProducerId: number
  /** In a Prepare state: the id to go on with when the epochs of this one are used up; else -1. */
  readonly nextProducerId: number
  readonly timeoutMs: number
  /** -1 when none has begun since the producer was initialised. */
  readonly startTimeMs: number
  readonly updatedMs: number
  /** Of the last transaction begun; grows by one with each. 0 before the first. */
  readonly number: number
}

/** A transaction whose decision is made and whose markers are on their way. */
export function isPreparing({ state }: TransactionState): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

/** Ready for a new transaction: nothing is open and nothing is being ended. */
export function isAtRest({ state }: TransactionState): boolean {
  return state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'
}

/** A transaction begins with its first participants. */
export function begun(before: TransactionState, nowMs: number): TransactionState {
  return {
    ...before,
    state: 'Ongoing',
    previousProducerId: before.producerId,
    startTimeMs: nowMs,
    updatedMs: nowMs,
    number: before.number + 1,
  }
}

/** How a transaction is decided. */
export interface Decided {
  readonly committed: boolean
  /** KIP-890: the epoch is raised with this end. */
  readonly bump: boolean
  /** What the epoch before is remembered as, where it is not the one before the raise. */
  readonly forgetLastEpoch?: boolean
  /** The id to go on with when the epochs are used up; -1 for the same. */
  readonly nextProducerId: number
}

/** The decision is made; from here on there is no way but to its end. */
export function prepared(
  before: TransactionState,
  { committed, bump, forgetLastEpoch = false, nextProducerId }: Decided,
  nowMs: number,
): TransactionState {
  const { producerId, producerEpoch, lastProducerEpoch, state, startTimeMs } = before
  const raised = Math.min(producerEpoch + 1, LAST_PRODUCER_EPOCH)
  const remembered = bump ? producerEpoch : lastProducerEpoch
  return {
    ...before,
    state: committed ? 'PrepareCommit' : 'PrepareAbort',
    producerEpoch: bump ? raised : producerEpoch,
    lastProducerEpoch: forgetLastEpoch ? NO_PRODUCER_EPOCH : remembered,
    previousProducerId: producerId,
    nextProducerId,
    // An abort of nothing began when it was asked for.
    startTimeMs: state === 'Ongoing' ? startTimeMs : nowMs,
    updatedMs: nowMs,
  }
}

/** Every participant knows the end. */
export function completed(before: TransactionState, nowMs: number): TransactionState {
  const { producerId, producerEpoch, nextProducerId } = before
  const rotates = nextProducerId !== NO_PRODUCER_ID
  return {
    ...before,
    state: before.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
    producerId: rotates ? nextProducerId : producerId,
    producerEpoch: rotates ? 0 : producerEpoch,
    nextProducerId: NO_PRODUCER_ID,
    updatedMs: nowMs,
  }
}

/** Id and epoch that the client goes on with, once a Prepare state is complete. */
export function successor({ producerId, producerEpoch, nextProducerId }: TransactionState): {
  readonly producerId: number
  readonly producerEpoch: number
} {
  return nextProducerId === NO_PRODUCER_ID
    ? { producerId, producerEpoch }
    : { producerId: nextProducerId, producerEpoch: 0 }
}
