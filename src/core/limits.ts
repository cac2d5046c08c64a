// Every limit with its unit and its why. Kafka's own defaults live in configs.ts; these are ours and
// the platform's. The memory lines must sum to less than MEMORY_TOTAL_BYTES (a test adds them up).

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

/** Batches arriving in pieces at one partition at once; more are refused with a retriable error. */
export const UPLOADS_PER_PARTITION = 16

/** A batch of which no piece arrived for so long is dropped. */
export const UPLOAD_IDLE_MS = 10_000

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

/** A connection that holds memory others wait for and makes no progress for this long is closed. */
export const STALLED_CONNECTION_MS = 5_000

/** Largest request frame (Kafka's socket.request.max.bytes, default here; Kafka's own is 100 MiB). */
export const REQUEST_MAX_BYTES = 32 * MiB

/** Largest fetch answer (Kafka's fetch.max.bytes, default here; Kafka's own is 55 MiB). */
export const FETCH_MAX_BYTES = 16 * MiB

/** Highest max.message.bytes: a batch is held whole in memory a few times over. */
export const MESSAGE_MAX_BYTES = 16 * MiB

/** Requests of one connection read but not answered; more are not read from the socket. */
export const REQUESTS_IN_FLIGHT = 256

/** One value in a row of a Durable Object's SQLite is at most 2 MB; we stay below with the other columns. */
export const ROW_BYTES = 1_900_000

/** A flush takes about this much from the queue (or one larger batch) into one chunk. */
export const FLUSH_BYTES = 1 * MiB

/** A fetch that finds no memory for its answer waits at least this long before it answers empty. */
export const MEMORY_WAIT_MS = 10_000

/** Broker configuration is read from Cluster again after this, per isolate. */
export const BROKER_CONFIG_CACHE_MS = 5_000

/** Transactional batches waiting at one partition for a coordinator's word; more are refused to be sent again. */
export const VERIFY_QUEUE_BYTES = 8 * MiB

/** A coordinator that does not answer a partition for so long counts as unavailable. */
export const ENLIST_TIMEOUT_MS = 10_000

/** Producers confirmed in a transaction and not written yet; the oldest are asked for again. */
export const ENLISTED_REMEMBERED = 1_000

/** Objects of which a context keeps a stub while it asks them nothing (about 1 KB each); the oldest go first. */
export const OBJECTS_REACHED = 1_000

/** What one isolate lends itself and nobody takes is dropped after this. */
export const LENT_MAX_MS = 30_000

/** Appends waiting at one partition; beyond it they are refused with a retriable error. */
export const APPEND_QUEUE_BYTES = 32 * MiB

/** A message over RPC is at most 32 MiB; our largest are a batch or a fetch part. */
export const RPC_MAX_BYTES = 32 * MiB

/** Size of one object's storage, 10 GB; appends are refused a little below. */
export const OBJECT_MAX_BYTES = 10_000_000_000

/** A watch is parked at an object no longer than this (the platform's limit is 15 minutes). */
export const WATCH_MAX_MS = 10 * 60 * 1000

/** An idle watched partition is read again after this, in case a wake-up was lost. */
export const REREAD_IDLE_MS = 30_000

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

/** HTTP read: records per answer, default and most; bytes, default and most; wait, most. */
export const HTTP_READ_LIMIT = 100
export const HTTP_READ_LIMIT_MAX = 1_000
export const HTTP_READ_BYTES = 1 * MiB
export const HTTP_READ_BYTES_MAX = 8 * MiB
export const HTTP_WAIT_MS_MAX = 30_000

/**
 * SSE: bytes read for one piece, and its text: a reader who takes nothing holds one piece. A piece per
 * reader at most this often, unless it catches up; a comment when it is idle.
 */
export const EVENTS_PIECE_BYTES = 256 * KiB
export const EVENTS_PACE_MS = 100
export const EVENTS_HEARTBEAT_MS = 15_000

/** SSE: how often a stream looks whether its topic has more partitions. */
export const EVENTS_PARTITIONS_MS = 30_000

/** A record batch decompresses to at most this much (HTTP consume, topic recompression, validation). */
export const DECOMPRESSED_BATCH_BYTES = 32 * MiB

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

/** Idempotent producers a partition remembers (170 bytes each when stored); the idlest go first. */
export const PRODUCERS_PER_PARTITION = 5_000

/** Producers' state is stored whole after so many chunks, or so many bytes of changes: a load reads no more. */
export const PRODUCER_SNAPSHOT_CHUNKS = 1_000
export const PRODUCER_SNAPSHOT_BYTES = 1 * MiB

/** Deleted chunks are freed in steps of at most so many chunks and bytes: a step must not hold up appends. */
export const FREE_STEP_CHUNKS = 1_000
export const FREE_STEP_BYTES = 64 * MiB

/** Pause between two such steps. */
export const FREE_STEP_PAUSE_MS = 100

/** Watches parked at one partition; those beyond are answered after WATCH_CROWDED_MS at most. */
export const WATCHES_PER_PARTITION = 10_000
export const WATCH_CROWDED_MS = 1_000

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

/** A consumer member's ids, topic names and classic protocols, in characters: they share a row with its assignment. */
export const CONSUMER_MEMBER_CHARACTERS = 512 * KiB

/** The same of all members of one group, each with 1 KiB more for what is kept about it: they stay in memory. */
export const CONSUMER_GROUP_CHARACTERS = 16 * MiB

/** Coordinators asked at once for one DescribeTransactions, and verifications for one request. */
export const COORDINATORS_AT_ONCE = 32
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
