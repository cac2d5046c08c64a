// IncrementalAlterConfigs (key 44), versions 0-1: sets, deletes, appends to and subtracts from
// single settings (KIP-339). 1 flexible.

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

/** IncrementalAlterConfigs: request and response of every version served. */
export const IncrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  request: struct({
    resources: array(
      struct({
        // 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            // 0 set, 1 delete, 2 append to a list, 3 subtract from it.
            configOperation: int8(),
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
export type IncrementalAlterConfigsRequest = RequestOf<typeof IncrementalAlterConfigs>

/** The response to encode. */
export type IncrementalAlterConfigsResponse = ResponseOf<typeof IncrementalAlterConfigs>
