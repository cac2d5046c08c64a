// AlterPartitionReassignments (key 45), versions 0-1: moves replicas of partitions to other brokers
// (KIP-455). Flexible from 0; 1 the number of replicas may be kept from changing (KIP-860).

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

/** AlterPartitionReassignments: request and response of every version served. */
export const AlterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    timeoutMs: int32({ default: 60000 }),
    allowReplicationFactorChange: bool({ from: 1, default: true }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            // Null: the pending move is cancelled.
            replicas: array(int32(), { nullable: true, default: null }),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    allowReplicationFactorChange: bool({ from: 1, default: true }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    responses: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            errorMessage: string({ nullable: true, default: null }),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type AlterPartitionReassignmentsRequest = RequestOf<typeof AlterPartitionReassignments>

/** The response to encode. */
export type AlterPartitionReassignmentsResponse = ResponseOf<typeof AlterPartitionReassignments>
