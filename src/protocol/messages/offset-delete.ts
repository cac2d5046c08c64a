// OffsetDelete (key 47), version 0: deletes committed offsets of a group (KIP-496). Never flexible,
// and its answer has the error before the throttle time.

import {
  api,
  array,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** OffsetDelete: request and response of every version served. */
export const OffsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexible: Number.POSITIVE_INFINITY,
  request: struct({
    groupId: string(),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    errorCode: int16(),
    throttleTimeMs: int32({ default: 0 }),
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
})

/** The request as decoded. */
export type OffsetDeleteRequest = RequestOf<typeof OffsetDelete>

/** The response to encode. */
export type OffsetDeleteResponse = ResponseOf<typeof OffsetDelete>
