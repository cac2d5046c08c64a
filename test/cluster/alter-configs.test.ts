import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AlterOperation } from '../../src/cluster/alter-configs.ts'
import type { TopicId } from '../../src/core/ids.ts'
import { memoryStorage, openCluster } from './fakes.ts'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const GROUP = 32
const { SET, DELETE, APPEND, SUBTRACT } = AlterOperation

function withTopic() {
  const cluster = openCluster()
  const [created] = cluster.create([{ name: 't', numPartitions: 4 }])
  const id = created?.topicId as TopicId
  const topic = () => cluster.lookup({ ids: [id] }).topics[0]!.topic!
  return { cluster, id, topic }
}

function edit(name: string, configOperation: number, value: string | null) {
  return { name, configOperation, value }
}

describe('IncrementalAlterConfigs of a topic', () => {
  it('sets, appends, subtracts and deletes', () => {
    const { cluster } = withTopic()
    const value = () => cluster.entry(TOPIC, 't', 'cleanup.policy').value
    const alter = (operation: number, text: string | null) => {
      const configs = [edit('cleanup.policy', operation, text)]
      const resources = [{ resourceType: TOPIC, resourceName: 't', configs }]
      expect(cluster.incremental({ resources, validateOnly: false })).toMatchObject([
        { errorCode: 0, errorMessage: null },
      ])
    }
    alter(APPEND, 'compact')
    expect(value()).toBe('delete,compact')
    alter(APPEND, 'compact,delete')
    expect(value()).toBe('delete,compact')
    alter(SUBTRACT, 'delete')
    expect(value()).toBe('compact')
    alter(SET, ' compact , delete ')
    expect(value()).toBe('compact,delete')
    alter(DELETE, null)
    expect(cluster.entry(TOPIC, 't', 'cleanup.policy')).toMatchObject({
      value: 'delete',
      configSource: 5,
    })
  })

  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    [
      't',
      [edit('retention.ms', APPEND, '5')],
      40,
      "Can't APPEND to key retention.ms because its type is not LIST.",
    ],
    [
      't',
      [edit('nope', APPEND, '5')],
      40,
      "Can't APPEND to key nope because its type is not LIST.",
    ],
    ['t', [edit('nope', SET, '5')], 40, 'Unknown topic config name: nope'],
    ['t', [edit('nope', DELETE, null)], 0, null],
    ['t', [edit('retention.ms', SET, null)], 42, 'Null value not supported for : retention.ms'],
    [
      't',
      [edit('cleanup.policy', APPEND, null)],
      42,
      'Null value not supported for : cleanup.policy',
    ],
    [
      't',
      [edit('cleanup.policy', APPEND, 'foo')],
      40,
      'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
    ],
    [
      't',
      [edit('segment.bytes', SET, '')],
      40,
      'Invalid value  for configuration segment.bytes: Not a number of type INT',
    ],
    [
      't',
      [edit('retention.ms', SET, '1'), edit('retention.ms', DELETE, '1')],
      42,
      'Error due to duplicate config keys',
    ],
    ['zz', [edit('retention.ms', SET, '1')], 3, "The topic 'zz' does not exist."],
    ['', [], 42, 'Default topic resources are not allowed.'],
    [
      'a b',
      [edit('retention.ms', SET, '1')],
      17,
      "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
  ])('of %j with %j answers %s %s', (resourceName, configs, errorCode, errorMessage) => {
    const { cluster, topic } = withTopic()
    const before = topic()
    const resources = [{ resourceType: TOPIC, resourceName, configs }]
    expect(cluster.incremental({ resources, validateOnly: false })).toEqual([
      { resourceType: TOPIC, resourceName, errorCode, errorMessage },
    ])
    expect(topic()).toEqual(before)
  })

  it('refuses an operation that Kafka does not have', () => {
    const { cluster } = withTopic()
    const configs = [edit('retention.ms', 7, '1')]
    const resources = [{ resourceType: TOPIC, resourceName: 't', configs }]
    expect(cluster.incremental({ resources, validateOnly: false })).toMatchObject([
      { errorCode: 42 },
    ])
  })

  it('refuses a resource named twice and takes the others', () => {
    const { cluster } = withTopic()
    cluster.create([{ name: 'u' }])
    const one = (resourceName: string) => ({
      resourceType: TOPIC,
      resourceName,
      configs: [edit('retention.ms', SET, '9')],
    })
    const resources = [one('t'), one('t'), one('u')]
    const answers = cluster.incremental({ resources, validateOnly: false })
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([42, 42, 0])
    expect(cluster.entry(TOPIC, 't', 'retention.ms').value).toBe('604800000')
    expect(cluster.entry(TOPIC, 'u', 'retention.ms').value).toBe('9')
  })

  it('with validate_only says the same and changes nothing', () => {
    const { cluster, topic } = withTopic()
    const before = topic()
    const configs = [edit('retention.ms', SET, '9')]
    const resources = [{ resourceType: TOPIC, resourceName: 't', configs }]
    expect(cluster.incremental({ resources, validateOnly: true })).toMatchObject([{ errorCode: 0 }])
    expect(topic()).toEqual(before)
  })
})

describe('AlterConfigs', () => {
  it('replaces the whole set of a topic', () => {
    const { cluster } = withTopic()
    cluster.set(TOPIC, 't', { 'retention.ms': '1', 'segment.ms': '2' })
    const configs = [{ name: 'retention.ms', value: '3' }]
    const resources = [{ resourceType: TOPIC, resourceName: 't', configs }]
    expect(cluster.alter({ resources, validateOnly: false })).toMatchObject([{ errorCode: 0 }])
    expect(cluster.entry(TOPIC, 't', 'retention.ms').value).toBe('3')
    expect(cluster.entry(TOPIC, 't', 'segment.ms')).toMatchObject({ configSource: 5 })
    const none = [{ resourceType: TOPIC, resourceName: 't', configs: [] }]
    cluster.alter({ resources: none, validateOnly: false })
    expect(cluster.entry(TOPIC, 't', 'retention.ms')).toMatchObject({ configSource: 5 })
  })

  it.each([
    [TOPIC, 't', { 'retention.ms': null }, 42, 'Null value not supported for : retention.ms'],
    [TOPIC, 't', { nope: '1' }, 40, 'Unknown topic config name: nope'],
    [TOPIC, 'zz', { 'retention.ms': '1' }, 3, "The topic 'zz' does not exist."],
    [BROKER, '2', {}, 42, 'Unexpected broker id, expected 1, but received 2'],
    [BROKER, 'x', {}, 42, 'Node id must be an integer, but it is: x'],
    [
      BROKER,
      '1',
      { 'num.partitions': '3' },
      42,
      'Cannot update these configs dynamically: Set(num.partitions)',
    ],
    [LOGGER, '1', { root: 'INFO' }, 42, 'Unknown resource type 8'],
    [3, '1', {}, 42, 'Unknown resource type 3'],
  ])(
    'of resource %i %j with %j answers %i %s',
    (resourceType, resourceName, set, errorCode, errorMessage) => {
      const { cluster } = withTopic()
      const configs = Object.entries(set).map(([name, value]) => ({ name, value }))
      const resources = [{ resourceType, resourceName, configs }]
      expect(cluster.alter({ resources, validateOnly: false })).toEqual([
        { resourceType, resourceName, errorCode, errorMessage },
      ])
    },
  )
})

describe('IncrementalAlterConfigs of the broker', () => {
  it('changes broker "1" before broker "", and topics follow', () => {
    const { cluster } = withTopic()
    cluster.set(BROKER, '', { 'message.max.bytes': '3000000' })
    expect(cluster.entry(TOPIC, 't', 'max.message.bytes')).toMatchObject({
      value: '3000000',
      configSource: 3,
      synonyms: [
        { name: 'message.max.bytes', value: '3000000', source: 3 },
        { name: 'message.max.bytes', value: '1048588', source: 5 },
      ],
    })
    cluster.set(BROKER, '1', { 'message.max.bytes': '2000000' })
    expect(cluster.entry(TOPIC, 't', 'max.message.bytes')).toMatchObject({
      value: '2000000',
      configSource: 2,
    })
    cluster.set(BROKER, '1', { 'message.max.bytes': null })
    cluster.set(BROKER, '', { 'message.max.bytes': null })
    expect(cluster.entry(TOPIC, 't', 'max.message.bytes')).toMatchObject({ configSource: 5 })
  })

  // Taken from the answers of Apache Kafka 4.1.1, except that it keeps unknown names for plug-ins.
  it.each([
    [
      '1',
      'num.partitions',
      '5',
      42,
      'Cannot update these configs dynamically: Set(num.partitions)',
    ],
    ['', 'listeners', 'x', 42, 'Cannot update these configs dynamically: Set(listeners)'],
    [
      '1',
      'log.retention.ms',
      'abc',
      42,
      'Invalid value abc for configuration log.retention.ms: Not a number of type LONG',
    ],
    [
      '1',
      'log.retention.ms',
      '0',
      42,
      'log.retention.ms must be unlimited (-1) or, equal or greater than 1',
    ],
    [
      '',
      'log.local.retention.ms',
      '604800001',
      42,
      'Invalid value 604800001 for configuration log.local.retention.ms: Value must not be more than log.retention.ms property value: 604800000',
    ],
    [
      '1',
      'log.local.retention.ms',
      '-1',
      42,
      'Invalid value -1 for configuration log.local.retention.ms: Value must not be -1 as log.retention.ms value is set as 604800000.',
    ],
    ['2', 'log.retention.ms', '1', 42, 'Unexpected broker id, expected 1, but received 2'],
    ['x', 'log.retention.ms', '1', 42, 'Node id must be an integer, but it is: x'],
    ['1', 'nope', '1', 40, 'Unknown broker config name: nope'],
  ])('of broker %j with %s=%s answers %i', (name, config, value, errorCode, errorMessage) => {
    const { cluster } = withTopic()
    expect(cluster.set(BROKER, name, { [config]: value })).toMatchObject([
      { errorCode, errorMessage },
    ])
    expect(cluster.state.layers.dynamicBroker).toEqual({})
  })

  it.each([
    [LOGGER, '1', 40, 'Logger root does not exist!'],
    [LOGGER, '2', 42, 'Unexpected broker id, expected 1, but received 2'],
    [16, 'm', 42, 'Unknown resource type 16'],
  ])('of resource %i %j answers %i', (type, name, errorCode, errorMessage) => {
    expect(openCluster().set(type, name, { root: 'DEBUG' })).toMatchObject([
      { errorCode, errorMessage },
    ])
  })
})

describe('configuration versions', () => {
  it('rise when the settings of a topic change, and only then', () => {
    const { cluster, topic } = withTopic()
    const versions = [topic().configVersion]
    const step = (type: number, name: string, configs: Record<string, string | null>) => {
      cluster.set(type, name, configs)
      versions.push(topic().configVersion)
    }
    step(TOPIC, 't', { 'retention.ms': '5' })
    step(TOPIC, 't', { 'retention.ms': '5' })
    step(TOPIC, 't', { 'flush.ms': '5' })
    step(BROKER, '', { 'log.flush.interval.ms': '5' })
    step(BROKER, '', { 'message.max.bytes': '5' })
    step(BROKER, '1', { 'message.max.bytes': '6' })
    step(BROKER, '', { 'message.max.bytes': null })
    expect(versions.map((version) => version - versions[0]!)).toEqual([0, 1, 1, 1, 1, 2, 3, 3])
  })

  it('are never the same for different settings, whatever happens and is restarted', () => {
    const size = fc.constantFrom('1000000', '2000000', null)
    const place = fc.constantFrom<[number, string]>([TOPIC, 't'], [BROKER, ''], [BROKER, '1'])
    const step = fc.oneof(
      fc.record({ place, size }),
      fc.record({ restart: fc.constantFrom('1000000', '3000000') }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const storage = memoryStorage()
        let cluster = openCluster(storage)
        cluster.create([{ name: 't' }])
        const seen = new Map<number, string>()
        let last = 0
        for (const one of steps) {
          if ('restart' in one) {
            cluster = openCluster(storage, { 'message.max.bytes': one.restart })
          } else {
            const [type, name] = one.place
            const key = type === TOPIC ? 'max.message.bytes' : 'message.max.bytes'
            cluster.set(type, name, { [key]: one.size })
          }
          const { configVersion, settings } = cluster.lookup({ names: ['t'] }).topics[0]!.topic!
          const text = JSON.stringify(settings)
          expect(seen.get(configVersion) ?? text).toBe(text)
          expect(configVersion).toBeGreaterThanOrEqual(last)
          seen.set(configVersion, text)
          last = configVersion
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('the outbox', () => {
  it('gets a notice in the same transaction for topics that were written', () => {
    const { cluster, id, topic } = withTopic()
    cluster.set(TOPIC, 't', { 'retention.ms': '5' })
    expect(cluster.state.notices.size).toBe(0)
    cluster.admit(id, 0, true)
    cluster.set(TOPIC, 't', { 'retention.ms': '6' })
    expect(cluster.state.notices.get(id)).toBe(topic().configVersion)
    expect(openCluster(cluster.storage).state.notices.get(id)).toBe(topic().configVersion)
  })

  it('gets one for each topic that a change of the broker reaches', () => {
    const { cluster, id } = withTopic()
    const [own] = cluster.create([
      { name: 'own', configs: [{ name: 'max.message.bytes', value: '9' }] },
    ])
    cluster.create([{ name: 'unwritten' }])
    cluster.admit(id, 0, true)
    cluster.admit(own?.topicId as TopicId, 0, true)
    cluster.set(BROKER, '', { 'message.max.bytes': '7' })
    expect([...cluster.state.notices.keys()]).toEqual([id])
  })

  it('gets one for every written topic when the configuration at start is another', () => {
    const { cluster, id } = withTopic()
    cluster.admit(id, 0, true)
    const again = openCluster(cluster.storage)
    expect(again.state.notices.size).toBe(0)
    const other = openCluster(cluster.storage, { 'log.retention.hours': '1' })
    expect([...other.state.notices.keys()]).toEqual([id])
  })
})

describe('configurations of a group', () => {
  const set = (configs: Record<string, string | null>, name = 'g') => {
    const cluster = openCluster()
    return { cluster, answer: cluster.set(GROUP, name, configs)[0]! }
  }

  it('are kept for a group that does not exist, and shown with their source', () => {
    const { cluster, answer } = set({ 'consumer.session.timeout.ms': ' 50000 ' })
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: null })
    const again = openCluster(cluster.storage)
    expect(again.entry(GROUP, 'g', 'consumer.session.timeout.ms')).toMatchObject({
      value: '50000',
      configSource: 8,
      readOnly: false,
      synonyms: [{ name: 'consumer.session.timeout.ms', value: '50000', source: 8 }],
    })
    expect(again.entry(GROUP, 'other', 'consumer.session.timeout.ms')).toMatchObject({
      value: '45000',
      configSource: 5,
    })
  })

  it('are replaced by AlterConfigs, and forgotten when none is left', () => {
    const { cluster } = set({ 'consumer.session.timeout.ms': '50000' })
    const alter = (configs: { name: string; value: string }[]) =>
      cluster.alter({
        resources: [{ resourceType: GROUP, resourceName: 'g', configs }],
        validateOnly: false,
      })
    alter([{ name: 'consumer.heartbeat.interval.ms', value: '6000' }])
    expect(openCluster(cluster.storage).state.groupConfigs.get('g')).toEqual({
      'consumer.heartbeat.interval.ms': '6000',
    })
    alter([])
    expect(openCluster(cluster.storage).state.groupConfigs.size).toBe(0)
  })

  it('lie over the broker values a registered group is given, which is told of a change', () => {
    const cluster = openCluster(memoryStorage(), { 'group.consumer.session.timeout.ms': '46000' })
    cluster.register('g')
    const before = cluster.state.metadataVersion
    cluster.set(GROUP, 'g', { 'consumer.session.timeout.ms': '50000' })
    expect(cluster.state.groupNotices).toEqual(new Map([['g', before + 1]]))
    expect(cluster.register('g').configs).toMatchObject({
      'group.consumer.session.timeout.ms': '46000',
      'consumer.session.timeout.ms': '50000',
    })
    cluster.set(GROUP, 'not registered', { 'consumer.session.timeout.ms': '50000' })
    expect([...cluster.state.groupNotices.keys()]).toEqual(['g'])
  })

  it('default to the values of the broker', () => {
    const cluster = openCluster(memoryStorage(), { 'group.consumer.session.timeout.ms': '46000' })
    expect(cluster.entry(GROUP, 'g', 'consumer.session.timeout.ms').value).toBe('46000')
  })

  it('of the empty name do not exist', () => {
    const { answer, cluster } = set({ 'consumer.session.timeout.ms': '50000' }, '')
    expect(answer).toMatchObject({ errorCode: 42 })
    const resources = [{ resourceType: GROUP, resourceName: '', configurationKeys: null }]
    const request = { resources, includeSynonyms: false, includeDocumentation: false }
    expect(cluster.describe(request)[0]).toMatchObject({ errorCode: 42 })
  })

  it.each<[string, string, string]>([
    ['nope', '1', 'Unknown group config name: nope'],
    ['consumer.session.timeout.ms', 'abc', 'Not a number of type INT'],
    ['consumer.session.timeout.ms', '0', 'Value must be at least 1'],
    [
      'consumer.session.timeout.ms',
      '1000',
      'consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms',
    ],
    ['consumer.session.timeout.ms', '60001', 'group.consumer.max.session.timeout.ms'],
    ['consumer.heartbeat.interval.ms', '4999', 'group.consumer.min.heartbeat.interval.ms'],
    ['consumer.heartbeat.interval.ms', '15001', 'group.consumer.max.heartbeat.interval.ms'],
    ['share.session.timeout.ms', '1', 'group.share.min.session.timeout.ms'],
    ['share.heartbeat.interval.ms', '70000', 'group.share.max.heartbeat.interval.ms'],
    ['share.record.lock.duration.ms', '999', 'Value must be at least 1000'],
    ['share.record.lock.duration.ms', '1000', 'group.share.min.record.lock.duration.ms'],
    ['share.auto.offset.reset', 'EARLIEST', "The value must be either 'earliest', 'latest'"],
    ['share.auto.offset.reset', 'by_duration:-P1D', 'by_duration:<PnDTnHnMn.nS>'],
    ['share.auto.offset.reset', 'by_duration:P', 'by_duration:<PnDTnHnMn.nS>'],
    ['share.isolation.level', 'foo', 'String must be one of: read_committed, read_uncommitted'],
    ['streams.session.timeout.ms', '1', 'group.streams.min.session.timeout.ms'],
    ['streams.heartbeat.interval.ms', '1', 'group.streams.min.heartbeat.interval.ms'],
    ['streams.num.standby.replicas', '3', 'group.streams.max.standby.replicas'],
    ['streams.num.standby.replicas', '-1', 'Value must be at least 0'],
  ])('%s=%s gets INVALID_CONFIG', (name, value, sentence) => {
    const { answer, cluster } = set({ [name]: value })
    expect(answer).toMatchObject({ errorCode: 40 })
    expect(answer.errorMessage).toContain(sentence)
    expect(cluster.state.groupConfigs.size).toBe(0)
  })

  it.each([
    ['share.auto.offset.reset', 'by_duration:P1DT2H3M4.5S'],
    ['share.auto.offset.reset', 'by_duration:PT5S'],
    ['share.auto.offset.reset', 'earliest'],
    ['share.isolation.level', 'read_committed'],
    ['streams.num.standby.replicas', '2'],
  ])('%s=%s is taken', (name, value) => {
    expect(set({ [name]: value }).answer.errorCode).toBe(0)
  })

  it('must leave a session longer than a heartbeat', () => {
    const cluster = openCluster(memoryStorage(), {
      'group.consumer.min.session.timeout.ms': '5000',
      'group.consumer.min.heartbeat.interval.ms': '1000',
    })
    const set = (session: string) =>
      cluster.set(GROUP, 'g', {
        'consumer.session.timeout.ms': session,
        'consumer.heartbeat.interval.ms': '7000',
      })[0]
    expect(set('7000')).toMatchObject({
      errorCode: 40,
      errorMessage:
        'consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms',
    })
    expect(set('7001')).toMatchObject({ errorCode: 0 })
  })

  it('know no lists to append to', () => {
    const cluster = openCluster()
    const configs = [edit('consumer.session.timeout.ms', APPEND, '50000')]
    const resources = [{ resourceType: GROUP, resourceName: 'g', configs }]
    expect(cluster.incremental({ resources, validateOnly: false })[0]).toMatchObject({
      errorCode: 40,
      errorMessage: "Can't APPEND to key consumer.session.timeout.ms because its type is not LIST.",
    })
  })

  it('stay as they are when a change is only validated', () => {
    const cluster = openCluster()
    const configs = [edit('consumer.session.timeout.ms', SET, '50000')]
    const resources = [{ resourceType: GROUP, resourceName: 'g', configs }]
    expect(cluster.incremental({ resources, validateOnly: true })[0]).toMatchObject({
      errorCode: 0,
    })
    expect(cluster.state.groupConfigs.size).toBe(0)
  })
})

describe('an unknown configuration of the broker', () => {
  it('is not set, and nothing is deleted with it', () => {
    const cluster = openCluster()
    expect(cluster.set(BROKER, '1', { 'leader.replication.throttled.rate': '1' })).toMatchObject([
      { errorCode: 40 },
    ])
    expect(cluster.set(BROKER, '1', { 'leader.replication.throttled.rate': null })).toMatchObject([
      { errorCode: 0 },
    ])
    expect(cluster.state.layers.dynamicBroker).toEqual({})
  })
})
