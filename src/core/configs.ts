// The configuration of topics and of the broker: Kafka's precedence, sources and checks, and what a
// topic's settings come to. Data and pure functions; who stores which value is cluster/.
// Which configurations exist: topic-configs.ts and broker-configs.ts. KIP-226 describes the layers.

import { BROKER_CONFIGS, type BrokerConfig, brokerConfig } from './broker-configs.ts'
import { listEntries, type Parsed, parseConfig } from './config-values.ts'
import { GROUP_CONFIGS } from './group-configs.ts'
import { TOPIC_CONFIGS, type TopicConfig, topicConfig } from './topic-configs.ts'

/** A topic's effective settings, parsed, as partitions and the broker act on them. */
export interface TopicSettings {
  readonly cleanupDelete: boolean
  readonly cleanupCompact: boolean
  readonly compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly maxMessageBytes: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  /** Milliseconds; Number.MAX_SAFE_INTEGER stands for Long.MAX_VALUE. */
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentJitterMs: number
  readonly retentionMs: number
  readonly retentionBytes: number
  /** log.retention.check.interval.ms of the broker; with both policies log.cleaner.backoff.ms, as in Kafka. */
  readonly retentionCheckMs: number
  /** Compaction: see partition/compaction. Milliseconds, and a share of 0 to 1. */
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
  /** log.cleaner.enable and log.cleaner.backoff.ms of the broker. */
  readonly cleanerEnabled: boolean
  readonly cleanerBackoffMs: number
  /** Tiering: see partition/tiering. Of local retention -2 has been replaced by what it stands for. */
  readonly remoteEnabled: boolean
  readonly remoteCopyDisabled: boolean
  readonly remoteDeleteOnDisable: boolean
  readonly localRetentionMs: number
  readonly localRetentionBytes: number
  /** remote.log.manager.task.interval.ms and ottla.tier.unsynced of the broker. */
  readonly tierIntervalMs: number
  readonly tierUnsynced: boolean
  /** ottla.validate.records: walk the records of compressed batches too. */
  readonly validateRecords: boolean
  /** producer.id.expiration.ms of the broker. */
  readonly producerIdExpirationMs: number
}

/** Configuration names to canonical values. */
export type ConfigMap = Readonly<Record<string, string>>

/** The broker's values below a topic's own, highest precedence first; defaults come last. */
export interface BrokerLayers {
  /** Set on broker "1". */
  readonly dynamicBroker: ConfigMap
  /** Set on broker "", the cluster's default. */
  readonly dynamicDefault: ConfigMap
  /** Given at start. */
  readonly static: ConfigMap
}

/** Where a value comes from, as DescribeConfigs numbers it. */
export const ConfigSource = {
  TOPIC: 1,
  DYNAMIC_BROKER: 2,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
  GROUP: 8,
} as const

/** A value that was considered, and its source. */
export interface ConfigSynonym {
  readonly name: string
  readonly value: string
  readonly source: number
}

/** The value in force, its source, and all that were considered, highest precedence first. */
export interface EffectiveConfig {
  readonly value: string | null
  readonly source: number
  readonly synonyms: readonly ConfigSynonym[]
}

/** Values that passed, in canonical text, or the sentence that says which one is refused and why. */
export type Checked = { readonly configs: ConfigMap } | { readonly error: string }

/** Of local retention: as long, or as much, as is kept at all. */
const AS_RETENTION = -2

/** Layers in which nothing is set. */
export const NO_LAYERS: BrokerLayers = { dynamicBroker: {}, dynamicDefault: {}, static: {} }

/** The value of a broker configuration; its synonyms from its own name on, as Kafka shows them. */
export function effectiveBrokerConfig(config: BrokerConfig, layers: BrokerLayers): EffectiveConfig {
  const chain = synonymChain(BROKER_SYNONYMS.get(config.name) ?? [config.name], layers)
  const own = chain.findIndex((synonym) => synonym.name === config.name)
  const head = chain[own]
  return {
    value: head?.value ?? config.default,
    source: head?.source ?? ConfigSource.DEFAULT,
    synonyms: own < 0 ? [] : chain.slice(own),
  }
}

/** The value of a topic configuration: the topic's own, or the first broker synonym that is set. */
export function effectiveTopicConfig(
  config: TopicConfig,
  own: ConfigMap,
  layers: BrokerLayers,
): EffectiveConfig {
  const inherited = inheritedSynonyms(config, layers)
  const value = own[config.name]
  if (value !== undefined) {
    const mine = { name: config.name, value, source: ConfigSource.TOPIC }
    return { value, source: ConfigSource.TOPIC, synonyms: [mine, ...inherited] }
  }
  for (const { name, toMs } of config.synonyms) {
    const set = synonymChain([name], layers).find(isExplicit)
    if (set !== undefined) {
      const text = toMs === undefined ? set.value : String(Number(set.value) * toMs)
      return { value: inRange(config, text), source: set.source, synonyms: inherited }
    }
  }
  return { value: config.default, source: ConfigSource.DEFAULT, synonyms: inherited }
}

/** A topic's settings from its own configurations and the broker's. */
export function topicSettings(own: ConfigMap, layers: BrokerLayers): TopicSettings {
  const text = (name: string): string => {
    const config = topicConfig(name)
    if (config === undefined) throw new Error(`no such topic configuration: ${name}`)
    return effectiveTopicConfig(config, own, layers).value ?? ''
  }
  const number = (name: string) => clamp(text(name))
  const local = (name: string) => {
    const value = number(`local.${name}`)
    return value === AS_RETENTION ? number(name) : value
  }
  const policies = listEntries(text('cleanup.policy'))
  const cleanerEnabled = brokerValue('log.cleaner.enable', layers) !== 'false'
  const cleanerBackoffMs = clamp(brokerValue('log.cleaner.backoff.ms', layers) ?? '15000')
  const checkMs = clamp(brokerValue('log.retention.check.interval.ms', layers) ?? '300000')
  return {
    cleanupDelete: policies.includes('delete'),
    cleanupCompact: policies.includes('compact'),
    compressionType: text('compression.type') as TopicSettings['compressionType'],
    maxMessageBytes: number('max.message.bytes'),
    messageTimestampType: text('message.timestamp.type') as TopicSettings['messageTimestampType'],
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    segmentJitterMs: number('segment.jitter.ms'),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    retentionCheckMs: policies.length > 1 && cleanerEnabled ? cleanerBackoffMs : checkMs,
    deleteRetentionMs: number('delete.retention.ms'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    cleanerEnabled,
    cleanerBackoffMs,
    remoteEnabled: text('remote.storage.enable') === 'true',
    remoteCopyDisabled: text('remote.log.copy.disable') === 'true',
    remoteDeleteOnDisable: text('remote.log.delete.on.disable') === 'true',
    localRetentionMs: local('retention.ms'),
    localRetentionBytes: local('retention.bytes'),
    tierIntervalMs: clamp(brokerValue('remote.log.manager.task.interval.ms', layers) ?? '30000'),
    tierUnsynced: brokerValue('ottla.tier.unsynced', layers) === 'true',
    validateRecords: text('ottla.validate.records') === 'true',
    producerIdExpirationMs: clamp(brokerValue('producer.id.expiration.ms', layers) ?? '0'),
  }
}

/** The value in force of a broker configuration; null where Kafka has none either. */
export function brokerValue(name: string, layers: BrokerLayers): string | null {
  const config = brokerConfig(name)
  return config === undefined ? null : effectiveBrokerConfig(config, layers).value
}

/** Every broker configuration that has a value. */
export function brokerValues(layers: BrokerLayers): ConfigMap {
  return Object.fromEntries(
    BROKER_CONFIGS.flatMap((config) => {
      const { value } = effectiveBrokerConfig(config, layers)
      return value === null ? [] : [[config.name, value]]
    }),
  )
}

/**
 * Checks a topic's own configurations together, as LogConfig.validate does: names, types, bounds,
 * and those that contradict each other. An error is INVALID_CONFIG.
 * @param before the topic's own configurations so far: some may not be given up just so
 */
export function checkTopicConfigs(
  own: ConfigMap,
  layers: BrokerLayers,
  before: ConfigMap = {},
): Checked {
  const checked = checkAll(own, (name, value) => {
    const config = topicConfig(name)
    return config === undefined
      ? { error: `Unknown topic config name: ${name}` }
      : parseConfig(config, value)
  })
  if ('error' in checked) return checked
  const conflict = topicConflict(checked.configs, layers, before)
  return conflict === null ? checked : { error: conflict }
}

/** Checks values for a dynamic broker layer. Names that cannot change are the caller's to refuse. */
export function checkBrokerConfigs(values: ConfigMap): Checked {
  const checked = checkAll(values, (name, value) => {
    const config = brokerConfig(name)
    return config === undefined
      ? { error: `Unknown broker config name: ${name}` }
      : parseConfig(config, value)
  })
  if ('error' in checked) return checked
  const crossed = boundsFault(checked.configs)
  if (crossed !== null) return { error: crossed }
  // Kafka's definition of it has no bound; its check of the whole has.
  if (Number(checked.configs['log.roll.ms'] ?? 1) < 1) {
    return { error: 'log.roll.ms must be greater than or equal to 1' }
  }
  const zero = RETENTION_TIMES.find((name) => checked.configs[name] === '0')
  if (zero === undefined) return checked
  return { error: `${zero} must be unlimited (-1) or, equal or greater than 1` }
}

/**
 * Checks the configurations given at start. An unknown name is refused, since a misspelt one would
 * otherwise do nothing in silence, and so is one that only tells how Ottla is.
 */
export function checkStaticConfigs(values: ConfigMap): Checked {
  const fixed = Object.keys(values).find((name) => brokerConfig(name)?.change === 'fixed')
  if (fixed !== undefined) return { error: `${fixed} cannot be set` }
  return checkBrokerConfigs(values)
}

/** Names that are accepted, kept and shown, and do nothing so far, sorted. */
export function acceptedNotActedOn(): string[] {
  const names = [...TOPIC_CONFIGS, ...BROKER_CONFIGS, ...GROUP_CONFIGS]
    .filter((config) => !config.honoured)
    .map((config) => config.name)
  return [...new Set(names)].sort()
}

/** Bounds of groups that contradict each other, as GroupCoordinatorConfig refuses them. */
function boundsFault(configs: ConfigMap): string | null {
  const number = (name: string) => Number(configs[name] ?? brokerConfig(name)?.default)
  for (const what of ['heartbeat.interval.ms', 'session.timeout.ms']) {
    const [own, min, max] = ['', 'min.', 'max.'].map((which) => `group.consumer.${which}${what}`)
    if (own === undefined || min === undefined || max === undefined) continue
    if (number(max) < number(min)) return `${max} must be greater than or equal to ${min}`
    if (number(own) < number(min)) return `${own} must be greater than or equal to ${min}`
    if (number(own) > number(max)) return `${own} must be less than or equal to ${max}`
  }
  const [longest, shortest] = ['group.max.session.timeout.ms', 'group.min.session.timeout.ms']
  if (number(longest) >= number(shortest)) return null
  return `${longest} must be greater than or equal to ${shortest}`
}

const RETENTION_TIMES = ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours']

/** Broker configurations of one meaning in several units, by each of their names. */
const BROKER_SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map(
  TOPIC_CONFIGS.flatMap(({ synonyms }) => {
    const names = synonyms.map((synonym) => synonym.name)
    return names.length > 1 ? names.map((name) => [name, names] as const) : []
  }),
)

/** Names in each layer in turn, then the defaults. */
function synonymChain(names: readonly string[], layers: BrokerLayers): ConfigSynonym[] {
  const from = (layer: ConfigMap, source: number) =>
    names.flatMap((name) => {
      const value = layer[name]
      return value === undefined ? [] : [{ name, value, source }]
    })
  const defaults = names.flatMap((name) => {
    const value = brokerConfig(name)?.default ?? null
    return value === null ? [] : [{ name, value, source: ConfigSource.DEFAULT }]
  })
  return [
    ...from(layers.dynamicBroker, ConfigSource.DYNAMIC_BROKER),
    ...from(layers.dynamicDefault, ConfigSource.DYNAMIC_DEFAULT_BROKER),
    ...from(layers.static, ConfigSource.STATIC_BROKER),
    ...defaults,
  ]
}

/**
 * Kafka leaves out what comes before the leading synonym (log.retention.ms), so when only a lesser one
 * (log.retention.hours) is set it says "default" of a value that is not. Here the lesser one is named.
 */
function inheritedSynonyms(config: TopicConfig, layers: BrokerLayers): ConfigSynonym[] {
  const names = config.synonyms.map((synonym) => synonym.name)
  const chain = synonymChain(names, layers)
  const leading = chain.findIndex((synonym) => synonym.name === names[0])
  if (leading >= 0 && !chain.slice(0, leading).some(isExplicit)) return chain.slice(leading)
  return chain.some(isExplicit) ? chain : []
}

function isExplicit(synonym: ConfigSynonym): boolean {
  return synonym.source !== ConfigSource.DEFAULT
}

/** Kafka takes every negative retention time of the broker as "unlimited". */
function inRange(config: TopicConfig, text: string): string {
  return config.name === 'retention.ms' && text.startsWith('-') ? '-1' : text
}

function topicConflict(own: ConfigMap, layers: BrokerLayers, before: ConfigMap): string | null {
  const lag = (name: string) => {
    const config = topicConfig(name)
    return config === undefined ? 0n : BigInt(effectiveTopicConfig(config, own, layers).value ?? 0)
  }
  const shortest = lag('min.compaction.lag.ms')
  const longest = lag('max.compaction.lag.ms')
  if (shortest <= longest) return remoteConflict(own, layers, before)
  return `conflict topic config setting min.compaction.lag.ms (${shortest}) > max.compaction.lag.ms (${longest})`
}

/** What remote storage asks of the other configurations, in the order in which LogConfig asks it. */
function remoteConflict(own: ConfigMap, layers: BrokerLayers, before: ConfigMap): string | null {
  const value = (name: string): string => {
    const config = topicConfig(name)
    return config === undefined ? '' : (effectiveTopicConfig(config, own, layers).value ?? '')
  }
  if (value('remote.storage.enable') !== 'true') {
    const isGivenUp = before['remote.storage.enable'] === 'true'
    if (!isGivenUp || value('remote.log.delete.on.disable') === 'true') return null
    return 'It is invalid to disable remote storage without deleting remote data. If you want to keep the remote data and turn to read only, please set `remote.storage.enable=true,remote.log.copy.disable=true`. If you want to disable remote storage and delete all remote data, please set `remote.storage.enable=false,remote.log.delete.on.disable=true`.'
  }
  if (brokerValue('remote.log.storage.system.enable', layers) !== 'true') {
    return 'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.'
  }
  const policies = listEntries(value('cleanup.policy'))
  if (!policies.includes('delete') || policies.includes('compact')) {
    return 'Remote log storage only supports topics with cleanup.policy=delete'
  }
  for (const name of ['retention.bytes', 'retention.ms']) {
    const local = `local.${name}`
    const fault = localRetentionFault({ name, all: value(name) }, { local, kept: value(local) })
    if (fault !== null) return fault
  }
  if (value('remote.log.copy.disable') !== 'true') return null
  const name = ['retention.bytes', 'retention.ms'].find((retention) => {
    const local = value(`local.${retention}`)
    return local !== String(AS_RETENTION) && local !== value(retention)
  })
  if (name === undefined) return null
  return `When \`remote.log.copy.disable\` is set to true, the \`local.${name}\` and \`${name}\` must be set to the identical value because there will be no more logs copied to the remote storage.`
}

/**
 * What the defaults of all topics ask of each other, whether anything is tiered or not. Kafka looks at it when one of
 * them is changed, and in its own names.
 * @returns what is wrong; null when nothing is
 */
export function brokerRetentionFault(layers: BrokerLayers): string | null {
  const value = (name: string): string => {
    const config = topicConfig(name)
    return config === undefined ? '' : (effectiveTopicConfig(config, {}, layers).value ?? '')
  }
  for (const topicName of ['retention.ms', 'retention.bytes']) {
    const name = `log.${topicName}`
    const local = `log.local.${topicName}`
    const kept = value(`local.${topicName}`)
    const fault = localRetentionFault({ name, all: value(topicName) }, { local, kept })
    if (fault !== null) return fault
  }
  return null
}

/** No more is kept locally than at all. */
function localRetentionFault(
  { name, all }: { readonly name: string; readonly all: string },
  { local, kept }: { readonly local: string; readonly kept: string },
): string | null {
  const [most, own] = [BigInt(all), BigInt(kept)]
  if (most < 0n || own === BigInt(AS_RETENTION) || (own >= 0n && own <= most)) return null
  const why =
    own < 0n
      ? `Value must not be -1 as ${name} value is set as ${most}.`
      : `Value must not be more than ${name} property value: ${most}`
  return `Invalid value ${own} for configuration ${local}: ${why}`
}

function checkAll(values: ConfigMap, check: (name: string, value: string) => Parsed): Checked {
  const configs: Record<string, string> = {}
  for (const [name, value] of Object.entries(values)) {
    const parsed = check(name, value)
    if ('error' in parsed) return parsed
    configs[name] = parsed.value
  }
  return { configs }
}

function clamp(text: string): number {
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}
