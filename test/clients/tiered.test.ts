// The launched broker with a tier in a directory: what real clients read of a topic whose old segments are only
// there, by offset and by time, over TCP and HTTP, before and after a restart; and that what is deleted leaves
// no file behind. The directory is not synced, so this is allowed by `ottla.tier.unsynced`.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { batch } from './batches.ts'
import { type Broker, bootstrap, startBroker } from './broker.ts'
import {
  createTopic,
  deleteTopic,
  EARLIEST,
  LATEST,
  listOffsets,
  produce,
  storedRecords,
  until,
} from './calls.ts'
import { readOverHttp } from './http-read.ts'
import { Wire } from './wire.ts'

const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const MAX_TIMESTAMP = -3
const TOPIC = 'tiered'
const BATCHES = 24
const RECORDS = 40
const VALUE_BYTES = 6_000
const FIRST_TIME = Date.now() - 1_000_000

let broker: Broker
const folder = mkdtempSync(join(tmpdir(), 'ottla-tiered-'))
const values = Array.from({ length: BATCHES * RECORDS }, (_, index) =>
  `${index} `.padEnd(VALUE_BYTES, String.fromCharCode(97 + (index % 26))),
)

beforeAll(async () => {
  const settings = {
    'remote.log.storage.system.enable': 'true',
    'remote.log.manager.task.interval.ms': '200',
    'log.retention.check.interval.ms': '200',
    'ottla.tier.dir': folder,
    'ottla.tier.unsynced': 'true',
  }
  broker = await startBroker({
    args: Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  })
})

afterAll(async () => {
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function files(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}

async function wired<T>(use: (wire: Wire) => Promise<T>): Promise<T> {
  const wire = await Wire.open(broker.kafka)
  try {
    return await use(wire)
  } finally {
    wire.close()
  }
}

async function offsetOf(wire: Wire, timestamp: number, topic = TOPIC): Promise<number> {
  const { topics } = await listOffsets(wire, topic, [0], timestamp, 9)
  const found = topics[0]!.partitions[0]!
  expect(found.errorCode).toBe(0)
  return Number(found.offset)
}

/** Until all that can be is in the tier alone: the last segment stays. */
async function whenTiered(wire: Wire, end: number): Promise<void> {
  await until(async () => {
    const local = await offsetOf(wire, EARLIEST_LOCAL)
    return local > 0 && local === (await offsetOf(wire, LATEST_TIERED)) + 1 && end - local < 300
  })
}

async function consumed(fromBeginning: boolean): Promise<string[]> {
  const client = new kafkajs.Kafka({
    brokers: [bootstrap(broker.kafka)],
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const consumer = client.consumer({ groupId: `tiered-${Math.random()}` })
  const found: string[] = []
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: TOPIC, fromBeginning })
    await consumer.run({
      eachMessage: async ({ message }) => {
        found.push(message.value?.toString() ?? '')
      },
    })
    await until(async () => found.length >= values.length)
  } finally {
    await consumer.disconnect()
  }
  return found
}

/** The first records of a stream of events. */
async function streamed(count: number): Promise<string[]> {
  const aborter = new AbortController()
  const url = `${broker.http}/v1/topics/${TOPIC}/events?from=earliest`
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream' },
    signal: aborter.signal,
  })
  expect(response.status).toBe(200)
  const found: string[] = []
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of response.body!) {
    text += decoder.decode(bytes, { stream: true })
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const line = event.split('\n').find((one) => one.startsWith('data:'))
      if (line !== undefined) found.push(JSON.parse(line.slice(5)).value)
    }
    if (found.length >= count) break
  }
  aborter.abort()
  return found.slice(0, count)
}

describe('a tiered topic', () => {
  test('is read whole from the first offset while most of it is in the tier alone', async () => {
    await wired(async (wire) => {
      await createTopic(wire, TOPIC, 1, {
        'remote.storage.enable': 'true',
        'segment.bytes': '1048576',
        'local.retention.bytes': '0',
        'retention.ms': '-1',
      })
      for (let at = 0; at < BATCHES; at++) {
        const records = values.slice(at * RECORDS, (at + 1) * RECORDS).map((value) => ({ value }))
        const made = batch({ records, timestamp: FIRST_TIME + at * 1_000 })
        expect((await produce(wire, TOPIC, 0, made)).errorCode).toBe(0)
      }
      await whenTiered(wire, values.length)
      expect(files().length).toBeGreaterThan(3)
      const records = await storedRecords(wire, TOPIC, 0)
      expect(records.map(({ offset }) => offset)).toEqual(values.map((_, index) => index))
      expect(records.map(({ value }) => value)).toEqual(values)
    })
  }, 60_000)

  test('is found by time in either part', async () => {
    await wired(async (wire) => {
      for (const at of [0, 1, BATCHES / 2, BATCHES - 1]) {
        expect(await offsetOf(wire, FIRST_TIME + at * 1_000)).toBe(at * RECORDS)
      }
      expect(await offsetOf(wire, EARLIEST)).toBe(0)
      expect(await offsetOf(wire, LATEST)).toBe(values.length)
      expect(await offsetOf(wire, MAX_TIMESTAMP)).toBeGreaterThanOrEqual((BATCHES - 1) * RECORDS)
    })
  })

  test('is the same for kafkajs, over HTTP and as events, and tells how it does', async () => {
    expect(await consumed(true)).toEqual(values)
    const records = await readOverHttp(broker.http, TOPIC, 0)
    expect(records.map(({ value }) => value)).toEqual(values)
    expect(await streamed(200)).toEqual(values.slice(0, 200))
    const response = await fetch(`${broker.http}/v1/topics/${TOPIC}`)
    expect(await response.json()).toMatchObject({ status: { state: 'ok', problems: [] } })
  }, 60_000)

  test('is the same after kill -9', async () => {
    await broker.kill()
    broker = await broker.restart()
    await wired(async (wire) => {
      expect(await offsetOf(wire, EARLIEST_LOCAL)).toBeGreaterThan(0)
      const records = await storedRecords(wire, TOPIC, 0)
      expect(records.map(({ value }) => value)).toEqual(values)
    })
  }, 60_000)

  test('may not be compacted, nor switched off without its data', async () => {
    for (const [name, value] of [
      ['cleanup.policy', 'compact'],
      ['remote.storage.enable', 'false'],
    ] as const) {
      const response = await fetch(`${broker.http}/v1/topics/${TOPIC}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ configs: { [name]: value } }),
      })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ code: 'INVALID_CONFIG' })
    }
  })

  test('loses its objects with its records', async () => {
    await wired(async (wire) => {
      const before = files().length
      const offset = 10 * RECORDS + 5
      const partitions = [{ partitionIndex: 0, offset }]
      const request = { topics: [{ name: TOPIC, partitions }], timeoutMs: 10_000 }
      const { topics } = await wire.call(DeleteRecords, 2, request)
      expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: offset })
      await until(async () => files().length < before)
      const records = await storedRecords(wire, TOPIC, 0, offset)
      expect(records.map(({ value }) => value)).toEqual(values.slice(offset))
      expect(await deleteTopic(wire, TOPIC)).toBe(0)
      await until(async () => files().length === 0)
    })
  }, 60_000)
})
