// The configuration a group goes by, parsed once from Cluster's effective values (broker configuration
// with the group's own over it, KIP-848). Not their definitions: core/broker-configs.ts.

/** Milliseconds where the name says so. */
export interface GroupSettings {
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  readonly initialRebalanceDelayMs: number
  readonly maxSize: number
  readonly offsetsRetentionMs: number
  /** How often Kafka looks for what has expired. */
  readonly offsetsRetentionCheckMs: number
  readonly offsetMetadataMaxBytes: number
  readonly consumerSessionTimeoutMs: number
  readonly consumerHeartbeatIntervalMs: number
  readonly consumerMaxSize: number
  readonly consumerMigrationPolicy: 'bidirectional' | 'upgrade' | 'downgrade' | 'disabled'
  /** The server's assignors by name, the default first. */
  readonly consumerAssignors: readonly string[]
}

/** Reads Cluster's values; an absent one is Kafka's default. */
export function groupSettings(configs: Readonly<Record<string, string>>): GroupSettings {
  const number = (name: string, fallback: number) => {
    const value = Number(configs[name] ?? fallback)
    return Number.isFinite(value) ? value : fallback
  }
  const policy = configs['group.consumer.migration.policy']?.toLowerCase()
  const assignors = (configs['group.consumer.assignors'] ?? 'uniform,range')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  return {
    minSessionTimeoutMs: number('group.min.session.timeout.ms', 6_000),
    maxSessionTimeoutMs: number('group.max.session.timeout.ms', 1_800_000),
    initialRebalanceDelayMs: number('group.initial.rebalance.delay.ms', 3_000),
    maxSize: number('group.max.size', 2_147_483_647),
    offsetsRetentionMs: number('offsets.retention.minutes', 10_080) * 60_000,
    offsetsRetentionCheckMs: number('offsets.retention.check.interval.ms', 600_000),
    offsetMetadataMaxBytes: number('offset.metadata.max.bytes', 4_096),
    consumerSessionTimeoutMs: number(
      'consumer.session.timeout.ms',
      number('group.consumer.session.timeout.ms', 45_000),
    ),
    consumerHeartbeatIntervalMs: number(
      'consumer.heartbeat.interval.ms',
      number('group.consumer.heartbeat.interval.ms', 5_000),
    ),
    consumerMaxSize: number('group.consumer.max.size', 2_147_483_647),
    consumerMigrationPolicy:
      policy === 'upgrade' || policy === 'downgrade' || policy === 'disabled'
        ? policy
        : 'bidirectional',
    consumerAssignors: assignors,
  }
}
