// OffsetCommit (key 8), versions 2-9: offsets that a group has processed. 5 without retention times
// (KIP-211); 6 leader epochs (KIP-320); 7 static members (KIP-345); 8 flexible; 9 members of the
// consumer protocol (KIP-848). Kafka's unreleased 10 (topic ids) is not served.

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

/** OffsetCommit: request and response of every version served. */
export const OffsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 9],
  flexible: 8,
  request: struct({
    groupId: string(),
    // -1 with an empty member id: a commit from outside the group.
    generationIdOrMemberEpoch: int32({ default: -1 }),
    memberId: string(),
    // Null: not a static member.
    groupInstanceId: string({ from: 7, nullable: true, default: null }),
    // -1: as the broker is set.
    retentionTimeMs: int64({ until: 4, default: -1 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: int64(),
            // -1: not known.
            committedLeaderEpoch: int32({ from: 6, default: -1 }),
            committedMetadata: string({ nullable: true }),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 3, default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type OffsetCommitRequest = RequestOf<typeof OffsetCommit>

/** The response to encode. */
export type OffsetCommitResponse = ResponseOf<typeof OffsetCommit>
