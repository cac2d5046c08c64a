// DescribeTopicPartitions (key 75), version 0, flexible: topics and their partitions in pages,
// resumed by a cursor (KIP-966).

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

/** DescribeTopicPartitions: request and response of every version served. */
export const DescribeTopicPartitions = api({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    topics: array(
      struct({
        name: string(),
      }),
    ),
    responsePartitionLimit: int32({ default: 2000 }),
    // Where to begin; null: at the first topic.
    cursor: struct(
      {
        topicName: string(),
        partitionIndex: int32(),
      },
      { nullable: true, default: null },
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        errorCode: int16(),
        name: string({ nullable: true }),
        topicId: uuid(),
        isInternal: bool({ default: false }),
        partitions: array(
          struct({
            errorCode: int16(),
            partitionIndex: int32(),
            leaderId: int32(),
            leaderEpoch: int32({ default: -1 }),
            replicaNodes: array(int32()),
            isrNodes: array(int32()),
            // Null where replicas of this kind are not tracked.
            eligibleLeaderReplicas: array(int32(), { nullable: true, default: null }),
            lastKnownElr: array(int32(), { nullable: true, default: null }),
            offlineReplicas: array(int32()),
          }),
        ),
        // A bit per operation; -2^31 when it was not asked for.
        topicAuthorizedOperations: int32({ default: -2147483648 }),
      }),
    ),
    // Where the next page begins; null: this is the last.
    nextCursor: struct(
      {
        topicName: string(),
        partitionIndex: int32(),
      },
      { nullable: true, default: null },
    ),
  }),
})

/** The request as decoded. */
export type DescribeTopicPartitionsRequest = RequestOf<typeof DescribeTopicPartitions>

/** The response to encode. */
export type DescribeTopicPartitionsResponse = ResponseOf<typeof DescribeTopicPartitions>
