// The client's own limits, each with its unit and reason. The broker's are in src/core/limits.ts.

/** Bytes of records that a subscription may have on its way and in memory. */
export const WINDOW_BYTES = 1024 * 1024

/** How long a record waits for others to travel with. */
export const LINGER_MS = 5
/** JSON bytes of a produce request, which leaves when it has as many: a larger record goes alone. */
export const BATCH_BYTES = 256 * 1024
/** Records of a produce request. */
export const BATCH_RECORDS = 1_000
/** JSON bytes of records that are held for sending; `produce` waits when there are more. */
export const HELD_BYTES = 8 * 1024 * 1024
/** Bytes that browsers let all requests together keep sending when a page goes. */
export const KEEPALIVE_BYTES = 60 * 1024

/** How long `produce` tries. */
export const DELIVERY_TIMEOUT_MS = 120_000
/** How long one request may take before it counts as lost; it is asked again under its key. */
export const REQUEST_TIMEOUT_MS = 30_000
/** Between tries: a random time up to the first, twice as long after each failure, up to the last. */
export const RETRY_FIRST_MS = 100
export const RETRY_LAST_MS = 10_000

/** A socket that nothing was heard of for as long is asked, and given up after as long again. */
export const SILENCE_MS = 20_000
/** A socket with nothing more to do stays as long for the next produce. */
export const IDLE_MS = 10_000

/** How often what was done is committed. */
export const COMMIT_INTERVAL_MS = 5_000
/** How long leaving a group may take before the socket is closed all the same. */
export const LEAVE_MS = 2_000

/** Largest message taken from a socket of our own (node-socket.ts): more than the broker ever sends. */
export const MESSAGE_BYTES = 128 * 1024 * 1024

/** Characters of a request that goes by the socket: the broker takes messages of 4 MiB. Larger ones are posted. */
export const SOCKET_BYTES = 1024 * 1024

/** Bytes that a disk in memory must have free for a test's broker to be there: what tests write, many times over. */
export const TEST_MEMORY_BYTES = 1024 * 1024 * 1024
