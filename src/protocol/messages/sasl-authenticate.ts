// SaslAuthenticate (key 36), versions 0-2: one message of a login. 1 says how long the login lasts (KIP-368); 2
// flexible.

import {
  api,
  bytes,
  int16,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** SaslAuthenticate: request and response of every version served. */
export const SaslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    authBytes: bytes(),
  }),
  response: struct({
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    authBytes: bytes(),
    // 0: it does not end.
    sessionLifetimeMs: int64({ from: 1, default: 0 }),
  }),
})

/** The request as decoded. */
export type SaslAuthenticateRequest = RequestOf<typeof SaslAuthenticate>

/** The response to encode. */
export type SaslAuthenticateResponse = ResponseOf<typeof SaslAuthenticate>
