// AlterClientQuotas (key 49), versions 0-1: sets and removes quotas of users, client ids, addresses and their
// defaults (KIP-546). Flexible from 1.

import {
  api,
  array,
  bool,
  float64,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** AlterClientQuotas: request and response of every version served. */
export const AlterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: struct({
    entries: array(
      struct({
        entity: array(
          struct({
            entityType: string(),
            // null: the default.
            entityName: string({ nullable: true }),
          }),
        ),
        ops: array(struct({ key: string(), value: float64(), remove: bool() })),
      }),
    ),
    validateOnly: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    entries: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        entity: array(struct({ entityType: string(), entityName: string({ nullable: true }) })),
      }),
    ),
  }),
})

/** The request as decoded. */
export type AlterClientQuotasRequest = RequestOf<typeof AlterClientQuotas>

/** The response to encode. */
export type AlterClientQuotasResponse = ResponseOf<typeof AlterClientQuotas>
