// DeleteGroups (key 42), versions 0-2: deletes empty groups with their offsets (KIP-229). 2
// flexible.

import {
  api,
  array,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** DeleteGroups: request and response of every version served. */
export const DeleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexible: 2,
  request: struct({
    groupsNames: array(string()),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        groupId: string(),
        errorCode: int16(),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DeleteGroupsRequest = RequestOf<typeof DeleteGroups>

/** The response to encode. */
export type DeleteGroupsResponse = ResponseOf<typeof DeleteGroups>
