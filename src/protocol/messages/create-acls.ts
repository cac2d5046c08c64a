// CreateAcls (key 30), versions 1-3: adds access rules (KIP-140). 1 prefixed patterns (KIP-290); flexible
// from 2; 3 user resources. One that is there already is created once more without a difference.

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

/** CreateAcls: request and response of every version served. */
export const CreateAcls = api({
  key: 30,
  name: 'CreateAcls',
  versions: [1, 3],
  flexible: 2,
  request: struct({
    creations: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        resourcePatternType: int8({ default: 3 }),
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    // In the order of the request.
    results: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type CreateAclsRequest = RequestOf<typeof CreateAcls>

/** The response to encode. */
export type CreateAclsResponse = ResponseOf<typeof CreateAcls>
