// The configurations of a group (KIP-848 and its followers): every one of Apache Kafka 4.1.1 with its type,
// the broker configuration that gives its default, and the broker's bounds. Share and streams groups are
// not served, so their broker values are Kafka's defaults. Not their checks: cluster/ has those.

import { brokerConfig } from './broker-configs.ts'
import type { ConfigDefinition, ConfigType, Constraint } from './config-values.ts'
import { NOT_NEGATIVE, POSITIVE } from './topic-configs.ts'

/** A bound that a broker configuration sets; `value` where this broker has no such configuration. */
export interface Bound {
  readonly name: string
  readonly value?: number
}

/** A group configuration. */
export interface GroupConfig extends ConfigDefinition {
  /** The broker configuration that gives the default. */
  readonly broker: string
  readonly min?: Bound
  readonly max?: Bound
}

/** Every group configuration in the order in which Kafka checks their bounds. */
export const GROUP_CONFIGS_IN_ORDER: readonly GroupConfig[] = [
  bounded('consumer.heartbeat.interval.ms', 'group.consumer', 'heartbeat.interval.ms', true),
  bounded('consumer.session.timeout.ms', 'group.consumer', 'session.timeout.ms', true),
  bounded(
    'share.heartbeat.interval.ms',
    'group.share',
    'heartbeat.interval.ms',
    false,
    [5_000, 15_000],
  ),
  bounded('share.session.timeout.ms', 'group.share', 'session.timeout.ms', false, [45_000, 60_000]),
  {
    ...bounded(
      'share.record.lock.duration.ms',
      'group.share',
      'record.lock.duration.ms',
      false,
      [15_000, 60_000],
    ),
    default: '30000',
    constraint: { min: 1000 },
  },
  plain('STRING', 'share.auto.offset.reset', 'latest', {}),
  plain('STRING', 'share.isolation.level', 'read_uncommitted', {
    oneOf: ['read_committed', 'read_uncommitted'],
  }),
  bounded(
    'streams.heartbeat.interval.ms',
    'group.streams',
    'heartbeat.interval.ms',
    false,
    [5_000, 15_000],
  ),
  bounded(
    'streams.session.timeout.ms',
    'group.streams',
    'session.timeout.ms',
    false,
    [45_000, 60_000],
  ),
  {
    ...plain('INT', 'streams.num.standby.replicas', '0', NOT_NEGATIVE),
    max: { name: 'group.streams.max.standby.replicas', value: 2 },
  },
]

/** Every group configuration, sorted by name. */
export const GROUP_CONFIGS: readonly GroupConfig[] = GROUP_CONFIGS_IN_ORDER.toSorted((a, b) =>
  a.name < b.name ? -1 : 1,
)

const BY_NAME = new Map(GROUP_CONFIGS_IN_ORDER.map((config) => [config.name, config]))

/** The group configuration of this name, if there is one. */
export function groupConfig(name: string): GroupConfig | undefined {
  return BY_NAME.get(name)
}

/** A time with the broker's bounds `<prefix>.min.<suffix>` and `<prefix>.max.<suffix>`. */
function bounded(
  name: string,
  prefix: string,
  suffix: string,
  honoured: boolean,
  fixed?: readonly [min: number, max: number],
): GroupConfig {
  const bound = (which: 'min' | 'max', value: number | undefined): Bound => {
    const bound = { name: `${prefix}.${which}.${suffix}` }
    return value === undefined ? bound : { ...bound, value }
  }
  const broker = `${prefix}.${suffix}`
  return {
    ...plain('INT', name, brokerConfig(broker)?.default ?? String(fixed?.[0] ?? ''), POSITIVE),
    broker,
    honoured,
    min: bound('min', fixed?.[0]),
    max: bound('max', fixed?.[1]),
  }
}

function plain(type: ConfigType, name: string, value: string, constraint: Constraint): GroupConfig {
  return { name, type, default: value, constraint, honoured: false, broker: `group.${name}` }
}
