// FindCoordinator (key 10), versions 0-6: the broker that coordinates a group or a transaction. 1
// key type (KIP-98); 3 flexible; 4 several keys in one request (KIP-699): key and the flat fields
// of the answer are those of 0-3, coordinatorKeys and coordinators those of 4 on; 5
// TRANSACTION_ABORTABLE (KIP-890); 6 share groups (KIP-932).

import {
  api,
  array,
  int8,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** FindCoordinator: request and response of every version served. */
export const FindCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexible: 3,
  request: struct({
    key: string({ until: 3, default: '' }),
    // 0 group, 1 transaction, 2 share group.
    keyType: int8({ from: 1, default: 0 }),
    coordinatorKeys: array(string(), { from: 4, default: [] }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 1, default: 0 }),
    errorCode: int16({ until: 3, default: 0 }),
    errorMessage: string({ from: 1, until: 3, nullable: true, default: null }),
    nodeId: int32({ until: 3, default: 0 }),
    host: string({ until: 3, default: '' }),
    port: int32({ until: 3, default: 0 }),
    coordinators: array(
      struct({
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
      { from: 4, default: [] },
    ),
  }),
})

/** The request as decoded. */
export type FindCoordinatorRequest = RequestOf<typeof FindCoordinator>

/** The response to encode. */
export type FindCoordinatorResponse = ResponseOf<typeof FindCoordinator>
