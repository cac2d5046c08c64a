// Limits of users, rules and quotas, and of how old what an isolate knows of them may be. Each with its unit and its why.

/** A change of rules, users or quotas is known to every isolate after this: the bound of every revocation. */
export const SECURITY_CACHE_MS = 5_000

/** Once what is known is this old it is read anew by the way, so that hardly anybody waits for it. */
export const SECURITY_REFRESH_MS = 2_500

/** A reading of it that has not come back after this is given up: its context may have ended. */
export const SECURITY_READING_MS = 1_000

/** Tenants beside main: an isolate may know a few megabytes of each, and a list is a line. */
export const TENANTS_MAX = 100

/** Users with SCRAM credentials: some 400 bytes each in the controller. */
export const USERS_PER_CLUSTER = 10_000

/** Access rules: some 300 bytes each in the controller, and in each isolate, which reads all when one changes. */
export const ACLS_PER_CLUSTER = 10_000

/** Entities with quotas: some 200 bytes each, read as access rules are. */
export const QUOTAS_PER_CLUSTER = 10_000

/** Characters of a user's name, and of what a rule or a quota names: all of 10,000 rules together fit one call. */
export const SECURITY_NAME_CHARACTERS = 512

/** Kafka's own bounds of a SCRAM credential's iterations: what guessing costs, and what a login does. */
export const SCRAM_ITERATIONS_MIN = 4_096
export const SCRAM_ITERATIONS_MAX = 16_384

/** Bytes of a SCRAM salt: kafka-clients make some 25. */
export const SCRAM_SALT_BYTES_MAX = 1_024

/** Seconds of a quota that a client may use at once: Kafka's `quota.window.num` less the one that has begun. */
export const QUOTA_BURST_S = 10

/** The same of partitions made and deleted, where Kafka counts every window (`controller.quota.window.num`). */
export const QUOTA_MUTATION_BURST_S = 11

/** A client over its share of requests is left alone no longer than this at a time: Kafka's window. */
export const QUOTA_REQUEST_THROTTLE_MS = 1_000

/** Clients whose use is counted by one isolate, some 200 bytes each and 2 KB at most: client ids are free. Full ones go first. */
export const QUOTA_BUCKETS = 10_000

/** A connection beyond its address's `connection_creation_rate` is closed after this at most: it holds descriptors. */
export const CONNECTION_REFUSED_MS = 1_000

/** Audit records of an isolate that are not durable yet, some 500 bytes each; what comes when there are more is counted. */
export const AUDIT_WAITING = 1_000
export const AUDIT_WAITING_BYTES = 4 * 1024 * 1024

/** Audit records of one batch: far below a batch's largest size as topics have it, which may be set lower. */
export const AUDIT_BATCH = 200
export const AUDIT_BATCH_BYTES = 256 * 1024

/** Names in one audit record, and characters of each of its texts, which whoever is refused may choose: some 30 KB at most. */
export const AUDIT_NAMES = 20
export const AUDIT_TEXT_CHARACTERS = 256

/** Refusals of one client that have an audit record each, in so long: each is a write, and anybody may be refused. */
export const AUDIT_REFUSALS = 30
export const AUDIT_REFUSALS_MS = 60_000

/** Addresses, and principals at them, whose refusals are counted apart by one isolate, some 300 bytes each. */
export const AUDIT_CLIENTS = 1_000

/** An answer waits no longer than this for its audit record, and looks so often whether another's write had it. */
export const AUDIT_WAIT_MS = 5_000
export const AUDIT_POLL_MS = 20

/** After a write of audit records that failed the next is tried so much later. */
export const AUDIT_RETRY_MS = 1_000

/** A write of audit records that has said nothing for so long is taken to have ended with its connection. */
export const AUDIT_WRITE_MS = 10_000

/** HTTP: an answer to who is over a byte rate waits no longer than this: clients give up after half a minute or more. */
export const HTTP_THROTTLE_MS = 20_000
