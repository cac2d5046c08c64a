// Every limit with its unit and its why: here those of the isolate, the connections, HTTP and the cluster; limits/ has
// those of partitions, of the tier, of the coordinators and of watching. Kafka's own defaults live in configs.ts; these are ours
// and the platform's. The memory lines must sum to less than MEMORY_TOTAL_BYTES (a test adds them up).

const KiB = 1024
const MiB = 1024 * KiB

/** Memory we plan for in one isolate of 128 MB, shared by connections and (locally) all objects. */
export const MEMORY_TOTAL_BYTES = 96 * MiB

/** Newest chunks of all partitions kept in memory together, oldest use evicted first. */
export const TAIL_TOTAL_BYTES = 12 * MiB

/** A request frame or a fetch answer up to this size is small: a default batch of 1 MiB fits. */
export const SMALL_BYTES = 1.25 * MiB

/** Request frames larger than SMALL_BYTES take turns for this: it fits one of the largest size. */
export const LARGE_FRAMES_TOTAL_BYTES = 32 * MiB

/** Fetch answers larger than SMALL_BYTES take turns for this: it fits one of the largest size. */
export const LARGE_REPLIES_TOTAL_BYTES = 16 * MiB

/** Request frames up to SMALL_BYTES being read or handled, of all connections together. */
export const SMALL_FRAMES_TOTAL_BYTES = 12 * MiB

/** Fetch answers up to SMALL_BYTES, read and not yet taken by their sockets, together. */
export const SMALL_REPLIES_TOTAL_BYTES = 12 * MiB

/** One fetch answer is assembled from reads no larger than this (one larger batch excepted). */
export const FETCH_PART_BYTES = 2 * MiB

/** A batch larger than SMALL_BYTES goes to its leader in pieces of this size. */
export const APPEND_PART_BYTES = 1 * MiB

/**
 * Calls that one context joins into one, in bytes and in number: the last one may be as large as
 * SMALL_BYTES, so a call stays far below the 32 MiB of RPC, and its four copies below 10 MiB.
 */
export const JOINED_CALL_BYTES = 1 * MiB
export const JOINED_CALL_COUNT = 1_000

/** A call that requests wait for who did not make it is given up after so many ms: twice what a produce may take. */
export const LANE_LOST_MS = 60_000

/** Batches of one request under way to partitions at once: each is copied twice by RPC. */
export const APPENDS_IN_FLIGHT_BYTES = 2 * MiB

/** The whole memory of core/wasm.ts: an LZ4 block of 4 MiB in and out, its window and the tables. */
export const WASM_ARENA_BYTES = 8.25 * MiB

/** Frames up to this are not counted: REQUESTS_IN_FLIGHT of them are half a MiB per connection. */
export const FREE_FRAME_BYTES = 2 * KiB

/** Smallest request: API key, version and correlation id. */
export const REQUEST_MIN_BYTES = 8

/** Bytes read from a socket at once by a connection that has much to say. */
export const SOCKET_READ_BYTES = 256 * KiB

/** Bytes read at once by all others: what a connection holds while it is idle, a thousand of them 16 MiB. */
export const SOCKET_READ_IDLE_BYTES = 16 * KiB

/** One write to a socket: pieces are joined up to it and cut at it, so that progress can be seen. */
export const SOCKET_WRITE_BYTES = 1 * MiB

/** While others wait for memory, a frame or an answer must move at least this fast (1 MiB/s). */
export const STALLED_BYTES_PER_MS = 1 * KiB

/** How often a connection looks whether it is stalled. */
export const STALLED_CHECK_MS = 1_000

/** State of a parked connection must fit a WebSocket's attachment (16 384 bytes). */
export const CONNECTION_STATE_BYTES = 16 * KiB

/**
 * Tunnels (`/kafka`): objects that they are spread over, those of one client and address in one. Each is billed as
 * awake while any of its tunnels has a request to answer ($4.15 a month for a consumer that always polls).
 */
export const TUNNEL_SHARDS = 16

/** Tunnels of one object: a parked one is its state, an open one some 20 KB. The platform's own limit is 32,768. */
export const TUNNELS_PER_SHARD = 1_000

/** Tunnel: bytes under way in one direction, where both ends count: 1 MiB each 50 ms is 20 MB/s. */
export const TUNNEL_WINDOW_BYTES = 1 * MiB

/** Tunnel: one message, and how much more an end has used when it says so: 820 billed requests a GB. */
export const TUNNEL_MESSAGE_BYTES = 64 * KiB
export const TUNNEL_ACK_BYTES = 64 * KiB

/**
 * Tunnel: bytes taken from a client that counts nothing and not used yet, and those of all tunnels of an isolate. Who
 * sends more is closed. Deployed, that isolate holds no logs; locally this comes on top of the other lines.
 */
export const TUNNEL_QUEUE_BYTES = 32 * MiB
export const TUNNEL_QUEUES_TOTAL_BYTES = 48 * MiB

/**
 * Tunnel: answers sent and not known to be taken, of a client that counts nothing (its next message says so: one
 * largest answer fits), and of all tunnels of an isolate: the runtime keeps them and tells nobody. Two messages each
 * may always have.
 */
export const TUNNEL_UNCOUNTED_BYTES = 20 * MiB
export const TUNNEL_UNTAKEN_TOTAL_BYTES = 32 * MiB

/** Tunnel: a client that counts nothing and, having so much to take, sends nothing for so long is closed. */
export const TUNNEL_UNCOUNTED_WAIT_MS = 30_000

/**
 * Tunnel: how often a client shows that it is there, after how much silence it is dead, and how often an object
 * looks: a dead one is found within two minutes. Each look is a row: $0.05 a month for an object with tunnels.
 */
export const TUNNEL_PING_MS = 25_000
export const TUNNEL_SILENT_MS = 60_000
export const TUNNEL_SWEEP_MS = 55_000

/** Characters of `OTTLA_SECRET`: it must fit into a header. */
export const SECRET_CHARACTERS_MAX = 512

/** A browser that has signed in does so again after this. */
export const SIGN_IN_MS = 12 * 60 * 60 * 1000

/** The sign-in form: a secret, percent-encoded, and where to go then. */
export const SIGN_IN_FORM_BYTES = 8 * KiB

/** A connection that holds memory others wait for and makes no progress for this long is closed. */
export const STALLED_CONNECTION_MS = 5_000

/**
 * A client that will send no more may still take answers for so long: one that is gone looks the same, and what it
 * asked for last may wait for weeks (Fetch's max wait is the client's to choose). Kafka ends the connection at once.
 */
export const HALF_CLOSED_MS = 5_000

/** Largest request frame (Kafka's socket.request.max.bytes, default here; Kafka's own is 100 MiB). */
export const REQUEST_MAX_BYTES = 32 * MiB

/** Largest fetch answer (Kafka's fetch.max.bytes, default here; Kafka's own is 55 MiB). */
export const FETCH_MAX_BYTES = 16 * MiB

/** Highest max.message.bytes: a batch is held whole in memory a few times over. */
export const MESSAGE_MAX_BYTES = 16 * MiB

/** Requests of one connection read but not answered; more are not read from the socket. */
export const REQUESTS_IN_FLIGHT = 256

/**
 * What begins of all connections' requests until their sockets are looked at again, in requests (some ten milliseconds, so that
 * a few busy clients meet no turns); and so many while somebody waits, in turns of at least so many each, for a turn costs a
 * millisecond before its first request. So many bytes of a request count as one more, for a batch of 64 KiB takes as long
 * as nine small ones; and one over HTTP as so many: with ten, fifty clients that each waited for their answers began six at a
 * time, each six with a commit of their own, and got a third of the rate.
 */
export const TURN_REQUESTS = 512
export const TURN_SHARED_REQUESTS = 64
export const TURN_LEAST = 32
export const TURN_BYTES = 8 * KiB
export const TURN_HTTP_REQUESTS = 2

/** How long a round takes at least; and how long it counts at most, where nobody waits who would begin another. */
export const TURN_ROUND_MS = 1
export const TURN_ROUND_MAX_MS = 5

/** A connection of which nothing has begun for so long may begin a few requests without a turn. */
export const TURN_FREE = 4
export const TURN_FRESH_MS = 20

/** A fetch that finds no memory for its answer waits at least this long before it answers empty. */
export const MEMORY_WAIT_MS = 10_000

/** Broker configuration is read from Cluster again after this, per isolate. */
export const BROKER_CONFIG_CACHE_MS = 5_000

/** Objects of which a context keeps a stub while it asks them nothing (about 1 KB each); the oldest go first. */
export const OBJECTS_REACHED = 1_000

/**
 * File descriptors, locally, of an object that is awake (its database, write-ahead log and the index of that) and
 * of a connection.
 */
export const FILES_PER_OBJECT = 3
export const FILES_PER_CONNECTION = 2

/** File descriptors that the runtime has open before anybody comes (some fifty). */
export const FILES_OF_RUNTIME = 100

/**
 * Of the process's other file descriptors, for objects that are awake and for connections of Kafka clients. The
 * rest is for HTTP and for objects that their alarms wake: without any left the runtime ends.
 */
export const OBJECTS_FILES_SHARE = 0.7
export const CONNECTIONS_FILES_SHARE = 0.2

/** An object that nobody calls is gone after this: the runtime evicts it after ten seconds. */
export const OBJECT_ASLEEP_MS = 12_000

/** What one isolate lends itself and nobody takes is dropped after this. */
export const LENT_MAX_MS = 30_000

/** A message over RPC is at most 32 MiB; our largest are a batch or a fetch part. */
export const RPC_MAX_BYTES = 32 * MiB

/**
 * Leaders that one connection asks at once, at first, at least and at most: a request may name thousands of partitions that are
 * asleep, and each that wakes keeps the isolate busy for a millisecond or two. And after how long others have a turn.
 */
export const LEADERS_AT_ONCE_FIRST = 8
export const LEADERS_AT_ONCE_LEAST = 4
export const LEADERS_AT_ONCE = 64
export const LEADERS_PAUSE_AFTER_MS = 10

/** Partitions of one topic (CreateTopics, CreatePartitions). */
export const PARTITIONS_PER_TOPIC = 10_000

/** HTTP: body of a JSON or raw produce, and one line of NDJSON. */
export const HTTP_BODY_BYTES = 16 * MiB

/** HTTP produce: uncompressed bytes and records of a batch, which is sent when it has as many of either. */
export const HTTP_BATCH_BYTES = 512 * KiB
export const HTTP_BATCH_RECORDS = 4_096

/** NDJSON: bytes of records pending and under way of one request; beyond it the body is not read. */
export const NDJSON_WINDOW_BYTES = 2 * MiB

/** NDJSON: a stream that pauses this long has its pending records sent (`tail -f` as a producer). */
export const NDJSON_LINGER_MS = 50

/** HTTP lists: items per answer, default and most. Of partitions each item may be some calls. */
export const HTTP_LIST_LIMIT = 100
export const HTTP_LIST_LIMIT_MAX = 1_000

/** `/readyz`: Cluster writes a row at most this often, for each is billed and anybody may ask. */
export const READY_WRITE_INTERVAL_MS = 1_000

/** HTTP read: records per answer, default and most; bytes, default and most; wait, most. */
export const HTTP_READ_LIMIT = 100
export const HTTP_READ_LIMIT_MAX = 1_000
export const HTTP_READ_BYTES = 1 * MiB
export const HTTP_READ_BYTES_MAX = 8 * MiB
export const HTTP_WAIT_MS_MAX = 30_000

/**
 * SSE: bytes read for one piece, and its text: a reader who takes nothing holds one piece. A piece per
 * reader at most this often, unless it catches up, and less often, up to this, where timers are late; a
 * comment when it is idle.
 */
export const EVENTS_PIECE_BYTES = 256 * KiB
export const EVENTS_PACE_MS = 100
export const EVENTS_PACE_MAX_MS = 250
export const EVENTS_HEARTBEAT_MS = 15_000

/**
 * SSE: pieces of all streams of an isolate together, and the least that one may be: a thousand readers who take
 * nothing hold 16 MiB. On top of the other lines, within what MEMORY_TOTAL_BYTES leaves of an isolate's 128 MB.
 */
export const EVENTS_PIECES_TOTAL_BYTES = 16 * MiB
export const EVENTS_PIECE_MIN_BYTES = 16 * KiB

/**
 * SSE: the newest records as text, encoded once for all readers at the head: of all partitions of an isolate
 * together, the oldest goes first; a larger piece is not shared. And pieces of one partition: some 50 s.
 */
export const EVENTS_SHARED_TOTAL_BYTES = 1 * MiB
export const EVENTS_SHARED_PIECE_BYTES = 512 * KiB
export const EVENTS_SHARED_PIECES = 512

/** SSE: text a leader encodes for its readers every EVENTS_PACE_MS; where more is written they read for themselves. */
export const EVENTS_SHARED_STEP_BYTES = 512 * KiB

/** SSE: a leader stops sharing, and may go to sleep, when it had no news, or nobody looked, for so long. */
export const EVENTS_SHARED_IDLE_MS = 5_000
export const EVENTS_SHARED_UNUSED_MS = 2_000

/** SSE: a leader that did not look for news for so long is gone: its readers read for themselves. */
export const EVENTS_SHARED_STALE_MS = 3_000

/** SSE: readers of other isolates that one leader feeds; more read for themselves. */
export const EVENTS_FED_PER_PARTITION = 2_000

/** SSE: partitions that one stream follows at their leaders; it reads further ones for itself. */
export const EVENTS_FOLLOWED_PARTITIONS = 64

/** SSE: a stream whose leader would not share asks again after this. */
export const EVENTS_FOLLOW_AGAIN_MS = 1_000

/** SSE: how often a stream looks whether its topic has more partitions. */
export const EVENTS_PARTITIONS_MS = 30_000

/** An event's id names every partition of a stream, and comes back as a header: servers take some 8 KiB of them. */
export const EVENTS_ID_BYTES = 4 * KiB

/** Topics of one stream: the id has 23 bytes for each and a pair at least, so more would not fit anyway. */
export const EVENTS_TOPICS = 200

/** How often a stream tells that its position moves while nothing of what it reads is shown. */
export const EVENTS_POSITION_MS = 1_000

/** A record batch decompresses to at most this much (HTTP consume, topic recompression, validation). */
export const DECOMPRESSED_BATCH_BYTES = 32 * MiB

/** Bytes of a Durable Object's name from which on the runtime does not tell it to the object. */
export const OBJECT_NAME_BYTES = 1_024

/** Topics that one isolate remembers (about 1 KB each); more are asked for again. */
export const TOPIC_CACHE_ENTRIES = 4_096

/** Array elements of one request, nested ones included: each costs a hundred bytes and more decoded. */
export const REQUEST_ELEMENTS_MAX = 250_000

/** Living topics of a cluster: the controller holds about 1 KB for each in memory. */
export const TOPICS_PER_CLUSTER = 10_000

/** Partitions of all living topics: Metadata of all of them is some 4 MB on the wire. */
export const PARTITIONS_PER_CLUSTER = 100_000

/** Entries in one DescribeConfigs answer (all of 3,000 topics); further resources are refused. */
export const CONFIG_ENTRIES_PER_ANSWER = 100_000

/** An alarm that could not be set is set again after so long: nobody may call before it was due. */
export const ALARM_RETRY_MS = 5_000

/**
 * A leader that answers a read from memory has reached its storage within this time (`runtime/touch.ts`): one that
 * was replaced answers no longer. To do it for each read would cost a tenth of a fetch at the head.
 */
export const STORAGE_TOUCH_MS = 1_000

/** The runtime refuses alarms after 2189 (nanoseconds in 63 bits behind 1898); later ones are set to this. */
export const ALARM_LATEST_MS = Date.UTC(2189, 0, 1)

/**
 * Live: objects that WebSockets of `/v1/live` are spread over by chance. Each is billed as awake while any of its
 * sockets has a subscription or a member ($4.15 a month), and takes some thousand messages a second.
 */
export const LIVE_SHARDS = 8

/** Live: sockets of one object, some 20 KB each; the platform's own limit is 32,768. */
export const LIVE_SESSIONS_PER_SHARD = 2_000

/** Live: one message of a client. A larger batch goes by POST. */
export const LIVE_MESSAGE_BYTES = 4 * MiB

/** Live: bytes of messages of one session taken and not answered; more are refused with a retriable error. */
export const LIVE_PENDING_BYTES = 8 * MiB

/** Live: produces and commits of one session not answered; more are refused with a retriable error. */
export const LIVE_REQUESTS = 256

/** Live: subscriptions and memberships of one session, and topics of each. */
export const LIVE_SUBSCRIPTIONS = 32
export const LIVE_TOPICS = 64

/** Live: partitions in one commit. */
export const LIVE_COMMIT_PARTITIONS = 10_000

/** Live: a name that must fit into what a session is kept as. */
export const LIVE_GROUP_NAME_CHARACTERS = 249

/** Live: what is granted and not used adds up to this at most: an exact number. */
export const LIVE_GRANT_MAX = 2 ** 40

/** Live: records of one message, or one larger record; many subscriptions of a session share it, but for the least. */
export const LIVE_PIECE_BYTES = 256 * KiB
export const LIVE_PIECE_MIN_BYTES = 8 * KiB

/** Live: a subscription looks so often, at least, whether anything is new. */
export const LIVE_WAIT_MS = 60_000

/**
 * Live: bytes sent of which the client has not shown that it took them (it answers a ping behind them); then it
 * is waited for, whatever it has granted. What the runtime holds for a client that stands still.
 */
export const LIVE_UNCONFIRMED_BYTES = 512 * KiB

/** Live: a session is kept across hibernation in what a WebSocket may have attached (16,384 bytes, its form aside). */
export const LIVE_STATE_BYTES = 15 * KiB

/** Live: what was read and not sent is told at most this often. */
export const LIVE_POSITION_MS = 1_000

/** Live: how often sockets are looked at: one that says nothing is asked, then closed. Thrice this is 2 minutes. */
export const LIVE_SWEEP_MS = 40_000

/** Live: max.poll.interval.ms of a member, as Kafka's consumers have it, and the most it may be. */
export const LIVE_MAX_POLL_MS = 300_000
export const LIVE_MAX_POLL_MS_MAX = 24 * 60 * 60 * 1000

/** Live: pauses before a coordinator that did not answer is asked again: the first, doubled up to the last. */
export const LIVE_RETRY_MIN_MS = 100
export const LIVE_RETRY_MAX_MS = 5_000
