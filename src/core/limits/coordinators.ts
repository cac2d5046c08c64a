// Limits of the coordinators: groups, transactions, and the controller's directory of both. Each with its unit and its why.

const KiB = 1024
const MiB = 1024 * KiB

/** Producer ids given by one call to the controller. */
export const PRODUCER_IDS_PER_CALL = 10_000

/** Entries of the directory: the controller holds about 500 bytes for each in memory. */
export const GROUPS_PER_CLUSTER = 50_000
export const TRANSACTIONAL_IDS_PER_CLUSTER = 50_000

/** Groups with configurations of their own: kept in memory, about 200 bytes each. */
export const CONFIGURED_GROUPS_PER_CLUSTER = 10_000

/** Topic names and ids of one directory entry, in characters: it is one row. */
export const DIRECTORY_ENTRY_CHARACTERS = 256 * KiB

/** An entry of the directory that is registered again unchanged is written again when it is older. */
export const DIRECTORY_REFRESH_MS = 10 * 60 * 1000

/**
 * Sweep of the directory: how often; how old an entry must be before its object is asked, where its
 * state says that nothing goes on and where it does not; objects asked in a step; the pause between steps.
 */
export const SWEEP_INTERVAL_MS = 6 * 60 * 60 * 1000
export const SWEEP_IDLE_AGE_MS = 60 * 60 * 1000
export const SWEEP_BUSY_AGE_MS = 24 * 60 * 60 * 1000
export const SWEEP_STEP_OBJECTS = 64
export const SWEEP_STEP_PAUSE_MS = 1_000

/** Participants of one transaction (about 200 bytes each): they are held whole; more are refused. */
export const PARTICIPANTS_BYTES = 16 * MiB

/** Participants in one row: with each that joins, only the last row is written again. */
export const PARTICIPANTS_CHUNK_BYTES = 64 * KiB

/** Participants told the end of a transaction at once. */
export const MARKERS_IN_FLIGHT = 64

/** Pauses before a participant that did not confirm is told again: the first, doubled up to the last. */
export const MARKER_RETRY_MIN_MS = 20
export const MARKER_RETRY_MAX_MS = 10_000

/** An object that is to tell the end of a transaction is woken after this, should it have been evicted. */
export const MARKERS_SWEEP_MS = 10_000

/** A new transaction waits this long for the end of the one before; Kafka has its clients ask again. */
export const TRANSACTION_WAIT_MS = 100

/** Requests that wait so at one transactional id; more are told to ask again. */
export const TRANSACTION_WAITERS = 1_000

/** The directory hears of a transactional id at most this often; only the latest counts. */
export const TRANSACTION_ANNOUNCE_MS = 1_000

/** KIP-848: characters and compiled size of a pattern, patterns of a group: each meets every topic name. */
export const PATTERN_CHARACTERS = 2_000
export const PATTERN_INSTRUCTIONS = 2_000
export const PATTERNS_PER_GROUP = 100

/** Principals of one group whose members subscribe by patterns, where topics are hidden: about 50 bytes a topic each. */
export const PATTERN_PRINCIPALS_PER_GROUP = 100

/**
 * Whether such a principal may describe what its patterns match is asked anew when it was asked longer ago: so late do
 * changed rules reach a group. Kafka's group.consumer.regex.refresh.interval.ms is ten minutes.
 */
export const PATTERN_VIEW_MS = 60_000

/** A consumer member's ids, topic names and classic protocols, in characters: they share a row with its assignment. */
export const CONSUMER_MEMBER_CHARACTERS = 512 * KiB

/** The same of all members of one group, each with 1 KiB more for what is kept about it: they stay in memory. */
export const CONSUMER_GROUP_CHARACTERS = 16 * MiB

/** Coordinators asked at once for one DescribeTransactions, and verifications for one request. */
export const COORDINATORS_AT_ONCE = 32

/** After so much work for one request that names many, others have a turn. */
export const COORDINATORS_PAUSE_AFTER_MS = 3
export const VERIFICATIONS_AT_ONCE = 64

/** Partition leaders asked at once for one DescribeProducers: each may tell of PRODUCERS_PER_PARTITION. */
export const LEADERS_AT_ONCE = 32

/** A call parked at a coordinator (JoinGroup, SyncGroup) no longer than this: the platform's limit is 15 minutes. */
export const PARKED_CALL_MAX_MS = 10 * 60 * 1000

/** One member of a classic group: its metadata, or its assignment. Base64 of it must fit a row. */
export const CLASSIC_MEMBER_BYTES = 1 * MiB

/** Metadata of all members of a classic group: the leader gets it in one answer; Kafka's limit is about 1 MiB. */
export const CLASSIC_MEMBERS_BYTES = 4 * MiB

/** Assignments of one generation of a classic group, together. */
export const CLASSIC_ASSIGNMENTS_BYTES = 4 * MiB

/** Member ids given out to clients that have not joined with them yet; about 200 bytes each. */
export const CLASSIC_PENDING_MEMBERS = 10_000

/** A new member whose first join is parked this long is gone, as in Kafka: it cannot heartbeat. */
export const CLASSIC_NEW_MEMBER_MS = 5 * 60 * 1000

/** Offsets (committed, and pending ones of transactions) of one group: about 200 bytes each in memory. */
export const OFFSETS_PER_GROUP = 100_000

/** A group in use asks Cluster this often whether its topics or its configuration have changed. */
export const GROUP_REFRESH_MS = 30_000

/** Commits that wait for their transaction to be verified, per group. */
export const UNVERIFIED_COMMITS_PER_GROUP = 1_000
