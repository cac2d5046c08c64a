// Limits of the decider of who may do what. Each with its unit and its why.

/** Names per kind of resource of which one principal's decisions are remembered (about 100 bytes each): then all are made anew. */
export const DECISIONS_PER_PRINCIPAL = 256

/** Principals and hosts whose decisions are remembered by one isolate: a cluster of many short connections has no more at once. */
export const PRINCIPALS_REMEMBERED = 512
