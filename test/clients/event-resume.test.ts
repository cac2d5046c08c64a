// Streams of events over a network that breaks at any byte, from a broker that is killed: what comes through
// equals, record by record, what a reader gets who was never interrupted. OTTLA_EVENT_CUTS and
// OTTLA_EVENT_KILLS ask for more of either, OTTLA_SEED for the same run again.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomFrom } from '../bench/load/events.ts'
import { type Broker, startBroker } from './broker.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { ResumingReader, type SeenEvent } from './event-source.ts'

const CUTS = Number(process.env.OTTLA_EVENT_CUTS ?? 400)
const KILLS = Number(process.env.OTTLA_EVENT_KILLS ?? 4)
const SEED = Number(process.env.OTTLA_SEED ?? Date.now() % 2 ** 32)
/** The longest stretch of an answer that gets through. */
const CUT_BYTES_MAX = 6_000
const RECORDS_AT_ONCE = 24
const KEYS = ['a', 'b', 'c', 'd', 'e', 'ü', '']
const WITHIN_MS = (CUTS + 60 * KILLS) * 100 + 60_000

let broker: Broker
let proxy: CuttingProxy
const random = randomFrom(SEED)
const below = (end: number) => random() % end
let isCalm = false

const portOf = ({ http }: Broker) => Number(new URL(http).port)
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

beforeAll(async () => {
  broker = await startBroker()
  proxy = await CuttingProxy.start(portOf(broker), () => (isCalm ? null : below(CUT_BYTES_MAX)))
})

afterAll(async () => {
  await proxy.stop()
  await broker.stop()
})

async function post(path: string, body: unknown): Promise<boolean> {
  try {
    const response = await fetch(`${broker.http}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}

/** Writes to both topics until it is told to stop. What fails was perhaps written, which is all the same here. */
async function write(isStopped: () => boolean): Promise<number> {
  let written = 0
  for (let number = 0; !isStopped(); number++) {
    const topic = ['orders', 'people'][number % 2]
    const records = Array.from({ length: RECORDS_AT_ONCE }, (_, at) => ({
      key: KEYS[below(KEYS.length)],
      value: `${number}.${at} ${'é𝄞x'.repeat(below(40))}`,
    }))
    if (await post(`/v1/topics/${topic}/records`, { records })) written += records.length
    await sleep(below(30))
  }
  return written
}

interface Record {
  readonly partition: number
  readonly offset: number
}

/** The records of each partition, one after another. Several topics are told apart by their values. */
function byPartition(events: readonly SeenEvent[]): Map<string, string[]> {
  const sorted = new Map<string, string[]>()
  const topics = new Map<string, string>()
  for (const { id, data } of events) {
    const { partition, offset }: Record = JSON.parse(data)
    // The entry of an id whose pair is this record's own.
    const entry = id
      .split(';')
      .filter((one) => `,${one.split('/').at(-1)},`.includes(`,${partition}:${offset},`))
    expect(entry.length, `${id} of ${data}`).toBeGreaterThan(0)
    const value = /"value":"(\d+)\./.exec(data)?.[1] ?? ''
    const topic = Number(value) % 2 === 0 ? 'orders' : 'people'
    topics.set(topic, topic)
    const key = `${topic}/${partition}`
    const records = sorted.get(key) ?? []
    records.push(data)
    sorted.set(key, records)
  }
  return sorted
}

/** What somebody gets whose connection is never cut: as many records as there are. */
async function uninterrupted(path: string, count: number): Promise<Map<string, string[]>> {
  const reader = new ResumingReader(() => portOf(broker), path)
  const running = reader.run()
  await expect.poll(() => reader.events.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(count)
  // No more comes.
  await sleep(500)
  reader.stop()
  await running
  expect(reader.connections).toBe(1)
  return byPartition(reader.events)
}

it(
  `${CUTS} cuts at any byte and ${KILLS} kills of the broker lose and repeat no record`,
  async () => {
    console.info(`OTTLA_SEED=${SEED}`)
    for (const name of ['orders', 'people']) {
      expect(await post('/v1/topics', { name, partitions: name === 'orders' ? 3 : 1 })).toBe(true)
    }
    const paths = [
      '/v1/topics/orders/events?from=earliest',
      '/v1/events?topic=people&topic=orders&from=earliest',
      `/v1/topics/orders/events?from=earliest&key=${encodeURIComponent('ü')}`,
    ]
    const readers = paths.map((path) => new ResumingReader(() => proxy.port, path))
    const running = Promise.all(readers.map((reader) => reader.run()))
    running.catch(() => {})
    let isWritten = false
    const writing = write(() => isWritten)
    let kills = 0
    while (proxy.cuts < CUTS || kills < KILLS) {
      if (kills < KILLS && proxy.cuts >= (CUTS * (kills + 1)) / (KILLS + 1)) {
        kills += 1
        await broker.kill()
        broker = await broker.restart()
        proxy.lead(portOf(broker))
      }
      await Promise.race([sleep(20), running])
    }
    isWritten = true
    expect(await writing).toBeGreaterThan(0)
    isCalm = true
    for (const [at, reader] of readers.entries()) {
      const path = paths[at] ?? ''
      let seen = -1
      // Until nothing has come for a while, on a connection that is not cut any more.
      while (reader.events.length > seen) {
        seen = reader.events.length
        await Promise.race([sleep(2_000), running])
      }
      const expected = await uninterrupted(path, seen)
      const names = new Set(reader.events.map(({ name }) => name))
      expect([...names].filter((name) => name !== 'problem')).toEqual(['message'])
      const records = reader.events.filter(({ name }) => name === 'message')
      expect(byPartition(records)).toEqual(expected)
      expect(reader.connections).toBeGreaterThan(CUTS / 50)
    }
    for (const reader of readers) reader.stop()
    await running
  },
  WITHIN_MS,
)
