// JoinGroup (key 11), versions 0-9: a member of a classic group asks to be in its next generation.
// 1 rebalance timeout (KIP-62); 4 MEMBER_ID_REQUIRED (KIP-394); 5 static members (KIP-345); 6
// flexible; 7 protocol type in the answer, whose protocol may be null (KIP-559); 8 reason
// (KIP-800); 9 a leader that need not assign (KIP-814).

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

/** JoinGroup: request and response of every version served. */
export const JoinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  request: struct({
    groupId: string(),
    sessionTimeoutMs: int32(),
    // -1 (version 0 lacks it): the session timeout is this one too.
    rebalanceTimeoutMs: int32({ from: 1, default: -1 }),
    // Empty: not a member yet.
    memberId: string(),
    // Null: not a static member.
    groupInstanceId: string({ from: 5, nullable: true, default: null }),
    // 'consumer', 'connect' or what else the members agree on.
    protocolType: string(),
    // In the order of the preference of the member.
    protocols: array(
      struct({
        name: string(),
        // Opaque. A view of the frame: whoever keeps it copies it.
        metadata: bytes(),
      }),
    ),
    reason: string({ from: 8, nullable: true, default: null }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 2, default: 0 }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ from: 7, nullable: true, default: null }),
    // Null, or empty before version 7, with an error.
    protocolName: string({ nullable: 7 }),
    // Member id of the leader.
    leader: string(),
    skipAssignment: bool({ from: 9, default: false }),
    memberId: string(),
    // For the leader; empty for others.
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ from: 5, nullable: true, default: null }),
        // As the member sent it.
        metadata: bytes(),
      }),
    ),
  }),
})

/** The request as decoded. */
export type JoinGroupRequest = RequestOf<typeof JoinGroup>

/** The response to encode. */
export type JoinGroupResponse = ResponseOf<typeof JoinGroup>
