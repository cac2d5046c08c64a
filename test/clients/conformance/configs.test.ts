// DescribeConfigs, AlterConfigs and IncrementalAlterConfigs of topics and of the broker: values,
// sources, synonyms, refusals. KIP-133, KIP-226 (dynamic broker configs), KIP-339, KIP-569.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import type { ResponseRead } from '../../../src/protocol/schema.ts'
import { batchOfSize } from '../batches.ts'
import { createTopic, produce, topicMetadata, topicToCreate, until } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('configs', {
  set: { 'log.retention.hours': '5', 'message.max.bytes': '2000000', 'num.partitions': '3' },
})

const TOPIC = 2
const BROKER = 4
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3
const Source = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefault: 3,
  staticBroker: 4,
  default: 5,
} as const

interface Definition {
  readonly type: string
  readonly default: string | null
  readonly internal: boolean
}
const VECTOR = join(import.meta.dirname, '../../vectors/configs-4.1.1.json')
const KAFKA_TOPIC_CONFIGS: Readonly<Record<string, Definition>> = JSON.parse(
  readFileSync(VECTOR, 'utf8'),
).topic
const TYPES = [
  'UNKNOWN',
  'BOOLEAN',
  'STRING',
  'INT',
  'SHORT',
  'LONG',
  'DOUBLE',
  'LIST',
  'CLASS',
  'PASSWORD',
]

type Described = ResponseRead<typeof DescribeConfigs>['results'][number]

async function describeOne(
  wire: Wire,
  resourceType: number,
  resourceName: string,
  keys: string[] | null = null,
  version = 4,
): Promise<Described> {
  const resources = [{ resourceType, resourceName, configurationKeys: keys }]
  const body = { resources, includeSynonyms: true }
  return (await wire.call(DescribeConfigs, version, body)).results[0]!
}

async function currentValue(wire: Wire, type: number, name: string, key: string) {
  const { configs } = await describeOne(wire, type, name, [key])
  return [configs[0]?.value, configs[0]?.configSource]
}

async function change(
  wire: Wire,
  resourceType: number,
  resourceName: string,
  name: string,
  value: string | null,
  configOperation = SET,
  validateOnly = false,
) {
  const resources = [{ resourceType, resourceName, configs: [{ name, configOperation, value }] }]
  return (await wire.call(IncrementalAlterConfigs, 1, { resources, validateOnly })).responses[0]!
}

async function becomes(wire: Wire, type: number, name: string, key: string, expected: unknown) {
  await until(
    async () =>
      JSON.stringify(await currentValue(wire, type, name, key)) === JSON.stringify(expected),
  ).catch(() => {})
  expect(await currentValue(wire, type, name, key)).toEqual(expected)
}

describe('DescribeConfigs of a topic', () => {
  scenario('has every config of Kafka with its type and default', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const { errorCode, configs } = await describeOne(wire, TOPIC, name)
    expect(errorCode).toBe(0)
    const got = new Map(configs.map((one) => [one.name, one]))
    const fromBroker = new Set(['retention.ms', 'max.message.bytes'])
    for (const [key, { type, default: value, internal }] of Object.entries(KAFKA_TOPIC_CONFIGS)) {
      if (internal) continue
      expect(got.get(key)?.configType, key).toBe(TYPES.indexOf(type))
      expect(got.get(key)?.isSensitive, key).toBe(false)
      expect(got.get(key)?.readOnly, key).toBe(false)
      if (!fromBroker.has(key)) expect([key, got.get(key)?.value]).toEqual([key, value])
    }
  })

  scenario('tells where a value comes from, nearest first', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { 'max.message.bytes': '5000' })
    const { configs } = await describeOne(wire, TOPIC, name, ['max.message.bytes'])
    expect(configs).toMatchObject([{ value: '5000', configSource: Source.topic }])
    expect(configs[0]?.synonyms).toEqual([
      { name: 'max.message.bytes', value: '5000', source: Source.topic },
      { name: 'message.max.bytes', value: '2000000', source: Source.staticBroker },
      { name: 'message.max.bytes', value: '1048588', source: Source.default },
    ])
  })

  scenario('takes a default from a broker synonym of another unit', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect((await currentValue(wire, TOPIC, name, 'retention.ms'))[0]).toBe('18000000')
  })

  scenario('calls a value from a synonym of another unit a default', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect((await currentValue(wire, TOPIC, name, 'retention.ms'))[1]).toBe(Source.default)
  })

  for (let version = 1; version <= 4; version += 1) {
    scenario(`in version ${version} gives the keys asked and no others`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name)
      const keys = ['cleanup.policy', 'no.such.config', 'retention.bytes']
      const { errorCode, configs } = await describeOne(wire, TOPIC, name, keys, version)
      expect(errorCode).toBe(0)
      expect(configs.map((one) => one.name).toSorted()).toEqual([
        'cleanup.policy',
        'retention.bytes',
      ])
      expect(configs[0]).toMatchObject({
        readOnly: false,
        isSensitive: false,
        configSource: Source.default,
      })
    })
  }

  scenario('that does not exist or is badly named tells so', async () => {
    const wire = await connect()
    expect((await describeOne(wire, TOPIC, `${topic()}-not`)).errorCode).toBe(3)
    expect((await describeOne(wire, TOPIC, 'a b')).errorCode).toBe(17)
    expect((await describeOne(wire, 99, 'x')).errorCode).toBe(42)
  })

  scenario('carries documentation when asked', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const resources = [
      { resourceType: TOPIC, resourceName: name, configurationKeys: ['cleanup.policy'] },
    ]
    const asked = await wire.call(DescribeConfigs, 4, { resources, includeDocumentation: true })
    expect(asked.results[0]?.configs[0]?.documentation).toEqual(expect.stringMatching(/\w+/))
    const not = await wire.call(DescribeConfigs, 4, { resources })
    expect(not.results[0]?.configs[0]).toMatchObject({ documentation: null, synonyms: [] })
  })
})

describe('DescribeConfigs of the broker', () => {
  scenario('has static values and defaults with their sources', async () => {
    const wire = await connect()
    expect(await currentValue(wire, BROKER, '1', 'num.partitions')).toEqual([
      '3',
      Source.staticBroker,
    ])
    expect(await currentValue(wire, BROKER, '1', 'auto.create.topics.enable')).toEqual([
      'true',
      Source.default,
    ])
    expect(await currentValue(wire, BROKER, '1', 'log.retention.hours')).toEqual([
      '5',
      Source.staticBroker,
    ])
  })

  scenario('of the cluster default has dynamic values only', async () => {
    const wire = await connect()
    const { errorCode, configs } = await describeOne(wire, BROKER, '')
    expect(errorCode).toBe(0)
    const others = configs.filter((one) => one.configSource !== Source.dynamicDefault)
    expect(others).toEqual([])
  })

  scenario('of another broker or no number gets INVALID_REQUEST', async () => {
    const wire = await connect()
    expect((await describeOne(wire, BROKER, '9')).errorCode).toBe(42)
    expect((await describeOne(wire, BROKER, 'one')).errorCode).toBe(42)
  })
})

describe('IncrementalAlterConfigs', () => {
  scenario('sets and deletes a topic config, which counts from the next batch on', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect(await produce(wire, name, 0, batchOfSize(3_000))).toMatchObject({ errorCode: 0 })
    expect(await change(wire, TOPIC, name, 'max.message.bytes', '2000')).toMatchObject({
      errorCode: 0,
      errorMessage: null,
    })
    await becomes(wire, TOPIC, name, 'max.message.bytes', ['2000', Source.topic])
    await until(async () => (await produce(wire, name, 0, batchOfSize(3_000))).errorCode === 10)
    expect(await change(wire, TOPIC, name, 'max.message.bytes', null, DELETE)).toMatchObject({
      errorCode: 0,
    })
    await becomes(wire, TOPIC, name, 'max.message.bytes', ['2000000', Source.staticBroker])
    await until(async () => (await produce(wire, name, 0, batchOfSize(3_000))).errorCode === 0)
  })

  scenario('appends to and subtracts from lists only', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect(await change(wire, TOPIC, name, 'cleanup.policy', 'compact', APPEND)).toMatchObject({
      errorCode: 0,
    })
    await becomes(wire, TOPIC, name, 'cleanup.policy', ['delete,compact', Source.topic])
    expect(await change(wire, TOPIC, name, 'cleanup.policy', 'delete', SUBTRACT)).toMatchObject({
      errorCode: 0,
    })
    await becomes(wire, TOPIC, name, 'cleanup.policy', ['compact', Source.topic])
    expect(await change(wire, TOPIC, name, 'retention.ms', '5', APPEND)).toMatchObject({
      errorCode: 40,
    })
  })

  // biome-ignore format: a table reads best with a row a line
  const BAD: readonly (readonly [title: string, key: string, value: string | null, operation: number, error: number])[] = [
    ['an unknown config', 'no.such.config', '1', SET, 40],
    ['a value of the wrong type', 'retention.ms', 'soon', SET, 40],
    ['a value out of range', 'min.cleanable.dirty.ratio', '1.5', SET, 40],
    ['a value that is no choice', 'compression.type', 'brotli', SET, 40],
    ['a null value', 'retention.ms', null, SET, 42],
  ]
  for (const [title, key, value, operation, error] of BAD) {
    scenario(`with ${title} gets error ${error} and changes nothing`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { 'retention.ms': '77' })
      const got = await change(wire, TOPIC, name, key, value, operation)
      expect(got).toMatchObject({ errorCode: error, resourceName: name, resourceType: TOPIC })
      expect(got.errorMessage).toEqual(expect.any(String))
      expect(await currentValue(wire, TOPIC, name, 'retention.ms')).toEqual(['77', Source.topic])
    })
  }

  scenario('with an unknown operation is refused', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const got = await change(wire, TOPIC, name, 'retention.ms', '1', 9)
    expect(got.errorCode).not.toBe(0)
    expect((await currentValue(wire, TOPIC, name, 'retention.ms'))[0]).toBe('18000000')
  })

  scenario('of an unknown topic gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    expect(await change(wire, TOPIC, `${topic()}-not`, 'retention.ms', '1')).toMatchObject({
      errorCode: 3,
    })
  })

  scenario('that only validates changes nothing', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect(await change(wire, TOPIC, name, 'retention.ms', '9', SET, true)).toMatchObject({
      errorCode: 0,
    })
    expect(await change(wire, TOPIC, name, 'retention.ms', 'x', SET, true)).toMatchObject({
      errorCode: 40,
    })
    expect((await currentValue(wire, TOPIC, name, 'retention.ms'))[0]).toBe('18000000')
  })

  scenario(
    'on the broker goes before the cluster default, which goes before static values',
    async () => {
      const wire = await connect()
      const name = topic()
      const key = 'message.max.bytes'
      await createTopic(wire, name)
      expect(await change(wire, BROKER, '', key, '3000000')).toMatchObject({ errorCode: 0 })
      await becomes(wire, BROKER, '1', key, ['3000000', Source.dynamicDefault])
      await becomes(wire, TOPIC, name, 'max.message.bytes', ['3000000', Source.dynamicDefault])
      expect(await change(wire, BROKER, '1', key, '4000000')).toMatchObject({ errorCode: 0 })
      await becomes(wire, BROKER, '1', key, ['4000000', Source.dynamicBroker])
      await becomes(wire, TOPIC, name, 'max.message.bytes', ['4000000', Source.dynamicBroker])
      await until(
        async () => (await produce(wire, name, 0, batchOfSize(3_500_000))).errorCode === 0,
      )
      for (const broker of ['1', '']) {
        expect(await change(wire, BROKER, broker, key, null, DELETE)).toMatchObject({
          errorCode: 0,
        })
      }
      await becomes(wire, TOPIC, name, 'max.message.bytes', ['2000000', Source.staticBroker])
    },
  )

  scenario('refuses a broker config that only counts at start', async () => {
    const wire = await connect()
    expect(await change(wire, BROKER, '1', 'auto.create.topics.enable', 'false')).toMatchObject({
      errorCode: 42,
    })
    expect(await currentValue(wire, BROKER, '1', 'auto.create.topics.enable')).toEqual([
      'true',
      Source.default,
    ])
  })
})

describe('AlterConfigs', () => {
  for (const version of [0, 1, 2]) {
    scenario(`in version ${version} replaces all that was set on a topic`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { 'retention.ms': '1', 'segment.ms': '2' })
      const configs = [{ name: 'retention.bytes', value: '3' }]
      const resources = [{ resourceType: TOPIC, resourceName: name, configs }]
      const got = await wire.call(AlterConfigs, version, { resources, validateOnly: false })
      expect(got.responses).toMatchObject([
        { errorCode: 0, resourceType: TOPIC, resourceName: name },
      ])
      await becomes(wire, TOPIC, name, 'retention.bytes', ['3', Source.topic])
      expect(await currentValue(wire, TOPIC, name, 'segment.ms')).toEqual([
        '604800000',
        Source.default,
      ])
      expect((await currentValue(wire, TOPIC, name, 'retention.ms'))[0]).toBe('18000000')
    })
  }

  scenario('of the same resource twice in a request gets INVALID_REQUEST', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const resource = {
      resourceType: TOPIC,
      resourceName: name,
      configs: [{ name: 'retention.ms', value: '5' }],
    }
    const got = await wire.call(AlterConfigs, 2, {
      resources: [resource, resource],
      validateOnly: false,
    })
    expect(new Set(got.responses.map((one) => one.errorCode))).toEqual(new Set([42]))
    expect((await currentValue(wire, TOPIC, name, 'retention.ms'))[0]).toBe('18000000')
  })
})

describe('num.partitions', () => {
  scenario('is what a topic created with -1 gets', async () => {
    const wire = await connect()
    const name = topic()
    const topics = [{ ...topicToCreate(name), numPartitions: -1 }]
    const got = await wire.call(CreateTopics, 7, { topics, timeoutMs: 10_000 })
    expect(got.topics).toMatchObject([{ errorCode: 0, numPartitions: 3 }])
    await until(async () => (await topicMetadata(wire, name)).partitions.length === 3)
  })
})
