// DescribeCluster (key 60), versions 0-2, flexible from 0: cluster id, controller and brokers
// (KIP-700). 1 endpoint type (KIP-919); 2 fenced brokers (KIP-1073).

import {
  api,
  array,
  bool,
  int8,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** DescribeCluster: request and response of every version served. */
export const DescribeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexible: 0,
  request: struct({
    includeClusterAuthorizedOperations: bool(),
    // 1 brokers, 2 controllers.
    endpointType: int8({ from: 1, default: 1 }),
    includeFencedBrokers: bool({ from: 2, default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    endpointType: int8({ from: 1, default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: array(
      struct({
        brokerId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
        isFenced: bool({ from: 2, default: false }),
      }),
    ),
    // A bit per operation; -2^31 when it was not asked for.
    clusterAuthorizedOperations: int32({ default: -2147483648 }),
  }),
})

/** The request as decoded. */
export type DescribeClusterRequest = RequestOf<typeof DescribeCluster>

/** The response to encode. */
export type DescribeClusterResponse = ResponseOf<typeof DescribeCluster>
