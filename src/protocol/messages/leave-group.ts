// LeaveGroup (key 13), versions 0-5: members leave a classic group, or are removed by an admin. 3
// several members, static ones (KIP-345): memberId is that of 0-2, members those of 3 on; 4
// flexible; 5 reason (KIP-800).

import {
  api,
  array,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** LeaveGroup: request and response of every version served. */
export const LeaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  request: struct({
    groupId: string(),
    memberId: string({ until: 2, default: '' }),
    members: array(
      struct({
        // Empty when an admin removes a static member by its instance id.
        memberId: string(),
        groupInstanceId: string({ nullable: true, default: null }),
        reason: string({ from: 5, nullable: true, default: null }),
      }),
      { from: 3, default: [] },
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 1, default: 0 }),
    errorCode: int16(),
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ nullable: true, default: null }),
        errorCode: int16(),
      }),
      { from: 3, default: [] },
    ),
  }),
})

/** The request as decoded. */
export type LeaveGroupRequest = RequestOf<typeof LeaveGroup>

/** The response to encode. */
export type LeaveGroupResponse = ResponseOf<typeof LeaveGroup>
