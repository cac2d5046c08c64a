// EndTxn (key 26), versions 0-5: commits or aborts a transaction (KIP-98). 2 PRODUCER_FENCED
// (KIP-588); 3 flexible; 4 TRANSACTION_ABORTABLE, 5 the epoch is bumped and the answer has what to
// go on with (KIP-890).

import {
  api,
  bigint64,
  bool,
  int16,
  int32,
  type RequestOf,
  type ResponseOf,
  string,
  struct,
} from '../schema.ts'

/** EndTxn: request and response of every version served. */
export const EndTxn = api({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexible: 3,
  request: struct({
    transactionalId: string(),
    producerId: bigint64(),
    producerEpoch: int16(),
    // True commits, false aborts.
    committed: bool(),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    // -1 where it is not to be changed.
    producerId: bigint64({ from: 5, default: -1n }),
    producerEpoch: int16({ from: 5, default: -1 }),
  }),
})

/** The request as decoded. */
export type EndTxnRequest = RequestOf<typeof EndTxn>

/** The response to encode. */
export type EndTxnResponse = ResponseOf<typeof EndTxn>
