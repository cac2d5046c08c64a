// OffsetForLeaderEpoch (key 23), versions 2-4: where the log of an epoch ends, for clients that
// check whether it was truncated (KIP-320). 3 replica id; 4 flexible.

import {
  api,
  array,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** OffsetForLeaderEpoch: request and response of every version served. */
export const OffsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  request: struct({
    // -2: a client.
    replicaId: int32({ from: 3, default: -2 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32({ default: -1 }),
            leaderEpoch: int32(),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            errorCode: int16(),
            partition: int32(),
            leaderEpoch: int32({ default: -1 }),
            // Where the epoch ends, exclusive; -1 when it is not known.
            endOffset: int64({ default: -1 }),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type OffsetForLeaderEpochRequest = RequestOf<typeof OffsetForLeaderEpoch>

/** The response to encode. */
export type OffsetForLeaderEpochResponse = ResponseOf<typeof OffsetForLeaderEpoch>
