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

/**
 * Calls that one context joins into one, in bytes and in number: the last one may be as large as
 * SMALL_BYTES, so a call stays far below the 32 MiB of RPC, and its four copies below 10 MiB.
 */
export const JOINED_CALL_BYTES = 1 * MiB
export const JOINED_CALL_COUNT = 1_000

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

/** Appends waiting at one partition; beyond it they are refused with a retriable error. */
export const APPEND_QUEUE_BYTES = 32 * MiB

/** A message over RPC is at most 32 MiB; our largest are a batch or a fetch part. */
export const RPC_MAX_BYTES = 32 * MiB

/** Size of one object's storage, 10 GB (`ottla.object.max.bytes` when it is to be less). */
export const OBJECT_MAX_BYTES = 10_000_000_000

/** Of it, kept from appends: for what makes room, some 80 MB of 10 GB (compaction replaces 32 MiB at once). */
export const OBJECT_RESERVED_SHARE = 1 / 128

/** The least `ottla.object.max.bytes`: one largest batch fits twice. */
export const OBJECT_MIN_BYTES = 32 * MiB

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

/**
 * Deleted chunks are freed in steps of at most so many chunks and bytes: a step must not hold up appends, and SQLite reads
 * each page that it frees, about 1 ms a MiB.
 */
export const FREE_STEP_CHUNKS = 1_000
export const FREE_STEP_BYTES = 24 * MiB

/** Pause between two steps of what a partition does from its alarm, and before one that failed is tried again. */
export const HOUSEKEEPING_PAUSE_MS = 100
export const HOUSEKEEPING_RETRY_MS = 10_000

/** An alarm that could not be set is set again after so long: nobody may call before it was due. */
export const ALARM_RETRY_MS = 5_000

/** An alarm is set no further ahead, whatever time a record claims: the runtime counts nanoseconds in 64 bits. */
export const ALARM_AHEAD_MAX_MS = 365 * 24 * 60 * 60 * 1000

/**
 * A leader that answers a read from memory has reached its storage within this time (`runtime/touch.ts`): one that
 * was replaced answers no longer. To do it for each read would cost a tenth of a fetch at the head.
 */
export const STORAGE_TOUCH_MS = 1_000

/** The runtime refuses alarms after 2189 (nanoseconds in 63 bits behind 1898); later ones are set to this. */
export const ALARM_LATEST_MS = Date.UTC(2189, 0, 1)

/** Segments that one step of retention looks at: of each the headers of its chunks may have to be read. */
export const RETENTION_STEP_SEGMENTS = 16

/**
 * Rows of fewer bytes are merged: of larger ones SQLite leaves less than 3 % of their pages empty. Only so many
 * rows at least, because each one merged is two rows written; and at most so many in a step.
 */
export const MERGE_BELOW_BYTES = 64 * KiB
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

/** Compaction: a step goes over about so many bytes (decompressed), or for so long, and ends with a batch. */
export const COMPACTION_STEP_BYTES = 1 * MiB
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
