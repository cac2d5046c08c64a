// Thousands of partitions in one process: each is answered, memory stays within what the open ones take, and so
// do the file descriptors, of which an open partition has three. Where the system gives the process fewer than
// its clients would need, the partitions and connections that are too many are told to come again, all others
// are served, and the process lives: without any descriptor left the runtime would end.

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { Fetch } from '../../../src/protocol/messages/fetch.ts'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch, readRecords } from '../../clients/batches.ts'
import { type Broker, bootstrap, residentBytes, startBroker } from '../../clients/broker.ts'
import { fetch, fetchBody, LATEST, produce, topicToCreate } from '../../clients/calls.ts'
import { Wire } from '../../clients/wire.ts'

const MB = 1_000_000
const NOT_LEADER_OR_FOLLOWER = 6
/** An open object that was written and read: memory and descriptors. */
const OBJECT_BYTES = 600_000
const OBJECT_FILES = 3

const openFiles = (broker: Broker) => readdirSync(`/proc/${broker.workerdPid()}/fd`).length

async function createTopic(wire: Wire, name: string, partitions: number): Promise<void> {
  const topics = [topicToCreate(name, partitions)]
  const created = await wire.call(CreateTopics, 7, { topics, timeoutMs: 30_000 })
  expect(created.topics[0]!.errorCode).toBe(0)
}

const record = (partition: number) => batch({ records: [{ value: `of ${partition}` }] })

/** One record to each of some partitions, a hundred in a request: the error codes, by partition. */
async function writeEach(wire: Wire, name: string, partitions: readonly number[]) {
  const codes = new Map<number, number>()
  for (let at = 0; at < partitions.length; at += 100) {
    const partitionData = partitions
      .slice(at, at + 100)
      .map((index) => ({ index, records: record(index) }))
    const body = { acks: -1, timeoutMs: 15_000, topicData: [{ name, partitionData }] }
    const { responses } = await wire.call(Produce, 9, body)
    for (const one of responses[0]!.partitionResponses) codes.set(one.index, one.errorCode)
  }
  return codes
}

describe.runIf(process.platform === 'linux')('Two thousand partitions', () => {
  const PARTITIONS = 2_000
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  let broker: Broker
  let wire: Wire
  let data = ''
  let idle = { bytes: 0, files: 0 }

  beforeAll(async () => {
    // In memory: two thousand first commits on a disk are a test of the disk.
    data = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ottla-many-'))
    broker = await startBroker({ data })
    wire = await Wire.open(broker.kafka)
    await createTopic(wire, 'many', PARTITIONS)
    idle = { bytes: residentBytes(broker.workerdPid()), files: openFiles(broker) }
  })
  afterAll(async () => {
    wire?.close()
    await broker?.stop()
    rmSync(data, { recursive: true, force: true })
  })

  test('are written by a real client, each of them, and read whole', async () => {
    const { Kafka, logLevel } = kafkajs
    const client = new Kafka({
      brokers: [bootstrap(broker.kafka)],
      logLevel: logLevel.NOTHING,
      requestTimeout: 110_000,
    })
    const producer = client.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    const messages = all.map((partition) => ({ partition, value: `of ${partition}` }))
    const sent = await producer.send({ topic: 'many', messages })
    await producer.disconnect()
    expect(sent.filter(({ errorCode }) => errorCode === 0)).toHaveLength(PARTITIONS)
    const partitions = all.map((partitionIndex) => ({ partitionIndex, timestamp: LATEST }))
    const ends = await wire.call(ListOffsets, 7, {
      replicaId: -1,
      topics: [{ name: 'many', partitions }],
    })
    expect(new Set(ends.topics[0]!.partitions.map(({ offset }) => Number(offset)))).toEqual(
      new Set([1]),
    )
    const positions = all.map((partition) => [partition, 0] as const)
    const read = await wire.call(Fetch, 12, fetchBody('many', positions))
    for (const { partitionIndex, errorCode, records } of read.responses[0]!.partitions) {
      expect(errorCode).toBe(0)
      expect(readRecords(records).map(({ value }) => value)).toEqual([`of ${partitionIndex}`])
    }
  })

  test('take no more memory and descriptors than open objects do, and give them back', async () => {
    const bytes = residentBytes(broker.workerdPid()) - idle.bytes
    const files = openFiles(broker) - idle.files
    console.log(`${PARTITIONS} open: +${(bytes / MB).toFixed(0)} MB, +${files} descriptors`)
    // Of what is kept beside the objects the budget of core/limits.ts is the bound.
    expect(bytes).toBeLessThan(PARTITIONS * OBJECT_BYTES + 128 * MB)
    expect(files).toBeLessThan(PARTITIONS * OBJECT_FILES + 50)
    await expect
      .poll(() => openFiles(broker), { timeout: 40_000, interval: 500 })
      .toBeLessThan(idle.files + 100)
  })

  test('are all answered again when they were asleep', async () => {
    const codes = await writeEach(wire, 'many', all)
    expect(new Set(codes.values())).toEqual(new Set([0]))
    expect(codes.size).toBe(PARTITIONS)
  })
})

describe.runIf(process.platform === 'linux')('A process of few file descriptors', () => {
  const FILES = 300
  const PARTITIONS = 120
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  let broker: Broker
  let wire: Wire

  beforeAll(async () => {
    broker = await startBroker({ under: ['sh', '-c', `ulimit -n ${FILES} && exec "$@"`, 'sh'] })
    wire = await Wire.open(broker.kafka)
    await createTopic(wire, 'few', PARTITIONS)
  })
  afterAll(async () => {
    wire?.close()
    await broker?.stop()
  })

  test('opens as many partitions as it may, tells clients of the others to come again, and serves the open ones', async () => {
    expect(broker.log.join('\n')).toContain('few-file-descriptors')
    const codes = await writeEach(wire, 'few', all)
    const open = all.filter((partition) => codes.get(partition) === 0)
    const refused = all.filter((partition) => codes.get(partition) !== 0)
    expect(new Set(refused.map((partition) => codes.get(partition)))).toEqual(
      new Set([NOT_LEADER_OR_FOLLOWER]),
    )
    expect(open.length).toBeGreaterThan(FILES / 10)
    expect(openFiles(broker)).toBeLessThan(FILES)
    const again = await writeEach(wire, 'few', open)
    expect(new Set(again.values())).toEqual(new Set([0]))
    for (const partition of open) {
      expect(await fetch(wire, 'few', partition, 0)).toMatchObject({
        errorCode: 0,
        highWatermark: 2,
      })
    }
  })

  test('closes connections that are too many, and serves those that are there', async () => {
    const pid = broker.workerdPid()
    const served: Wire[] = []
    for (let connection = 0; connection < FILES; connection++) {
      // More at once than there are descriptors left would be more than the runtime can refuse.
      const one = await Wire.open(broker.kafka)
      const answer = await produce(one, 'few', 0, record(0)).catch(() => null)
      if (answer?.errorCode === 0) served.push(one)
    }
    expect(served.length).toBeGreaterThan(FILES / 20)
    expect(served.length).toBeLessThan(FILES / 8)
    expect(openFiles(broker)).toBeLessThan(FILES)
    expect((await produce(wire, 'few', 0, record(0))).errorCode).toBe(0)
    for (const one of served) one.close()
    expect(broker.workerdPid()).toBe(pid)
  })

  test('serves every partition in the end, and new connections, once others have gone', async () => {
    const left = new Set(all)
    for (const until = Date.now() + 100_000; left.size > 0 && Date.now() < until; ) {
      const codes = await writeEach(wire, 'few', [...left])
      for (const [partition, code] of codes) if (code === 0) left.delete(partition)
      if (left.size > 0) await sleep(1_000)
    }
    expect([...left]).toEqual([])
    const other = await Wire.open(broker.kafka)
    expect((await produce(other, 'few', PARTITIONS - 1, record(0))).errorCode).toBe(0)
    other.close()
  })
})
