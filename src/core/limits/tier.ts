// Limits of what goes to an object store and comes from it. Each with its unit and its why.

const KiB = 1024
const MiB = 1024 * KiB

/** Tier: chunks in one segment object, 48 bytes each in its index. */
export const TIER_SEGMENT_CHUNKS = 16_384

/**
 * Tier: log that a partition puts into one segment object (or one larger batch). One partition of an isolate holds
 * one: as chunks, then as an object, at most the two together. As with the map of compaction this comes on top of
 * the other lines where all is in one isolate.
 */
export const TIER_UPLOAD_BYTES = 8 * MiB

/** Tier: a read gets whole chunks: it may come to this much more than was asked for, or one larger chunk. */
export const TIER_READ_AHEAD_BYTES = 1 * MiB

/** Tier: indexes of segments that were read last, of all partitions of an isolate together. */
export const TIER_INDEXES_TOTAL_BYTES = 2 * MiB

/** Tier: a batch larger than a row is held whole for so long while its pieces are asked for. One per isolate. */
export const TIER_LARGE_HELD_MS = 5_000

/** Tier: pauses before a store that failed is asked again: the first, doubled up to the last. */
export const TIER_RETRY_MIN_MS = 1_000
export const TIER_RETRY_MAX_MS = 5 * 60 * 1000

/** Tier: steps between two alarms: of one event the platform allows a thousand calls to a bucket, a step has ten. */
export const TIER_STEPS = 64

/** Tier: an alarm takes up again what an object left undone when it ended. */
export const TIER_RESUME_MS = 3 * 60 * 1000

/** Tier: while another partition of the isolate has its turn, this one looks again after so long. */
export const TIER_TURN_MS = 1_000

/** Tier: rows of segments that are given up in one step, and objects deleted in one. */
export const TIER_DROP_SEGMENTS = 100
export const TIER_GARBAGE_AT_ONCE = 100

/** Tier: a put that was given up on may take effect this long after it began; its key is known for so long. */
export const TIER_LATE_PUT_MS = 15 * 60 * 1000

/** Tier: how often a partition that has other work there looks for objects that nobody knows: a call or two. */
export const TIER_SWEEP_MS = 24 * 60 * 60 * 1000

/**
 * Tier: an object, written by one put: a batch of the largest size, and an index that also has aborted
 * transactions and the producers' state.
 */
export const TIER_OBJECT_MAX_BYTES = 24 * MiB

/** Tier: one call to an object store, its body included: an object at 0.4 MB/s. Then it counts as failed. */
export const TIER_CALL_MS = 60_000

/** Tier: objects on one page of a listing, and bytes of what a store answers that is no object. */
export const TIER_LIST_OBJECTS = 1_000
export const TIER_ANSWER_BYTES = 4 * MiB

/** Tier: of one call, what is asked of the store at once: an invocation has six connections. */
export const TIER_REQUESTS_AT_ONCE = 4

/** Tier: what was written is read back in ranges of this: beside the object itself one is held. */
export const TIER_READ_BACK_BYTES = 2 * MiB
