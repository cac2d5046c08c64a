// Kafka clients through `ottla proxy` to a broker that asks for a secret, and the proxy itself: what it does when the
// broker is not there, refuses it or goes away, and when a client reads slowly. A tunnel's own rules are
// test/workerd/tunnel.test.ts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, Consumer, ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { ApiVersions } from '../../src/protocol/messages/api-versions.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { type Broker, bootstrap, residentBytes, startBroker } from './broker.ts'
import { ottla, type RunningProxy, startProxy } from './ottla.ts'
import { needs, run } from './tools.ts'

const SECRET = 'open sesame'.replace(' ', '-')
const env = { OTTLA_SECRET: SECRET }
const MiB = 1024 * 1024

let broker: Broker
let proxy: RunningProxy

beforeAll(async () => {
  broker = await startBroker({ env })
  proxy = await startProxy(broker.http, { env })
})
afterAll(async () => {
  await proxy?.stop()
  await broker?.stop()
})

const kafka = (of: RunningProxy = proxy) => {
  const { Kafka, logLevel } = kafkajs
  return new Kafka({ brokers: [bootstrap(of.kafka)], logLevel: logLevel.NOTHING })
}

async function topic(name: string, partitions = 1): Promise<string> {
  const answer = await fetch(`${broker.http}/v1/topics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${SECRET}` },
    body: JSON.stringify({ name, partitions }),
  })
  expect(answer.status, await answer.clone().text()).toBe(201)
  return name
}

describe('through the proxy', () => {
  it('kafkajs creates, produces and consumes as a group, at the address of the proxy', async () => {
    const admin = kafka().admin()
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    expect(brokers).toEqual([{ nodeId: 1, ...proxy.kafka }])
    await admin.createTopics({ topics: [{ topic: 'kafkajs', numPartitions: 3 }] })
    await admin.disconnect()
    const { Partitioners } = kafkajs
    const producer = kafka().producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const sent = Array.from({ length: 60 }, (_, at) => ({
      key: `k${at}`,
      value: `${at} ${'x'.repeat(50_000)}`,
    }))
    for (let at = 0; at < 60; at += 10) {
      await producer.send({ topic: 'kafkajs', messages: sent.slice(at, at + 10) })
    }
    await producer.disconnect()
    const consumer = kafka().consumer({ groupId: 'through' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true })
    const got = new Set<string>()
    await new Promise<void>((done) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          got.add(message.value?.toString() ?? '')
          if (got.size === sent.length) done()
        },
      })
    })
    await consumer.disconnect()
    expect(got).toEqual(new Set(sent.map(({ value }) => value)))
  })

  it('@platformatic/kafka produces and streams', async () => {
    const options = { clientId: 'through', bootstrapBrokers: [bootstrap(proxy.kafka)] }
    const admin = new Admin(options)
    await admin.createTopics({ topics: ['platformatic'], partitions: 2, replicas: 1 })
    await admin.close()
    const producer = new Producer({ ...options, serializers: stringSerializers })
    const messages = Array.from({ length: 20 }, (_, at) => ({
      topic: 'platformatic',
      partition: at % 2,
      value: `${at} ${'äöü'.repeat(5_000)}`,
    }))
    await producer.send({ messages, acks: ProduceAcks.ALL, compression: 'zstd' })
    await producer.close()
    const consumer = new Consumer({ ...options, groupId: 'platformatic' })
    const stream = await consumer.consume({ topics: ['platformatic'], mode: 'earliest' })
    const got: string[] = []
    for await (const message of stream) {
      got.push((message.value as Buffer).toString())
      if (got.length === messages.length) break
    }
    await consumer.close(true)
    expect(got.toSorted()).toEqual(messages.map(({ value }) => value).toSorted())
  })

  it('kcat lists, produces a large record and reads it back', async (context) => {
    needs(context, 'kcat')
    const name = await topic('kcat')
    const listed = (await run('kcat', ['-b', bootstrap(proxy.kafka), '-L'])).toString()
    expect(listed).toContain(`broker 1 at ${bootstrap(proxy.kafka)}`)
    const value = 'z'.repeat(900_000)
    const at = ['-b', bootstrap(proxy.kafka), '-t', name, '-p', '0']
    await run('kcat', [...at, '-P'], `first\n${value}\nlast\n`)
    const read = await run('kcat', [...at, '-C', '-e', '-q', '-o', 'beginning'])
    expect(read.toString()).toBe(`first\n${value}\nlast\n`)
  })

  it('a client that says it has no more to ask is answered first', async () => {
    const client = connect(proxy.kafka.port, proxy.kafka.host)
    const body = { clientSoftwareName: 'half', clientSoftwareVersion: '1' }
    client.end(encodeRequest(ApiVersions, 3, { correlationId: 77, clientId: 'c' }, body))
    const answer = Buffer.concat(await client.toArray())
    expect(answer.readInt32BE(0)).toBe(answer.length - 4)
    expect(answer.readInt32BE(4)).toBe(77)
  })

  it('garbage ends its own connection and no other', async () => {
    const admin = kafka().admin()
    await admin.connect()
    const bad = connect(proxy.kafka.port, proxy.kafka.host)
    bad.write('GET / HTTP/1.1\r\n\r\n')
    expect(await bad.toArray()).toEqual([])
    expect((await admin.listTopics()).length).toBeGreaterThan(0)
    await admin.disconnect()
  })
})

describe('clients that ask for much and take nothing', () => {
  it('hold little of it in the proxy and in the broker, and keep it from nobody else', async () => {
    const name = await topic('slow')
    const producer = kafka().producer()
    await producer.connect()
    const value = Buffer.alloc(900_000, 'v')
    for (let at = 0; at < 20; at++) await producer.send({ topic: name, messages: [{ value }] })
    await producer.disconnect()
    const fetchAll = (correlationId: number) =>
      encodeRequest(
        Fetch,
        11,
        { correlationId, clientId: 'slow' },
        {
          maxWaitMs: 0,
          minBytes: 1,
          maxBytes: 16 * MiB,
          isolationLevel: 0,
          topics: [
            {
              topic: name,
              partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 16 * MiB }],
            },
          ],
        },
      )
    const before = [proxy.pid, broker.workerdPid()].map(residentBytes)
    const clients: Socket[] = []
    onTestFinished(() => {
      for (const client of clients) client.destroy()
    })
    for (let at = 0; at < 8; at++) {
      const client = connect(proxy.kafka.port, proxy.kafka.host)
      clients.push(client)
      client.on('error', () => {})
      client.pause()
      for (let id = 1; id <= 4; id++) client.write(fetchAll(id))
    }
    // 8 × 4 × 16 MiB were asked for.
    await new Promise((done) => setTimeout(done, 4_000))
    const after = [proxy.pid, broker.workerdPid()].map(residentBytes)
    expect(after[0]! - before[0]!).toBeLessThan(120 * MiB)
    expect(after[1]! - before[1]!).toBeLessThan(250 * MiB)
    // Whoever takes what it asks for gets it, beside them.
    const eager = connect(proxy.kafka.port, proxy.kafka.host)
    clients.push(eager)
    for (let id = 1; id <= 4; id++) eager.write(fetchAll(id))
    let bytes = 0
    await new Promise<void>((done) => {
      eager.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > 4 * 15 * MiB) done()
      })
    })
  })
})

describe('ottla proxy', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['no secret', {}],
    ['another secret', { OTTLA_SECRET: 'another' }],
  ])('ends at once with %s and says so in a line that does not show it', async (_, wrong) => {
    const ran = await ottla(['proxy', broker.http, '--kafka-port', '0'], { env: wrong })
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr.trim().split('\n')).toHaveLength(1)
    expect(ran.stderr).toContain('OTTLA_SECRET')
    expect(ran.stderr).not.toContain('another')
  })

  it('takes the secret from a file, and the broker from the environment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ottla-secret-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`)
    const other = await startProxy(broker.http, { args: ['--secret-file', join(folder, 'secret')] })
    const admin = kafka(other).admin()
    await admin.connect()
    await admin.disconnect()
    expect(await other.stop()).toBe(0)
  })

  it.each<[string, readonly string[]]>([
    ['what is no URL', ['nowhere']],
    ['two URLs', ['http://a', 'http://b']],
    ['an unknown flag', ['http://a', '--fast']],
    ['a port that is none', ['http://a', '--kafka-port', '70000']],
    ['a listener beyond loopback', ['http://a', '--host', '0.0.0.0']],
    ['an address nobody can reach', ['http://a', '--advertised', '0.0.0.0:1']],
    ['a secret on the command line', ['http://a', '--secret', 'x']],
    ['a secret file that is not there', ['http://a', '--secret-file', '/nowhere/at/all']],
  ])('does not understand %s', async (_, args) => {
    const ran = await ottla(['proxy', ...args])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr.trim().split('\n')).toHaveLength(1)
  })

  it('tells clients the address it is given', async () => {
    const other = await startProxy(broker.http, {
      env,
      args: ['--advertised', 'kafka.example:19092'],
    })
    onTestFinished(() => void other.stop())
    const listed = await metadataOf(other)
    expect(listed).toContain('kafka.example')
  })

  it('waits for a broker that is not there yet, and finds it again when it comes back', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const early = await startProxy(url, { env })
    onTestFinished(() => void early.stop())
    await expect.poll(() => early.log.join('\n')).toContain('ECONNREFUSED')
    const waiting = metadataOf(early)
    const args = ['--http-port', String(port)]
    let other = await startBroker({ env, args })
    onTestFinished(() => other.stop())
    expect(await waiting).toContain('127.0.0.1')
    const client = connect(early.kafka.port, early.kafka.host)
    const ended = new Promise<void>((done) => client.once('close', () => done()))
    client.on('error', () => {})
    client.resume()
    await metadataOf(early)
    await other.kill()
    await ended
    other = await other.restart()
    expect(await metadataOf(early)).toContain('127.0.0.1')
    // No line for each try.
    expect(early.log.length).toBeLessThan(6)
  })

  it('says what it is for, by example, and ends', async () => {
    const ran = await ottla(['proxy', '--help'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toContain('ottla proxy https://')
    expect(ran.stdout).toContain('kcat -b')
  })
})

/** What a client is told of the brokers, as text. */
async function metadataOf(of: RunningProxy): Promise<string> {
  const client = connect(of.kafka.port, of.kafka.host)
  const header = new Uint8Array([0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0])
  client.end(header)
  return Buffer.concat(await client.toArray()).toString('latin1')
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => done(port))
    })
  })
}
