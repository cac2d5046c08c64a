// DeleteTopics (key 20), versions 1-6. 4 flexible; 5 error message and THROTTLING_QUOTA_EXCEEDED
// (KIP-599); 6 by id as well as by name (KIP-516): topicNames is the list of 1-5, topics that of
// 6.

import { ZERO_TOPIC_ID } from '../../core/ids.ts'
import {
  api,
  array,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
  uuid,
} from '../schema.ts'

/** DeleteTopics: request and response of every version served. */
export const DeleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  request: struct({
    topics: array(
      struct({
        name: string({ nullable: true, default: null }),
        // The zero id when the topic is named.
        topicId: uuid(),
      }),
      { from: 6, default: [] },
    ),
    // What topics is from version 6 on.
    topicNames: array(string(), { until: 5, default: [] }),
    timeoutMs: int32(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    responses: array(
      struct({
        // Null when an id was asked for that no topic has.
        name: string({ nullable: 6 }),
        topicId: uuid({ from: 6, default: ZERO_TOPIC_ID }),
        errorCode: int16(),
        errorMessage: string({ from: 5, nullable: true, default: null }),
      }),
    ),
  }),
})

/** The request as decoded. */
export type DeleteTopicsRequest = RequestOf<typeof DeleteTopics>

/** The response to encode. */
export type DeleteTopicsResponse = ResponseOf<typeof DeleteTopics>
