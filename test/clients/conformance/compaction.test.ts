// What is left of a compacted topic, record by record and batch by batch: the same records are produced to
// Apache Kafka and to Ottla, and the same is left. Segments are cut by the records' own times, so that
// both have them in the same places; the last one is active and is left alone.

import { describe, expect } from 'vitest'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { Codec as AllCodecs, type CodecId } from '../../../src/record/compression.ts'
import { lastOffsetAt } from '../../../src/record/header.ts'
import { recordsOf } from '../../../src/record/records.ts'
import { batchesIn } from '../../../src/record/stored.ts'
import { Random } from '../../simulation/platform/random.ts'
import { type BatchFields, batch, type PlainRecord, type ReadBatch } from '../batches.ts'
import {
  createTopic,
  EARLIEST,
  fetch,
  initProducerId,
  listOffsets,
  produce,
  storedBatches,
  until,
} from '../calls.ts'
import { suite } from '../target.ts'
import { addPartitions, end, type Producer, producer } from '../transaction-calls.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('compaction', {
  set: { 'log.cleaner.backoff.ms': '100' },
})

const COMPACTED = {
  'cleanup.policy': 'compact',
  // Records that are a second apart are in segments of their own.
  'segment.ms': '500',
  'min.cleanable.dirty.ratio': '0.001',
  'delete.retention.ms': '86400000',
}
const SECOND = 1_000
/** Half an hour ago: in no broker's future, and in whole seconds. */
const START = Math.floor(Date.now() / SECOND) * SECOND - 1_800 * SECOND
const DELETE_HORIZON = 0x40

/** A topic that is written to, a batch a second. */
class Log {
  readonly wire: Wire
  readonly name: string
  readonly #startMs: number
  #seconds = 0

  constructor(wire: Wire, name: string, startMs: number) {
    this.wire = wire
    this.name = name
    this.#startMs = startMs
  }

  /** The time of the next batch. */
  next(): number {
    return this.#startMs + SECOND * this.#seconds++
  }

  async append(
    records: readonly PlainRecord[],
    fields: Partial<BatchFields> = {},
  ): Promise<number> {
    const bytes = batch({ ...fields, records, timestamp: this.next() })
    const { errorCode, baseOffset } = await produce(this.wire, this.name, 0, bytes)
    expect(errorCode).toBe(0)
    return Number(baseOffset)
  }

  /** A record that only begins another segment. */
  roll(): Promise<number> {
    return this.append([{ key: 'roll', value: `${this.#seconds}` }])
  }

  /** All batches as they are. */
  async stored(): Promise<Uint8Array[]> {
    const stored: Uint8Array[] = []
    for (let next = 0; ; ) {
      const { records: bytes } = await fetch(this.wire, this.name, 0, next)
      const some = [...batchesIn(new Uint8Array(bytes ?? []))]
      if (some.length === 0) return stored
      stored.push(...some)
      next = lastOffsetAt(some.at(-1)!, 0) + 1
    }
  }

  /** From the log start on. */
  async batches(): Promise<ReadBatch[]> {
    return storedBatches(this.wire, this.name, 0, await this.start())
  }

  async start(): Promise<number> {
    const { topics } = await listOffsets(this.wire, this.name, [0], EARLIEST)
    return Number(topics[0]!.partitions[0]!.offset)
  }

  /** `offset key=value` of every record that is left. */
  async left(): Promise<string[]> {
    const batches = await this.batches()
    return batches
      .filter(({ attributes }) => (attributes & 0x20) === 0)
      .flatMap((each) => each.records())
      .map(({ offset, key, value }) => `${offset} ${key}=${value}`)
  }

  /** Waits until just this is left. */
  async becomes(expected: readonly string[]): Promise<void> {
    let left: string[] = []
    try {
      await until(async () => {
        left = await this.left()
        return left.join() === expected.join()
      })
    } catch {
      expect(left).toEqual(expected)
    }
  }
}

async function log(configs: Readonly<Record<string, string>> = {}, startMs = START): Promise<Log> {
  const wire = await connect()
  const name = topic()
  await createTopic(wire, name, 1, { ...COMPACTED, ...configs })
  return new Log(wire, name, startMs)
}

/** Markers have the broker's time: what comes after one is later, so that it begins a segment. */
function logOfTransactions(configs: Readonly<Record<string, string>> = {}): Promise<Log> {
  return log(configs, Date.now() + 60 * SECOND)
}

/** Offsets of the markers that are left. */
async function markersOf(topic: Log): Promise<number[]> {
  const markers = (await topic.batches()).filter(({ attributes }) => (attributes & 0x20) !== 0)
  return markers.filter(({ recordCount }) => recordCount > 0).map(({ baseOffset }) => baseOffset)
}

const randomSeed = Number(process.env.OTTLA_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** A title stays the same from run to run. */
function named(seed: number): string {
  if (seed !== randomSeed) return `seed ${seed}`
  console.log(`compaction: OTTLA_SEED=${seed}`)
  return 'a new seed'
}

/** `key=value` pairs to records; a key alone is a tombstone. */
function records(...pairs: readonly string[]): PlainRecord[] {
  return pairs.map((pair, index) => {
    const [key = '', value] = pair.split('=')
    return { key, value: value ?? null, timestampDelta: index }
  })
}

describe('A compacted topic', () => {
  for (const codec of [0, 1, 4]) {
    scenario(`keeps the last record of every key, codec ${codec}`, async () => {
      const topic = await log()
      await topic.append(records('a=1', 'b=1', 'a=2', 'c=1'), { codec })
      await topic.append(records('d=1'), { codec })
      await topic.append(records('b=2', 'e=1'), { codec })
      await topic.append(records('d=2', 'f=1', 'e=2', 'f=2'), { codec })
      await topic.roll()
      await topic.becomes(['2 a=2', '3 c=1', '5 b=2', '7 d=2', '9 e=2', '10 f=2', '11 roll=4'])
      const batches = await topic.batches()
      const shapes = batches.map((each) => [each.baseOffset, each.lastOffset, each.recordCount])
      expect(shapes).toEqual([
        [0, 3, 2],
        [5, 6, 1],
        [7, 10, 3],
        [11, 11, 1],
      ])
      for (const each of batches) {
        expect(each.crcOk).toBe(true)
        expect(each.attributes).toBe(each.baseOffset === 11 ? 0 : codec)
      }
      const times = batches.map(({ maxTimestamp }) => maxTimestamp - START)
      expect(times).toEqual([3, 2_000, 3_003, 4_000])
      const [first] = batches
      expect(first!.records().map(({ timestamp }) => timestamp - START)).toEqual([2, 3])
    })
  }

  for (const codec of ['snappy', 'lz4'] as const) {
    scenario(`keeps the last record of every key, ${codec}`, async () => {
      const topic = await log()
      const build = (...pairs: readonly string[]) => {
        const timestamp = topic.next()
        const text = new TextEncoder()
        const made = records(...pairs).map(({ key, value }) => ({
          timestamp,
          key: text.encode(String(key)),
          value: value === null ? null : text.encode(String(value)),
        }))
        return buildBatch({ records: made, codec: AllCodecs[codec] as CodecId })
      }
      for (const pairs of [['a=1', 'b=1', 'a=2'], ['b=2', 'c=1'], ['c=2', 'd=1'], ['roll=1']]) {
        const { errorCode } = await produce(topic.wire, topic.name, 0, build(...pairs))
        expect(errorCode).toBe(0)
      }
      const text = new TextDecoder()
      const left = async () =>
        (await topic.stored()).flatMap((stored) =>
          [...recordsOf(stored)].map(
            ({ offset, key, value }) => `${offset} ${text.decode(key!)}=${text.decode(value!)}`,
          ),
        )
      const expected = ['2 a=2', '3 b=2', '5 c=2', '6 d=1', '7 roll=1']
      await until(async () => (await left()).join() === expected.join())
      for (const stored of await topic.batches()) {
        expect(stored.codec).toBe(AllCodecs[codec])
        expect(stored.crcOk).toBe(true)
      }
    })
  }

  scenario('leaves the active segment alone', async () => {
    const topic = await log()
    await topic.append(records('a=1', 'a=2'))
    await topic.append(records('b=1', 'a=3', 'b=2', 'a=4'))
    await topic.becomes(['1 a=2', '2 b=1', '3 a=3', '4 b=2', '5 a=4'])
  })

  scenario('is read on behind a gap, and found by time', async () => {
    const topic = await log()
    for (const value of ['1', '2', '3']) await topic.append(records(`a=${value}`, `b=${value}`))
    await topic.append(records('c=1'))
    await topic.roll()
    await topic.becomes(['4 a=3', '5 b=3', '6 c=1', '7 roll=4'])
    for (const offset of [0, 1, 3, 4]) {
      const { errorCode, records: bytes } = await fetch(topic.wire, topic.name, 0, offset)
      expect(errorCode).toBe(0)
      const [first] = [...batchesIn(new Uint8Array(bytes ?? []))]
      expect([...recordsOf(first!)][0]!.offset).toBe(4)
    }
    const found = async (timestamp: number) => {
      const { topics } = await listOffsets(topic.wire, topic.name, [0], timestamp)
      const { offset, timestamp: time } = topics[0]!.partitions[0]!
      return [Number(offset), Number(time) - START]
    }
    expect(await found(START)).toEqual([4, 2_000])
    expect(await found(START + 2_001)).toEqual([5, 2_001])
    expect(await found(START + 2_002)).toEqual([6, 3_000])
    expect((await found(EARLIEST))[0]).toBe(0)
  })

  scenario('keeps a tombstone for delete.retention.ms after it was first cleaned', async () => {
    const topic = await log({ 'delete.retention.ms': '1500' })
    await topic.append(records('a=1', 'b=1'))
    await topic.append(records('a', 'c=1'))
    await topic.roll()
    const before = Date.now()
    await topic.becomes(['1 b=1', '2 a=null', '3 c=1', '4 roll=2'])
    const marked = (await topic.batches()).find(({ baseOffset }) => baseOffset === 2)!
    expect(marked.attributes & DELETE_HORIZON).toBe(DELETE_HORIZON)
    expect(marked.baseTimestamp).toBeGreaterThan(before - 5_000)
    expect(marked.baseTimestamp).toBeLessThan(Date.now() + 1_501)
    expect(marked.maxTimestamp).toBe(START + 1_001)
    // Kafka's own clients read times from the horizon on.
    const { records: bytes } = await fetch(topic.wire, topic.name, 0, 2)
    const [stored] = [...batchesIn(new Uint8Array(bytes ?? []))]
    expect([...recordsOf(stored!)].map(({ timestamp }) => timestamp - START)).toEqual([
      1_000, 1_001,
    ])
    await new Promise((done) => setTimeout(done, 1_600))
    await topic.append(records('b=2'))
    await topic.roll()
    await topic.becomes(['3 c=1', '4 roll=2', '5 b=2', '6 roll=4'])
  })

  scenario('keeps the last batch of an active producer, without records', async () => {
    const topic = await log()
    const producerId = await initProducerId(topic.wire)
    const by = (baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence })
    await topic.append(records('a=1', 'b=1'), by(0))
    await topic.append(records('a=2', 'b=2', 'a=3'), by(2))
    await topic.append(records('a=4', 'b=4'))
    await topic.roll()
    await topic.becomes(['5 a=4', '6 b=4', '7 roll=3'])
    const [empty] = await topic.batches()
    expect(empty).toMatchObject({
      baseOffset: 2,
      lastOffset: 4,
      recordCount: 0,
      attributes: 0,
      producerId,
      producerEpoch: 0,
      baseSequence: 2,
      crcOk: true,
      baseTimestamp: -1,
      maxTimestamp: START + 1_002,
    })
    expect(await topic.append(records('c=1'), by(5))).toBe(8)
    // The same batch again: it is where it was.
    const again = batch({ ...by(2), records: records('a=2', 'b=2', 'a=3') })
    expect(await produce(topic.wire, topic.name, 0, again)).toMatchObject({ errorCode: 0 })
    const wrong = batch({ ...by(99), records: records('z=1') })
    expect(await produce(topic.wire, topic.name, 0, wrong)).toMatchObject({ errorCode: 45 })
  })

  scenario(
    'drops records of aborted transactions, and keeps what they would have replaced',
    async () => {
      const topic = await logOfTransactions()
      await topic.append(records('a=1', 'b=1'))
      const by = await producer(topic.wire, `${topic.name}-id`)
      await transaction(topic, by, 0, records('a=2', 'c=2'), false)
      await transaction(topic, by, 2, records('b=3', 'd=3'), true)
      await topic.append(records('e=1'))
      await topic.roll()
      // Offsets 4 and 7 are markers.
      await topic.becomes(['0 a=1', '5 b=3', '6 d=3', '8 e=1', '9 roll=4'])
      const offsets = (await topic.batches())
        .flatMap((each) => each.records())
        .map((one) => one.offset)
      expect(offsets).toEqual([0, 4, 5, 6, 7, 8, 9])
    },
  )

  scenario(
    'drops markers whose records are gone, once delete.retention.ms has passed',
    async () => {
      const topic = await logOfTransactions({ 'delete.retention.ms': '1500' })
      await topic.append(records('a=1'))
      const by = await producer(topic.wire, `${topic.name}-id`)
      await transaction(topic, by, 0, records('b=2'), false)
      await transaction(topic, by, 1, records('c=3'), true)
      await transaction(topic, by, 2, records('d=4'), true)
      await topic.append(records('e=1'))
      await topic.roll()
      // Offsets 2, 4 and 6 are markers.
      await topic.becomes(['0 a=1', '3 c=3', '5 d=4', '7 e=1', '8 roll=5'])
      expect(await markersOf(topic)).toEqual([2, 4, 6])
      // In this pass nothing of the aborted one is met any more: from here on its time counts.
      await topic.append(records('e=2'))
      await topic.roll()
      await topic.becomes(['0 a=1', '3 c=3', '5 d=4', '8 roll=5', '9 e=2', '10 roll=7'])
      await new Promise((done) => setTimeout(done, 1_700))
      expect(await markersOf(topic)).toEqual([2, 4, 6])
      await topic.append(records('e=3'))
      await topic.roll()
      await topic.becomes(['0 a=1', '3 c=3', '5 d=4', '10 roll=7', '11 e=3', '12 roll=9'])
      await until(async () => (await markersOf(topic)).join() === '4,6')
    },
  )

  scenario('of both policies is compacted, and what is older than retention.ms goes', async () => {
    const both = { 'cleanup.policy': 'compact,delete', 'retention.ms': String(3_600 * SECOND) }
    const topic = await log(both, START - 7_200 * SECOND)
    await topic.append(records('a=1', 'b=1'))
    await topic.append(records('c=1', 'a=2'))
    const recent = new Log(topic.wire, topic.name, START)
    await recent.append(records('d=1', 'e=1'))
    // Before the next one: what is cleaned together may be one segment then, as young as its last record.
    await until(async () => (await topic.start()) === 4)
    await recent.append(records('d=2', 'f=1'))
    await recent.roll()
    await topic.becomes(['5 e=1', '6 d=2', '7 f=1', '8 roll=2'])
    expect(await topic.start()).toBe(4)
    expect((await fetch(topic.wire, topic.name, 0, 3)).errorCode).toBe(1)
  })

  for (const seed of [1, 2, 3, randomSeed]) {
    scenario(
      `keeps just what is last of each key, of random records (${named(seed)})`,
      async () => {
        const random = new Random(seed)
        const topic = await log()
        const sent: { offset: number; key: string; value: string | null }[] = []
        const batches = random.between(8, 24)
        for (let index = 0; index < batches; index++) {
          const made = Array.from({ length: random.between(1, 9) }, (_, at) => ({
            key: `k${random.between(0, 11)}`,
            value: random.chance(0.2) ? null : `${index}.${at}`.padEnd(random.between(3, 60), '.'),
            timestampDelta: at,
          }))
          const base = await topic.append(made, { codec: random.pick([0, 1, 4]) })
          sent.push(...made.map(({ key, value }, at) => ({ offset: base + at, key, value })))
        }
        await topic.roll()
        const last = new Map(sent.map(({ offset, key }) => [key, offset]))
        const left = sent.filter(({ offset, key }) => last.get(key) === offset)
        const expected = left.map(({ offset, key, value }) => `${offset} ${key}=${value}`)
        await topic.becomes([...expected, `${sent.length} roll=${batches}`])
      },
    )
  }

  scenario('cleans nothing from an open transaction on', async () => {
    const topic = await logOfTransactions()
    await topic.append(records('a=1', 'a=2'))
    const by = await producer(topic.wire, `${topic.name}-id`)
    expect(await addPartitions(topic.wire, by, topic.name, [0])).toEqual([0])
    await transactional(topic, by, 0, records('b=1'))
    await topic.append(records('c=1', 'c=2'))
    await topic.append(records('c=3'))
    await topic.roll()
    await topic.becomes(['1 a=2', '2 b=1', '3 c=1', '4 c=2', '5 c=3', '6 roll=4'])
    expect((await end(topic.wire, by, true, 3)).errorCode).toBe(0)
    await markerWritten(topic)
    await topic.roll()
    await topic.roll()
    // Offset 7 is the marker.
    await topic.becomes(['1 a=2', '2 b=1', '5 c=3', '8 roll=5', '9 roll=6'])
  })

  scenario('cleans nothing younger than min.compaction.lag.ms', async () => {
    // The first two batches are half an hour old, the others a minute in the past of that.
    const topic = await log({ 'min.compaction.lag.ms': String(1_795 * SECOND) })
    await topic.append(records('a=1', 'a=2'))
    await topic.append(records('a=3'))
    const at = Date.now() - 60 * SECOND
    for (const [index, value] of ['4', '5', '6'].entries()) {
      const timestamp = at + index * SECOND
      const bytes = batch({ records: records(`a=${value}`), timestamp })
      expect(await produce(topic.wire, topic.name, 0, bytes)).toMatchObject({ errorCode: 0 })
    }
    await topic.becomes(['2 a=3', '3 a=4', '4 a=5', '5 a=6'])
  })

  scenario(
    'waits for more dirt than its ratio, but no longer than max.compaction.lag.ms',
    async () => {
      const topic = await log({ 'min.cleanable.dirty.ratio': '1' })
      await topic.append(records('a=1', 'b=1'))
      await topic.append(records('a=2'))
      await topic.roll()
      await new Promise((done) => setTimeout(done, 1_500))
      const all = ['0 a=1', '1 b=1', '2 a=2', '3 roll=2']
      expect(await topic.left()).toEqual(all)
      await setConfig(topic, 'max.compaction.lag.ms', `${7_200 * SECOND}`)
      await new Promise((done) => setTimeout(done, 1_000))
      expect(await topic.left()).toEqual(all)
      await setConfig(topic, 'max.compaction.lag.ms', '1000')
      await topic.becomes(['1 b=1', '2 a=2', '3 roll=2'])
    },
  )

  scenario('takes records without a key from the time before it was compacted', async () => {
    const topic = await log({ 'cleanup.policy': 'delete', 'retention.ms': '-1' })
    await topic.append([{ key: null, value: 'x' }, ...records('a=1')])
    await topic.append(records('a=2'))
    await setConfig(topic, 'cleanup.policy', 'compact')
    await topic.roll()
    await topic.becomes(['2 a=2', '3 roll=2'])
  })
})

async function setConfig({ wire, name }: Log, config: string, value: string): Promise<void> {
  const configs = [{ name: config, configOperation: 0, value }]
  const resources = [{ resourceType: 2, resourceName: name, configs }]
  const got = await wire.call(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
  expect(got.responses[0]!.errorCode).toBe(0)
}

/** One whole transaction of one batch, by the older flow. */
async function transaction(
  topic: Log,
  by: Producer,
  sequence: number,
  made: readonly PlainRecord[],
  committed: boolean,
): Promise<void> {
  expect(await addPartitions(topic.wire, by, topic.name, [0])).toEqual([0])
  await transactional(topic, by, sequence, made)
  expect((await end(topic.wire, by, committed, 3)).errorCode).toBe(0)
  await markerWritten(topic)
}

/** Kafka's coordinator writes the marker after it has answered. */
async function markerWritten(topic: Log): Promise<void> {
  await until(async () => {
    const [last] = (await topic.batches()).slice(-1)
    return (last!.attributes & 0x20) !== 0
  })
}

async function transactional(
  topic: Log,
  { transactionalId, producerId, producerEpoch }: Producer,
  baseSequence: number,
  made: readonly PlainRecord[],
): Promise<void> {
  const by = { producerId, producerEpoch, baseSequence, attributes: 0x10 }
  const bytes = batch({ ...by, records: made, timestamp: topic.next() })
  const topicData = [{ name: topic.name, partitionData: [{ index: 0, records: bytes }] }]
  const body = { transactionalId, acks: -1, timeoutMs: 15_000, topicData }
  await until(async () => {
    const got = await topic.wire.call(Produce, 9, body)
    const { errorCode } = got.responses[0]!.partitionResponses[0]!
    // CONCURRENT_TRANSACTIONS: the markers of the one before are still being written.
    if (errorCode !== 51) expect(errorCode).toBe(0)
    return errorCode === 0
  })
}
