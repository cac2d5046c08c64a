// DescribeUserScramCredentials (key 50), version 0: which users have credentials of which SCRAM mechanisms
// (KIP-554). Flexible from 0. Nothing from which a password could be guessed is in it.

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

/** DescribeUserScramCredentials: request and response of every version served. */
export const DescribeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    // null or none: all.
    users: array(struct({ name: string() }), { nullable: true }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    results: array(
      struct({
        user: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        // Mechanism: 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        credentialInfos: array(struct({ mechanism: int8(), iterations: int32() })),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DescribeUserScramCredentialsRequest = RequestOf<typeof DescribeUserScramCredentials>

/** The response to encode. */
export type DescribeUserScramCredentialsResponse = ResponseOf<typeof DescribeUserScramCredentials>
