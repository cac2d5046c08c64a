// DescribeClientQuotas (key 48), versions 0-1: the quotas of the entities that match a filter (KIP-546).
// Flexible from 1.

import {
  api,
  array,
  bool,
  float64,
  int8,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** DescribeClientQuotas: request and response of every version served. */
export const DescribeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: struct({
    components: array(
      struct({
        // `user`, `client-id` or `ip`.
        entityType: string(),
        // 0 this name, 1 the default, 2 any that names the type.
        matchType: int8(),
        match: string({ nullable: true }),
      }),
    ),
    // Only entities of exactly these types.
    strict: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    entries: array(
      struct({
        entity: array(
          struct({
            entityType: string(),
            // null: the default.
            entityName: string({ nullable: true }),
          }),
        ),
        values: array(struct({ key: string(), value: float64() })),
      }),
      { nullable: true },
    ),
  }),
})

/** The request as decoded. */
export type DescribeClientQuotasRequest = RequestOf<typeof DescribeClientQuotas>

/** The response to encode. */
export type DescribeClientQuotasResponse = ResponseOf<typeof DescribeClientQuotas>
