// SyncGroup (key 14), versions 0-5: the leader of a classic group hands out the assignments, each
// member gets its own. 3 static members (KIP-345); 4 flexible; 5 protocol type and name, to be
// checked on both sides (KIP-559).

import {
  api,
  array,
  bytes,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** SyncGroup: request and response of every version served. */
export const SyncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  request: struct({
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    // Null: not a static member.
    groupInstanceId: string({ from: 3, nullable: true, default: null }),
    protocolType: string({ from: 5, nullable: true, default: null }),
    protocolName: string({ from: 5, nullable: true, default: null }),
    // From the leader; empty from others.
    assignments: array(
      struct({
        memberId: string(),
        // Opaque. A view of the frame: whoever keeps it copies it.
        assignment: bytes(),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 1, default: 0 }),
    errorCode: int16(),
    protocolType: string({ from: 5, nullable: true, default: null }),
    protocolName: string({ from: 5, nullable: true, default: null }),
    // As the leader sent it.
    assignment: bytes(),
  }),
})

/** The request as decoded. */
export type SyncGroupRequest = RequestOf<typeof SyncGroup>

/** The response to encode. */
export type SyncGroupResponse = ResponseOf<typeof SyncGroup>
