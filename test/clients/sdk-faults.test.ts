// The client over a network that breaks at any byte, to a broker that is killed: a tail equals what a reader gets who was
// never interrupted, a group misses nothing, and what was produced is there once, in order per key, where the answer said.
// OTTLA_SDK_CUTS and OTTLA_SDK_KILLS ask for more of either, OTTLA_SEED for the same choices again.

import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  connect,
  type Ottla,
  type Produced,
  type TailRecord,
  text,
} from '../../src/client/client.ts'
import { randomFrom } from '../bench/load/events.ts'
import { type Broker, startBroker } from './broker.ts'
import { CuttingProxy } from './cutting-proxy.ts'

const CUTS = Number(process.env.OTTLA_SDK_CUTS ?? 80)
const KILLS = Number(process.env.OTTLA_SDK_KILLS ?? 1)
const SEED = Number(process.env.OTTLA_SEED ?? Date.now() % 2 ** 32)
const CUT_BYTES_MAX = 8_000
/** Of one connection in eight: the answer to what a broker's absence has gathered is longer than the others let through. */
const LONG_BYTES_MAX = 200_000
const KEYS = ['a', 'b', 'ü', 'd', 'e', 'f', 'g']
const PARTITIONS = 3
const TOPIC = 'orders'
const WITHIN_MS = (CUTS + 60 * KILLS) * 200 + 60_000

let broker: Broker
let proxy: CuttingProxy
const clients: Ottla[] = []
const random = randomFrom(SEED)
const below = (end: number) => random() % end
let isCalm = false

const portOf = ({ http }: Broker) => Number(new URL(http).port)
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A client whose connections are cut. */
function shaken(): Ottla {
  const ottla = connect(`http://127.0.0.1:${proxy.port}`)
  clients.push(ottla)
  return ottla
}

/** Members of a broker that was killed are gone soon, and not after 45 s. */
const SESSIONS = {
  'group.consumer.min.heartbeat.interval.ms': 500,
  'group.consumer.heartbeat.interval.ms': 500,
  'group.consumer.min.session.timeout.ms': 3_000,
  'group.consumer.session.timeout.ms': 3_000,
}

beforeAll(async () => {
  const settings = Object.entries(SESSIONS).flatMap(([name, value]) => [
    '--set',
    `${name}=${value}`,
  ])
  broker = await startBroker({ args: settings })
  const cut = () => below(below(8) === 0 ? LONG_BYTES_MAX : CUT_BYTES_MAX)
  // A connection in four is cut in what the client says: before, or in the middle of, a produce.
  proxy = await CuttingProxy.start(
    portOf(broker),
    () => (isCalm ? null : cut()),
    () => (isCalm || below(4) > 0 ? null : cut()),
  )
})

afterAll(async () => {
  const signal = AbortSignal.abort(new Error('over'))
  await Promise.all(clients.map((ottla) => ottla.close({ signal })))
  await proxy.stop()
  await broker.stop()
})

type Seen = TailRecord<string | null>

function ofPartition(records: readonly Seen[], partition: number): object[] {
  const ours = records.filter((record) => record.partition === partition)
  return ours.map(({ offset, key, value, timestamp }) => ({ offset, key, value, timestamp }))
}

/** Reads until told to stop, by a position that is kept and a loop that is begun again now and then. */
async function tail(ottla: Ottla, seen: Seen[], signal: AbortSignal): Promise<void> {
  let from: string = 'earliest'
  while (!signal.aborted) {
    const stretch = 1 + below(400)
    let count = 0
    try {
      for await (const record of ottla.topic(TOPIC, { value: text }).tail({ from, signal })) {
        seen.push(record)
        from = record.position
        count += 1
        if (count === stretch) break
      }
    } catch (error) {
      if (error !== signal.reason) throw error
    }
  }
}

/** A member that now and then leaves in the middle of a record. */
async function consume(
  ottla: Ottla,
  seen: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const stretch = 1 + below(500)
    let count = 0
    try {
      const topic = ottla.topic(TOPIC, { value: text })
      for await (const { partition, offset } of ottla
        .group('billing')
        .consume(topic, { from: 'earliest', signal })) {
        count += 1
        if (count === stretch) throw new Error('bang')
        const at = `${partition}:${offset}`
        seen.set(at, (seen.get(at) ?? 0) + 1)
      }
    } catch (error) {
      if (error !== signal.reason && !String(error).includes('bang')) throw error
    }
  }
}

it(
  `${CUTS} cuts at any byte and ${KILLS} kills of the broker lose, repeat and disorder nothing`,
  async () => {
    console.info(`OTTLA_SEED=${SEED}`)
    const body = JSON.stringify({ name: TOPIC, partitions: PARTITIONS })
    expect((await fetch(`${broker.http}/v1/topics`, { method: 'POST', body })).status).toBe(201)

    const control = new AbortController()
    const seen: Seen[] = []
    const consumed = new Map<string, number>()
    const reading = [
      tail(shaken(), seen, control.signal),
      consume(shaken(), consumed, control.signal),
      consume(shaken(), consumed, control.signal),
    ]
    const running = Promise.all(reading)
    running.catch(() => {})

    const orders = shaken().topic(TOPIC, { value: text })
    const sent: {
      readonly key: string
      readonly value: string
      readonly produced: Promise<Produced>
    }[] = []
    let isWritten = false
    const writing = (async () => {
      for (let number = 0; !isWritten; number++) {
        const key = KEYS[below(KEYS.length)] ?? ''
        const value = `${number} ${'é𝄞x'.repeat(below(40))}`
        const produced = orders.produce({ key, value })
        produced.catch(() => {})
        sent.push({ key, value, produced })
        // While the broker is away.
        if (number % 500 === 499) await produced
        if (below(3) === 0) await sleep(below(12))
      }
    })()

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
    isCalm = true
    await writing
    const produced = await Promise.all(sent.map((record) => record.produced))

    // What somebody gets whose connection is never cut.
    const all: Seen[] = []
    const calm = connect(broker.http)
    clients.push(calm)
    for await (const record of calm.topic(TOPIC, { value: text }).tail({ from: 'earliest' })) {
      all.push(record)
      if (all.length === sent.length) break
    }
    const ends = await Promise.all(
      Array.from({ length: PARTITIONS }, async (_, partition) => {
        const path = `/v1/topics/${TOPIC}/partitions/${partition}/records?offset=latest`
        const page = (await (await calm.fetch(path)).json()) as { nextOffset: number }
        return page.nextOffset
      }),
    )
    expect(
      ends.reduce((sum, end) => sum + end, 0),
      'records in the log',
    ).toBe(sent.length)

    // Once, where the answer said, and in order per key.
    const stored = new Map(all.map((record) => [`${record.partition}:${record.offset}`, record]))
    for (const [at, { partition, offset }] of produced.entries()) {
      const record = stored.get(`${partition}:${offset}`)
      expect([record?.key, record?.value]).toEqual([sent[at]?.key, sent[at]?.value])
    }
    for (const key of KEYS) {
      const inLog = all.filter((record) => record.key === key).map(({ value }) => value)
      expect(inLog).toEqual(sent.filter((record) => record.key === key).map(({ value }) => value))
    }

    await expect.poll(() => seen.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(all.length)
    await expect.poll(() => consumed.size, { timeout: 60_000 }).toBeGreaterThanOrEqual(all.length)
    control.abort(new Error('over'))
    await running
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(ofPartition(seen, partition)).toEqual(ofPartition(all, partition))
    }
    expect([...consumed.keys()].sort()).toEqual([...stored.keys()].sort())
    const twice = [...consumed.values()].filter((times) => times > 1).length
    console.info(
      `${sent.length} records, ${proxy.cuts} cuts; ${twice} were consumed more than once`,
    )
  },
  WITHIN_MS,
)
