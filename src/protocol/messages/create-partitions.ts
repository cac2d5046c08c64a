// CreatePartitions (key 37), versions 0-3: raises the number of partitions (KIP-195). 2 flexible;
// 3 THROTTLING_QUOTA_EXCEEDED (KIP-599).

import {
  api,
  array,
  bool,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** CreatePartitions: request and response of every version served. */
export const CreatePartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  request: struct({
    topics: array(
      struct({
        name: string(),
        // How many there are to be in all.
        count: int32(),
        // Null: the broker chooses.
        assignments: array(
          struct({
            brokerIds: array(int32()),
          }),
          { nullable: true },
        ),
      }),
    ),
    timeoutMs: int32(),
    validateOnly: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        name: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type CreatePartitionsRequest = RequestOf<typeof CreatePartitions>

/** The response to encode. */
export type CreatePartitionsResponse = ResponseOf<typeof CreatePartitions>
