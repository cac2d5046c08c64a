// CreateTopics (key 19), versions 2-7. 4 defaults by -1 partitions or replicas (KIP-464); 5
// flexible, the settings of the topic in the answer (KIP-525); 6 THROTTLING_QUOTA_EXCEEDED
// (KIP-599); 7 topic id in the answer (KIP-516).

import { ZERO_TOPIC_ID } from '../../core/ids.ts'
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
  uuid,
} from '../schema.ts'

/** CreateTopics: request and response of every version served. */
export const CreateTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: struct({
    topics: array(
      struct({
        name: string(),
        // -1: the default of the broker, or as many as there are assignments.
        numPartitions: int32(),
        // -1 likewise.
        replicationFactor: int16(),
        assignments: array(
          struct({
            partitionIndex: int32(),
            brokerIds: array(int32()),
          }),
        ),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: true }),
          }),
        ),
      }),
    ),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool({ default: false }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        name: string(),
        topicId: uuid({ from: 7, default: ZERO_TOPIC_ID }),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        // Why configs is null, when it is.
        topicConfigErrorCode: int16({ from: 5, tag: 0 }),
        numPartitions: int32({ from: 5, default: -1 }),
        replicationFactor: int16({ from: 5, default: -1 }),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: true }),
            readOnly: bool(),
            // 1 topic, 2 broker (dynamic), 3 all brokers (dynamic), 4 broker (static), 5 default.
            configSource: int8({ default: -1 }),
            isSensitive: bool(),
          }),
          { from: 5, nullable: true, default: null },
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type CreateTopicsRequest = RequestOf<typeof CreateTopics>

/** The response to encode. */
export type CreateTopicsResponse = ResponseOf<typeof CreateTopics>
