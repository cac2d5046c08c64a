import { describe, expect, it } from 'vitest'
import { BROKER_CONFIGS } from '../../src/core/broker-configs.ts'
import { CONFIG_ENTRIES_PER_ANSWER } from '../../src/core/limits.ts'
import { TOPIC_CONFIGS } from '../../src/core/topic-configs.ts'
import { memoryStorage, openCluster } from './fakes.ts'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8

function request(resourceType: number, resourceName: string, keys: string[] | null = null) {
  return {
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
    includeSynonyms: false,
    includeDocumentation: false,
  }
}

describe('DescribeConfigs', () => {
  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    [TOPIC, 'zz', 3, ''],
    [TOPIC, '', 17, 'Topic name is invalid: the empty string is not allowed'],
    [BROKER, '2', 42, 'Unexpected broker id, expected 1 or empty string, but received 2'],
    [BROKER, 'x', 42, 'Broker id must be an integer, but it is: x'],
    [LOGGER, '2', 42, 'Unexpected broker id, expected 1 but received 2'],
    [LOGGER, '', 42, 'Broker id must not be empty'],
    [3, 'g', 42, 'Unknown resource type 3'],
    [16, 'm', 42, 'Unknown resource type 16'],
  ])('of resource %i %j answers %i', (resourceType, resourceName, errorCode, errorMessage) => {
    expect(openCluster().describe(request(resourceType, resourceName))).toEqual([
      { resourceType, resourceName, errorCode, errorMessage, configs: [] },
    ])
  })

  it.each([[null], [[]]])('with %j for names gives all of them', (keys) => {
    const cluster = openCluster()
    cluster.create([{ name: 't' }])
    const names = (type: number, name: string) =>
      cluster.describe(request(type, name, keys))[0]?.configs.map((config) => config.name)
    expect(names(TOPIC, 't')).toEqual(TOPIC_CONFIGS.map(({ name }) => name))
    expect(names(BROKER, '1')).toEqual(BROKER_CONFIGS.map(({ name }) => name))
    expect(names(BROKER, '')).toEqual([])
    expect(names(LOGGER, '1')).toEqual([])
  })

  it('leaves out names it does not know', () => {
    const cluster = openCluster()
    cluster.create([{ name: 't' }])
    const [result] = cluster.describe(request(TOPIC, 't', ['segment.ms', 'nope']))
    expect(result).toMatchObject({ errorCode: 0, errorMessage: '' })
    expect(result?.configs).toEqual([
      {
        name: 'segment.ms',
        value: '604800000',
        readOnly: false,
        configSource: 5,
        isSensitive: false,
        synonyms: [],
        configType: 5,
        documentation: null,
      },
    ])
  })

  it('of the broker tells value, source, type, whether it changes, and what it means', () => {
    const cluster = openCluster(memoryStorage(), { 'num.partitions': '3' })
    expect(cluster.entry(BROKER, '1', 'num.partitions')).toEqual({
      name: 'num.partitions',
      value: '3',
      readOnly: true,
      configSource: 4,
      isSensitive: false,
      synonyms: [
        { name: 'num.partitions', value: '3', source: 4 },
        { name: 'num.partitions', value: '1', source: 5 },
      ],
      configType: 3,
      documentation: 'Partitions of a topic created without a number.',
    })
    expect(cluster.entry(BROKER, '1', 'message.max.bytes').readOnly).toBe(false)
    expect(cluster.entry(BROKER, '1', 'log.retention.ms')).toMatchObject({
      value: null,
      configSource: 5,
      synonyms: [],
    })
    expect(cluster.entry(BROKER, '1', 'log.cleanup.policy').configType).toBe(7)
  })

  it('of broker "" gives what was set for the cluster', () => {
    const cluster = openCluster()
    cluster.set(BROKER, '', { 'log.retention.ms': '6000' })
    cluster.set(BROKER, '1', { 'message.max.bytes': '7' })
    const [result] = cluster.describe(request(BROKER, ''))
    expect(result?.configs).toMatchObject([
      { name: 'log.retention.ms', value: '6000', configSource: 3, readOnly: false },
    ])
  })

  it('is bounded however often a topic is named', () => {
    const cluster = openCluster()
    cluster.create([{ name: 't' }])
    const [resource] = request(TOPIC, 't').resources
    const resources = new Array(CONFIG_ENTRIES_PER_ANSWER / 20).fill(resource)
    const results = cluster.describe({ ...request(TOPIC, 't'), resources })
    expect(results).toHaveLength(resources.length)
    const entries = results.reduce((total, { configs }) => total + configs.length, 0)
    expect(entries).toBeLessThan(CONFIG_ENTRIES_PER_ANSWER + TOPIC_CONFIGS.length)
    expect(results.at(-1)).toMatchObject({ errorCode: 42, configs: [] })
  })
})
