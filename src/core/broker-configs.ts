// The configurations of the broker that Ottla honours, keeps for a topic's defaults, or shows because
// clients and tools read them. Names, types and defaults are those of Apache Kafka 4.1.1 except where
// limits.ts is lower. Kafka's others (disks, threads, replicas, TLS) have no counterpart here.

import type { ConfigDefinition, ConfigType, Constraint } from './config-values.ts'
import { BROKER_ID } from './ids.ts'
import { SASL_TOKEN_BYTES } from './limits/authentication.ts'
import { OBJECT_MAX_BYTES, OBJECT_MIN_BYTES } from './limits/partition.ts'
import { FETCH_MAX_BYTES, REQUEST_MAX_BYTES } from './limits.ts'
import {
  CLEANUP_POLICIES,
  COMPRESSION_TYPES,
  LONG_MAX,
  MESSAGE_SIZE,
  NOT_NEGATIVE,
  POSITIVE,
  TIMESTAMP_TYPES,
} from './topic-configs.ts'

/**
 * How a broker configuration changes: `dynamic` by AlterConfigs on broker "1" or "" and at start,
 * `static` at start only, `fixed` never (it tells how Ottla is).
 */
export type Change = 'dynamic' | 'static' | 'fixed'

/** A broker configuration. */
export interface BrokerConfig extends ConfigDefinition {
  readonly change: Change
}

type Row = readonly [ConfigType, string, string | null, Constraint?]

const CONSUMER_ASSIGNORS = ['uniform', 'range']
const MIGRATION_POLICIES = ['disabled', 'downgrade', 'upgrade', 'bidirectional']

const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']

const SIZE_MAX = { min: 1024, max: FETCH_MAX_BYTES }

const DYNAMIC_HONOURED: readonly Row[] = [
  ['STRING', 'compression.type', 'producer', { oneOf: COMPRESSION_TYPES }],
  ['LONG', 'log.cleaner.backoff.ms', '15000', NOT_NEGATIVE],
  ['LONG', 'log.cleaner.delete.retention.ms', '86400000', NOT_NEGATIVE],
  ['LONG', 'log.cleaner.max.compaction.lag.ms', LONG_MAX, POSITIVE],
  ['DOUBLE', 'log.cleaner.min.cleanable.ratio', '0.5', { min: 0, max: 1 }],
  ['LONG', 'log.cleaner.min.compaction.lag.ms', '0', NOT_NEGATIVE],
  ['LIST', 'log.cleanup.policy', 'delete', { oneOf: CLEANUP_POLICIES }],
  ['LONG', 'log.message.timestamp.after.max.ms', '3600000', NOT_NEGATIVE],
  ['LONG', 'log.message.timestamp.before.max.ms', LONG_MAX, NOT_NEGATIVE],
  ['STRING', 'log.message.timestamp.type', 'CreateTime', { oneOf: TIMESTAMP_TYPES }],
  ['INT', 'max.connections', '2147483647', NOT_NEGATIVE],
  ['INT', 'max.connections.per.ip', '2147483647', NOT_NEGATIVE],
  ['STRING', 'max.connections.per.ip.overrides', ''],
  ['INT', 'message.max.bytes', '1048588', MESSAGE_SIZE],
  ['BOOLEAN', 'ottla.validate.records', 'false'],
  ['INT', 'producer.id.expiration.ms', '86400000', POSITIVE],
  ['LONG', 'log.local.retention.bytes', '-2', { min: -2 }],
  ['LONG', 'log.local.retention.ms', '-2', { min: -2 }],
  ['LONG', 'log.retention.bytes', '-1'],
  ['LONG', 'log.retention.ms', null],
  ['LONG', 'log.roll.jitter.ms', null],
  ['LONG', 'log.roll.ms', null],
  ['INT', 'log.segment.bytes', '1073741824', { min: 1048576 }],
]

const STATIC_HONOURED: readonly Row[] = [
  ['BOOLEAN', 'allow.everyone.if.no.acl.found', 'false'],
  ['BOOLEAN', 'auto.create.topics.enable', 'true'],
  ['INT', 'connection.failed.authentication.delay.ms', '100', NOT_NEGATIVE],
  ['LONG', 'connections.max.reauth.ms', '0'],
  ['INT', 'default.replication.factor', '1'],
  ['BOOLEAN', 'delete.topic.enable', 'true'],
  ['INT', 'fetch.max.bytes', String(FETCH_MAX_BYTES), SIZE_MAX],
  ['LIST', 'group.consumer.assignors', 'uniform,range', { oneOf: CONSUMER_ASSIGNORS }],
  ['INT', 'group.consumer.heartbeat.interval.ms', '5000', POSITIVE],
  ['INT', 'group.consumer.max.heartbeat.interval.ms', '15000', POSITIVE],
  ['INT', 'group.consumer.max.session.timeout.ms', '60000', POSITIVE],
  ['INT', 'group.consumer.max.size', '2147483647', POSITIVE],
  [
    'STRING',
    'group.consumer.migration.policy',
    'bidirectional',
    { oneOf: MIGRATION_POLICIES, anyCase: true },
  ],
  ['INT', 'group.consumer.min.heartbeat.interval.ms', '5000', POSITIVE],
  ['INT', 'group.consumer.min.session.timeout.ms', '45000', POSITIVE],
  ['INT', 'group.consumer.session.timeout.ms', '45000', POSITIVE],
  ['INT', 'group.initial.rebalance.delay.ms', '3000'],
  ['INT', 'group.max.session.timeout.ms', '1800000'],
  ['INT', 'group.max.size', '2147483647', POSITIVE],
  ['INT', 'group.min.session.timeout.ms', '6000'],
  ['BOOLEAN', 'log.cleaner.enable', 'true'],
  ['INT', 'max.request.partition.size.limit', '2000', POSITIVE],
  ['INT', 'num.partitions', '1', POSITIVE],
  ['INT', 'offset.metadata.max.bytes', '4096'],
  ['INT', 'offsets.retention.minutes', '10080', POSITIVE],
  [
    'LONG',
    'ottla.object.max.bytes',
    String(OBJECT_MAX_BYTES),
    { min: OBJECT_MIN_BYTES, max: OBJECT_MAX_BYTES },
  ],
  ['BOOLEAN', 'ottla.audit.enable', 'true'],
  ['BOOLEAN', 'ottla.strict.replication', 'false'],
  ['LIST', 'ottla.oauth.required.scope', ''],
  ['LIST', 'ottla.tenants', '', { tenants: true }],
  ['STRING', 'ottla.tier.dir', null],
  ['STRING', 'ottla.tier.s3.bucket', null],
  ['STRING', 'ottla.tier.s3.endpoint', null],
  ['STRING', 'ottla.tier.s3.prefix', null],
  ['STRING', 'ottla.tier.s3.region', null],
  ['BOOLEAN', 'ottla.tier.unsynced', 'false'],
  ['LONG', 'remote.log.manager.task.interval.ms', '30000', POSITIVE],
  ['BOOLEAN', 'remote.log.storage.system.enable', 'false'],
  ['LIST', 'sasl.enabled.mechanisms', '', { oneOf: SASL_MECHANISMS }],
  ['INT', 'sasl.oauthbearer.clock.skew.seconds', '30'],
  ['LIST', 'sasl.oauthbearer.expected.audience', null],
  ['STRING', 'sasl.oauthbearer.expected.issuer', null],
  ['LONG', 'sasl.oauthbearer.jwks.endpoint.refresh.ms', '3600000'],
  ['STRING', 'sasl.oauthbearer.jwks.endpoint.url', null],
  ['STRING', 'sasl.oauthbearer.scope.claim.name', 'scope'],
  ['STRING', 'sasl.oauthbearer.sub.claim.name', 'sub'],
  [
    'INT',
    'sasl.server.max.receive.size',
    String(SASL_TOKEN_BYTES),
    { min: 1024, max: SASL_TOKEN_BYTES },
  ],
  [
    'INT',
    'socket.request.max.bytes',
    String(REQUEST_MAX_BYTES),
    { min: 1, max: REQUEST_MAX_BYTES },
  ],
  ['STRING', 'super.users', ''],
  ['INT', 'transaction.max.timeout.ms', '900000', POSITIVE],
  ['INT', 'transactional.id.expiration.ms', '604800000', POSITIVE],
  ['LONG', 'log.retention.check.interval.ms', '300000', POSITIVE],
  ['INT', 'log.retention.hours', '168'],
  ['INT', 'log.retention.minutes', null],
  ['INT', 'log.roll.hours', '168', POSITIVE],
  ['INT', 'log.roll.jitter.hours', '0', NOT_NEGATIVE],
]

const DYNAMIC_ACCEPTED: readonly Row[] = [
  ['INT', 'compression.gzip.level', '-1', { min: 1, max: 9, or: -1 }],
  ['INT', 'compression.lz4.level', '9', { min: 1, max: 17 }],
  ['INT', 'compression.zstd.level', '3', { min: -131072, max: 22 }],
  ['LONG', 'log.flush.interval.messages', LONG_MAX, POSITIVE],
  ['LONG', 'log.flush.interval.ms', null],
  ['INT', 'log.index.interval.bytes', '4096', NOT_NEGATIVE],
  ['INT', 'log.index.size.max.bytes', '10485760', { min: 4 }],
  ['BOOLEAN', 'log.preallocate', 'false'],
  ['LONG', 'log.segment.delete.delay.ms', '60000', NOT_NEGATIVE],
  ['INT', 'min.insync.replicas', '1', POSITIVE],
  ['BOOLEAN', 'unclean.leader.election.enable', 'false'],
]

const STATIC_ACCEPTED: readonly Row[] = [
  ['LONG', 'connections.max.idle.ms', '600000'],
  ['LONG', 'log.flush.scheduler.interval.ms', LONG_MAX],
  ['INT', 'offsets.commit.timeout.ms', '5000', POSITIVE],
  ['LONG', 'offsets.retention.check.interval.ms', '600000', POSITIVE],
]

const FIXED: readonly Row[] = [
  ['STRING', 'advertised.listeners', null],
  ['STRING', 'authorizer.class.name', ''],
  ['INT', 'broker.id', String(BROKER_ID)],
  ['STRING', 'broker.rack', null],
  ['LIST', 'group.coordinator.rebalance.protocols', 'classic,consumer'],
  ['STRING', 'inter.broker.listener.name', null],
  ['STRING', 'listeners', null],
  ['STRING', 'log.dir', '/'],
  ['STRING', 'log.dirs', '/'],
  ['INT', 'max.incremental.fetch.session.cache.slots', '0'],
  ['INT', 'node.id', String(BROKER_ID)],
  ['INT', 'offsets.topic.num.partitions', '1'],
  ['SHORT', 'offsets.topic.replication.factor', '1'],
  ['LIST', 'process.roles', 'broker,controller'],
  ['STRING', 'security.inter.broker.protocol', 'PLAINTEXT'],
  ['INT', 'transaction.state.log.min.isr', '1'],
  ['INT', 'transaction.state.log.num.partitions', '1'],
  ['SHORT', 'transaction.state.log.replication.factor', '1'],
]

/** Every broker configuration, sorted by name. */
export const BROKER_CONFIGS: readonly BrokerConfig[] = [
  ...brokerConfigs('dynamic', true, DYNAMIC_HONOURED),
  ...brokerConfigs('static', true, STATIC_HONOURED),
  ...brokerConfigs('dynamic', false, DYNAMIC_ACCEPTED),
  ...brokerConfigs('static', false, STATIC_ACCEPTED),
  ...brokerConfigs('fixed', true, FIXED),
].sort((a, b) => (a.name < b.name ? -1 : 1))

const BY_NAME = new Map(BROKER_CONFIGS.map((config) => [config.name, config]))

/** The broker configuration of this name, if there is one. */
export function brokerConfig(name: string): BrokerConfig | undefined {
  return BY_NAME.get(name)
}

function brokerConfigs(change: Change, honoured: boolean, rows: readonly Row[]): BrokerConfig[] {
  return rows.map(([type, name, value, constraint = {}]) => ({
    name,
    type,
    default: value,
    constraint,
    honoured,
    change,
  }))
}
