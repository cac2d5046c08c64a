// CreateTopics, CreatePartitions, DeleteTopics, DeleteRecords and DescribeLogDirs: the life of a topic.
// KIP-4, KIP-195, KIP-107, KIP-525, KIP-516, KIP-827. Configuration is configs.test.ts's business.

import { describe, expect } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { DescribeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { batch, readBatches } from '../batches.ts'
import {
  createTopic,
  deleteTopic,
  fetch,
  listOffsets,
  produce,
  topicMetadata,
  topicToCreate,
  until,
} from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('topics')
const UNKNOWN_ID = 'b3R0bGEtdW5rbm93bi1pZA' as TopicId
const records = batch({ records: [{ key: 'k', value: 'v' }] })

async function create(
  wire: Wire,
  change: Partial<ReturnType<typeof topicToCreate>>,
  version = 7,
  validateOnly = false,
) {
  const topics = [{ ...topicToCreate(topic()), ...change }]
  return (await wire.call(CreateTopics, version, { topics, timeoutMs: 10_000, validateOnly }))
    .topics[0]!
}

describe('CreateTopics', () => {
  for (let version = 2; version <= 7; version += 1) {
    scenario(`in version ${version} creates a topic and tells what it became`, async () => {
      const wire = await connect()
      const name = topic()
      const got = await create(wire, { name, numPartitions: 3 }, version)
      expect(got).toMatchObject({ name, errorCode: 0 })
      if (version >= 5) {
        expect(got).toMatchObject({ numPartitions: 3, replicationFactor: 1 })
        expect(got.configs?.find((one) => one.name === 'cleanup.policy')?.value).toBe('delete')
      }
      await until(async () => (await topicMetadata(wire, name)).partitions.length === 3)
      if (version >= 7) expect((await topicMetadata(wire, name)).topicId).toBe(got.topicId)
    })
  }

  // biome-ignore format: a table reads best with a row a line
  const BAD: readonly { title: string; change: Partial<ReturnType<typeof topicToCreate>>; error: number }[] = [
    { title: 'an empty name', change: { name: '' }, error: 17 },
    { title: 'the name "."', change: { name: '.' }, error: 17 },
    { title: 'the name ".."', change: { name: '..' }, error: 17 },
    { title: 'a name with a space', change: { name: 'a b' }, error: 17 },
    { title: 'a name of 250 characters', change: { name: 'x'.repeat(250) }, error: 17 },
    { title: 'no partitions', change: { numPartitions: 0 }, error: 37 },
    { title: '-2 partitions', change: { numPartitions: -2 }, error: 37 },
    { title: 'a replication factor of 0', change: { replicationFactor: 0 }, error: 38 },
    { title: 'a replication factor of -2', change: { replicationFactor: -2 }, error: 38 },
    { title: 'an unknown config', change: { configs: [{ name: 'no.such.config', value: '1' }] }, error: 40 },
    { title: 'a config of the wrong type', change: { configs: [{ name: 'retention.ms', value: 'soon' }] }, error: 40 },
    { title: 'a config out of its range', change: { configs: [{ name: 'retention.ms', value: '-2' }] }, error: 40 },
    { title: 'a config that is no choice', change: { configs: [{ name: 'cleanup.policy', value: 'keep' }] }, error: 40 },
    { title: 'a null config', change: { configs: [{ name: 'retention.ms', value: null }] }, error: 40 },
    { title: 'partitions and assignments', change: { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, error: 42 },
    { title: 'an assignment to an unknown broker', change: { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [9] }] }, error: 39 },
    { title: 'assignments that do not start at 0', change: { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }, error: 39 },
    { title: 'a duplicate broker in an assignment', change: { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1, 1] }] }, error: 39 },
  ]
  for (const { title, change, error } of BAD) {
    scenario(`with ${title} gets error ${error}`, async () => {
      const wire = await connect()
      const got = await create(wire, change)
      expect(got).toMatchObject({ errorCode: error, errorMessage: expect.any(String) })
    })
  }

  scenario(
    'with a replication factor above the number of brokers gets INVALID_REPLICATION_FACTOR',
    async () => {
      const wire = await connect()
      expect(await create(wire, { replicationFactor: 3 })).toMatchObject({ errorCode: 38 })
    },
  )

  scenario('takes any replication factor and reports 1', async () => {
    const wire = await connect()
    expect(await create(wire, { replicationFactor: 3 })).toMatchObject({
      errorCode: 0,
      replicationFactor: 1,
    })
  })

  scenario('of a name that exists gets TOPIC_ALREADY_EXISTS', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect(await create(wire, { name })).toMatchObject({ errorCode: 36 })
  })

  scenario(
    'of a name that collides after "." became "_" gets INVALID_TOPIC_EXCEPTION',
    async () => {
      const wire = await connect()
      const name = `${topic()}.a`
      await createTopic(wire, name)
      expect(await create(wire, { name: name.replace('.', '_') })).toMatchObject({ errorCode: 17 })
    },
  )

  scenario(
    'of the same name twice in a request gets INVALID_REQUEST and creates nothing',
    async () => {
      const wire = await connect()
      const name = topic()
      const topics = [topicToCreate(name), topicToCreate(name)]
      const got = await wire.call(CreateTopics, 7, { topics, timeoutMs: 10_000 })
      expect(new Set(got.topics.map((one) => one.errorCode))).toEqual(new Set([42]))
      expect((await topicMetadata(wire, name)).errorCode).toBe(3)
    },
  )

  scenario("with -1 takes the broker's defaults", async () => {
    const wire = await connect()
    const got = await create(wire, { numPartitions: -1, replicationFactor: -1 })
    expect(got).toMatchObject({ errorCode: 0, numPartitions: 1, replicationFactor: 1 })
  })

  scenario('takes an assignment to this broker', async () => {
    const wire = await connect()
    const assignments = [0, 1].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] }))
    const got = await create(wire, { numPartitions: -1, replicationFactor: -1, assignments })
    expect(got).toMatchObject({ errorCode: 0, numPartitions: 2 })
  })

  scenario('that only validates creates nothing', async () => {
    const wire = await connect()
    const name = topic()
    expect(await create(wire, { name, numPartitions: 2 }, 7, true)).toMatchObject({
      errorCode: 0,
      numPartitions: 2,
    })
    expect((await topicMetadata(wire, name)).errorCode).toBe(3)
    expect(await create(wire, { name: 'a b' }, 7, true)).toMatchObject({ errorCode: 17 })
  })
})

describe('CreatePartitions', () => {
  async function grow(
    wire: Wire,
    name: string,
    count: number,
    assignments: { brokerIds: number[] }[] | null = null,
    validateOnly = false,
  ) {
    const topics = [{ name, count, assignments }]
    return (await wire.call(CreatePartitions, 3, { topics, timeoutMs: 10_000, validateOnly }))
      .results[0]!
  }

  scenario('adds empty partitions and keeps the others', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    await produce(wire, name, 0, records)
    expect(await grow(wire, name, 3)).toMatchObject({ name, errorCode: 0 })
    await until(async () => {
      const { topics } = await listOffsets(wire, name, [0, 1, 2], -1)
      return topics[0]!.partitions.every((one) => one.errorCode === 0)
    })
    expect(await produce(wire, name, 2, records)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await produce(wire, name, 0, records)).toMatchObject({ errorCode: 0, baseOffset: 1 })
  })

  scenario('to the same or a smaller number gets INVALID_PARTITIONS', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 2)
    for (const count of [2, 1, 0, -1])
      expect(await grow(wire, name, count)).toMatchObject({ errorCode: 37 })
  })

  scenario('of an unknown topic gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    expect(await grow(wire, `${topic()}-not`, 2)).toMatchObject({ errorCode: 3 })
  })

  scenario('with the wrong assignment gets INVALID_REPLICA_ASSIGNMENT', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect(await grow(wire, name, 2, [{ brokerIds: [9] }])).toMatchObject({ errorCode: 39 })
    expect(await grow(wire, name, 3, [{ brokerIds: [1] }])).toMatchObject({ errorCode: 39 })
    expect(await grow(wire, name, 2, [{ brokerIds: [1] }])).toMatchObject({ errorCode: 0 })
  })

  scenario('that only validates adds nothing', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect(await grow(wire, name, 5, null, true)).toMatchObject({ errorCode: 0 })
    expect((await topicMetadata(wire, name)).partitions).toHaveLength(1)
  })
})

describe('DeleteTopics', () => {
  for (let version = 1; version <= 5; version += 1) {
    scenario(`in version ${version} deletes by name`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name)
      const body = { topicNames: [name, `${name}-not`], timeoutMs: 10_000 }
      const got = await wire.call(DeleteTopics, version, body)
      const errors = new Map(got.responses.map((one) => [one.name, one.errorCode]))
      expect(Object.fromEntries(errors)).toEqual({ [name]: 0, [`${name}-not`]: 3 })
      await until(async () => (await topicMetadata(wire, name)).errorCode === 3)
    })
  }

  scenario('in version 6 deletes by name or id', async () => {
    const wire = await connect()
    const [byId, byName] = [topic(), topic()]
    const topicId = await createTopic(wire, byId)
    await createTopic(wire, byName)
    const none = 'AAAAAAAAAAAAAAAAAAAAAA' as TopicId
    const topics = [
      { name: null, topicId },
      { name: byName, topicId: none },
      { name: null, topicId: UNKNOWN_ID },
    ]
    const got = await wire.call(DeleteTopics, 6, { topics, timeoutMs: 10_000 })
    const codes = got.responses.map((one) => one.errorCode)
    expect(codes.toSorted((a, b) => a - b)).toEqual([0, 0, 100])
    expect(got.responses.find((one) => one.topicId === topicId)).toMatchObject({ name: byId })
    expect(got.responses.find((one) => one.errorCode === 100)?.name).toBeNull()
  })

  scenario('frees the name: a recreated topic starts at 0 with a new id', async () => {
    const wire = await connect()
    const name = topic()
    const old = await createTopic(wire, name)
    for (let offset = 0; offset < 3; offset += 1) {
      expect(await produce(wire, name, 0, records)).toMatchObject({ baseOffset: offset })
    }
    expect(await deleteTopic(wire, name)).toBe(0)
    await until(async () => (await topicMetadata(wire, name)).errorCode === 3)
    const id = await createTopic(wire, name)
    expect(id).not.toBe(old)
    await until(async () => (await fetch(wire, name, 0, 0)).errorCode === 0)
    expect(await fetch(wire, name, 0, 0)).toMatchObject({ errorCode: 0, highWatermark: 0 })
    expect(await produce(wire, name, 0, records)).toMatchObject({ errorCode: 0, baseOffset: 0 })
  })
})

describe('DeleteRecords', () => {
  async function deleteTo(
    wire: Wire,
    name: string,
    offset: number,
    partitionIndex = 0,
    version = 2,
  ) {
    const topics = [{ name, partitions: [{ partitionIndex, offset }] }]
    return (await wire.call(DeleteRecords, version, { topics, timeoutMs: 10_000 })).topics[0]!
      .partitions[0]!
  }

  async function filled(
    wire: Wire,
    configs: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const name = topic()
    await createTopic(wire, name, 1, configs)
    const four = batch({ records: ['a', 'b', 'c', 'd'].map((value) => ({ key: value, value })) })
    for (let count = 0; count < 3; count += 1) await produce(wire, name, 0, four)
    return name
  }

  for (const version of [0, 1, 2]) {
    scenario(`in version ${version} moves the log start, also into a batch`, async () => {
      const wire = await connect()
      const name = await filled(wire)
      expect(await deleteTo(wire, name, 6, 0, version)).toMatchObject({
        errorCode: 0,
        lowWatermark: 6,
      })
      const got = await fetch(wire, name, 0, 6)
      expect(got).toMatchObject({ errorCode: 0, logStartOffset: 6, highWatermark: 12 })
      expect(readBatches(got.records).map((one) => one.baseOffset)).toEqual([4, 8])
      expect(await fetch(wire, name, 0, 5)).toMatchObject({ errorCode: 1 })
      expect(await produce(wire, name, 0, records)).toMatchObject({
        baseOffset: 12,
        logStartOffset: 6,
      })
    })
  }

  scenario('to -1 deletes up to the high watermark', async () => {
    const wire = await connect()
    const name = await filled(wire)
    expect(await deleteTo(wire, name, -1)).toMatchObject({ errorCode: 0, lowWatermark: 12 })
    expect(await fetch(wire, name, 0, 12)).toMatchObject({
      errorCode: 0,
      logStartOffset: 12,
      highWatermark: 12,
    })
  })

  scenario(
    'to below the log start changes nothing; to above the end is OFFSET_OUT_OF_RANGE',
    async () => {
      const wire = await connect()
      const name = await filled(wire)
      await deleteTo(wire, name, 6)
      expect(await deleteTo(wire, name, 2)).toMatchObject({ errorCode: 0, lowWatermark: 6 })
      expect(await deleteTo(wire, name, 13)).toMatchObject({ errorCode: 1, lowWatermark: -1 })
      expect(await deleteTo(wire, name, -2)).toMatchObject({ errorCode: 1, lowWatermark: -1 })
    },
  )

  scenario('of an unknown partition gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    const name = await filled(wire)
    expect(await deleteTo(wire, name, 1, 7)).toMatchObject({ errorCode: 3, lowWatermark: -1 })
    expect(await deleteTo(wire, `${name}-not`, 1)).toMatchObject({ errorCode: 3 })
  })

  scenario('needs a policy that deletes', async () => {
    const wire = await connect()
    const compact = await filled(wire, { 'cleanup.policy': 'compact' })
    expect(await deleteTo(wire, compact, 4)).toMatchObject({ errorCode: 44, lowWatermark: -1 })
    const both = await filled(wire, { 'cleanup.policy': 'compact,delete' })
    expect(await deleteTo(wire, both, 4)).toMatchObject({ errorCode: 0, lowWatermark: 4 })
  })
})

describe('DescribeLogDirs', () => {
  for (let version = 1; version <= 4; version += 1) {
    scenario(`in version ${version} gives the size of each partition asked`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 2)
      await produce(wire, name, 1, records)
      const topics = [{ topic: name, partitions: [0, 1] }]
      const got = await wire.call(DescribeLogDirs, version, { topics })
      expect(got.errorCode).toBe(0)
      expect(got.results).toHaveLength(1)
      expect(got.results[0]).toMatchObject({ errorCode: 0, logDir: expect.stringMatching(/./) })
      const [listed] = got.results[0]!.topics
      const sizes = listed!.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      expect(listed?.name).toBe(name)
      expect(
        sizes.map((one) => [one.partitionIndex, one.partitionSize, one.offsetLag, one.isFutureKey]),
      ).toEqual([
        [0, 0, 0, false],
        [1, records.length, 0, false],
      ])
    })
  }

  scenario('of null lists every topic', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const got = await wire.call(DescribeLogDirs, 4, { topics: null })
    expect(got.results[0]!.topics.map((one) => one.name)).toContain(name)
  })
})
