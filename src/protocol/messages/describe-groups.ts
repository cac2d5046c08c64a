// DescribeGroups (key 15), versions 0-6: state and members of classic groups. 3 authorized
// operations (KIP-430); 4 static members (KIP-345); 5 flexible; 6 GROUP_ID_NOT_FOUND and a message
// (KIP-1043), where 0-5 describe a group that does not exist as dead.

import {
  api,
  array,
  bool,
  bytes,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** DescribeGroups: request and response of every version served. */
export const DescribeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  request: struct({
    groups: array(string()),
    includeAuthorizedOperations: bool({ from: 3, default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 1, default: 0 }),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ from: 6, nullable: true, default: null }),
        groupId: string(),
        groupState: string(),
        protocolType: string(),
        // Name of the chosen protocol; empty unless the group is stable.
        protocolData: string(),
        members: array(
          struct({
            memberId: string(),
            groupInstanceId: string({ from: 4, nullable: true, default: null }),
            clientId: string(),
            clientHost: string(),
            // For the chosen protocol, as the member sent it.
            memberMetadata: bytes(),
            // As the leader sent it.
            memberAssignment: bytes(),
          }),
        ),
        // A bit per operation; -2^31 when it was not asked for.
        authorizedOperations: int32({ from: 3, default: -2147483648 }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DescribeGroupsRequest = RequestOf<typeof DescribeGroups>

/** The response to encode. */
export type DescribeGroupsResponse = ResponseOf<typeof DescribeGroups>
