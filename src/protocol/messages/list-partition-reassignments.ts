// ListPartitionReassignments (key 46), version 0: the moves of replicas that go on (KIP-455).
// Flexible.

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

/** ListPartitionReassignments: request and response of every version served. */
export const ListPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    timeoutMs: int32({ default: 60000 }),
    // Null: all that go on.
    topics: array(
      struct({
        name: string(),
        partitionIndexes: array(int32()),
      }),
      { nullable: true, default: null },
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            replicas: array(int32()),
            addingReplicas: array(int32()),
            removingReplicas: array(int32()),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type ListPartitionReassignmentsRequest = RequestOf<typeof ListPartitionReassignments>

/** The response to encode. */
export type ListPartitionReassignmentsResponse = ResponseOf<typeof ListPartitionReassignments>
