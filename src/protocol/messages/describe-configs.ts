// DescribeConfigs (key 32), versions 1-4: settings of topics and brokers with source and synonyms
// (KIP-226). 3 types and documentation (KIP-569); 4 flexible.

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

/** DescribeConfigs: request and response of every version served. */
export const DescribeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  request: struct({
    resources: array(
      struct({
        // 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
        resourceType: int8(),
        resourceName: string(),
        // Null: all of them.
        configurationKeys: array(string(), { nullable: true }),
      }),
    ),
    includeSynonyms: bool({ default: false }),
    includeDocumentation: bool({ from: 3, default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: true }),
            readOnly: bool(),
            // 1 topic, 2 broker (dynamic), 3 all brokers (dynamic), 4 broker (static), 5 default.
            configSource: int8({ default: -1 }),
            isSensitive: bool(),
            synonyms: array(
              struct({
                name: string(),
                value: string({ nullable: true }),
                source: int8(),
              }),
            ),
            // 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.
            configType: int8({ from: 3, default: 0 }),
            documentation: string({ from: 3, nullable: true, default: null }),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DescribeConfigsRequest = RequestOf<typeof DescribeConfigs>

/** The response to encode. */
export type DescribeConfigsResponse = ResponseOf<typeof DescribeConfigs>
