// ConsumerGroupDescribe (key 69), versions 0-1: state and members of groups of the consumer
// protocol (KIP-848). Flexible from 0; 1 type of member (KIP-1099).

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
  uuid,
} from '../schema.ts'

/** ConsumerGroupDescribe: request and response of every version served. */
export const ConsumerGroupDescribe = api({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    groupIds: array(string()),
    includeAuthorizedOperations: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        groupId: string(),
        groupState: string(),
        groupEpoch: int32(),
        assignmentEpoch: int32(),
        assignorName: string(),
        members: array(
          struct({
            memberId: string(),
            instanceId: string({ nullable: true, default: null }),
            rackId: string({ nullable: true, default: null }),
            memberEpoch: int32(),
            clientId: string(),
            clientHost: string(),
            subscribedTopicNames: array(string()),
            subscribedTopicRegex: string({ nullable: true, default: null }),
            assignment: struct({
              topicPartitions: array(
                struct({
                  topicId: uuid(),
                  topicName: string(),
                  partitions: array(int32()),
                }),
              ),
            }),
            targetAssignment: struct({
              topicPartitions: array(
                struct({
                  topicId: uuid(),
                  topicName: string(),
                  partitions: array(int32()),
                }),
              ),
            }),
            // -1 not known, 0 classic, 1 consumer.
            memberType: int8({ from: 1, default: -1 }),
          }),
        ),
        // A bit per operation; -2^31 when it was not asked for.
        authorizedOperations: int32({ default: -2147483648 }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type ConsumerGroupDescribeRequest = RequestOf<typeof ConsumerGroupDescribe>

/** The response to encode. */
export type ConsumerGroupDescribeResponse = ResponseOf<typeof ConsumerGroupDescribe>
