// A broker whose disk is full: produce is told KAFKA_STORAGE_ERROR, on which producers try again, changes of
// topics likewise, coordinators COORDINATOR_NOT_AVAILABLE; what was acknowledged is read all the time; and when
// there is room again all goes on, with the same process and the same connections.

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { batch, readRecords } from '../../clients/batches.ts'
import { bootstrap } from '../../clients/broker.ts'
import { createTopic, fetch, produce, topicMetadata, topicToCreate } from '../../clients/calls.ts'
import { Wire } from '../../clients/wire.ts'
import { noSmallDisk, type OnSmallDisk, startOnSmallDisk } from '../load/small-disk.ts'
import { readValue, recordValue } from '../load/values.ts'

const MiB = 1_048_576
const DISK_BYTES = 32 * MiB
const BALLAST_BYTES = 16 * MiB
const RECORD_BYTES = 200_000
const TOPIC = 2
const KAFKA_STORAGE_ERROR = 56
const COORDINATOR_NOT_AVAILABLE = 15
const UNKNOWN_TOPIC_OR_PARTITION = 3
/** An object whose file cannot be made is not known to have failed for its disk. */
const NOT_LEADER_OR_FOLLOWER = 6

const reason = noSmallDisk()

describe.skipIf(reason !== null)(
  `A full disk${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    let disk: OnSmallDisk
    let wire: Wire
    const acknowledged: string[] = []
    let sent = 0

    beforeAll(async () => {
      disk = await startOnSmallDisk(DISK_BYTES)
      wire = await Wire.open(disk.broker.kafka)
      await createTopic(wire, 't')
      await createTopic(wire, 'asleep')
      await createTopic(wire, 'never-written')
      expect(await write('asleep', 100)).toBe(0)
      acknowledged.length = 0
      disk.takeRoom(BALLAST_BYTES)
    })
    afterAll(async () => {
      wire?.close()
      await disk?.stop()
    })

    async function write(topic: string, bytes: number): Promise<number> {
      const token = `${topic}:${sent++}`
      const records = [{ value: recordValue(token, bytes) }]
      const { errorCode } = await produce(wire, topic, 0, batch({ records }))
      if (errorCode === 0) acknowledged.push(token)
      return errorCode
    }

    async function tokens(topic: string, from: Wire): Promise<string[]> {
      const read: string[] = []
      for (let next = 0; ; ) {
        const got = await fetch(from, topic, 0, next, { partitionMaxBytes: 2 * MiB })
        expect(got.errorCode).toBe(0)
        for (const { value, offset } of readRecords(got.records)) {
          const { token, whole } = readValue(value)
          expect(whole).toBe(true)
          read.push(token)
          next = offset + 1
        }
        if (next >= got.highWatermark) return read
      }
    }

    test('is met by a produce, which gets KAFKA_STORAGE_ERROR, as does every one after it', async () => {
      let error = 0
      for (let records = 0; error === 0 && records < 200; records++) {
        error = await write('t', RECORD_BYTES)
      }
      expect(error).toBe(KAFKA_STORAGE_ERROR)
      expect(acknowledged.length).toBeGreaterThan(20)
      for (let again = 0; again < 5; again++) {
        expect(await write('t', RECORD_BYTES)).toBe(KAFKA_STORAGE_ERROR)
      }
      // Pages that are there already may take a little more.
      for (let error = 0; error === 0; ) {
        error = await write('t', 20_000)
        expect([0, KAFKA_STORAGE_ERROR]).toContain(error)
      }
    })

    test('is told over HTTP too', async () => {
      const answer = await globalThis.fetch(`${disk.broker.http}/v1/topics/t/records`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        // What is produced here is compressed: this cannot be.
        body: JSON.stringify({ records: [{ value: randomBytes(100_000).toString('base64') }] }),
      })
      const problem = (await answer.json()) as { code: string }
      expect([answer.status, problem.code]).toEqual([503, 'KAFKA_STORAGE_ERROR'])
    })

    test('lets everything be read that was acknowledged, and nothing else', async () => {
      const reader = await Wire.open(disk.broker.kafka)
      expect(await tokens('t', reader)).toEqual(acknowledged)
      reader.close()
    })

    test('lets no partition be written that was not, and tells producers to ask again', async () => {
      const { errorCode } = await produce(wire, 'never-written', 0, batch({ records: [{}] }))
      expect([KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER]).toContain(errorCode)
    })

    test('refuses changes of topics with KAFKA_STORAGE_ERROR and makes none', async () => {
      disk.takeAllRoom()
      const notStored = { errorCode: KAFKA_STORAGE_ERROR, errorMessage: expect.any(String) }
      // Larger than what may be left in a page that is there already.
      const value = '1:1,'.repeat(7_000)
      const name = 'follower.replication.throttled.replicas'
      const configs = [{ name, value: `${value}1:1` }]
      const topics = [{ ...topicToCreate('new'), configs }]
      const created = await wire.call(CreateTopics, 7, { topics, timeoutMs: 5_000 })
      expect(created.topics).toMatchObject([{ name: 'new', ...notStored }])
      const resource = { resourceType: TOPIC, resourceName: 't' }
      const altered = await wire.call(AlterConfigs, 2, {
        resources: [{ ...resource, configs }],
        validateOnly: false,
      })
      expect(altered.responses).toMatchObject([{ ...resource, ...notStored }])
      const set = configs.map((one) => ({ ...one, configOperation: 0 }))
      const changed = await wire.call(IncrementalAlterConfigs, 1, {
        resources: [{ ...resource, configs: set }],
        validateOnly: false,
      })
      expect(changed.responses).toMatchObject([{ ...resource, ...notStored }])
      const all = await wire.call(Metadata, 12, { topics: null, allowAutoTopicCreation: false })
      const names = all.topics.map((topic) => topic.name)
      expect(names.toSorted()).toEqual(['asleep', 'never-written', 't'])
    })

    test('answers Metadata of a topic that cannot be created as unknown', async () => {
      const body = { topics: [{ name: 'by-itself' }], allowAutoTopicCreation: true }
      for (let again = 0; again < 3; again++) {
        const { topics } = await wire.call(Metadata, 12, body)
        expect([0, UNKNOWN_TOPIC_OR_PARTITION]).toContain(topics[0]!.errorCode)
      }
    })

    test('makes coordinators say COORDINATOR_NOT_AVAILABLE', async () => {
      const transactional = { transactionalId: 'tx', transactionTimeoutMs: 60_000 }
      expect(await wire.call(InitProducerId, 4, transactional)).toMatchObject({
        errorCode: COORDINATOR_NOT_AVAILABLE,
      })
      const committed = await wire.call(OffsetCommit, 7, {
        groupId: 'g',
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        topics: [
          {
            name: 't',
            partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: null }],
          },
        ],
      })
      expect(committed.topics[0]!.partitions[0]).toMatchObject({
        errorCode: COORDINATOR_NOT_AVAILABLE,
      })
    })

    test('is over when there is room: a producer that kept trying gets through, nothing is lost or twice', async () => {
      const { Kafka, logLevel } = kafkajs
      const client = new Kafka({
        brokers: [bootstrap(disk.broker.kafka)],
        retry: { initialRetryTime: 50, retries: 1_000, maxRetryTime: 200 },
        logLevel: logLevel.NOTHING,
      })
      const producer = client.producer({ idempotent: false, allowAutoTopicCreation: false })
      await producer.connect()
      let done = false
      const value = recordValue('t:kafkajs', RECORD_BYTES)
      const sending = producer.send({ topic: 't', messages: [{ value }] }).then(() => {
        done = true
      })
      await sleep(1_000)
      expect(done, 'while the disk is full').toBe(false)
      const pid = disk.broker.workerdPid()
      disk.makeRoom()
      await sending
      await producer.disconnect()
      acknowledged.push('t:kafkajs')
      for (let more = 0; more < 10; more++) expect(await write('t', RECORD_BYTES)).toBe(0)
      expect(await write('never-written', 100)).toBe(0)
      const last = acknowledged.pop()
      expect(await tokens('never-written', wire)).toEqual([last])
      await createTopic(wire, 'new')
      expect((await topicMetadata(wire, 'new')).errorCode).toBe(0)
      const transactional = { transactionalId: 'tx', transactionTimeoutMs: 60_000 }
      expect(await wire.call(InitProducerId, 4, transactional)).toMatchObject({ errorCode: 0 })
      expect(await tokens('t', wire)).toEqual(acknowledged)
      expect(await tokens('asleep', wire)).toHaveLength(1)
      expect(disk.broker.workerdPid()).toBe(pid)
    })
  },
)
