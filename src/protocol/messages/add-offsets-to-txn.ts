// AddOffsetsToTxn (key 25), versions 0-4: the offsets of a group become part of a transaction
// (KIP-98). 2 PRODUCER_FENCED (KIP-588); 3 flexible; 4 TRANSACTION_ABORTABLE (KIP-890).

import {
  api,
  bigint64,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** AddOffsetsToTxn: request and response of every version served. */
export const AddOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexible: 3,
  request: struct({
    transactionalId: string(),
    producerId: bigint64(),
    producerEpoch: int16(),
    groupId: string(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
  }),
})

/** The request as decoded. */
export type AddOffsetsToTxnRequest = RequestOf<typeof AddOffsetsToTxn>

/** The response to encode. */
export type AddOffsetsToTxnResponse = ResponseOf<typeof AddOffsetsToTxn>
