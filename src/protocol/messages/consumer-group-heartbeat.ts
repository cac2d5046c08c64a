// ConsumerGroupHeartbeat (key 68), versions 0-1: a member of the consumer protocol joins, reports,
// gets its assignment and leaves (KIP-848). Flexible from 0; 1 regular expressions, and member ids
// that the client makes (KIP-1082).

import {
  api,
  array,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
  uuid,
} from '../schema.ts'

/** ConsumerGroupHeartbeat: request and response of every version served. */
export const ConsumerGroupHeartbeat = api({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    groupId: string(),
    memberId: string(),
    // 0 joins, -1 leaves, -2 leaves as a static member that will be back.
    memberEpoch: int32(),
    // Null: not a static member.
    instanceId: string({ nullable: true, default: null }),
    rackId: string({ nullable: true, default: null }),
    // -1: as before; so does null in the fields that follow.
    rebalanceTimeoutMs: int32({ default: -1 }),
    subscribedTopicNames: array(string(), { nullable: true, default: null }),
    subscribedTopicRegex: string({ from: 1, nullable: true, default: null }),
    serverAssignor: string({ nullable: true, default: null }),
    // What the member has now.
    topicPartitions: array(
      struct({
        topicId: uuid(),
        partitions: array(int32()),
      }),
      { nullable: true, default: null },
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string({ nullable: true, default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    // Null: as before.
    assignment: struct(
      {
        topicPartitions: array(
          struct({
            topicId: uuid(),
            partitions: array(int32()),
          }),
        ),
      },
      { nullable: true, default: null },
    ),
  }),
})

/** The request as decoded. */
export type ConsumerGroupHeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>

/** The response to encode. */
export type ConsumerGroupHeartbeatResponse = ResponseOf<typeof ConsumerGroupHeartbeat>
