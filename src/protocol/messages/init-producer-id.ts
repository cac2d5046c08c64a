// InitProducerId (key 22), versions 0-5: a producer id and epoch, new or the next epoch (KIP-98).
// 2 flexible; 3 the producer's current id and epoch (KIP-360); 4 PRODUCER_FENCED (KIP-588); 5
// TRANSACTION_ABORTABLE (KIP-890). Kafka's unreleased 6 (two-phase commit) is not served.

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

/** InitProducerId: request and response of every version served. */
export const InitProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexible: 2,
  request: struct({
    // Null: an idempotent producer without transactions.
    transactionalId: string({ nullable: true }),
    transactionTimeoutMs: int32(),
    // -1: a new producer id is wanted.
    producerId: bigint64({ from: 3, default: -1n }),
    producerEpoch: int16({ from: 3, default: -1 }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    producerId: bigint64({ default: -1n }),
    producerEpoch: int16(),
  }),
})

/** The request as decoded. */
export type InitProducerIdRequest = RequestOf<typeof InitProducerId>

/** The response to encode. */
export type InitProducerIdResponse = ResponseOf<typeof InitProducerId>
