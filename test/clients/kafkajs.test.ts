// kafkajs 2.2.4 produces and administers; what it wrote is read back raw, and through HTTP on Ottla.
// Its consumer needs groups and is not used. gzip is built in; LZ4, Snappy and Zstandard are plug-ins,
// for which the codecs of src/record stand in.

import kafkajs, { type Admin, type Kafka, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Codec, compress } from '../../src/record/compression.ts'
import { bootstrap } from './broker.ts'
import { storedBatches, topicReady } from './calls.ts'
import { readOverHttp } from './http-read.ts'
import { suite } from './target.ts'

const {
  CompressionCodecs,
  CompressionTypes,
  ConfigResourceTypes,
  Kafka: Client,
  logLevel,
  Partitioners,
} = kafkajs
const shared = suite('kafkajs')
const { scenario, connect, topic } = shared

let kafka: Kafka
let admin: Admin
let producer: Producer

beforeAll(async () => {
  kafka = new Client({
    clientId: 'kafkajs',
    brokers: [bootstrap(shared.target.kafka)],
    logLevel: logLevel.NOTHING,
  })
  admin = kafka.admin()
  producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await admin.connect()
  await producer.connect()
})
afterAll(async () => {
  await producer?.disconnect()
  await admin?.disconnect()
})

const PLUGGED = [
  [CompressionTypes.Snappy, Codec.snappy],
  [CompressionTypes.LZ4, Codec.lz4],
  [CompressionTypes.ZSTD, Codec.zstd],
] as const
for (const [type, codec] of PLUGGED) {
  CompressionCodecs[type] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => Buffer.from(compress(codec, buffer)),
    decompress: async () => {
      throw new Error('nothing is consumed with kafkajs here')
    },
  })
}

describe('kafkajs produces', () => {
  for (const [name, compression] of Object.entries({
    none: 0,
    gzip: 1,
    snappy: 2,
    lz4: 3,
    zstd: 4,
  })) {
    scenario(`with codec ${name}; keys, values, headers and times are read back`, async () => {
      const wire = await connect()
      const name = topic()
      await admin.createTopics({
        topics: [{ topic: name, numPartitions: 2 }],
        waitForLeaders: true,
      })
      await topicReady(wire, name, 2)
      const messages = Array.from({ length: 100 }, (_, index) => ({
        key: `key-${index}`,
        value: index % 10 === 3 ? null : `value ${index} äöü`.repeat(10),
        headers: { trace: `${index}`, many: ['a', 'b'] },
        timestamp: `${Date.now() - 100_000 + index}`,
        partition: index % 2,
      }))
      const sent = await producer.send({ topic: name, messages, compression, acks: -1 })
      expect(sent.map((one) => [one.partition, one.errorCode, one.baseOffset]).toSorted()).toEqual([
        [0, 0, '0'],
        [1, 0, '0'],
      ])
      for (const partition of [0, 1]) {
        const stored = await storedBatches(wire, name, partition)
        expect(new Set(stored.map((one) => one.codec))).toEqual(new Set([compression]))
        expect(stored.every((one) => one.crcOk)).toBe(true)
        const expected = messages.filter((one) => one.partition === partition)
        expect(stored.reduce((sum, one) => sum + one.recordCount, 0)).toBe(expected.length)
        const { http } = shared.target
        if (http === undefined) continue
        const read = await readOverHttp(http, name, partition)
        expect(read.map(({ key, value }) => ({ key, value }))).toEqual(
          expected.map(({ key, value }) => ({ key, value })),
        )
        expect(read.map((one) => one.timestamp)).toEqual(
          expected.map((one) => Number(one.timestamp)),
        )
        expect(read[0]?.headers).toEqual([
          { key: 'trace', value: expected[0]?.headers.trace },
          { key: 'many', value: 'a' },
          { key: 'many', value: 'b' },
        ])
      }
    })
  }

  scenario('as an idempotent producer', async () => {
    const wire = await connect()
    const name = topic()
    await admin.createTopics({ topics: [{ topic: name }], waitForLeaders: true })
    const idempotent = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await idempotent.connect()
    for (let index = 0; index < 10; index += 1) {
      await idempotent.send({ topic: name, messages: [{ value: `${index}` }] })
    }
    await idempotent.disconnect()
    const stored = await storedBatches(wire, name, 0)
    expect(stored.map((one) => one.baseSequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(new Set(stored.map((one) => one.producerId)).size).toBe(1)
    expect(stored[0]?.producerId).toBeGreaterThanOrEqual(0n)
  })

  scenario('to a topic that does not exist yet, which is created', async () => {
    const name = topic()
    const sent = await producer.send({ topic: name, messages: [{ value: 'first' }] })
    expect(sent).toMatchObject([{ errorCode: 0, baseOffset: '0' }])
  })

  scenario('without acknowledgement', async () => {
    const name = topic()
    await admin.createTopics({ topics: [{ topic: name }], waitForLeaders: true })
    await producer.send({ topic: name, messages: [{ value: 'a' }], acks: 0 })
    const sent = await producer.send({ topic: name, messages: [{ value: 'b' }] })
    expect(sent).toMatchObject([{ errorCode: 0, baseOffset: '1' }])
  })
})

describe('kafkajs administers', () => {
  scenario('the cluster', async () => {
    const { host, port } = shared.target.kafka
    const got = await admin.describeCluster()
    expect(got).toMatchObject({ brokers: [{ nodeId: 1, host, port }], controller: 1 })
    expect(got.clusterId).toHaveLength(22)
  })

  scenario('topics: creates, lists, describes, grows and deletes them', async () => {
    const name = topic()
    const created = await admin.createTopics({
      topics: [
        { topic: name, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '1000' }] },
      ],
      waitForLeaders: true,
    })
    expect(created).toBe(true)
    expect(await admin.createTopics({ topics: [{ topic: name }] })).toBe(false)
    expect(await admin.listTopics()).toContain(name)
    await admin.createPartitions({ topicPartitions: [{ topic: name, count: 4 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    expect(topics[0]?.partitions.map((one) => one.partitionId).toSorted()).toEqual([0, 1, 2, 3])
    expect(topics[0]?.partitions[0]).toMatchObject({ leader: 1, replicas: [1], isr: [1] })
    await admin.deleteTopics({ topics: [name] })
    expect(await admin.listTopics()).not.toContain(name)
    await expect(admin.deleteTopics({ topics: [name] })).rejects.toThrow(/does not host/)
  })

  scenario('a bad topic name is refused', async () => {
    await expect(admin.createTopics({ topics: [{ topic: 'a b' }] })).rejects.toThrow()
  })

  scenario('offsets, also by time, and deletes records', async () => {
    const name = topic()
    await admin.createTopics({ topics: [{ topic: name }], waitForLeaders: true })
    const base = Date.now() - 50_000
    const messages = Array.from({ length: 10 }, (_, index) => ({
      value: `${index}`,
      timestamp: `${base + index * 1_000}`,
    }))
    await producer.send({ topic: name, messages })
    expect(await admin.fetchTopicOffsets(name)).toMatchObject([
      { partition: 0, high: '10', low: '0' },
    ])
    expect(await admin.fetchTopicOffsetsByTimestamp(name, base + 3_500)).toMatchObject([
      { partition: 0, offset: '4' },
    ])
    await admin.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset: '5' }] })
    expect(await admin.fetchTopicOffsets(name)).toMatchObject([{ high: '10', low: '5' }])
  })

  scenario('configs of a topic', async () => {
    const name = topic()
    await admin.createTopics({ topics: [{ topic: name }], waitForLeaders: true })
    const type = ConfigResourceTypes.TOPIC
    const read = async () => {
      const resources = [{ type, name, configNames: ['retention.ms', 'cleanup.policy'] }]
      const got = await admin.describeConfigs({ resources, includeSynonyms: false })
      const entries = got.resources[0]!.configEntries
      return Object.fromEntries(entries.map((one) => [one.configName, one.configValue]))
    }
    expect(await read()).toEqual({ 'retention.ms': '604800000', 'cleanup.policy': 'delete' })
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }]
    await admin.alterConfigs({ validateOnly: false, resources: [{ type, name, configEntries }] })
    await expect.poll(read).toEqual({ 'retention.ms': '604800000', 'cleanup.policy': 'compact' })
  })
})
