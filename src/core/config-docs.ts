// What each configuration means, in a line, for DescribeConfigs with documentation and for tools that
// show it. A broker configuration that gives a topic's default is described by the topic's line.

const DOCS: Readonly<Record<string, string>> = {
  'advertised.listeners': 'Where clients of this connection are told to connect.',
  'allow.everyone.if.no.acl.found':
    'Whether a resource for which there is no access rule at all is open to everybody.',
  'authorizer.class.name': 'Decides who may do what; none here.',
  'auto.create.topics.enable':
    'Create a topic that a client names in Metadata and that is missing.',
  'broker.id': 'The id of this broker.',
  'broker.rack': 'The rack of this broker; none here.',
  'cleanup.policy':
    'What happens to old records: "delete" by age or size, "compact" keeps the last record per key. Keyless records are refused when compact is among them.',
  'compression.gzip.level': 'Level used when batches are recompressed with gzip.',
  'compression.lz4.level': 'Level used when batches are recompressed with LZ4.',
  'compression.type': 'How batches are stored; "producer" keeps what the producer chose.',
  'compression.zstd.level': 'Level used when batches are recompressed with zstd.',
  'connection.failed.authentication.delay.ms':
    'How long a refused login waits for its answer, so that guessing is slow.',
  'connections.max.idle.ms': 'A connection without requests for this long may be closed.',
  'connections.max.reauth.ms':
    'A login lasts so long, then the client logs in again (KIP-368); 0: as long as its connection.',
  'consumer.heartbeat.interval.ms': 'Heartbeat interval given to members of this consumer group.',
  'consumer.session.timeout.ms': 'Session timeout of members of this consumer group.',
  'default.replication.factor':
    'Replication factor asked for automatically created topics. One broker holds every topic once.',
  'delete.retention.ms': 'How long a tombstone stays in a compacted topic.',
  'delete.topic.enable': 'Allow DeleteTopics.',
  'fetch.max.bytes': 'Most bytes in one fetch answer, whatever the client asks for.',
  'file.delete.delay.ms': 'How long removed data stays on disk.',
  'flush.messages':
    'Flush after so many records. Every acknowledged batch is durable here, so nothing waits for it.',
  'flush.ms':
    'Flush after this time. Every acknowledged batch is durable here, so nothing waits for it.',
  'follower.replication.throttled.replicas':
    'Replicas whose replication is throttled on the follower side.',
  'group.consumer.assignors': 'Assignors the coordinator offers to consumer groups (KIP-848).',
  'group.consumer.heartbeat.interval.ms': 'Heartbeat interval given to members of consumer groups.',
  'group.consumer.max.heartbeat.interval.ms':
    'Highest heartbeat interval a consumer group may set.',
  'group.consumer.max.session.timeout.ms': 'Highest session timeout a consumer group may set.',
  'group.consumer.max.size': 'Most members of a consumer group.',
  'group.consumer.migration.policy':
    'Whether a group may change between the classic and the consumer protocol while it has members.',
  'group.consumer.min.heartbeat.interval.ms': 'Lowest heartbeat interval a consumer group may set.',
  'group.consumer.min.session.timeout.ms': 'Lowest session timeout a consumer group may set.',
  'group.consumer.session.timeout.ms': 'Session timeout of members of consumer groups.',
  'group.coordinator.rebalance.protocols': 'Group protocols that this broker serves.',
  'group.initial.rebalance.delay.ms':
    'How long the first rebalance of a new group waits for more members.',
  'group.max.session.timeout.ms': 'Highest session timeout of a member of a classic group.',
  'group.max.size': 'Most members of a classic group.',
  'group.min.session.timeout.ms': 'Lowest session timeout of a member of a classic group.',
  'index.interval.bytes': 'Bytes between two entries of the offset index.',
  'inter.broker.listener.name': 'Listener between brokers; there is one broker.',
  'leader.replication.throttled.replicas':
    'Replicas whose replication is throttled on the leader side.',
  listeners: 'The address this connection came in on.',
  'local.retention.bytes': 'Bytes kept locally of a tiered topic; -2 means retention.bytes.',
  'local.retention.ms': 'Time records of a tiered topic are kept locally; -2 means retention.ms.',
  'log.cleaner.backoff.ms': 'How long compaction sleeps when there is nothing to do.',
  'log.cleaner.enable': 'Compact topics with the compact policy.',
  'log.dir': 'Where logs are kept; one virtual folder.',
  'log.dirs': 'Where logs are kept; one virtual folder.',
  'log.flush.scheduler.interval.ms': 'How often logs are looked at for flushing.',
  'log.retention.check.interval.ms': 'How often logs are looked at for old records.',
  'max.compaction.lag.ms':
    'A record of a compacted topic is compacted at the latest after this time.',
  'max.connections': 'Most connections of Kafka clients at once.',
  'max.connections.per.ip': 'Most connections of Kafka clients of one address at once.',
  'max.connections.per.ip.overrides': 'The same for single addresses, as 10.0.0.1:5,10.0.0.2:7.',
  'max.incremental.fetch.session.cache.slots':
    'Fetch sessions kept (KIP-227); every fetch is answered in full here.',
  'max.message.bytes':
    'Largest record batch, as sent (compressed), with its header. 16 MiB at most.',
  'max.request.partition.size.limit': 'Most partitions in one DescribeTopicPartitions answer.',
  'message.timestamp.after.max.ms': 'How far a record may be dated ahead of the broker clock.',
  'message.timestamp.before.max.ms': 'How far a record may be dated behind the broker clock.',
  'message.timestamp.type':
    'Whose time a record carries: the producer\'s ("CreateTime") or the broker\'s ("LogAppendTime").',
  'min.cleanable.dirty.ratio': 'Share of a log that must be uncompacted before it is compacted.',
  'min.compaction.lag.ms': 'A record stays uncompacted at least this long.',
  'min.insync.replicas':
    'Replicas that must have a batch for acks=all. Kept and shown; storage replicates below this broker, and no produce fails for it.',
  'node.id': 'The id of this node.',
  'num.partitions': 'Partitions of a topic created without a number.',
  'offset.metadata.max.bytes': 'Largest metadata text committed with an offset.',
  'offsets.commit.timeout.ms': 'How long a commit of offsets may take.',
  'offsets.retention.check.interval.ms': 'How often committed offsets are looked at for expiry.',
  'offsets.retention.minutes': 'How long the offsets of an empty group are kept.',
  'offsets.topic.num.partitions':
    'Partitions of the offsets topic; offsets live in one object per group.',
  'offsets.topic.replication.factor': 'Replication factor of the offsets topic.',
  'ottla.audit.enable':
    'Whether a broker with users writes refusals and changes down, in the topic __ottla_audit.',
  'ottla.object.max.bytes':
    'What a partition may take of its storage; near it, produce is refused until something is deleted.',
  'ottla.oauth.required.scope': 'Scopes that every token must have.',
  'ottla.strict.replication':
    'Refuse a replication factor above 1, as one Kafka broker would, and not take it as 1.',
  'ottla.tenants':
    'Virtual clusters beside main, each with topics, groups, users, rules and quotas of its own: chosen by the first label of a host, or by a user who is named tenant/user.',
  'ottla.tier.dir': 'Directory that old segments are moved to.',
  'ottla.tier.s3.bucket': 'Bucket that old segments are moved to.',
  'ottla.tier.s3.endpoint': 'Origin of the S3-compatible server that has the bucket.',
  'ottla.tier.s3.prefix': 'Path below which the bucket has what belongs to this broker.',
  'ottla.tier.s3.region': 'Region of the bucket; us-east-1 when none is given.',
  'ottla.tier.unsynced':
    'Give up local copies although the tier may lose confirmed objects when the power fails.',
  'ottla.validate.records':
    'Check every record of compressed batches too, not only of uncompressed ones.',
  preallocate: 'Reserve the space of a new segment at once.',
  'process.roles': 'What this node does.',
  'producer.id.expiration.ms': 'How long an idle producer is remembered for duplicate detection.',
  'remote.log.copy.disable': 'Copy no more segments to remote storage.',
  'remote.log.delete.on.disable': 'Delete remote data when remote storage is switched off.',
  'remote.log.manager.task.interval.ms': 'How often a partition looks for what is to be moved.',
  'remote.log.storage.system.enable': 'Whether remote storage is there.',
  'remote.storage.enable': 'Move old segments to remote storage.',
  'retention.bytes': 'Bytes kept per partition with the delete policy; -1 is no limit.',
  'retention.ms': 'How long records are kept with the delete policy; -1 is no limit.',
  'sasl.enabled.mechanisms':
    'Mechanisms that may be logged in by; empty: all that there is something to check by.',
  'sasl.oauthbearer.clock.skew.seconds': "How much a token's times may be off.",
  'sasl.oauthbearer.expected.audience':
    'A token must be made for one of these; without any it must be made for nobody in particular.',
  'sasl.oauthbearer.expected.issuer': 'Who a token must be of.',
  'sasl.oauthbearer.jwks.endpoint.refresh.ms': "The issuer's keys are read again after this.",
  'sasl.oauthbearer.jwks.endpoint.url': "Where the issuer's keys are: https, http or file.",
  'sasl.oauthbearer.scope.claim.name': "The claim that has a token's scopes.",
  'sasl.oauthbearer.sub.claim.name': 'The claim that has the name of the user.',
  'sasl.server.max.receive.size': 'Largest request before a login.',
  'security.inter.broker.protocol': 'Protocol between brokers; there is one broker.',
  'segment.bytes': 'Size of a segment: retention and compaction take whole ones.',
  'segment.index.bytes': 'Size of the index of a segment.',
  'segment.jitter.ms': 'Most time taken at random off segment.ms.',
  'segment.ms': 'A segment is closed after this time even if it is not full.',
  'share.auto.offset.reset': 'Where a share group starts; share groups are not served yet.',
  'share.heartbeat.interval.ms':
    'Heartbeat interval of a share group; share groups are not served yet.',
  'share.isolation.level':
    'Which transactional records a share group is given; share groups are not served yet.',
  'share.record.lock.duration.ms':
    'How long a share group lends a record; share groups are not served yet.',
  'share.session.timeout.ms': 'Session timeout of a share group; share groups are not served yet.',
  'socket.request.max.bytes': 'Largest request frame.',
  'streams.heartbeat.interval.ms':
    'Heartbeat interval of a streams group; streams groups are not served yet.',
  'streams.num.standby.replicas':
    'Standby replicas of a streams group; streams groups are not served yet.',
  'streams.session.timeout.ms':
    'Session timeout of a streams group; streams groups are not served yet.',
  'super.users': 'Principals that may do everything, as User:a;User:b.',
  'transaction.max.timeout.ms': 'Highest timeout of a transaction.',
  'transaction.state.log.min.isr':
    'Replicas needed by the transaction log; one object per transactional id.',
  'transaction.state.log.num.partitions':
    'Partitions of the transaction log; one object per transactional id.',
  'transaction.state.log.replication.factor': 'Replication factor of the transaction log.',
  'transactional.id.expiration.ms': 'How long an idle transactional id is remembered.',
  'unclean.leader.election.enable':
    'Elect a leader that may miss records; there is one leader here, never behind.',
}

/**
 * A sentence about a configuration.
 * @param topicName for a broker configuration, the topic configuration it is the default of
 */
export function configDoc(name: string, topicName?: string): string {
  const own = DOCS[name]
  if (own !== undefined) return own
  const shared = topicName === undefined ? undefined : DOCS[topicName]
  return shared === undefined ? '' : `Default of the topic's ${topicName}. ${shared}`
}
