// DeleteRecords (key 21), versions 0-2: moves the log start of partitions (KIP-107). Offset -1
// means the high watermark. 2 flexible.

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

/** DeleteRecords: request and response of every version served. */
export const DeleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            // The log start to be; -1: the high watermark.
            offset: int64(),
          }),
        ),
      }),
    ),
    timeoutMs: int32(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            // The log start that is; -1 with an error.
            lowWatermark: int64(),
            errorCode: int16(),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DeleteRecordsRequest = RequestOf<typeof DeleteRecords>

/** The response to encode. */
export type DeleteRecordsResponse = ResponseOf<typeof DeleteRecords>
