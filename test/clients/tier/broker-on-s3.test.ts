// The launched broker with its tier on a real S3 server: records whose only copy is there, and what clients
// are told while the server is away. Nothing is said to be allowed that is not by default.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { batch } from '../batches.ts'
import { type Broker, startBroker } from '../broker.ts'
import {
  createTopic,
  fetch as fetched,
  listOffsets,
  produce,
  storedRecords,
  until,
} from '../calls.ts'
import { leftOut } from '../tools.ts'
import { Wire } from '../wire.ts'
import {
  BUILD_MS,
  CREDENTIALS,
  type Missing,
  type S3Server,
  s3Program,
  startS3,
} from './s3-server.ts'

const TOPIC = 'on-s3'
const EARLIEST_LOCAL = -4
const KAFKA_STORAGE_ERROR = 56
const BATCHES = 12
const values = Array.from({ length: BATCHES }, (_, index) =>
  `${index} `.padEnd(400_000, String.fromCharCode(97 + index)),
)

let program: string | Missing
let server: S3Server
let broker: Broker

beforeAll(async () => {
  program = await s3Program()
  if (typeof program !== 'string') return
  server = await startS3(program)
  const settings = {
    'remote.log.storage.system.enable': 'true',
    'remote.log.manager.task.interval.ms': '200',
    'log.retention.check.interval.ms': '200',
    'ottla.tier.s3.endpoint': server.endpoint,
    'ottla.tier.s3.bucket': server.bucket,
    'ottla.tier.s3.prefix': 'a-broker',
  }
  broker = await startBroker({
    args: Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
    env: CREDENTIALS,
  })
}, BUILD_MS)

beforeEach((context) => {
  if (typeof program !== 'string') leftOut(context, program.missing)
})

afterAll(async () => {
  await broker?.stop()
  await server?.stop()
})

async function wired<T>(use: (wire: Wire) => Promise<T>): Promise<T> {
  const wire = await Wire.open(broker.kafka)
  try {
    return await use(wire)
  } finally {
    wire.close()
  }
}

async function localStart(wire: Wire): Promise<number> {
  const { topics } = await listOffsets(wire, TOPIC, [0], EARLIEST_LOCAL, 9)
  return Number(topics[0]!.partitions[0]!.offset)
}

async function append(wire: Wire, value: string): Promise<number> {
  return (await produce(wire, TOPIC, 0, batch({ records: [{ value }] }))).errorCode
}

const objects = () =>
  readdirSync(join(server.folder, 'a-broker'), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile(),
  )

async function status(): Promise<{ readonly state: string }> {
  const response = await fetch(`${broker.http}/v1/topics/${TOPIC}`)
  return ((await response.json()) as { readonly status: { readonly state: string } }).status
}

describe('a topic with its tier on an S3 server', () => {
  test('is given up locally, and read whole', async () => {
    await wired(async (wire) => {
      await createTopic(wire, TOPIC, 1, {
        'remote.storage.enable': 'true',
        'segment.bytes': '1048576',
        'local.retention.bytes': '0',
        'retention.ms': '-1',
      })
      for (const value of values) expect(await append(wire, value)).toBe(0)
      await until(async () => (await localStart(wire)) >= BATCHES - 4)
      expect(objects().length).toBeGreaterThan(1)
      const records = await storedRecords(wire, TOPIC, 0)
      expect(records.map(({ value }) => value)).toEqual(values)
    })
  }, 60_000)

  test('is written and read where it is local while the server is away', async () => {
    await server.kill()
    // What the broker had in memory is not asked for again.
    await broker.kill()
    broker = await broker.restart()
    await wired(async (wire) => {
      const local = await localStart(wire)
      expect((await fetched(wire, TOPIC, 0, 0)).errorCode).toBe(KAFKA_STORAGE_ERROR)
      const newest = await storedRecords(wire, TOPIC, 0, local)
      expect(newest.map(({ value }) => value)).toEqual(values.slice(local))
      for (const value of values) expect(await append(wire, value)).toBe(0)
      await until(async () => (await status()).state === 'degraded')
      expect(await localStart(wire)).toBe(local)
      expect(JSON.stringify([await status(), broker.log])).not.toContain(
        CREDENTIALS.AWS_SECRET_ACCESS_KEY,
      )
    })
  }, 60_000)

  test('is whole when the server is there again, and moves on', async () => {
    await server.start()
    await wired(async (wire) => {
      await until(async () => (await localStart(wire)) > BATCHES)
      const records = await storedRecords(wire, TOPIC, 0)
      expect(records.map(({ value }) => value)).toEqual([...values, ...values])
      await until(async () => (await status()).state === 'ok')
    })
  }, 60_000)
})
