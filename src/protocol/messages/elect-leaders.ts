// ElectLeaders (key 43), versions 0-2: elects leaders of partitions (KIP-183). 1 unclean elections,
// an error of the whole answer (KIP-460); 2 flexible.

import {
  api,
  array,
  int8,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** ElectLeaders: request and response of every version served. */
export const ElectLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    // 0 preferred, 1 unclean.
    electionType: int8({ from: 1, default: 0 }),
    // Null: all partitions.
    topicPartitions: array(
      struct({
        topic: string(),
        partitions: array(int32()),
      }),
      { nullable: true },
    ),
    timeoutMs: int32({ default: 60000 }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ from: 1, default: 0 }),
    replicaElectionResults: array(
      struct({
        topic: string(),
        partitionResult: array(
          struct({
            partitionId: int32(),
            errorCode: int16(),
            errorMessage: string({ nullable: true, default: null }),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type ElectLeadersRequest = RequestOf<typeof ElectLeaders>

/** The response to encode. */
export type ElectLeadersResponse = ResponseOf<typeof ElectLeaders>
