// AlterConfigs (key 33), versions 0-2: replaces all settings of a resource (KIP-133). 2 flexible.
// IncrementalAlterConfigs has taken its place in newer clients.

import {
  api,
  array,
  bool,
  int8,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** AlterConfigs: request and response of every version served. */
export const AlterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    resources: array(
      struct({
        // 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: true }),
          }),
        ),
      }),
    ),
    validateOnly: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    responses: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        resourceType: int8(),
        resourceName: string(),
      }),
    ),
  }),
})

/** The request as decoded. */
export type AlterConfigsRequest = RequestOf<typeof AlterConfigs>

/** The response to encode. */
export type AlterConfigsResponse = ResponseOf<typeof AlterConfigs>
