// WriteTxnMarkers (key 27), version 1: the ends of transactions are written to partitions (KIP-98),
// by coordinators and by an admin who aborts a hanging transaction (KIP-664). 1 flexible; 0 left
// with Kafka 4.0.

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

/** WriteTxnMarkers: request and response of every version served. */
export const WriteTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: [1, 1],
  flexible: 1,
  request: struct({
    markers: array(
      struct({
        producerId: bigint64(),
        producerEpoch: int16(),
        // True commits, false aborts.
        transactionResult: bool(),
        topics: array(
          struct({
            name: string(),
            partitionIndexes: array(int32()),
          }),
        ),
        // A partition refuses a marker with an older one than it has seen.
        coordinatorEpoch: int32(),
      }),
    ),
  }),
  response: struct({
    markers: array(
      struct({
        producerId: bigint64(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({
                partitionIndex: int32(),
                errorCode: int16(),
              }),
            ),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type WriteTxnMarkersRequest = RequestOf<typeof WriteTxnMarkers>

/** The response to encode. */
export type WriteTxnMarkersResponse = ResponseOf<typeof WriteTxnMarkers>
