// Limits of waiting for news: watches at leaders and at Watch objects, and when an idle partition is read again. Each
// with its unit and its why.

/**
 * A watch that sees nothing is parked at the leader no longer than this, then the leader may go to sleep.
 * How long is spread over this time: an object that goes closes its file, which is some milliseconds of
 * the one thread of the local runtime, so many must not go together.
 */
export const WATCH_AT_LEADER_MIN_MS = 5_000
export const WATCH_AT_LEADER_MAX_MS = 15_000

/** Watch objects of a cluster: each is billed as awake while idle partitions of its shard are watched. */
export const WATCH_SHARDS = 4

/** Neighbouring partitions of a topic that share a shard: who watches no more wakes one Watch object. */
export const WATCH_SHARD_PARTITIONS = 64

/** A connection's call is parked at a Watch object about this long (the platform's limit is 15 minutes). */
export const WATCH_PARKED_MS = 60_000

/** A session of a Watch object that parks no call for so long is forgotten: its connection is gone. */
export const WATCH_SESSION_GRACE_MS = 30_000

/** How often a Watch object looks for calls and sessions whose time is up. */
export const WATCH_SWEEP_MS = 10_000

/** Subscriptions at one Watch object (about 150 bytes each); who is refused reads every REREAD_IDLE_MS. */
export const WATCH_SUBSCRIPTIONS_PER_SHARD = 50_000

/** Subscriptions in one call to a Watch object, and leaders then asked at once whether they have moved. */
export const WATCH_CHANGES_PER_CALL = 1_000
export const WATCH_CHECKS_AT_ONCE = 64

/** A connection forgets an idle partition that nobody asked for in this time. */
export const WATCH_UNUSED_MS = 5 * 60 * 1000

/** Topics of which a connection remembers that it waited for them: to say of a deleted one what Kafka says. */
export const WATCH_TOPICS_REMEMBERED = 4_096

/** A leader that was loaded tells its Watch object so, unless a flush does it first. */
export const TELL_LOADED_MS = 100

/** Pauses before a Watch object that did not answer is told again: the first, doubled up to the last. */
export const TELL_RETRY_MIN_MS = 50
export const TELL_RETRY_MAX_MS = 10_000

/** An idle partition that is neither parked at nor subscribed to is read again after this. */
export const REREAD_IDLE_MS = 30_000

/**
 * An idle partition that is subscribed to is read again after this, or up to a quarter later. A wake-up is
 * lost only with a leader that ends between a commit and its message and that nobody calls again: whoever
 * calls, as a producer that got no answer does, makes the next one tell. Each read wakes the partition.
 */
export const REREAD_SUBSCRIBED_MS = 10 * 60 * 1000

/** Watches parked at one partition; those beyond are answered after WATCH_CROWDED_MS at most. */
export const WATCHES_PER_PARTITION = 10_000
export const WATCH_CROWDED_MS = 1_000
