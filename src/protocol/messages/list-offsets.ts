// ListOffsets (key 2), versions 1-10: the offset of a time, or of a place: -1 end, -2 start, -3
// largest timestamp (7, KIP-734), -4 local start (8, KIP-405), -5 last tiered (9, KIP-1005). 2
// isolation level; 4 leader epoch (KIP-320); 6 flexible; 10 timeout (KIP-1075).

import {
  api,
  array,
  int8,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** ListOffsets: request and response of every version served. */
export const ListOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 10],
  flexible: 6,
  request: struct({
    // -1 for clients.
    replicaId: int32(),
    // 0 read_uncommitted, 1 read_committed: what the end (-1) means.
    isolationLevel: int8({ from: 2, default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            currentLeaderEpoch: int32({ from: 4, default: -1 }),
            // A time in ms, or a place: see above.
            timestamp: int64(),
          }),
        ),
      }),
    ),
    timeoutMs: int32({ from: 10, default: 0 }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 2, default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            // Of the record found; -1 for a place, or when there is no such record.
            timestamp: int64({ default: -1 }),
            offset: int64({ default: -1 }),
            leaderEpoch: int32({ from: 4, default: -1 }),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type ListOffsetsRequest = RequestOf<typeof ListOffsets>

/** The response to encode. */
export type ListOffsetsResponse = ResponseOf<typeof ListOffsets>
