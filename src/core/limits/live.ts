// Every limit of `/v1/live` (src/live) with its unit and its why.

const KiB = 1024
const MiB = 1024 * KiB

/**
 * Live: objects that WebSockets of `/v1/live` are spread over by chance. Each is billed as awake while any of its
 * sockets has a subscription or a member ($4.15 a month), and takes some thousand messages a second.
 */
export const LIVE_SHARDS = 8

/** Live: sockets of one object, some 20 KB each; the platform's own limit is 32,768. */
export const LIVE_SESSIONS_PER_SHARD = 1_000

/** Live: one message of a client. A larger batch goes by POST. */
export const LIVE_MESSAGE_BYTES = 4 * MiB

/**
 * Live: bytes of requests of one session that are not answered, and of all of an isolate (where each may have one);
 * more are refused with a retriable error.
 */
export const LIVE_PENDING_BYTES = 4 * MiB
export const LIVE_PENDING_TOTAL_BYTES = 6 * MiB

/** Live: produces and commits of one session not answered; more are refused with a retriable error. */
export const LIVE_REQUESTS = 256

/** Live: subscriptions and memberships of one session, and topics of each. */
export const LIVE_SUBSCRIPTIONS = 32
export const LIVE_TOPICS = 64

/** Live: partitions in one commit. */
export const LIVE_COMMIT_PARTITIONS = 10_000

/** Live: a name that must fit into what a session is kept as. */
export const LIVE_GROUP_NAME_CHARACTERS = 249

/** Live: a member's client id, which is kept with it. */
export const LIVE_CLIENT_ID_CHARACTERS = 128

/** Live: what is granted and not used adds up to this at most: an exact number. */
export const LIVE_GRANT_MAX = 2 ** 40

/** Live: records of one message, or one larger record; many subscriptions of a session share it, but for the least. */
export const LIVE_PIECE_BYTES = 256 * KiB
export const LIVE_PIECE_MIN_BYTES = 8 * KiB

/** Live: what a subscription that has waited reads first: a thousand of them wake at once. More with each step. */
export const LIVE_PIECE_FIRST_BYTES = 16 * KiB

/** Live: a subscription looks so often, at least, whether anything is new. */
export const LIVE_WAIT_MS = 15_000

/**
 * Live: bytes sent of which the client has not shown that it took them (it answers a ping behind them); then it
 * is waited for, whatever it has granted. What the runtime holds for a client that stands still.
 */
export const LIVE_UNCONFIRMED_BYTES = 512 * KiB

/** Live: the same of all sessions of an isolate; beyond it each has LIVE_PIECE_FIRST_BYTES. */
export const LIVE_UNCONFIRMED_TOTAL_BYTES = 6 * MiB

/**
 * Live: a session is kept across hibernation in what a WebSocket may have attached: 16,384 bytes, its form and who the
 * client is (a token names topics and groups of TOKEN_NAMES_CHARACTERS) aside.
 */
export const LIVE_STATE_BYTES = 13 * KiB

/** Live: what was read and not sent is told at most this often. */
export const LIVE_POSITION_MS = 1_000

/** Live: how often sockets are looked at: one that says nothing is asked, then closed. Dead ones are found in two to three of these. */
export const LIVE_SWEEP_MS = 40_000

/** Live: while anything goes on a timer of this keeps the object awake: the platform's patience is 10 s. */
export const LIVE_AWAKE_MS = 5_000

/** Live: max.poll.interval.ms of a member, as Kafka's consumers have it, and the most it may be. */
export const LIVE_MAX_POLL_MS = 300_000
export const LIVE_MAX_POLL_MS_MAX = 24 * 60 * 60 * 1000

/** Live: pauses before a coordinator that did not answer is asked again: the first, doubled up to the last. */
export const LIVE_RETRY_MIN_MS = 100
export const LIVE_RETRY_MAX_MS = 5_000
