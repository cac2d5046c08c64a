// TxnOffsetCommit (key 28), versions 0-5: offsets of a group that count once the transaction
// commits (KIP-98). 2 leader epochs (KIP-320); 3 flexible, the member and its generation (KIP-447);
// 4 TRANSACTION_ABORTABLE, 5 without AddOffsetsToTxn before it (KIP-890).

import {
  api,
  array,
  bigint64,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** TxnOffsetCommit: request and response of every version served. */
export const TxnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexible: 3,
  request: struct({
    transactionalId: string(),
    groupId: string(),
    producerId: bigint64(),
    producerEpoch: int16(),
    // -1 with an empty member id: not checked.
    generationId: int32({ from: 3, default: -1 }),
    memberId: string({ from: 3, default: '' }),
    // Null: not a static member.
    groupInstanceId: string({ from: 3, nullable: true, default: null }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: int64(),
            // -1: not known.
            committedLeaderEpoch: int32({ from: 2, default: -1 }),
            committedMetadata: string({ nullable: true }),
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
          }),
        ),
      }),
    ),
  }),
})

/** The request as decoded. */
export type TxnOffsetCommitRequest = RequestOf<typeof TxnOffsetCommit>

/** The response to encode. */
export type TxnOffsetCommitResponse = ResponseOf<typeof TxnOffsetCommit>
