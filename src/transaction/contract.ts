// What a transaction coordinator says over RPC: plain data only. One object per transactional id.
// Not behaviour: transaction.ts decides, object.ts hosts.

import type { ErrorCode } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'

/** Kafka's names of the states, as ListTransactions and DescribeTransactions print them. */
export type TransactionStateName =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'
  | 'PrepareEpochFence'
  | 'Dead'

/** A producer as a request names it. Ids are numbers: those we give out are below 2^53. */
export interface TransactionalProducer {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

/** A partition that takes part. */
export interface TransactionPartition {
  readonly topicId: TopicId
  /** For DescribeTransactions. */
  readonly topic: string
  readonly partition: number
}

/** Whoever is told the end of a transaction. */
export type Participant =
  | ({ readonly kind: 'partition' } & TransactionPartition)
  | { readonly kind: 'group'; readonly groupId: string }

/**
 * InitProducerId with a transactional id; -1 and -1 for a producer that does not say what it had.
 * Bounds of the timeout are checked by the broker.
 */
export interface InitRequest extends TransactionalProducer {
  readonly transactionTimeoutMs: number
}

/**
 * A producer's id and epoch from now on; -1 and -1 with an error. A stale producer is PRODUCER_FENCED:
 * handlers say INVALID_PRODUCER_EPOCH instead where the version asked does not know that code.
 */
export interface ProducerReply {
  readonly error: ErrorCode
  readonly producerId: number
  readonly producerEpoch: number
}

/** AddPartitionsToTxn or AddOffsetsToTxn. */
export interface AddRequest extends TransactionalProducer {
  readonly participants: readonly Participant[]
}

/**
 * A partition leader or a group that meets a producer whose transaction it does not know.
 * `verifyOnly`: the client says AddPartitionsToTxn itself (older flow), the participant must be in the
 * transaction already, a partition by its topic's name; else it is added now (KIP-890).
 */
export interface EnlistRequest extends TransactionalProducer {
  readonly participant: Participant
  readonly verifyOnly: boolean
}

export interface EnlistReply {
  /**
   * 0, or
   * INVALID_PRODUCER_ID_MAPPING: the id is not this transactional id's, or nothing is known of it;
   * PRODUCER_FENCED: another epoch (a participant says INVALID_PRODUCER_EPOCH to its client);
   * CONCURRENT_TRANSACTIONS: the one before is still being ended, after a moment's wait for it; ask again;
   * TRANSACTION_ABORTABLE: verified and not in the transaction (a participant says INVALID_TXN_STATE
   * below Produce 11 and TxnOffsetCommit 4);
   * INVALID_REQUEST: more participants than one transaction can hold.
   */
  readonly error: ErrorCode
  /** Number of the transaction that is open; every transaction of this id has a higher one than those before. -1 with an error. */
  readonly number: number
}

export interface EndRequest extends TransactionalProducer {
  readonly committed: boolean
  /** Version of EndTxn: from 5 on the epoch is raised at every end (KIP-890). */
  readonly version: number
}

/** DescribeTransactions of one id. */
export interface TransactionDescription {
  /** TRANSACTIONAL_ID_NOT_FOUND, or 0. */
  readonly error: ErrorCode
  readonly state: TransactionStateName
  readonly timeoutMs: number
  /** Of the last transaction begun, as Kafka shows it; -1 when none was since the producer was initialised. */
  readonly startTimeMs: number
  readonly producerId: number
  readonly producerEpoch: number
  /** Those who do not know the end yet; groups are not among them, since they are no partitions here. */
  readonly partitions: readonly TransactionPartition[]
}

/** The methods of a Transaction object. What a client can cause is in the answers, never thrown. */
export interface TransactionRpc {
  /** CONCURRENT_TRANSACTIONS while an older transaction is being ended. */
  initProducerId(request: InitRequest): Promise<ProducerReply>
  /**
   * All participants or none. Durable before it answers. While the transaction before is being ended it
   * waits a moment for that, then says CONCURRENT_TRANSACTIONS; so does `enlist` that adds.
   */
  add(request: AddRequest): Promise<{ readonly error: ErrorCode }>
  enlist(request: EnlistRequest): Promise<EnlistReply>
  /** Answers when the decision is durable; the markers follow and are sent until each is written. */
  endTransaction(request: EndRequest): Promise<ProducerReply>
  describe(transactionalId: string): Promise<TransactionDescription>
  /** For Cluster's sweep: false when there is no state, so that the entry may go. */
  exists(transactionalId: string): Promise<boolean>
}
