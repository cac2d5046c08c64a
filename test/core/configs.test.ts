import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BROKER_CONFIGS, brokerConfig } from '../../src/core/broker-configs.ts'
import { configDoc } from '../../src/core/config-docs.ts'
import { type ConfigType, parseConfig } from '../../src/core/config-values.ts'
import {
  acceptedNotActedOn,
  type BrokerLayers,
  brokerValue,
  checkBrokerConfigs,
  checkStaticConfigs,
  checkTopicConfigs,
  effectiveBrokerConfig,
  effectiveTopicConfig,
  NO_LAYERS,
  topicSettings,
} from '../../src/core/configs.ts'
import { FETCH_MAX_BYTES, MESSAGE_MAX_BYTES, REQUEST_MAX_BYTES } from '../../src/core/limits.ts'
import { TOPIC_CONFIGS, topicConfig } from '../../src/core/topic-configs.ts'
import kafka from '../vectors/configs-4.1.1.json' with { type: 'json' }

interface KafkaConfig {
  readonly type: string
  readonly default: string | null
  readonly validator: string | null
  readonly internal: boolean
}

const kafkaTopic = kafka.topic as Readonly<Record<string, KafkaConfig>>
const kafkaBroker = kafka.broker as Readonly<Record<string, KafkaConfig>>
/** Of Kafka's authorizer, which is configured beside what its broker lists. */
const OF_THE_AUTHORIZER = ['allow.everyone.if.no.acl.found', 'super.users']
const isOurs = (name: string) => name.startsWith('ottla.') || OF_THE_AUTHORIZER.includes(name)

/** Broker configurations whose default is not Kafka's, with the reason. */
const OTHER_DEFAULTS: Readonly<Record<string, string>> = {
  'broker.id': 'there is one broker and it has a number',
  'fetch.max.bytes': 'one isolate has 128 MB for everybody',
  'group.coordinator.rebalance.protocols': 'streams groups are not served',
  listeners: 'the connection tells',
  'log.dir': 'one virtual folder',
  'log.dirs': 'one virtual folder',
  'max.incremental.fetch.session.cache.slots': 'no fetch sessions',
  'node.id': 'there is one node',
  'offsets.topic.num.partitions': 'no offsets topic',
  'offsets.topic.replication.factor': 'one broker',
  'process.roles': 'both',
  'sasl.enabled.mechanisms': 'all that are configured',
  'sasl.server.max.receive.size': 'no token is larger, and there is nobody yet who answers for it',
  'socket.request.max.bytes': 'one isolate has 128 MB for everybody',
  'transaction.state.log.min.isr': 'one broker',
  'transaction.state.log.num.partitions': 'no transaction topic',
  'transaction.state.log.replication.factor': 'one broker',
}

/** What Kafka prints of our constraint, where bounds are what matters. */
function printed(name: string): string | null {
  const { type, constraint } = topicConfig(name) ?? brokerConfig(name)!
  const { min, max, or, oneOf, anyCase, replicas } = constraint
  if (replicas) return '[partitionId]:[brokerId],[partitionId]:[brokerId],...'
  if (anyCase) return `(case insensitive) [${oneOf?.join(', ').toUpperCase()}]`
  if (oneOf) return type === 'LIST' || type === 'STRING' ? `[${oneOf.join(', ')}]` : null
  if (or !== undefined) return `[${min},...,${max}] or ${or}`
  if (min === undefined) return null
  return max === undefined ? `[${min},...]` : `[${min},...,${max}]`
}

const LOWER_BOUNDS = ['max.message.bytes', 'message.max.bytes']
/** Bounds that are not Kafka's: lower where memory is, and there is no class of an assignor to load. */
const OTHER_BOUNDS = [
  ...LOWER_BOUNDS,
  'fetch.max.bytes',
  'group.consumer.assignors',
  'sasl.enabled.mechanisms',
  'sasl.server.max.receive.size',
  'socket.request.max.bytes',
]

describe('the configurations of a topic', () => {
  it('are those of Apache Kafka 4.1.1 and our own', () => {
    const public_ = Object.keys(kafkaTopic).filter((name) => !kafkaTopic[name]!.internal)
    expect(TOPIC_CONFIGS.map(({ name }) => name).filter((name) => !isOurs(name))).toEqual(public_)
  })

  const shared = TOPIC_CONFIGS.filter(({ name }) => !isOurs(name))

  it.each(shared)('$name has the type, default and bounds of Kafka', (config) => {
    const theirs = kafkaTopic[config.name]!
    expect([config.type, config.default]).toEqual([theirs.type, theirs.default])
    if (!LOWER_BOUNDS.includes(config.name)) expect(printed(config.name)).toBe(theirs.validator)
  })

  it.each(shared)('$name has the broker synonyms of Kafka, highest precedence first', (config) => {
    const theirs = (kafka.synonyms as Record<string, string[]>)[config.name] ?? []
    expect(config.synonyms.map(({ name }) => name)).toEqual(theirs)
  })

  it.each(TOPIC_CONFIGS)('$name has synonyms that exist and say the same default', (config) => {
    const defaults = config.synonyms.map(({ name, toMs = 1 }) => {
      const value = brokerConfig(name)!.default
      return toMs === 1 || value === null ? value : String(Number(value) * toMs)
    })
    const found = defaults.filter((value) => value !== null)
    if (config.synonyms.length > 0) expect(new Set(found)).toEqual(new Set([config.default]))
  })

  it.each([...TOPIC_CONFIGS, ...BROKER_CONFIGS])('$name is explained', ({ name }) => {
    const topic = TOPIC_CONFIGS.find(({ synonyms }) => synonyms.some((one) => one.name === name))
    expect(configDoc(name, topic?.name)).not.toBe('')
  })
})

describe('the configurations of the broker', () => {
  const shared = BROKER_CONFIGS.filter(({ name }) => !isOurs(name))
  const settable = shared.filter(({ change }) => change !== 'fixed')

  it.each(shared)(
    '$name has the type of Kafka, and its default unless a reason is given',
    (config) => {
      const theirs = kafkaBroker[config.name]!
      expect(config.type).toBe(theirs.type)
      if (config.name in OTHER_DEFAULTS) expect(config.default).not.toBe(theirs.default)
      else expect(config.default).toBe(theirs.default)
    },
  )

  it.each(settable)('$name has the bounds of Kafka', (config) => {
    const { name } = config
    if (!OTHER_BOUNDS.includes(name)) expect(printed(name)).toBe(kafkaBroker[name]!.validator)
  })

  it.each(settable)('$name changes dynamically if it does in Kafka', ({ name, change }) => {
    const isFixedAtStart = name === 'sasl.enabled.mechanisms'
    expect(kafka.dynamic.includes(name) && !isFixedAtStart).toBe(change === 'dynamic')
  })

  it.each([
    [{ 'group.consumer.migration.policy': 'Upgrade' }, null],
    [
      { 'group.consumer.migration.policy': 'sometimes' },
      'String must be one of (case insensitive)',
    ],
    [{ 'group.consumer.assignors': 'range' }, null],
    [{ 'group.consumer.assignors': 'com.example.Mine' }, 'String must be one of: uniform, range'],
    [
      { 'group.consumer.session.timeout.ms': '70000' },
      'group.consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms',
    ],
    [{ 'group.consumer.heartbeat.interval.ms': '1' }, 'must be greater than or equal to'],
    [{ 'group.consumer.max.session.timeout.ms': '5' }, 'must be greater than or equal to'],
    [{ 'group.max.session.timeout.ms': '5' }, 'must be greater than or equal to'],
    [{ 'group.min.session.timeout.ms': '5', 'group.max.session.timeout.ms': '5' }, null],
  ])('given at start as %j are refused where they contradict', (values, sentence) => {
    const checked = checkStaticConfigs(values)
    if (sentence === null) expect(checked).toEqual({ configs: values })
    else expect(checked).toEqual({ error: expect.stringContaining(sentence) })
  })

  it('are lower than in Kafka where memory is', () => {
    expect(brokerValue('fetch.max.bytes', NO_LAYERS)).toBe(String(FETCH_MAX_BYTES))
    expect(brokerValue('socket.request.max.bytes', NO_LAYERS)).toBe(String(REQUEST_MAX_BYTES))
    for (const name of LOWER_BOUNDS) {
      const config = topicConfig(name) ?? brokerConfig(name)!
      expect(parseConfig(config, String(MESSAGE_MAX_BYTES))).toEqual({
        value: String(MESSAGE_MAX_BYTES),
      })
      expect(parseConfig(config, String(MESSAGE_MAX_BYTES + 1))).toHaveProperty('error')
    }
  })
})

describe('a value', () => {
  const of = (type: ConfigType) => ({
    name: 'x',
    type,
    default: null,
    constraint: {},
    honoured: true,
  })

  it.each<[ConfigType, string, string | null]>([
    ['BOOLEAN', ' TRUE ', 'true'],
    ['BOOLEAN', 'yes', null],
    ['INT', ' 100 ', '100'],
    ['INT', '+5', '5'],
    ['INT', '007', '7'],
    ['INT', '2147483647', '2147483647'],
    ['INT', '2147483648', null],
    ['INT', '-2147483648', '-2147483648'],
    ['INT', '1.0', null],
    ['INT', '', null],
    ['SHORT', '32768', null],
    ['LONG', '9223372036854775807', '9223372036854775807'],
    ['LONG', '9223372036854775808', null],
    ['LONG', '0x10', null],
    ['DOUBLE', '2', '2.0'],
    ['DOUBLE', '.5', '0.5'],
    ['DOUBLE', '0.0001', '1.0E-4'],
    ['DOUBLE', '1.7976931348623157E308', '1.7976931348623157E308'],
    ['DOUBLE', 'half', null],
    ['LIST', ' compact , delete ', 'compact,delete'],
    ['LIST', '', ''],
    ['STRING', ' x ', ' x '],
  ])('of type %s written %j is %j', (type, text, expected) => {
    const parsed = parseConfig(of(type), text)
    if (expected === null) expect(parsed).toHaveProperty('error')
    else expect(parsed).toEqual({ value: expected })
  })

  it('in canonical text stays as it is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TOPIC_CONFIGS),
        fc.string(),
        fc.integer(),
        (config, text, n) => {
          for (const written of [text, String(n), String(n / 7), config.default ?? '']) {
            const parsed = parseConfig(config, written)
            if ('value' in parsed) expect(parseConfig(config, parsed.value)).toEqual(parsed)
          }
        },
      ),
    )
  })

  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    ['nope', '1', 'Unknown topic config name: nope'],
    [
      'retention.ms',
      'abc',
      'Invalid value abc for configuration retention.ms: Not a number of type LONG',
    ],
    [
      'retention.ms',
      '-2',
      'Invalid value -2 for configuration retention.ms: Value must be at least -1',
    ],
    [
      'cleanup.policy',
      'foo',
      'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
    ],
    [
      'preallocate',
      'yes',
      'Invalid value yes for configuration preallocate: Expected value to be either true or false',
    ],
    [
      'segment.bytes',
      '1000',
      'Invalid value 1000 for configuration segment.bytes: Value must be at least 1048576',
    ],
    [
      'compression.type',
      'GZIP',
      'Invalid value GZIP for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer',
    ],
    [
      'max.message.bytes',
      '9999999999',
      'Invalid value 9999999999 for configuration max.message.bytes: Not a number of type INT',
    ],
    [
      'min.cleanable.dirty.ratio',
      '2',
      'Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1',
    ],
    [
      'compression.gzip.level',
      '0',
      'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1',
    ],
    ['message.format.version', '3.0', 'Unknown topic config name: message.format.version'],
    [
      'remote.storage.enable',
      'true',
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    ],
  ])('%s=%s is refused in the words of Kafka', (name, value, error) => {
    expect(checkTopicConfigs({ [name]: value }, NO_LAYERS)).toEqual({ error })
  })

  const TIERED = {
    ...NO_LAYERS,
    static: { 'remote.log.storage.system.enable': 'true' },
  }
  const copyDisabled = (name: string) =>
    `When \`remote.log.copy.disable\` is set to true, the \`local.${name}\` and \`${name}\` must be set to the identical value because there will be no more logs copied to the remote storage.`

  it.each<[Record<string, string>, string | null]>([
    [{}, null],
    [{ 'local.retention.ms': '1000', 'local.retention.bytes': '0' }, null],
    [{ 'retention.ms': '-1', 'local.retention.ms': '-1' }, null],
    [
      { 'cleanup.policy': 'compact' },
      'Remote log storage only supports topics with cleanup.policy=delete',
    ],
    [
      { 'cleanup.policy': 'compact,delete' },
      'Remote log storage only supports topics with cleanup.policy=delete',
    ],
    [
      { 'retention.ms': '1000', 'local.retention.ms': '1001' },
      'Invalid value 1001 for configuration local.retention.ms: Value must not be more than retention.ms property value: 1000',
    ],
    [
      { 'local.retention.ms': '-1' },
      'Invalid value -1 for configuration local.retention.ms: Value must not be -1 as retention.ms value is set as 604800000.',
    ],
    [
      { 'retention.bytes': '5', 'local.retention.bytes': '-1' },
      'Invalid value -1 for configuration local.retention.bytes: Value must not be -1 as retention.bytes value is set as 5.',
    ],
    [
      { 'retention.bytes': '5', 'local.retention.bytes': '6' },
      'Invalid value 6 for configuration local.retention.bytes: Value must not be more than retention.bytes property value: 5',
    ],
    [{ 'remote.log.copy.disable': 'true' }, null],
    [
      { 'remote.log.copy.disable': 'true', 'local.retention.ms': '1000' },
      copyDisabled('retention.ms'),
    ],
    [
      { 'remote.log.copy.disable': 'true', 'local.retention.bytes': '1000' },
      copyDisabled('retention.bytes'),
    ],
  ])('remote storage with %j is checked as in Kafka', (others, error) => {
    const own = { 'remote.storage.enable': 'true', ...others }
    const checked = checkTopicConfigs(own, TIERED)
    expect(checked).toEqual(error === null ? { configs: own } : { error })
  })

  it('remote storage is given up only with its data', () => {
    const before = { 'remote.storage.enable': 'true' }
    const off = { 'remote.storage.enable': 'false' }
    for (const own of [off, {}]) {
      expect(checkTopicConfigs(own, TIERED, before)).toEqual({
        error: expect.stringContaining('invalid to disable remote storage without deleting'),
      })
      const deleting = { ...own, 'remote.log.delete.on.disable': 'true' }
      expect(checkTopicConfigs(deleting, TIERED, before)).toHaveProperty('configs')
      expect(checkTopicConfigs(own, TIERED)).toHaveProperty('configs')
    }
  })

  it('that contradicts another is refused, also one of the broker', () => {
    const error =
      'conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)'
    const both = { 'min.compaction.lag.ms': '10', 'max.compaction.lag.ms': '5' }
    expect(checkTopicConfigs(both, NO_LAYERS)).toEqual({ error })
    const static_ = { 'log.cleaner.max.compaction.lag.ms': '5' }
    const layers = { ...NO_LAYERS, static: static_ }
    expect(checkTopicConfigs({ 'min.compaction.lag.ms': '10' }, layers)).toEqual({ error })
  })

  it.each(['0:1,2:3', '*', ''])('%j is a list of throttled replicas', (value) => {
    const name = 'leader.replication.throttled.replicas'
    expect(checkTopicConfigs({ [name]: value }, NO_LAYERS)).toEqual({ configs: { [name]: value } })
    expect(checkTopicConfigs({ [name]: 'x' }, NO_LAYERS)).toHaveProperty('error')
  })

  it.each([
    ['a misspelt name', { 'num.partition': '3' }, /Unknown broker config name: num.partition/],
    ['a bad value', { 'num.partitions': '0' }, /must be at least 1/],
    ['what only tells how Ottla is', { 'node.id': '2' }, /node.id cannot be set/],
    [
      'no retention at all',
      { 'log.retention.hours': '0' },
      /log.retention.hours must be unlimited/,
    ],
  ])('at start is refused when it is %s', (_, configs, error) => {
    expect(checkStaticConfigs(configs as unknown as Record<string, string>)).toEqual({
      error: expect.stringMatching(error),
    })
  })

  it('at start is taken in canonical text', () => {
    const given = { 'log.retention.hours': ' 5 ', 'auto.create.topics.enable': 'FALSE' }
    const configs = { 'log.retention.hours': '5', 'auto.create.topics.enable': 'false' }
    expect(checkStaticConfigs(given)).toEqual({ configs })
    expect(checkBrokerConfigs(configs)).toEqual({ configs })
  })
})

describe('precedence (KIP-226)', () => {
  const SOURCES = [
    ['dynamicBroker', 2],
    ['dynamicDefault', 3],
    ['static', 4],
  ] as const

  it('is topic, broker "1", broker "", start, default, and synonyms list all of them', () => {
    const config = topicConfig('max.message.bytes')!
    const value = fc.option(fc.integer({ min: 0, max: MESSAGE_MAX_BYTES }).map(String), {
      nil: undefined,
    })
    const at = (name: string, text: string | undefined) =>
      text === undefined ? {} : { [name]: text }
    fc.assert(
      fc.property(value, value, value, value, (own, one, all, start) => {
        const layers: BrokerLayers = {
          dynamicBroker: at('message.max.bytes', one),
          dynamicDefault: at('message.max.bytes', all),
          static: at('message.max.bytes', start),
        }
        const expected = [
          ...(own === undefined ? [] : [{ name: 'max.message.bytes', value: own, source: 1 }]),
          ...SOURCES.flatMap(([layer, source]) => {
            const set = layers[layer]['message.max.bytes']
            return set === undefined ? [] : [{ name: 'message.max.bytes', value: set, source }]
          }),
          { name: 'message.max.bytes', value: '1048588', source: 5 },
        ]
        const effective = effectiveTopicConfig(config, at('max.message.bytes', own), layers)
        expect(effective.synonyms).toEqual(expected)
        expect([effective.value, effective.source]).toEqual([
          expected[0]!.value,
          expected[0]!.source,
        ])
      }),
    )
  })

  const retention = (static_: Record<string, string>, own: Record<string, string> = {}) =>
    effectiveTopicConfig(topicConfig('retention.ms')!, own, { ...NO_LAYERS, static: static_ })

  it.each([
    [{}, '604800000', 5],
    [{ 'log.retention.hours': '100' }, '360000000', 4],
    [{ 'log.retention.hours': '100', 'log.retention.minutes': '3' }, '180000', 4],
    [{ 'log.retention.hours': '1', 'log.retention.minutes': '3', 'log.retention.ms': '7' }, '7', 4],
    [{ 'log.retention.hours': '-1' }, '-1', 4],
    [{ 'log.retention.ms': '-5' }, '-1', 4],
  ])('of %j gives retention.ms=%s from source %i', (static_, value, source) => {
    const effective = retention(static_ as unknown as Record<string, string>)
    expect([effective.value, effective.source]).toEqual([value, source])
  })

  it('shows the synonyms that Kafka shows of retention.ms', () => {
    const layers = {
      dynamicBroker: { 'log.retention.ms': '1000' },
      dynamicDefault: { 'log.retention.ms': '6000' },
      static: { 'log.retention.hours': '100' },
    }
    const config = topicConfig('retention.ms')!
    const { synonyms } = effectiveTopicConfig(config, { 'retention.ms': '777' }, layers)
    expect(synonyms.map(({ name, value, source }) => [name, value, source])).toEqual([
      ['retention.ms', '777', 1],
      ['log.retention.ms', '1000', 2],
      ['log.retention.ms', '6000', 3],
      ['log.retention.hours', '100', 4],
      ['log.retention.hours', '168', 5],
    ])
  })

  it('shows no synonyms of a topic whose leading one has no value, as Kafka does', () => {
    expect(effectiveTopicConfig(topicConfig('segment.ms')!, {}, NO_LAYERS).synonyms).toEqual([])
  })

  it('of the broker shows the synonyms that Kafka shows, from its own name on', () => {
    const layers = {
      dynamicBroker: { 'log.retention.ms': '1000' },
      dynamicDefault: { 'log.retention.ms': '6000' },
      static: { 'log.retention.hours': '100' },
    }
    const shown = (name: string) =>
      effectiveBrokerConfig(brokerConfig(name)!, layers).synonyms.map(
        ({ name, value, source }) => `${name} ${value} ${source}`,
      )
    const hours = ['log.retention.hours 100 4', 'log.retention.hours 168 5']
    expect(shown('log.retention.ms')).toEqual([
      'log.retention.ms 1000 2',
      'log.retention.ms 6000 3',
      ...hours,
    ])
    expect(shown('log.retention.hours')).toEqual(hours)
    expect(shown('log.retention.minutes')).toEqual([])
  })

  it('of the broker itself has no topic in it', () => {
    const layers = { ...NO_LAYERS, dynamicDefault: { 'log.retention.ms': '6000' } }
    const { value, source } = effectiveBrokerConfig(brokerConfig('log.retention.ms')!, layers)
    expect([value, source]).toEqual(['6000', 3])
    expect(effectiveBrokerConfig(brokerConfig('log.retention.ms')!, NO_LAYERS)).toEqual({
      value: null,
      source: 5,
      synonyms: [],
    })
  })
})

describe('the settings of a topic', () => {
  it('are the defaults of Kafka when nothing is set', () => {
    expect(topicSettings({}, NO_LAYERS)).toEqual({
      cleanupDelete: true,
      cleanupCompact: false,
      compressionType: 'producer',
      maxMessageBytes: 1_048_588,
      messageTimestampType: 'CreateTime',
      timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      timestampAfterMaxMs: 3_600_000,
      segmentBytes: 1_073_741_824,
      segmentMs: 604_800_000,
      segmentJitterMs: 0,
      retentionMs: 604_800_000,
      retentionBytes: -1,
      retentionCheckMs: 300_000,
      deleteRetentionMs: 86_400_000,
      minCompactionLagMs: 0,
      maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
      minCleanableDirtyRatio: 0.5,
      cleanerEnabled: true,
      cleanerBackoffMs: 15_000,
      remoteEnabled: false,
      remoteCopyDisabled: false,
      remoteDeleteOnDisable: false,
      localRetentionMs: 604_800_000,
      localRetentionBytes: -1,
      tierIntervalMs: 30_000,
      tierUnsynced: false,
      validateRecords: false,
      producerIdExpirationMs: 86_400_000,
    })
  })

  it('follow the topic and the broker', () => {
    const own = { 'cleanup.policy': 'compact,delete', 'message.timestamp.type': 'LogAppendTime' }
    const layers = {
      ...NO_LAYERS,
      static: { 'ottla.validate.records': 'true', 'producer.id.expiration.ms': '60000' },
    }
    expect(topicSettings(own, layers)).toMatchObject({
      cleanupDelete: true,
      cleanupCompact: true,
      // Kafka's cleaner deletes of such topics, at its own pace.
      retentionCheckMs: 15_000,
      messageTimestampType: 'LogAppendTime',
      validateRecords: true,
      producerIdExpirationMs: 60_000,
    })
  })
})

describe('what is accepted and not acted on', () => {
  it('is said', () => {
    const names = acceptedNotActedOn()
    expect(names).not.toContain('segment.jitter.ms')
    expect(names).not.toContain('log.roll.jitter.hours')
    expect(names).not.toContain('retention.ms')
    expect(names).toContain('min.insync.replicas')
    expect(names).not.toContain('max.message.bytes')
    expect(names).not.toContain('cleanup.policy')
    expect(names).not.toContain('node.id')
    expect(names).toEqual([...new Set(names)].sort())
  })
})
