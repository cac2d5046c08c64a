// ApiVersions (key 18), versions 0-4: which APIs and versions this broker serves (KIP-35). 3
// flexible, client software (KIP-511), features (KIP-584); 4 features may start at 0. The response
// header is that of version 0 always, and an unknown request version is answered in the layout of
// version 0, so that a client can find out which to use.

import {
  api,
  array,
  bool,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** ApiVersions: request and response of every version served. */
export const ApiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexible: 3,
  request: struct({
    clientSoftwareName: string({ from: 3, default: '' }),
    clientSoftwareVersion: string({ from: 3, default: '' }),
  }),
  response: struct({
    errorCode: int16(),
    apiKeys: array(
      struct({
        apiKey: int16(),
        minVersion: int16(),
        maxVersion: int16(),
      }),
    ),
    throttleTimeMs: int32({ from: 1, default: 0 }),
    supportedFeatures: array(
      struct({
        name: string(),
        minVersion: int16(),
        maxVersion: int16(),
      }),
      { from: 3, tag: 0 },
    ),
    // -1: finalizedFeatures is not known.
    finalizedFeaturesEpoch: int64({ from: 3, tag: 1, default: -1 }),
    finalizedFeatures: array(
      struct({
        name: string(),
        maxVersionLevel: int16(),
        minVersionLevel: int16(),
      }),
      { from: 3, tag: 2 },
    ),
    zkMigrationReady: bool({ from: 3, tag: 3, default: false }),
  }),
})

/** The request as decoded. */
export type ApiVersionsRequest = RequestOf<typeof ApiVersions>

/** The response to encode. */
export type ApiVersionsResponse = ResponseOf<typeof ApiVersions>
