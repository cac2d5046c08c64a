// State that a start cannot read: written by a newer release, damaged, or gone. Whoever needs it is told an error
// of Kafka's, the log names the object and the cause, nothing is written over it, and all the rest is served; as
// soon as the state is as it was, so is the broker.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { JoinGroup } from '../../../src/protocol/messages/join-group.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { batch } from '../../clients/batches.ts'
import { type Broker, startBroker } from '../../clients/broker.ts'
import { createTopic, fetch, LATEST, listOffsets, produce, until } from '../../clients/calls.ts'
import { Ended, Wire } from '../../clients/wire.ts'
import { copyOf, databases, inDatabase, largestPartition, verify } from '../load/data-folder.ts'

const KAFKA_STORAGE_ERROR = 56
const COORDINATOR_LOAD_IN_PROGRESS = 14
const COORDINATOR_NOT_AVAILABLE = 15
const folders: string[] = []
let original = ''

beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), 'ottla-faults-'))
  folders.push(original)
  const broker = await startBroker({ data: original })
  const wire = await Wire.open(broker.kafka)
  await createTopic(wire, 't', 2, { 'retention.ms': '-1' })
  // The first partition is the largest.
  const records = [{ value: 'x'.repeat(10_000) }]
  expect((await produce(wire, 't', 0, batch({ records }))).errorCode).toBe(0)
  expect((await produce(wire, 't', 1, batch({ records: [{ value: 'x' }] }))).errorCode).toBe(0)
  expect(await committed(wire, 1)).toBe(0)
  expect(await initialised(wire)).toBe(0)
  wire.close()
  await broker.kill()
})
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

async function committed(wire: Wire, committedOffset: number): Promise<number> {
  const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: null }]
  const answer = await wire.call(OffsetCommit, 7, {
    groupId: 'g',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    topics: [{ name: 't', partitions }],
  })
  return answer.topics[0]!.partitions[0]!.errorCode
}

async function initialised(wire: Wire): Promise<number> {
  const body = { transactionalId: 'tx', transactionTimeoutMs: 60_000 }
  return (await wire.call(InitProducerId, 4, body)).errorCode
}

async function fetchedOffset(wire: Wire) {
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const answer = await wire.call(OffsetFetch, 7, { groupId: 'g', topics, requireStable: false })
  return [answer.errorCode, answer.topics[0]?.partitions[0]?.committedOffset]
}

function joinCode(wire: Wire): Promise<number> {
  const body = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: new Uint8Array(8) }],
    reason: null,
  }
  return wire.call(JoinGroup, 9, body).then(({ errorCode }) => errorCode)
}

/** Everything works and is as it was left. */
async function expectWhole(wire: Wire): Promise<void> {
  const { topics } = await wire.call(Metadata, 12, { topics: null, allowAutoTopicCreation: false })
  expect(topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([['t', 2]])
  for (const partition of [0, 1]) {
    expect(await fetch(wire, 't', partition, 0)).toMatchObject({ errorCode: 0, highWatermark: 1 })
  }
  expect(await fetchedOffset(wire)).toEqual([0, 1])
  expect(await initialised(wire)).toBe(0)
}

type Rows = Readonly<Record<string, unknown>>

/** What our tables hold; the platform has some of its own, for alarms. */
function contentsOf(path: string): Rows {
  return inDatabase(path, (database) => {
    const tables = database
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      )
      .all()
      .map(({ name }) => String(name))
    return Object.fromEntries(
      tables.map((name) => [name, database.prepare(`SELECT * FROM ${name}`).all()]),
    )
  })
}

/** The one object of a class; of partitions the first of the topic. */
function fileOf(data: string, className: string): string {
  if (className === 'Partition') return largestPartition(data)
  const [path, ...more] = databases(data, className)
  expect(more).toEqual([])
  return path!
}

interface Case {
  readonly what: string
  readonly className: 'Cluster' | 'Partition' | 'Group' | 'Transaction'
  readonly sql: string
  /** What puts it right again. */
  readonly undo: string
  /** What the log says. */
  readonly says: string
}

const NEWER = { sql: 'UPDATE schema_version SET version = version + 90' }
const OLDER = { undo: 'UPDATE schema_version SET version = version - 90' }
const layout = 'the storage has layout 9\\d; this release reads up to \\d'

// biome-ignore format: a table reads best with a row a line
const CASES: readonly Case[] = [
  { what: 'a newer release', className: 'Cluster', ...NEWER, ...OLDER, says: layout },
  { what: 'a newer release', className: 'Partition', ...NEWER, ...OLDER, says: layout },
  { what: 'a newer release', className: 'Group', ...NEWER, ...OLDER, says: layout },
  { what: 'a newer release', className: 'Transaction', ...NEWER, ...OLDER, says: layout },
  { what: 'damage of its row', className: 'Cluster', sql: 'UPDATE cluster SET next_producer_id = next_producer_id + 1', undo: 'UPDATE cluster SET next_producer_id = next_producer_id - 1', says: 'the row 0 of cluster is damaged' },
  { what: 'damage of a topic', className: 'Cluster', sql: 'UPDATE topic SET partitions = partitions + 1', undo: 'UPDATE topic SET partitions = partitions - 1', says: 'of topic is damaged' },
  { what: 'damage of the leader row', className: 'Partition', sql: 'UPDATE leader SET log_start = log_start + 1', undo: 'UPDATE leader SET log_start = log_start - 1', says: 'the leader row is damaged' },
  { what: 'damage of a segment', className: 'Partition', sql: 'UPDATE segment SET size_before = size_before + 1', undo: 'UPDATE segment SET size_before = size_before - 1', says: 'the row 0 of segment is damaged' },
  { what: 'damage of its row', className: 'Group', sql: "UPDATE consumer_group SET type = type || 'x'", undo: "UPDATE consumer_group SET type = replace(type, 'x', '')", says: 'the row 0 of consumer_group is damaged' },
  { what: 'damage of an offset', className: 'Group', sql: 'UPDATE committed_offset SET committed = committed + 1', undo: 'UPDATE committed_offset SET committed = committed - 1', says: 'of committed_offset is damaged' },
  { what: 'damage of its row', className: 'Transaction', sql: 'UPDATE txn SET producer_epoch = producer_epoch + 1', undo: 'UPDATE txn SET producer_epoch = producer_epoch - 1', says: 'the row 0 of txn is damaged' },
]

/** What is told to who needs the object, and what works without it. */
const TOLD: Readonly<Record<Case['className'], (broker: Broker) => Promise<void>>> = {
  async Cluster(broker) {
    const wire = await Wire.open(broker.kafka)
    const asked = wire.call(Metadata, 12, { topics: null, allowAutoTopicCreation: true })
    await expect(asked).rejects.toThrow(Ended)
    const answer = await globalThis.fetch(`${broker.http}/v1/topics`)
    expect(answer.status).toBe(503)
  },
  async Partition(broker) {
    const wire = await Wire.open(broker.kafka)
    const wrote = await produce(wire, 't', 0, batch({ records: [{ value: 'y' }] }))
    expect(wrote.errorCode).toBe(KAFKA_STORAGE_ERROR)
    expect((await fetch(wire, 't', 0, 0)).errorCode).toBe(KAFKA_STORAGE_ERROR)
    const { topics } = await listOffsets(wire, 't', [0, 1], LATEST)
    const codes = topics[0]!.partitions.map(({ errorCode }) => errorCode)
    expect(codes).toEqual([KAFKA_STORAGE_ERROR, 0])
    expect((await fetch(wire, 't', 1, 0)).errorCode).toBe(0)
    wire.close()
  },
  async Group(broker) {
    const wire = await Wire.open(broker.kafka)
    expect(await committed(wire, 1)).toBe(COORDINATOR_NOT_AVAILABLE)
    expect((await fetchedOffset(wire))[0]).toBe(COORDINATOR_LOAD_IN_PROGRESS)
    expect(await joinCode(wire)).toBe(COORDINATOR_LOAD_IN_PROGRESS)
    expect((await fetch(wire, 't', 0, 0)).errorCode).toBe(0)
    wire.close()
  },
  async Transaction(broker) {
    const wire = await Wire.open(broker.kafka)
    expect(await initialised(wire)).toBe(COORDINATOR_NOT_AVAILABLE)
    expect((await fetch(wire, 't', 0, 0)).errorCode).toBe(0)
    wire.close()
  },
}

describe('State that cannot be read', () => {
  test.each(CASES)('is refused and left as it is: $className, $what', async (one) => {
    const { className, sql, undo, says } = one
    const data = copyOf(original)
    folders.push(data)
    const path = fileOf(data, className)
    expect(inDatabase(path, (database) => database.prepare(sql).run()).changes).toBe(1)
    const before = contentsOf(path)
    const broker = await startBroker({ data })
    try {
      await TOLD[className](broker)
      await until(async () => new RegExp(says).test(broker.log.join('\n')))
    } finally {
      await broker.stop()
    }
    expect(contentsOf(path)).toEqual(before)
    if (sql !== NEWER.sql) {
      expect(verify(data)).toMatchObject({ code: 1, printed: expect.stringMatching(/DAMAGED/) })
    }
    inDatabase(path, (database) => database.exec(undo))
    const mended = await startBroker({ data })
    const wire = await Wire.open(mended.kafka)
    await expectWhole(wire)
    wire.close()
    await mended.stop()
  })

  test('is a folder without its cluster, which is refused at the start', async () => {
    const data = copyOf(original)
    folders.push(data)
    rmSync(join(data, 'objects', 'ottla-Cluster'), { recursive: true })
    const before = contentsOf(largestPartition(data))
    await expect(startBroker({ data })).rejects.toThrow(
      "has topics' data but not the cluster that knows them",
    )
    expect(contentsOf(largestPartition(data))).toEqual(before)
  })

  describe('is a controller of another folder', () => {
    /** A folder that was served, with the controller's files of one that never saw its topics. */
    async function swapped(): Promise<{ data: string; own: string; foreign: string }> {
      const [data, other] = [copyOf(original), mkdtempSync(join(tmpdir(), 'ottla-faults-'))]
      folders.push(data, other)
      for (const folder of [data, other]) {
        const broker = await startBroker({ data: folder })
        const wire = await Wire.open(broker.kafka)
        await wire.call(Metadata, 12, { topics: null, allowAutoTopicCreation: false })
        wire.close()
        await broker.stop()
      }
      const controller = (folder: string) => join(folder, 'objects', 'ottla-Cluster')
      rmSync(controller(data), { recursive: true })
      cpSync(controller(other), controller(data), { recursive: true })
      const idIn = (folder: string) => readFileSync(join(folder, 'cluster-id'), 'utf8').trim()
      return { data, own: idIn(data), foreign: idIn(other) }
    }

    test('which is refused at the start, and nothing is written', async () => {
      const { data, own, foreign } = await swapped()
      expect(own).not.toBe(foreign)
      const paths = [...databases(data, 'Cluster'), ...databases(data, 'Partition')]
      const before = paths.map((path) => readFileSync(path))
      await expect(startBroker({ data })).rejects.toThrow(
        new RegExp(
          `is of cluster ${own}, but the controller's data in it is of cluster ${foreign}`,
        ),
      )
      expect(paths.map((path) => readFileSync(path))).toEqual(before)
    })

    test('which is served when the note of whose the folder is was removed', async () => {
      const { data, foreign } = await swapped()
      rmSync(join(data, 'cluster-id'))
      const broker = await startBroker({ data })
      const wire = await Wire.open(broker.kafka)
      const body = { topics: null, allowAutoTopicCreation: false }
      expect(await wire.call(Metadata, 12, body)).toMatchObject({ clusterId: foreign, topics: [] })
      wire.close()
      await broker.stop()
    })
  })

  test('is a note of whose the folder is that is none, which is refused at the start', async () => {
    const data = copyOf(original)
    folders.push(data)
    writeFileSync(join(data, 'cluster-id'), 'mine')
    await expect(startBroker({ data })).rejects.toThrow('cluster-id holds no cluster id')
    expect(readFileSync(join(data, 'cluster-id'), 'utf8')).toBe('mine')
  })

  test('is no folder whose objects were removed: it begins anew', async () => {
    const data = copyOf(original)
    folders.push(data)
    await (await startBroker({ data })).stop()
    rmSync(join(data, 'objects'), { recursive: true })
    for (let times = 0; times < 2; times++) {
      const broker = await startBroker({ data })
      const wire = await Wire.open(broker.kafka)
      await createTopic(wire, `t${times}`, 1)
      wire.close()
      await broker.kill()
    }
  })
})
