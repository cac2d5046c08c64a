// ListTransactions (key 66), versions 0-2: the transactional ids that this broker coordinates
// (KIP-664). Flexible from 0; 1 filter by duration (KIP-994); 2 filter by a pattern of ids
// (KIP-1152).

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

/** ListTransactions: request and response of every version served. */
export const ListTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexible: 0,
  request: struct({
    // Empty: transactions in every state.
    stateFilters: array(string()),
    // Empty: of every producer.
    producerIdFilters: array(bigint64()),
    // Milliseconds that a transaction has been open at least; below 0: any.
    durationFilter: int64({ from: 1, default: -1 }),
    // A regular expression; null or empty: any.
    transactionalIdPattern: string({ from: 2, nullable: true, default: null }),
  }),
  response: struct({
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    // States of the filter that there are not.
    unknownStateFilters: array(string()),
    transactionStates: array(
      struct({
        transactionalId: string(),
        producerId: bigint64(),
        transactionState: string(),
      }),
    ),
  }),
})

/** The request as decoded. */
export type ListTransactionsRequest = RequestOf<typeof ListTransactions>

/** The response to encode. */
export type ListTransactionsResponse = ResponseOf<typeof ListTransactions>
