// The configurations of a topic: every one of Apache Kafka 4.1.1 with its type, default, bounds and
// broker synonyms, and Ottla's own. Not their texts (config-docs.ts) nor their precedence (configs.ts).

import type { ConfigDefinition, ConfigType, Constraint } from './config-values.ts'
import { MESSAGE_MAX_BYTES } from './limits.ts'

/** A broker configuration that gives a topic's default; `toMs` multiplies it into milliseconds. */
export interface Synonym {
  readonly name: string
  readonly toMs?: number
}

/** A topic configuration; of its synonyms the first that has a value counts. */
export interface TopicConfig extends ConfigDefinition {
  readonly synonyms: readonly Synonym[]
}

/** Long.MAX_VALUE, Kafka's "no limit". */
export const LONG_MAX = '9223372036854775807'

/** Values shared with the broker's synonyms. */
export const CLEANUP_POLICIES = ['compact', 'delete']
export const COMPRESSION_TYPES = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer']
export const TIMESTAMP_TYPES = ['CreateTime', 'LogAppendTime']
export const NOT_NEGATIVE: Constraint = { min: 0 }
export const POSITIVE: Constraint = { min: 1 }

/** A batch is held whole in memory a few times over, so Kafka's bound (2 GiB) is lower here. */
export const MESSAGE_SIZE: Constraint = { min: 0, max: MESSAGE_MAX_BYTES }

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

const HONOURED: readonly TopicConfig[] = [
  row('LIST', 'cleanup.policy', 'delete', { oneOf: CLEANUP_POLICIES }, 'log.cleanup.policy'),
  row('STRING', 'compression.type', 'producer', { oneOf: COMPRESSION_TYPES }, 'compression.type'),
  row('LONG', 'delete.retention.ms', '86400000', NOT_NEGATIVE, 'log.cleaner.delete.retention.ms'),
  row('LONG', 'local.retention.bytes', '-2', { min: -2 }, 'log.local.retention.bytes'),
  row('LONG', 'local.retention.ms', '-2', { min: -2 }, 'log.local.retention.ms'),
  row('LONG', 'max.compaction.lag.ms', LONG_MAX, POSITIVE, 'log.cleaner.max.compaction.lag.ms'),
  row('INT', 'max.message.bytes', '1048588', MESSAGE_SIZE, 'message.max.bytes'),
  timestamp('LONG', 'message.timestamp.after.max.ms', '3600000', NOT_NEGATIVE),
  timestamp('LONG', 'message.timestamp.before.max.ms', LONG_MAX, NOT_NEGATIVE),
  timestamp('STRING', 'message.timestamp.type', 'CreateTime', { oneOf: TIMESTAMP_TYPES }),
  row(
    'DOUBLE',
    'min.cleanable.dirty.ratio',
    '0.5',
    { min: 0, max: 1 },
    'log.cleaner.min.cleanable.ratio',
  ),
  row('LONG', 'min.compaction.lag.ms', '0', NOT_NEGATIVE, 'log.cleaner.min.compaction.lag.ms'),
  row('BOOLEAN', 'ottla.validate.records', 'false', {}, 'ottla.validate.records'),
  row('BOOLEAN', 'remote.log.copy.disable', 'false', {}),
  row('BOOLEAN', 'remote.log.delete.on.disable', 'false', {}),
  row('BOOLEAN', 'remote.storage.enable', 'false', {}),
  row('LONG', 'retention.bytes', '-1', {}, 'log.retention.bytes'),
  row(
    'LONG',
    'retention.ms',
    '604800000',
    { min: -1 },
    'log.retention.ms',
    { name: 'log.retention.minutes', toMs: MINUTE_MS },
    { name: 'log.retention.hours', toMs: HOUR_MS },
  ),
  row('INT', 'segment.bytes', '1073741824', { min: 1048576 }, 'log.segment.bytes'),
  row('LONG', 'segment.jitter.ms', '0', NOT_NEGATIVE, 'log.roll.jitter.ms', {
    name: 'log.roll.jitter.hours',
    toMs: HOUR_MS,
  }),
  row('LONG', 'segment.ms', '604800000', POSITIVE, 'log.roll.ms', {
    name: 'log.roll.hours',
    toMs: HOUR_MS,
  }),
].map((config) => ({ ...config, honoured: true }))

const ACCEPTED: readonly TopicConfig[] = [
  row('INT', 'compression.gzip.level', '-1', { min: 1, max: 9, or: -1 }, 'compression.gzip.level'),
  row('INT', 'compression.lz4.level', '9', { min: 1, max: 17 }, 'compression.lz4.level'),
  row('INT', 'compression.zstd.level', '3', { min: -131072, max: 22 }, 'compression.zstd.level'),
  row('LONG', 'file.delete.delay.ms', '60000', NOT_NEGATIVE, 'log.segment.delete.delay.ms'),
  row('LONG', 'flush.messages', LONG_MAX, POSITIVE, 'log.flush.interval.messages'),
  row(
    'LONG',
    'flush.ms',
    LONG_MAX,
    NOT_NEGATIVE,
    'log.flush.interval.ms',
    'log.flush.scheduler.interval.ms',
  ),
  row('LIST', 'follower.replication.throttled.replicas', '', { replicas: true }),
  row('INT', 'index.interval.bytes', '4096', NOT_NEGATIVE, 'log.index.interval.bytes'),
  row('LIST', 'leader.replication.throttled.replicas', '', { replicas: true }),
  row('INT', 'min.insync.replicas', '1', POSITIVE, 'min.insync.replicas'),
  row('BOOLEAN', 'preallocate', 'false', {}, 'log.preallocate'),
  row('INT', 'segment.index.bytes', '10485760', { min: 4 }, 'log.index.size.max.bytes'),
  row('BOOLEAN', 'unclean.leader.election.enable', 'false', {}, 'unclean.leader.election.enable'),
]

/** Every topic configuration, sorted by name. */
export const TOPIC_CONFIGS: readonly TopicConfig[] = [...HONOURED, ...ACCEPTED].sort((a, b) =>
  a.name < b.name ? -1 : 1,
)

const BY_NAME = new Map(TOPIC_CONFIGS.map((config) => [config.name, config]))

/** The topic configuration of this name, if there is one. */
export function topicConfig(name: string): TopicConfig | undefined {
  return BY_NAME.get(name)
}

function row(
  type: ConfigType,
  name: string,
  value: string,
  constraint: Constraint,
  ...synonyms: readonly (string | Synonym)[]
): TopicConfig {
  return {
    name,
    type,
    default: value,
    constraint,
    honoured: false,
    synonyms: synonyms.map((synonym) =>
      typeof synonym === 'string' ? { name: synonym } : synonym,
    ),
  }
}

function timestamp(type: ConfigType, name: string, value: string, constraint: Constraint) {
  return row(type, name, value, constraint, `log.${name}`)
}
