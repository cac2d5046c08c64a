// UpdateFeatures (key 57), versions 0-2: sets finalized feature levels (KIP-584). Flexible from 0;
// 1 kind of upgrade and validation alone (KIP-778); 2 no results per feature: all succeed or none
// does (KIP-1022).

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

/** UpdateFeatures: request and response of every version served. */
export const UpdateFeatures = api({
  key: 57,
  name: 'UpdateFeatures',
  versions: [0, 2],
  flexible: 0,
  request: struct({
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array(
      struct({
        feature: string(),
        // Below 1: the feature is no longer finalized.
        maxVersionLevel: int16(),
        allowDowngrade: bool({ until: 0, default: false }),
        // 1 upgrade, 2 safe downgrade, 3 unsafe downgrade.
        upgradeType: int8({ from: 1, default: 1 }),
      }),
    ),
    validateOnly: bool({ from: 1, default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    results: array(
      struct({
        feature: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
      { until: 1, default: [] },
    ),
  }),
})

/** The request as decoded. */
export type UpdateFeaturesRequest = RequestOf<typeof UpdateFeatures>

/** The response to encode. */
export type UpdateFeaturesResponse = ResponseOf<typeof UpdateFeatures>
