// DescribeProducers (key 61), version 0: the producers that partitions know (KIP-664). Flexible.

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

/** DescribeProducers: request and response of every version served. */
export const DescribeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    topics: array(
      struct({
        name: string(),
        partitionIndexes: array(int32()),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            errorMessage: string({ nullable: true, default: null }),
            activeProducers: array(
              struct({
                producerId: bigint64(),
                // 4 bytes, as nowhere else.
                producerEpoch: int32(),
                // -1: none, as after the end of a transaction.
                lastSequence: int32({ default: -1 }),
                lastTimestamp: int64({ default: -1 }),
                coordinatorEpoch: int32(),
                // -1: no open transaction.
                currentTxnStartOffset: int64({ default: -1 }),
              }),
            ),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DescribeProducersRequest = RequestOf<typeof DescribeProducers>

/** The response to encode. */
export type DescribeProducersResponse = ResponseOf<typeof DescribeProducers>
