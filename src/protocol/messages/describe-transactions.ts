// DescribeTransactions (key 65), version 0: state and partitions of transactions by transactional
// id (KIP-664). Flexible.

import {
  api,
  array,
  bigint64,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** DescribeTransactions: request and response of every version served. */
export const DescribeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    transactionalIds: array(string()),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    transactionStates: array(
      struct({
        errorCode: int16(),
        transactionalId: string(),
        transactionState: string(),
        transactionTimeoutMs: int32(),
        // -1: no transaction has begun.
        transactionStartTimeMs: int64(),
        producerId: bigint64(),
        producerEpoch: int16(),
        topics: array(
          struct({
            topic: string(),
            partitions: array(int32()),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DescribeTransactionsRequest = RequestOf<typeof DescribeTransactions>

/** The response to encode. */
export type DescribeTransactionsResponse = ResponseOf<typeof DescribeTransactions>
