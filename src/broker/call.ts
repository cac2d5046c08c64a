// What a handler knows of the frame it answers, beside the decoded request. Not the connection.

import type { KnownRequest, RequestPart } from '../partition/requests-contract.ts'

/** Version of the API asked and the client id of the header (KIP-511 names the software elsewhere). */
export interface Call {
  readonly version: number
  readonly clientId: string | null
  /** The broker itself asks: of a produce, it may write where no client may. */
  readonly isOwn?: true
  /** Of a produce over HTTP with an Idempotency-Key: its one batch. */
  readonly keyed?: KeyedBatch
}

/** A batch of a keyed request. */
export interface KeyedBatch {
  readonly part: RequestPart
  /** Told what the partition has of the request, when the batch was not stored for it: DUPLICATE_SEQUENCE_NUMBER. */
  readonly known: (request: KnownRequest) => void
}
