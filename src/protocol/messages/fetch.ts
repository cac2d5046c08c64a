// Fetch (key 1), versions 4-18: record batches of partitions from given offsets on. 4 isolation
// level (KIP-98); 5 log start offset; 7 fetch sessions (KIP-227); 9 leader epoch (KIP-320); 10
// zstd (KIP-110); 11 rack (KIP-392); 12 flexible, diverging epoch (KIP-595); 13 topic ids
// (KIP-516); 15 replica state (KIP-903); 16 addresses of new leaders (KIP-951); 17 replica
// directory (KIP-853); 18 the follower's high watermark (KIP-1166). Replica fields are parsed, for
// followers that we never have.

import { ZERO_TOPIC_ID } from '../../core/ids.ts'
import {
  api,
  array,
  bigint64,
  int8,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  records,
  string,
  struct,
  uuid,
} from '../schema.ts'

/** Fetch: request and response of every version served. */
export const Fetch = api({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexible: 12,
  request: struct({
    // Followers say which cluster they mean; clients do not.
    clusterId: string({ from: 12, nullable: true, tag: 0, default: null }),
    replicaId: int32({ until: 14, default: -1 }),
    replicaState: struct(
      {
        replicaId: int32({ default: -1 }),
        replicaEpoch: bigint64({ default: -1n }),
      },
      { from: 15, tag: 1 },
    ),
    // How long to wait for minBytes.
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 2147483647 }),
    // 0 read_uncommitted, 1 read_committed.
    isolationLevel: int8({ default: 0 }),
    // Session 0 with epoch -1 or 0: a full request; epoch 0 asks for a session to be made.
    sessionId: int32({ from: 7, default: 0 }),
    sessionEpoch: int32({ from: 7, default: -1 }),
    topics: array(
      struct({
        topic: string({ until: 12, default: '' }),
        topicId: uuid({ from: 13, default: ZERO_TOPIC_ID }),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32({ from: 9, default: -1 }),
            fetchOffset: int64(),
            // With it the answer may be a divergingEpoch, so that the client truncates.
            lastFetchedEpoch: int32({ from: 12, default: -1 }),
            logStartOffset: int64({ from: 5, default: -1 }),
            partitionMaxBytes: int32(),
            replicaDirectoryId: uuid({ from: 17, tag: 0 }),
            highWatermark: bigint64({ from: 18, tag: 1, default: 9223372036854775807n }),
          }),
        ),
      }),
    ),
    // Partitions to leave the session.
    forgottenTopicsData: array(
      struct({
        topic: string({ until: 12, default: '' }),
        topicId: uuid({ from: 13, default: ZERO_TOPIC_ID }),
        partitions: array(int32()),
      }),
      { from: 7, default: [] },
    ),
    rackId: string({ from: 11, default: '' }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ from: 7, default: 0 }),
    sessionId: int32({ from: 7, default: 0 }),
    responses: array(
      struct({
        topic: string({ until: 12, default: '' }),
        topicId: uuid({ from: 13, default: ZERO_TOPIC_ID }),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            highWatermark: int64(),
            lastStableOffset: int64({ default: -1 }),
            logStartOffset: int64({ from: 5, default: -1 }),
            // The largest epoch and its end that fit what the client said it has.
            divergingEpoch: struct(
              {
                epoch: int32({ default: -1 }),
                endOffset: int64({ default: -1 }),
              },
              { from: 12, tag: 0 },
            ),
            currentLeader: struct(
              {
                leaderId: int32({ default: -1 }),
                leaderEpoch: int32({ default: -1 }),
              },
              { from: 12, tag: 1 },
            ),
            snapshotId: struct(
              {
                endOffset: int64({ default: -1 }),
                epoch: int32({ default: -1 }),
              },
              { from: 12, tag: 2 },
            ),
            // Null with read_uncommitted.
            abortedTransactions: array(
              struct({
                producerId: bigint64(),
                firstOffset: int64(),
              }),
              { nullable: true },
            ),
            preferredReadReplica: int32({ from: 11, default: -1 }),
            records: records(),
          }),
        ),
      }),
    ),
    // Addresses of the leaders named above.
    nodeEndpoints: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      }),
      { from: 16, tag: 0 },
    ),
  }),
})

/** The request as decoded. */
export type FetchRequest = RequestOf<typeof Fetch>

/** The response to encode. */
export type FetchResponse = ResponseOf<typeof Fetch>
