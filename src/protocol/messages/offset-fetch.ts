// OffsetFetch (key 9), versions 1-9: the committed offsets of groups. 2 all topics of a group, an
// error of the whole answer; 5 leader epochs (KIP-320); 6 flexible; 7 only stable offsets
// (KIP-447); 8 several groups in one request (KIP-709): groupId, topics and the flat fields of the
// answer are those of 1-7, groups those of 8 on; 9 members of the consumer protocol (KIP-848).
// Kafka's unreleased 10 (topic ids) is not served.

import {
  api,
  array,
  bool,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** OffsetFetch: request and response of every version served. */
export const OffsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 9],
  flexible: 6,
  request: struct({
    groupId: string({ until: 7, default: '' }),
    // Null: all topics of the group.
    topics: array(
      struct({
        name: string(),
        partitionIndexes: array(int32()),
      }),
      { until: 7, nullable: 2, default: [] },
    ),
    groups: array(
      struct({
        groupId: string(),
        // Null and an epoch of -1: not asked by a member.
        memberId: string({ from: 9, nullable: true, default: null }),
        memberEpoch: int32({ from: 9, default: -1 }),
        // Null: all topics of the group.
        topics: array(
          struct({
            name: string(),
            partitionIndexes: array(int32()),
          }),
          { nullable: true },
        ),
      }),
      { from: 8, default: [] },
    ),
    // True: a partition with offsets of an open transaction has an error instead.
    requireStable: bool({ from: 7, default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 3, default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            // -1: none is committed.
            committedOffset: int64(),
            committedLeaderEpoch: int32({ from: 5, default: -1 }),
            metadata: string({ nullable: true }),
            errorCode: int16(),
          }),
        ),
      }),
      { until: 7, default: [] },
    ),
    errorCode: int16({ from: 2, until: 7, default: 0 }),
    groups: array(
      struct({
        groupId: string(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({
                partitionIndex: int32(),
                // -1: none is committed.
                committedOffset: int64(),
                committedLeaderEpoch: int32({ default: -1 }),
                metadata: string({ nullable: true }),
                errorCode: int16(),
              }),
            ),
          }),
        ),
        errorCode: int16(),
      }),
      { from: 8, default: [] },
    ),
  }),
})

/** The request as decoded. */
export type OffsetFetchRequest = RequestOf<typeof OffsetFetch>

/** The response to encode. */
export type OffsetFetchResponse = ResponseOf<typeof OffsetFetch>
