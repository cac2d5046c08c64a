// DescribeAcls (key 29), versions 1-3: the access rules that match a filter (KIP-140). 1 prefixed patterns
// (KIP-290); flexible from 2; 3 user resources. Rules come grouped by the resource pattern they are of.

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

/** DescribeAcls: request and response of every version served. */
export const DescribeAcls = api({
  key: 29,
  name: 'DescribeAcls',
  versions: [1, 3],
  flexible: 2,
  request: struct({
    resourceTypeFilter: int8(),
    // null: any.
    resourceNameFilter: string({ nullable: true }),
    // 1 any, 2 what applies to the name, 3 literal, 4 prefixed.
    patternTypeFilter: int8({ default: 3 }),
    principalFilter: string({ nullable: true }),
    hostFilter: string({ nullable: true }),
    operation: int8(),
    permissionType: int8(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        patternType: int8({ default: 3 }),
        acls: array(
          struct({
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
export type DescribeAclsRequest = RequestOf<typeof DescribeAcls>

/** The response to encode. */
export type DescribeAclsResponse = ResponseOf<typeof DescribeAcls>
