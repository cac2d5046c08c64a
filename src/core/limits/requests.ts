// Limits of requests with an Idempotency-Key: what HTTP takes and what a partition remembers. Each with its unit and its why.

const MiB = 1024 * 1024

/** Characters of an Idempotency-Key, which is hashed and not kept. */
export const IDEMPOTENCY_KEY_CHARACTERS = 128

/** How long a partition knows a request after it was last heard of. */
export const REQUEST_KEPT_MS = 24 * 60 * 60 * 1000

/**
 * Requests that a partition remembers, and the bytes they have when stored, in one row (106 for one of a single
 * batch): those heard of least recently go first.
 */
export const REQUESTS_PER_PARTITION = 10_000
export const REQUESTS_PER_PARTITION_BYTES = 1.5 * MiB

/** Requests in memory, of all partitions of an isolate together, some 400 bytes each; they are read again when asked for. */
export const REQUESTS_IN_MEMORY = 20_000

/** Who said that a request runs is believed for so long. */
export const REQUEST_CLAIM_MS = 10_000

/** Requests without records here that one chunk writes down: its row must stay small enough. */
export const REQUEST_CLAIMS_PER_CHUNK = 500

/** Batches of one partition that a keyed list may need: where each lies is remembered. Those of a stream are not. */
export const REQUEST_BATCHES_PER_PARTITION = 1_024
