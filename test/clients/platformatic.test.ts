// @platformatic/kafka: the client that speaks almost only flexible versions. It produces with every
// codec and as an idempotent producer, administers, and reads back with its low-level fetch(): no
// groups here.

import { Admin, Consumer, ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { bootstrap } from './broker.ts'
import { storedBatches, topicReady } from './calls.ts'
import { suite } from './target.ts'

const shared = suite('platformatic')
const { scenario, connect, topic } = shared

let admin: Admin
let producer: Producer<string, string, string, string>
let consumer: Consumer

beforeAll(() => {
  const options = {
    clientId: 'platformatic',
    bootstrapBrokers: [bootstrap(shared.target.kafka)],
    retries: 5,
    retryDelay: 100,
  }
  admin = new Admin(options)
  producer = new Producer({ ...options, serializers: stringSerializers })
  consumer = new Consumer({ ...options, groupId: 'unused' })
})
afterAll(async () => {
  await Promise.all([admin?.close(), producer?.close(), consumer?.close()])
})

interface Read {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

/** Reads a partition with fetch() until its high watermark. */
async function readAll(topicId: string, partition: number): Promise<Read[]> {
  const read: Read[] = []
  for (let next = 0n; ; ) {
    const partitions = [
      {
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: next,
        lastFetchedEpoch: -1,
        partitionMaxBytes: 1_000_000,
      },
    ]
    const got = await consumer.fetch({
      node: 1,
      maxWaitTime: 100,
      minBytes: 1,
      maxBytes: 10_000_000,
      topics: [{ topicId, partitions }],
    })
    const answer = got.responses[0]!.partitions[0]!
    expect(answer.errorCode).toBe(0)
    for (const batch of answer.records ?? []) {
      for (const { offsetDelta, key, value } of batch.records) {
        const offset = Number(batch.firstOffset) + offsetDelta
        if (offset >= next)
          read.push({ offset, key: key?.toString() ?? null, value: value?.toString() ?? null })
      }
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
    }
    if (next >= answer.highWatermark) return read
  }
}

describe('@platformatic/kafka', () => {
  for (const [codec, compression] of [
    'none',
    'gzip',
    'snappy',
    'lz4',
    'zstd',
  ].entries() as ArrayIterator<[number, 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd']>) {
    scenario(`produces with codec ${compression} and fetches the same back`, async () => {
      const wire = await connect()
      const name = topic()
      const [created] = await admin.createTopics({ topics: [name], partitions: 2, replicas: 1 })
      expect(created).toMatchObject({ name, partitions: 2, replicas: 1 })
      await topicReady(wire, name, 2)
      const messages = Array.from({ length: 60 }, (_, index) => ({
        topic: name,
        partition: index % 2,
        key: `key-${index}`,
        value: `value ${index} äöü`.repeat(20),
        headers: { trace: `${index}` },
      }))
      const { offsets } = await producer.send({ messages, compression, acks: ProduceAcks.ALL })
      expect(offsets?.map((one) => [one.partition, one.offset]).toSorted()).toEqual([
        [0, 0n],
        [1, 0n],
      ])
      for (const partition of [0, 1]) {
        const stored = await storedBatches(wire, name, partition)
        expect(new Set(stored.map((one) => one.codec))).toEqual(new Set([codec]))
        const expected = messages.filter((one) => one.partition === partition)
        expect(await readAll(created!.id, partition)).toEqual(
          expected.map(({ key, value }, offset) => ({ offset, key, value })),
        )
      }
    })
  }

  scenario('produces idempotently', async () => {
    const wire = await connect()
    const name = topic()
    await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 })
    await topicReady(wire, name, 1)
    for (let index = 0; index < 5; index += 1) {
      await producer.send({ messages: [{ topic: name, value: `${index}` }], idempotent: true })
    }
    const stored = await storedBatches(wire, name, 0)
    expect(stored.map((one) => one.baseSequence)).toEqual([0, 1, 2, 3, 4])
  })

  scenario('is woken in fetch() by a produce', async () => {
    const name = topic()
    const [created] = await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 })
    const partitions = [
      {
        partition: 0,
        currentLeaderEpoch: -1,
        fetchOffset: 0n,
        lastFetchedEpoch: -1,
        partitionMaxBytes: 1_000_000,
      },
    ]
    const topics = [{ topicId: created!.id, partitions }]
    const waiting = consumer.fetch({
      node: 1,
      maxWaitTime: 8_000,
      minBytes: 1,
      maxBytes: 1_000_000,
      topics,
    })
    const start = Date.now()
    await producer.send({ messages: [{ topic: name, value: 'now' }] })
    const got = await waiting
    expect(Date.now() - start).toBeLessThan(6_000)
    expect(got.responses[0]?.partitions[0]?.records?.[0]?.records[0]?.value?.toString()).toBe('now')
  })

  scenario('administers topics, offsets, configs and log directories', async () => {
    const name = topic()
    await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 })
    await producer.send({
      messages: Array.from({ length: 4 }, (_, index) => ({
        topic: name,
        partition: 0,
        value: `${index}`,
      })),
    })
    expect(await admin.listTopics()).toContain(name)
    await admin.createPartitions({
      topics: [{ name, count: 2, assignments: [{ brokerIds: [1] }] }],
    })
    const deleted = await admin.deleteRecords({
      topics: [{ name, partitions: [{ partition: 0, offset: 3n }] }],
    })
    expect(deleted).toMatchObject([{ name, partitions: [{ partition: 0, lowWatermark: 3n }] }])
    const listed = await admin.listOffsets({
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -2n }] }],
    })
    expect(listed).toMatchObject([{ name, partitions: [{ partitionIndex: 0, offset: 3n }] }])
    await admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: name,
          configs: [{ name: 'retention.ms', configOperation: 0, value: '5' }],
        },
      ],
    })
    const read = async () => {
      const resources = [
        { resourceType: 2 as const, resourceName: name, configurationKeys: ['retention.ms'] },
      ]
      return (await admin.describeConfigs({ resources }))[0]?.configs[0]?.value
    }
    await expect.poll(read).toBe('5')
    const dirs = await admin.describeLogDirs({ topics: [{ name, partitions: [0] }] })
    expect(dirs).toMatchObject([
      { results: [{ topics: [{ name, partitions: [{ partitionIndex: 0 }] }] }] },
    ])
    await admin.deleteTopics({ topics: [name] })
    await expect.poll(() => admin.listTopics()).not.toContain(name)
  })
})
