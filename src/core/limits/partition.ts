// Limits of one partition: its leader, its rows, its upkeep and compaction. Each with its unit and its why.
// Those of the tier have a file of their own (tier.ts), what connections and the whole isolate have is ../limits.ts.

const KiB = 1024
const MiB = 1024 * KiB

/** Batches arriving in pieces at one partition at once; more are refused with a retriable error. */
export const UPLOADS_PER_PARTITION = 16

/** A batch of which no piece arrived for so long is dropped. */
export const UPLOAD_IDLE_MS = 10_000

/** One value in a row of a Durable Object's SQLite is at most 2 MB; we stay below with the other columns. */
export const ROW_BYTES = 1_900_000

/** A flush takes about this much from the queue (or one larger batch) into one chunk. */
export const FLUSH_BYTES = 1 * MiB

/** Transactional batches waiting at one partition for a coordinator's word; more are refused to be sent again. */
export const VERIFY_QUEUE_BYTES = 8 * MiB

/** A coordinator that does not answer a partition for so long counts as unavailable. */
export const ENLIST_TIMEOUT_MS = 10_000

/** Producers confirmed in a transaction and not written yet; the oldest are asked for again. */
export const ENLISTED_REMEMBERED = 1_000

/** Appends waiting at one partition; beyond it they are refused with a retriable error. */
export const APPEND_QUEUE_BYTES = 32 * MiB

/** Size of one object's storage, 10 GB (`ottla.object.max.bytes` when it is to be less). */
export const OBJECT_MAX_BYTES = 10_000_000_000

/** Of it, kept from appends: for what makes room, some 80 MB of 10 GB (compaction replaces 32 MiB at once). */
export const OBJECT_RESERVED_SHARE = 1 / 128

/** The least `ottla.object.max.bytes`: one largest batch fits twice. */
export const OBJECT_MIN_BYTES = 32 * MiB

/** Idempotent producers a partition remembers (170 bytes each when stored); the idlest go first. */
export const PRODUCERS_PER_PARTITION = 5_000

/** Producers' state is stored whole after so many chunks, or so many bytes of changes: a load reads no more. */
export const PRODUCER_SNAPSHOT_CHUNKS = 1_000
export const PRODUCER_SNAPSHOT_BYTES = 1 * MiB

/**
 * Deleted chunks are freed in steps of at most so many chunks and bytes: a step must not hold up appends, and SQLite reads
 * each page that it frees, about 1 ms a MiB.
 */
export const FREE_STEP_CHUNKS = 1_000
export const FREE_STEP_BYTES = 24 * MiB

/** Pause between two steps of what a partition does from its alarm, and before one that failed is tried again. */
export const HOUSEKEEPING_PAUSE_MS = 100
export const HOUSEKEEPING_RETRY_MS = 10_000

/** An alarm is set no further ahead, whatever time a record claims: the runtime counts nanoseconds in 64 bits. */
export const ALARM_AHEAD_MAX_MS = 365 * 24 * 60 * 60 * 1000

/** Segments that one step of retention looks at: of each the headers of its chunks may have to be read. */
export const RETENTION_STEP_SEGMENTS = 16

/**
 * Rows of fewer bytes are merged: of larger ones SQLite leaves less than 4 % of their pages empty. No power of two: a
 * flush of the 64 batches of almost 1 KiB that a client has in flight is large enough. Only so many rows at least,
 * because each one merged is two rows written; and at most so many in a step.
 */
export const MERGE_BELOW_BYTES = 48 * KiB
export const MERGE_MIN_ROWS = 4
export const MERGE_STEP_ROWS = 1_000

/** Small rows are merged this long after there are enough: a burst is merged in large steps. */
export const MERGE_DELAY_MS = 10_000

/** So many bytes of small rows are merged without delay: half of their pages may be empty. */
export const MERGE_AT_ONCE_BYTES = 256 * KiB

/** A log of an older layout is cut into segments by this many headers at most: what is behind them is one. */
export const UPGRADE_CHUNKS = 100_000

/**
 * Compaction: the map of keys, 20 bytes a key: 16 MiB hold 670,000 keys. One partition of an isolate has one, as
 * long as it compacts. Deployed, that isolate holds no connections; locally it comes on top of the other lines.
 */
export const COMPACTION_MAP_BYTES = 16 * MiB

/** Compaction: two bits per offset beside the map, in two arrays of so much at most: 8 million offsets. */
export const COMPACTION_BITS_BYTES = 1 * MiB

/**
 * Compaction: a step goes over about so many bytes (decompressed), or for so long, and ends with a batch. As a rule it is the
 * time: after each the broker rests for a millisecond, which after every MiB was a third of the whole.
 */
export const COMPACTION_STEP_BYTES = 8 * MiB
export const COMPACTION_STEP_MS = 10

/** The same for so long after a partition of the isolate was written to or read: others wait for no more than this. */
export const COMPACTION_BUSY_STEP_BYTES = 256 * KiB
export const COMPACTION_BUSY_STEP_MS = 3
export const COMPACTION_BUSY_MS = 1_000

/** Compaction: an alarm takes up again what a timer lost; one row for so long. */
export const COMPACTION_RESUME_MS = 30_000

/** Compaction: neighbouring chunks replaced in one transaction, and their bytes, for which SQLite reads each page. */
export const COMPACTION_GROUP_CHUNKS = 256
export const COMPACTION_GROUP_BYTES = 8 * MiB

/** Compaction: where a pass got is kept once for so many rows written: one in a hundred more. */
export const COMPACTION_SAVE_ROWS = 100

/** Compaction: a partition that has not made a step for so long has lost its turn. */
export const COMPACTION_IDLE_MS = 60_000

/** Compaction: batches that cannot be read are reported once; so many are remembered. */
export const COMPACTION_REPORTED = 1_000

/**
 * Compaction: the marker of an empty transaction stays this long at least: a fetch is read in several parts, and
 * whoever was told that the transaction was aborted must meet its end.
 */
export const COMPACTION_MARKER_KEPT_MS = 60_000
