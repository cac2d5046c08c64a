// Limits of the decider of who may do what. Each with its unit and its why.

/** Names per kind of resource of which one principal's decisions are remembered: then all are made anew. */
export const DECISIONS_PER_PRINCIPAL = 256

/** Characters of a name whose decision is remembered: topics have 249 at most, and clients may ask for names of 32 KiB. */
export const DECISION_CHARACTERS = 256

/** Decisions of all principals and addresses together, of about 100 bytes and 600 at most: then all are made anew. */
export const DECISIONS_REMEMBERED = 20_000

/** Principals and hosts whose decisions are remembered by one isolate: a cluster of many short connections has no more at once. */
export const PRINCIPALS_REMEMBERED = 512
