// Limits of the figures that objects report while they are awake (statistics/), and of a group's history.

/**
 * An object that is awake and has news reports at most this often, the first time a moment after the news: what
 * begins with a burst is told with the burst.
 */
export const STATISTICS_INTERVAL_MS = 10_000
export const STATISTICS_DELAY_MS = 1_000

/** Who reports nothing for so long has stopped, or gone to sleep. */
export const STATISTICS_RATE_MAX_AGE_MS = 15_000
export const STATISTICS_AWAKE_MS = 20_000

/** Reports within this time are written in one commit. */
export const STATISTICS_SAVE_MS = 1_000

/** Partitions (about 200 bytes each) and committed offsets (about 60) that are kept in memory. */
export const STATISTICS_PARTITIONS = 100_000
export const STATISTICS_OFFSETS = 200_000

/** Counters of the Worker, for each API, error, route and status; and isolates whose totals are known. */
export const STATISTICS_COUNTERS = 5_000
export const STATISTICS_SOURCES = 200

/** An isolate with connections reports at least this often; the connections of one that does not are gone. */
export const STATISTICS_ALIVE_MS = 5 * 60 * 1000
export const STATISTICS_SOURCE_MAX_AGE_MS = 6 * 60 * 1000

/** Errors of the broker's own are a trouble for so long. */
export const STATISTICS_TROUBLE_MS = 5 * 60 * 1000

/** Lag history: a point of each committed offset this often, kept for so long. */
export const HISTORY_INTERVAL_MS = 60_000
export const HISTORY_KEPT_MS = 6 * 60 * 60 * 1000

/**
 * Lag history: characters of one offset's history (six hours of a point a minute are some 1,500) and of all of a
 * group together, in memory and, because they are in the offsets' own rows, written with each commit.
 */
export const HISTORY_CHARACTERS = 4_096
export const HISTORY_GROUP_CHARACTERS = 4 * 1024 * 1024

/**
 * Lag history: points of one answer for each partition, default and most: now, and the beginning and end of each of
 * 60 or 360 minutes. Partitions of one, default and most: each point of each asks its leader.
 */
export const HISTORY_POINTS = 62
export const HISTORY_POINTS_MAX = 362
export const HISTORY_PARTITIONS = 10
export const HISTORY_PARTITIONS_MAX = 100
