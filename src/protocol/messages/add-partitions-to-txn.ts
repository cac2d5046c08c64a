// AddPartitionsToTxn (key 24), versions 0-5: partitions become part of a transaction (KIP-98). 2
// PRODUCER_FENCED (KIP-588); 3 flexible; 4 batches and verification, for brokers (KIP-890); 5
// TRANSACTION_ABORTABLE (KIP-890). Fields named v3AndBelow are those of 0-3, which clients send;
// transactions and resultsByTransaction those of 4 on.

import {
  api,
  array,
  bigint64,
  bool,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** AddPartitionsToTxn: request and response of every version served. */
export const AddPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexible: 3,
  request: struct({
    transactions: array(
      struct({
        transactionalId: string(),
        producerId: bigint64(),
        producerEpoch: int16(),
        // True: answers whether they are part of it, and adds none.
        verifyOnly: bool(),
        topics: array(
          struct({
            name: string(),
            partitions: array(int32()),
          }),
        ),
      }),
      { from: 4, default: [] },
    ),
    v3AndBelowTransactionalId: string({ until: 3, default: '' }),
    v3AndBelowProducerId: bigint64({ until: 3, default: 0n }),
    v3AndBelowProducerEpoch: int16({ until: 3, default: 0 }),
    v3AndBelowTopics: array(
      struct({
        name: string(),
        partitions: array(int32()),
      }),
      { until: 3, default: [] },
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    // Of the whole answer.
    errorCode: int16({ from: 4, default: 0 }),
    resultsByTransaction: array(
      struct({
        transactionalId: string(),
        topicResults: array(
          struct({
            name: string(),
            resultsByPartition: array(
              struct({
                partitionIndex: int32(),
                partitionErrorCode: int16(),
              }),
            ),
          }),
        ),
      }),
      { from: 4, default: [] },
    ),
    resultsByTopicV3AndBelow: array(
      struct({
        name: string(),
        resultsByPartition: array(
          struct({
            partitionIndex: int32(),
            partitionErrorCode: int16(),
          }),
        ),
      }),
      { until: 3, default: [] },
    ),
  }),
})

/** The request as decoded. */
export type AddPartitionsToTxnRequest = RequestOf<typeof AddPartitionsToTxn>

/** The response to encode. */
export type AddPartitionsToTxnResponse = ResponseOf<typeof AddPartitionsToTxn>
