// Heartbeat (key 12), versions 0-4: a member of a classic group says that it lives. 3 static
// members (KIP-345); 4 flexible.

import { api, int16, int32, type RequestOf, type ResponseOf, string, struct } from '../schema.ts'

/** Heartbeat: request and response of every version served. */
export const Heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  request: struct({
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    // Null: not a static member.
    groupInstanceId: string({ from: 3, nullable: true, default: null }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 1, default: 0 }),
    errorCode: int16(),
  }),
})

/** The request as decoded. */
export type HeartbeatRequest = RequestOf<typeof Heartbeat>

/** The response to encode. */
export type HeartbeatResponse = ResponseOf<typeof Heartbeat>
