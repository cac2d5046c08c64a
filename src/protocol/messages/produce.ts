// Produce (key 0), versions 3-13: record batches for partitions, each answered on its own. 3
// transactional id (KIP-98); 5 log start offset; 7 zstd (KIP-110); 8 errors per record (KIP-467);
// 9 flexible; 10 the leader and its address in the answer (KIP-951); 11 TRANSACTION_ABORTABLE, 12
// transactions without AddPartitionsToTxn (KIP-890); 13 topic ids (KIP-516). 0-2 carried older
// record formats and are not parsed.

import { ZERO_TOPIC_ID } from '../../core/ids.ts'
import {
  api,
  array,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  records,
  string,
  struct,
  uuid,
} from '../schema.ts'

/** Produce: request and response of every version served. */
export const Produce = api({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexible: 9,
  request: struct({
    transactionalId: string({ nullable: true, default: null }),
    // 0: no answer; 1 and -1 (all): answered when durable.
    acks: int16(),
    timeoutMs: int32(),
    topicData: array(
      struct({
        name: string({ until: 12, default: '' }),
        topicId: uuid({ from: 13, default: ZERO_TOPIC_ID }),
        partitionData: array(
          struct({
            index: int32(),
            records: records(),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    responses: array(
      struct({
        name: string({ until: 12, default: '' }),
        topicId: uuid({ from: 13, default: ZERO_TOPIC_ID }),
        partitionResponses: array(
          struct({
            index: int32(),
            errorCode: int16(),
            // Offset of the first record; -1 with an error.
            baseOffset: int64(),
            // -1 unless the topic stamps records with the time of the append.
            logAppendTimeMs: int64({ default: -1 }),
            logStartOffset: int64({ from: 5, default: -1 }),
            recordErrors: array(
              struct({
                // Which record of the batch, from 0.
                batchIndex: int32(),
                batchIndexErrorMessage: string({ nullable: true, default: null }),
              }),
              { from: 8, default: [] },
            ),
            errorMessage: string({ from: 8, nullable: true, default: null }),
            // Where to go instead, with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH.
            currentLeader: struct(
              {
                leaderId: int32({ default: -1 }),
                leaderEpoch: int32({ default: -1 }),
              },
              { from: 10, tag: 0 },
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32({ default: 0 }),
    // Addresses of the leaders named above.
    nodeEndpoints: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      }),
      { from: 10, tag: 0 },
    ),
  }),
})

/** The request as decoded. */
export type ProduceRequest = RequestOf<typeof Produce>

/** The response to encode. */
export type ProduceResponse = ResponseOf<typeof Produce>
