// A topic deleted and recreated under its name while producers pipeline into it: what DeleteTopics
// answered is final, the successor starts empty with an id of its own, the old storage is freed.
// Times are random; the seed is printed and OTTLA_SEED replays it.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { batch } from './batches.ts'
import { startBroker } from './broker.ts'
import {
  createTopic,
  deleteTopic,
  EARLIEST,
  initProducerId,
  LATEST,
  listOffsets,
  produce,
  produceBody,
  storedRecords,
  topicMetadata,
  topicReady,
  topicToCreate,
  until,
} from './calls.ts'
import { suite } from './target.ts'
import { Wire } from './wire.ts'

const recreate = suite('recreate')
const { scenario, connect, topic } = recreate

const ROUNDS = 4
const PARTITIONS = 2
const IN_FLIGHT = 5
const UNKNOWN_TOPIC_OR_PARTITION = 3
const NOT_LEADER_OR_FOLLOWER = 6
const OUT_OF_ORDER = 45
const UNKNOWN_TOPIC_ID = 100

const seed = Number(process.env.OTTLA_SEED ?? Math.floor(Math.random() * 2 ** 31))
console.log(`OTTLA_SEED=${seed}`)
const random = randomFrom(seed)

describe('A topic recreated under four pipelining producers', () => {
  scenario('that name it takes nothing into the deleted one', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { producers, before, after, fencedAt } = await recreated(0)
      expect(after.id, 'the successor has an id of its own').not.toBe(before.id)
      const acked = producers.flatMap(({ sent }) => sent.filter(({ error }) => error === 0))
      const late = acked.filter(({ answeredAt }) => answeredAt > fencedAt)
      expect(late.length, 'acknowledged after the deletion').toBeGreaterThan(0)
      expect(acked.length, 'acknowledged before the deletion').toBeGreaterThan(late.length)
      expect(acksMissingFrom(after, late)).toEqual([])
      expect(recordsWithoutAck(after, acked)).toEqual([])
      for (const producer of producers) expectSendOrder(after, producer)
      const allowed = [0, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, OUT_OF_ORDER]
      expect(errorsBeside(producers, allowed)).toEqual([])
    }
  })

  scenario('that send its id is never written by them', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { producers, after, fencedAt } = await recreated(13)
      const sent = producers.flatMap((producer) => producer.sent)
      const late = sent.filter(({ answeredAt }) => answeredAt > fencedAt)
      expect(late.length, 'answered after the deletion').toBeGreaterThan(0)
      expect(late.filter(({ error }) => error === 0)).toEqual([])
      expect(after.values).toEqual(Array.from({ length: PARTITIONS }, () => []))
      const allowed = [0, UNKNOWN_TOPIC_ID, NOT_LEADER_OR_FOLLOWER]
      expect(errorsBeside(producers, allowed)).toEqual([])
    }
  })
})

describe('A recreated topic', () => {
  scenario('starts empty, and the deleted one is unknown by its id', async () => {
    const wire = await connect()
    const name = topic()
    const oldId = await createTopic(wire, name)
    const producerId = await initProducerId(wire)
    for (const sequence of [0, 1, 2]) {
      await produceOne(wire, name, { value: 'old', producerId, sequence })
    }
    expect(await deleteTopic(wire, name)).toBe(0)
    const newId = await createTopic(wire, name)
    await until(async () => (await topicMetadata(wire, name)).topicId === newId)
    expect(newId).not.toBe(oldId)
    for (const timestamp of [EARLIEST, LATEST]) {
      const { topics } = await listOffsets(wire, name, [0], timestamp)
      expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset: 0 })
    }
    expect(await fetchErrorById(wire, oldId)).toBe(UNKNOWN_TOPIC_ID)
    expect(await fetchErrorById(wire, newId)).toBe(0)
    // The successor does not know the producer: what was a duplicate is not one here.
    const got = await produceOne(wire, name, { value: 'new', producerId, sequence: 1 })
    expect(got).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect((await storedRecords(wire, name, 0)).map(({ value }) => value)).toEqual(['new'])
  })
})

describe('A plain producer that was idle while its topic was recreated', () => {
  scenario('finds its pipelined batches stored in the order sent', async () => {
    const wire = await connect()
    const admin = await connect()
    const name = topic()
    for (let round = 0; round < ROUNDS; round += 1) {
      await createTopic(admin, name)
      await produce(wire, name, 0, batch({ records: [{ value: 'old' }] }))
      expect(await deleteTopic(admin, name)).toBe(0)
      const body = { topics: [topicToCreate(name)], timeoutMs: 15_000 }
      const { topics } = await admin.call(CreateTopics, 7, body)
      const values = Array.from({ length: 200 }, (_, index) => `${index}`)
      const sent = values.map((value) => {
        const records = batch({ records: [{ value }] })
        return wire.send(Produce, 9, produceBody(name, 0, records))
      })
      const acked: string[] = []
      for (const [index, id] of sent.entries()) {
        const { responses } = await wire.answer(Produce, 9, id)
        if (responses[0]!.partitionResponses[0]!.errorCode === 0) acked.push(`${index}`)
      }
      await until(async () => (await topicMetadata(admin, name)).topicId === topics[0]!.topicId)
      await topicReady(admin, name, 1)
      expect((await storedRecords(admin, name, 0)).map(({ value }) => value)).toEqual(acked)
      if (recreate.target.kind === 'ottla') expect(acked).toEqual(values)
      expect(await deleteTopic(admin, name)).toBe(0)
    }
  })
})

describe('The storage of a deleted topic', () => {
  for (const killed of [false, true]) {
    const when = killed ? ' when the broker is killed as soon as DeleteTopics has answered' : ''
    test(`is freed${when}`, async () => {
      const first = await startBroker()
      let stop = first.stop
      try {
        const wire = await Wire.open(first.kafka)
        await createTopic(wire, 'freed', 3)
        for (const partition of [0, 1, 2]) await fill(wire, 'freed', partition)
        const files = partitionFiles(first.dataDir)
        expect(files).toHaveLength(3)
        for (const file of files) expect(storedBytes(file)).toBeGreaterThan(FILL_BYTES)
        expect(await deleteTopic(wire, 'freed')).toBe(0)
        if (killed) {
          await first.kill()
          stop = (await first.restart()).stop
        }
        await until(async () => files.every((file) => storedBytes(file) < FREED_BYTES))
      } finally {
        await stop()
      }
    })
  }
})

/** One batch of one record. Times are those of the test's process, in milliseconds. */
interface Sent {
  readonly partition: number
  readonly value: string
  readonly error: number
  readonly offset: number
  readonly answeredAt: number
}

/** What is in a topic: its id and each partition's values in order. */
interface Content {
  readonly id: TopicId
  readonly values: readonly (readonly (string | null)[])[]
}

interface Round {
  readonly producers: readonly Producer[]
  readonly before: Pick<Content, 'id'>
  readonly after: Content
  /** From here on nothing may be acknowledged by the deleted topic. */
  readonly fencedAt: number
}

/**
 * Deletes and recreates a topic under two plain and two idempotent producers.
 * @param byId version of Produce that names topics by id, or 0: by name
 */
async function recreated(byId: 0 | 13): Promise<Round> {
  const wire = await connect()
  const name = topic()
  const oldId = await createTopic(wire, name, PARTITIONS)
  const producers: Producer[] = []
  for (const index of [0, 1, 2, 3]) {
    const producerId = index < 2 ? await initProducerId(wire) : null
    const route = { name, topicId: byId === 0 ? ZERO_TOPIC_ID : oldId }
    const partition = index % PARTITIONS
    producers.push(new Producer(await connect(), { ...route, partition, producerId, index }))
  }
  const runs = Promise.all(producers.map((producer) => producer.run()))
  await sleep(100 + random(200))
  expect(await deleteTopic(wire, name)).toBe(0)
  // What the broker wrote to the other connections before this answer is read by the next turn.
  await turn()
  await turn()
  const deletedAt = performance.now()
  await sleep(random(60))
  const newId = await createTopic(wire, name, PARTITIONS)
  await until(async () => (await topicMetadata(wire, name)).topicId === newId)
  // Kafka's broker learns of a deletion after the controller has answered.
  const fencedAt = recreate.target.kind === 'ottla' ? deletedAt : performance.now()
  await sleep(100 + random(200))
  for (const producer of producers) producer.stop()
  await runs
  const values: (string | null)[][] = []
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    values.push((await storedRecords(wire, name, partition)).map(({ value }) => value))
  }
  return { producers, before: { id: oldId }, after: { id: newId, values }, fencedAt }
}

interface Route {
  readonly name: string
  readonly topicId: TopicId
  readonly partition: number
  /** null: a plain producer. */
  readonly producerId: bigint | null
  readonly index: number
}

/** Keeps five one-record batches in flight, whatever the answers are; sends none twice. */
class Producer {
  readonly #wire: Wire
  readonly #route: Route
  readonly sent: Sent[] = []
  #stopped = false

  constructor(wire: Wire, route: Route) {
    this.#wire = wire
    this.#route = route
  }

  get partition(): number {
    return this.#route.partition
  }

  stop(): void {
    this.#stopped = true
  }

  async run(): Promise<void> {
    const inFlight: { readonly id: number; readonly value: string }[] = []
    for (let next = 0; ; ) {
      while (!this.#stopped && inFlight.length < IN_FLIGHT) {
        inFlight.push(this.#send(next))
        next += 1
      }
      const oldest = inFlight.shift()
      if (oldest === undefined) return
      await this.#answer(oldest.id, oldest.value)
    }
  }

  get #version(): number {
    return this.#route.topicId === ZERO_TOPIC_ID ? 9 : 13
  }

  #send(sequence: number): { readonly id: number; readonly value: string } {
    const { name, topicId, partition, producerId, index } = this.#route
    const value = `${index}:${sequence}`
    const identity = producerId === null ? {} : sequencedBy(producerId, sequence)
    const records = batch({ records: [{ value }], ...identity })
    const topicData = [{ name, topicId, partitionData: [{ index: partition, records }] }]
    const id = this.#wire.send(Produce, this.#version, { acks: -1, timeoutMs: 15_000, topicData })
    return { id, value }
  }

  async #answer(id: number, value: string): Promise<void> {
    const { responses } = await this.#wire.answer(Produce, this.#version, id)
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    const answeredAt = performance.now()
    const { partition } = this.#route
    this.sent.push({ partition, value, error: errorCode, offset: baseOffset, answeredAt })
  }
}

function sequencedBy(producerId: bigint, baseSequence: number) {
  return { producerId, producerEpoch: 0, baseSequence }
}

/** Acknowledged batches that are not where the answer said. */
function acksMissingFrom({ values }: Content, acked: readonly Sent[]): Sent[] {
  return acked.filter(({ partition, offset, value }) => values[partition]![offset] !== value)
}

/** Stored records whose producer was not told that they are. */
function recordsWithoutAck({ values }: Content, acked: readonly Sent[]): (string | null)[] {
  const told = new Set<string | null>(acked.map(({ value }) => value))
  return values.flat().filter((value) => !told.has(value))
}

/** A producer's records are in the order it sent them, none twice. */
function expectSendOrder({ values }: Content, { sent, partition }: Producer): void {
  const position = new Map<string | null, number>(sent.map(({ value }, index) => [value, index]))
  const stored = values[partition]!.flatMap((value) => position.get(value) ?? [])
  expect(stored).toEqual([...new Set(stored)].toSorted((one, other) => one - other))
}

function errorsBeside(producers: readonly Producer[], allowed: readonly number[]): number[] {
  const errors = new Set(producers.flatMap(({ sent }) => sent.map(({ error }) => error)))
  return [...errors].filter((error) => !allowed.includes(error))
}

interface One {
  readonly value: string
  readonly producerId: bigint
  readonly sequence: number
}

function produceOne(wire: Wire, name: string, { value, producerId, sequence }: One) {
  const records = batch({ records: [{ value }], ...sequencedBy(producerId, sequence) })
  return produce(wire, name, 0, records)
}

async function fetchErrorById(wire: Wire, topicId: TopicId): Promise<number> {
  const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: 1024 }
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1024 }]
  const { responses } = await wire.call(Fetch, 13, { ...limits, topics: [{ topicId, partitions }] })
  return responses[0]!.partitions[0]!.errorCode
}

const FILL_BYTES = 2 * 1024 * 1024
/** An empty database is one page. */
const FREED_BYTES = 64 * 1024

async function fill(wire: Wire, name: string, partition: number): Promise<void> {
  const records = batch({ records: [{ value: Buffer.alloc(256 * 1024, 0x61) }] })
  for (let bytes = 0; bytes < FILL_BYTES; bytes += records.length) {
    expect((await produce(wire, name, partition, records)).errorCode).toBe(0)
  }
}

/** Databases of partitions in a data folder. */
function partitionFiles(dataDir: string): string[] {
  const folder = join(dataDir, 'objects', 'ottla-Partition')
  return readdirSync(folder)
    .filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file))
    .map((file) => join(folder, file))
}

/** Bytes of a database with its log. */
function storedBytes(file: string): number {
  return [file, `${file}-wal`].reduce(
    (sum, path) => sum + (existsSync(path) ? statSync(path).size : 0),
    0,
  )
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
function randomFrom(start: number): (below: number) => number {
  let state = start
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
