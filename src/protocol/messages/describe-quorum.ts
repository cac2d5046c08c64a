// DescribeQuorum (key 55), versions 0-2: leader and voters of the metadata log (KIP-595). Flexible
// from 0; 1 times of the last fetch (KIP-836); 2 directories, messages and addresses (KIP-853).

import { ZERO_TOPIC_ID } from '../../core/ids.ts'
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
  uint16,
  uuid,
} from '../schema.ts'

/** DescribeQuorum: request and response of every version served. */
export const DescribeQuorum = api({
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexible: 0,
  request: struct({
    topics: array(
      struct({
        topicName: string(),
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
    errorMessage: string({ from: 2, nullable: true, default: null }),
    topics: array(
      struct({
        topicName: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            errorMessage: string({ from: 2, nullable: true, default: null }),
            leaderId: int32(),
            leaderEpoch: int32(),
            highWatermark: int64(),
            currentVoters: array(
              struct({
                replicaId: int32(),
                replicaDirectoryId: uuid({ from: 2, default: ZERO_TOPIC_ID }),
                logEndOffset: int64(),
                // -1: not known.
                lastFetchTimestamp: int64({ from: 1, default: -1 }),
                lastCaughtUpTimestamp: int64({ from: 1, default: -1 }),
              }),
            ),
            observers: array(
              struct({
                replicaId: int32(),
                replicaDirectoryId: uuid({ from: 2, default: ZERO_TOPIC_ID }),
                logEndOffset: int64(),
                // -1: not known.
                lastFetchTimestamp: int64({ from: 1, default: -1 }),
                lastCaughtUpTimestamp: int64({ from: 1, default: -1 }),
              }),
            ),
          }),
        ),
      }),
    ),
    nodes: array(
      struct({
        nodeId: int32(),
        listeners: array(
          struct({
            name: string(),
            host: string(),
            port: uint16(),
          }),
        ),
      }),
      { from: 2, default: [] },
    ),
  }),
})

/** The request as decoded. */
export type DescribeQuorumRequest = RequestOf<typeof DescribeQuorum>

/** The response to encode. */
export type DescribeQuorumResponse = ResponseOf<typeof DescribeQuorum>
