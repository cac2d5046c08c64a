// ListGroups (key 16), versions 0-5: the groups that this broker coordinates. 3 flexible; 4 states
// and a filter by them (KIP-518); 5 types and a filter by them (KIP-848).

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

/** ListGroups: request and response of every version served. */
export const ListGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  request: struct({
    // Empty: groups in every state.
    statesFilter: array(string(), { from: 4, default: [] }),
    // Empty: groups of every type.
    typesFilter: array(string(), { from: 5, default: [] }),
  }),
  response: struct({
    throttleTimeMs: int32({ from: 1, default: 0 }),
    errorCode: int16(),
    groups: array(
      struct({
        groupId: string(),
        protocolType: string(),
        groupState: string({ from: 4, default: '' }),
        groupType: string({ from: 5, default: '' }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type ListGroupsRequest = RequestOf<typeof ListGroups>

/** The response to encode. */
export type ListGroupsResponse = ResponseOf<typeof ListGroups>
