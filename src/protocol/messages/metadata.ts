// Metadata (key 3), versions 0-13: brokers, controller, and topics with their partitions and
// leaders. In version 0 an empty list of topics asks for all, later null does and an empty list
// for none. 4 auto-creation may be refused; 8 authorized operations (KIP-430); 9 flexible; 10
// topic ids (KIP-516), 12 asking by id; 13 an error of the whole answer (KIP-1102).

import { ZERO_TOPIC_ID } from '../../core/ids.ts'
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
  uuid,
} from '../schema.ts'

/** Metadata: request and response of every version served. */
export const Metadata = api({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
  request: struct({
    // Null: all topics (in version 0 an empty list says so).
    topics: array(
      struct({
        topicId: uuid({ from: 10, default: ZERO_TOPIC_ID }),
        name: string({ nullable: 10 }),
      }),
      { nullable: 1 },
    ),
    allowAutoTopicCreation: bool({ from: 4, default: true }),
    includeClusterAuthorizedOperations: bool({ from: 8, until: 10, default: false }),
    includeTopicAuthorizedOperations: bool({ from: 8, default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 3, default: 0 }),
    brokers: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ from: 1, nullable: true, default: null }),
      }),
    ),
    clusterId: string({ from: 2, nullable: true, default: null }),
    controllerId: int32({ from: 1, default: -1 }),
    topics: array(
      struct({
        errorCode: int16(),
        name: string({ nullable: 12 }),
        topicId: uuid({ from: 10, default: ZERO_TOPIC_ID }),
        isInternal: bool({ from: 1, default: false }),
        partitions: array(
          struct({
            errorCode: int16(),
            partitionIndex: int32(),
            leaderId: int32(),
            leaderEpoch: int32({ from: 7, default: -1 }),
            replicaNodes: array(int32()),
            isrNodes: array(int32()),
            offlineReplicas: array(int32(), { from: 5, default: [] }),
          }),
        ),
        // A bit per operation; -2^31 when it was not asked for.
        topicAuthorizedOperations: int32({ from: 8, default: -2147483648 }),
      }),
    ),
    // A bit per operation; -2^31 when it was not asked for.
    clusterAuthorizedOperations: int32({ from: 8, until: 10, default: -2147483648 }),
    errorCode: int16({ from: 13, default: 0 }),
  }),
})

/** The request as decoded. */
export type MetadataRequest = RequestOf<typeof Metadata>

/** The response to encode. */
export type MetadataResponse = ResponseOf<typeof Metadata>
