// ListConfigResources (key 74), versions 0-1: names of resources that have settings. Flexible from
// 0; 0 was ListClientMetricsResources (KIP-1000) and has client metrics only; 1 resources by type
// (KIP-1142).

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

/** ListConfigResources: request and response of every version served. */
export const ListConfigResources = api({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  request: struct({
    // As in DescribeConfigs. Empty: all types that can be listed.
    resourceTypes: array(int8(), { from: 1, default: [] }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    configResources: array(
      struct({
        resourceName: string(),
        // 16: client metrics, which version 0 has alone.
        resourceType: int8({ from: 1, default: 16 }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type ListConfigResourcesRequest = RequestOf<typeof ListConfigResources>

/** The response to encode. */
export type ListConfigResourcesResponse = ResponseOf<typeof ListConfigResources>
