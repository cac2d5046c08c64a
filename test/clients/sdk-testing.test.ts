// `startBroker` of ottla/testing, as it is built: what it gives, how long that takes beside a workerd that does nothing,
// and that nothing of it stays, however its process ends.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import kafkajs from 'kafkajs'
import { afterAll, describe, expect, it } from 'vitest'
import { thisMachine } from '../../src/cli/listeners.ts'
import { findWorkerd } from '../../src/cli/workerd-process.ts'
import { leftOut } from './tools.ts'

const BUILT = resolve(import.meta.dirname, '../../dist/client/testing.js')
const { startBroker } = (await import(BUILT)) as typeof import('../../src/client/testing.ts')
const ROUNDS = 4
const folder = mkdtempSync(join(tmpdir(), 'ottla-sdk-testing-'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Folders of brokers, in the temporary folder of a process. */
const left = (in_: string) => readdirSync(in_).filter((name) => name.startsWith('ottla-test-'))
/** Those of this process. */
const own = () => [tmpdir(), '/dev/shm'].filter(existsSync).flatMap(left)

/** What it takes where nobody is in the way: the least of some, in whole milliseconds. */
const least = (values: readonly number[]) => Math.round(Math.min(...values))

/** Milliseconds of processor time that a process has had, and this one. Of time alone a busy machine tells nothing. */
function processorTime(pid: number | undefined): number {
  const { user, system } = process.cpuUsage()
  if (pid === undefined) return (user + system) / 1_000
  const tasks = readdirSync(`/proc/${pid}/task`)
  const ns = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8'))
  return ns.reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, (user + system) / 1_000)
}

/** The only child of this process: the broker. */
function childPid(): number {
  const text = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
  const pids = text.trim().split(' ').map(Number)
  return pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('workerd')) ?? 0
}

/** Characters that do not compress. */
function noise(characters: number): string {
  return Buffer.from(
    Array.from({ length: characters }, () => Math.floor(Math.random() * 256)),
  ).toString('base64')
}

describe('startBroker', () => {
  it('gives a broker with its topics, for Kafka clients, HTTP and the client', async () => {
    await using broker = await startBroker({
      topics: { orders: { partitions: 3 }, log: { configs: { 'cleanup.policy': 'compact' } } },
      config: { 'message.max.bytes': 5_000 },
    })
    const topic = await (await fetch(`${broker.url}/v1/topics/orders`)).json()
    expect(topic).toMatchObject({ name: 'orders', partitions: 3 })
    const log = await (await broker.client.fetch('/v1/topics/log')).json()
    expect(log).toMatchObject({ partitions: 1, configs: { 'cleanup.policy': 'compact' } })
    const large = broker.client.topic('orders').produce({ value: noise(10_000) })
    await expect(large).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE', topic: 'orders' })
    const { Kafka, logLevel, Partitioners } = kafkajs
    const kafka = new Kafka({ brokers: [broker.kafka], logLevel: logLevel.NOTHING })
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ key: 'k', value: '{"from":"kafka"}' }] })
    await producer.disconnect()
    for await (const { key, value } of broker.client.topic('orders').tail({ from: 'earliest' })) {
      expect([key, value]).toEqual(['k', { from: 'kafka' }])
      break
    }
  })

  it('says what cannot be started', async () => {
    await expect(startBroker({ config: { 'no.such.key': 1 } })).rejects.toThrow('no.such.key')
    const bad = startBroker({ topics: { 'no topic': {} } })
    await expect(bad).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
    await using first = await startBroker()
    const httpPort = Number(new URL(first.url).port)
    await expect(startBroker({ httpPort })).rejects.toThrow('in use')
  })

  it('is empty after a reset, with the topics of the start', async () => {
    await using broker = await startBroker({ topics: { orders: { partitions: 2 } } })
    const { client } = broker
    const orders = client.topic('orders')
    await orders.produce([1, 2, 3].map((value) => ({ value, partition: 0 })))
    for await (const { value } of client.group('billing').consume(orders, { from: 'earliest' })) {
      if (value === 3) break
    }
    await client.fetch('/v1/topics', { method: 'POST', body: '{"name":"other"}' })
    await broker.reset()
    const names = async (what: string) => {
      const { items } = (await (await client.fetch(`/v1/${what}`)).json()) as { items: unknown[] }
      return items
    }
    expect(await names('topics')).toMatchObject([{ name: 'orders', partitions: 2 }])
    expect(await names('groups')).toEqual([])
    expect(await orders.produce({ value: 4, partition: 0 })).toMatchObject({ offset: 0 })
    for await (const { value } of client.group('billing').consume(orders, { from: 'earliest' })) {
      expect(value).toBe(4)
      break
    }
  })

  it('is empty after a reset while groups have members, and these go on', async () => {
    const configs = { 'compression.type': 'uncompressed' }
    await using broker = await startBroker({ topics: { orders: { configs } } })
    const orders = broker.client.topic('orders')
    const { Kafka, logLevel } = kafkajs
    const kafka = new Kafka({ brokers: [broker.kafka], logLevel: logLevel.NOTHING })
    const classic = kafka.consumer({ groupId: 'classic', heartbeatInterval: 200 })
    const seen: { readonly live: unknown[]; readonly classic: unknown[] } = {
      live: [],
      classic: [],
    }
    await classic.connect()
    await classic.subscribe({ topic: 'orders', fromBeginning: true })
    await classic.run({
      eachMessage: async ({ message }) => void seen.classic.push(JSON.parse(`${message.value}`)),
    })
    const stop = new AbortController()
    const reading = (async () => {
      const options = { from: 'earliest', signal: stop.signal } as const
      for await (const { value } of broker.client.group('live').consume(orders, options)) {
        seen.live.push(value)
      }
    })().catch(() => {})
    await orders.produce({ value: 'before' })
    await expect
      .poll(() => seen, { timeout: 20_000 })
      .toEqual({ live: ['before'], classic: ['before'] })
    await broker.reset()
    expect(await orders.produce({ value: 'after' })).toMatchObject({ offset: 0 })
    const all = ['before', 'after']
    await expect.poll(() => seen, { timeout: 30_000 }).toEqual({ live: all, classic: all })
    stop.abort()
    await reading
    await classic.disconnect()
  })

  it('keeps its data and its addresses over a restart, and its client goes on', async () => {
    await using broker = await startBroker({ topics: { orders: {} } })
    const { client, url, kafka } = broker
    const orders = client.topic('orders')
    await orders.produce({ value: 'before' })
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const { value } of orders.tail({ from: 'earliest' })) {
        seen.push(value)
        if (seen.length === 2) break
      }
    })()
    await expect.poll(() => seen).toEqual(['before'])
    await broker.restart()
    await orders.produce({ value: 'after' })
    await reading
    expect(seen).toEqual(['before', 'after'])
    expect([broker.url, broker.kafka]).toEqual([url, kafka])
  })

  it('starts in at most five times of what a bare workerd takes, and a reset in a quarter of that', async (context) => {
    if (process.platform !== 'linux') return leftOut(context, '/proc, which only Linux has')
    const bare: number[] = []
    const starts: number[] = []
    const resets: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await bareWorkerd())
      const before = processorTime(undefined)
      const broker = await startBroker({ topics: { orders: { partitions: 3 } } })
      const pid = childPid()
      starts.push(processorTime(pid) - before)
      for (let reset = 0; reset < ROUNDS; reset++) {
        await broker.client.topic('orders').produce({ value: reset })
        const from = processorTime(pid)
        await broker.reset()
        resets.push(processorTime(pid) - from)
      }
      await broker.stop()
    }
    const said = `bare ${least(bare)} ms, start ${least(starts)} ms, reset ${least(resets)} ms`
    console.info(said)
    expect(least(starts) / least(bare), said).toBeLessThanOrEqual(5)
    expect(least(resets) / least(starts), said).toBeLessThanOrEqual(0.25)
  })

  it('leaves nothing when it is stopped, twice too', async () => {
    const before = own()
    const broker = await startBroker()
    const [folder] = own().filter((name) => !before.includes(name))
    await Promise.all([broker.stop(), broker.stop()])
    await broker.stop()
    await expect(fetch(broker.url)).rejects.toThrow()
    expect(folder).toBeDefined()
    expect(own()).not.toContain(folder)
  })

  it.each(['SIGKILL', 'an end without stop'])(
    'is gone with its folder after %s of its process',
    async (how) => {
      const own = mkdtempSync(join(folder, 'tmp-'))
      const program = join(own, 'program.mjs')
      const end = how === 'SIGKILL' ? 'setInterval(() => {}, 1000)' : 'process.exit(0)'
      writeFileSync(
        program,
        `import { startBroker } from ${JSON.stringify(BUILT)}
      const { url, client } = await startBroker({ topics: { orders: {} } })
      await client.topic('orders').produce({ value: 1 })
      console.log(url)
      ${end}`,
      )
      const child = spawn(process.execPath, [program], {
        env: { ...process.env, TMPDIR: own },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = new Promise((done) => child.once('exit', done))
      const url = await new Promise<string>((done) =>
        createInterface({ input: child.stdout }).once('line', done),
      )
      if (how === 'SIGKILL') {
        expect((await fetch(url)).status).toBe(200)
        expect(left(own)).toHaveLength(1)
        child.kill('SIGKILL')
      }
      await ended
      await expect.poll(() => left(own), { timeout: 10_000 }).toEqual([])
      await expect(fetch(url)).rejects.toThrow()
    },
  )
})

/** Processor time of a Worker that answers nothing, from nothing to accepting connections. */
async function bareWorkerd(): Promise<number> {
  const binary = findWorkerd(import.meta.filename) ?? ''
  const source = join(folder, 'bare.capnp')
  const config = join(folder, 'bare.bin')
  const port = thisMachine().anyPort()
  writeFileSync(
    source,
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = (
        modules = [(name = "index.js", esModule = "export default { fetch() { return new Response() } }")],
        compatibilityDate = "2026-10-01"))],
      sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]);`,
  )
  const compiled = spawnSync(binary, ['compile', '--config-only', source])
  writeFileSync(config, compiled.stdout)
  expect(existsSync(config) && readFileSync(config).length).toBeGreaterThan(0)
  const before = processorTime(undefined)
  const child = spawn(binary, ['serve', '--binary', '--control-fd=3', config], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const control = child.stdio[3] as NodeJS.ReadableStream
  await new Promise((done) => control.once('data', done))
  const took = processorTime(child.pid) - before
  const ended = new Promise((done) => child.once('exit', done))
  child.kill('SIGKILL')
  await ended
  return took
}
