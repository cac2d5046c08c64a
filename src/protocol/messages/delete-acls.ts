// DeleteAcls (key 31), versions 1-3: deletes the access rules that match filters and says which they were
// (KIP-140). 1 prefixed patterns (KIP-290); flexible from 2; 3 user resources.

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

/** DeleteAcls: request and response of every version served. */
export const DeleteAcls = api({
  key: 31,
  name: 'DeleteAcls',
  versions: [1, 3],
  flexible: 2,
  request: struct({
    filters: array(
      struct({
        resourceTypeFilter: int8(),
        // null: any.
        resourceNameFilter: string({ nullable: true }),
        patternTypeFilter: int8({ default: 3 }),
        principalFilter: string({ nullable: true }),
        hostFilter: string({ nullable: true }),
        operation: int8(),
        permissionType: int8(),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    // In the order of the request.
    filterResults: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        matchingAcls: array(
          struct({
            errorCode: int16(),
            errorMessage: string({ nullable: true, default: null }),
            resourceType: int8(),
            resourceName: string(),
            patternType: int8({ default: 3 }),
            principal: string(),
            host: string(),
            operation: int8(),
            permissionType: int8(),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DeleteAclsRequest = RequestOf<typeof DeleteAcls>

/** The response to encode. */
export type DeleteAclsResponse = ResponseOf<typeof DeleteAcls>
