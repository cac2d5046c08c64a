// AlterUserScramCredentials (key 51), version 0: sets and deletes users' SCRAM credentials (KIP-554). Flexible
// from 0. It carries the salted password, from which the keys that are kept are derived.

import {
  api,
  array,
  bytes,
  int8,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** AlterUserScramCredentials: request and response of every version served. */
export const AlterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  request: struct({
    // Mechanism: 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
    deletions: array(struct({ name: string(), mechanism: int8() })),
    upsertions: array(
      struct({
        name: string(),
        mechanism: int8(),
        iterations: int32(),
        salt: bytes(),
        saltedPassword: bytes(),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        user: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type AlterUserScramCredentialsRequest = RequestOf<typeof AlterUserScramCredentials>

/** The response to encode. */
export type AlterUserScramCredentialsResponse = ResponseOf<typeof AlterUserScramCredentials>
