// /v1/live of a broker as it is started, over Node's own WebSocket: the whole way to the disk and back, over a
// restart, and in groups with members that speak Kafka. What a session says to what is test/live.

import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, bootstrap, residentBytes, startBroker } from './broker.ts'
import { until } from './calls.ts'
import { startJavaConsumer } from './java-consumer.ts'
import { LiveClient, LiveMember } from './live-client.ts'

const { Kafka, logLevel } = kafkajs
const JSON_TYPE = { 'content-type': 'application/json' }

let broker: Broker
let names = 0

beforeAll(async () => {
  broker = await startBroker()
})
afterAll(async () => {
  await broker.stop()
})

async function post(path: string, body: object): Promise<unknown> {
  const init = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) }
  const response = await fetch(`${broker.http}/v1${path}`, init)
  expect(response.ok, await response.clone().text()).toBe(true)
  return response.json()
}

async function topic(partitions: number): Promise<string> {
  names += 1
  const name = `live-${names}`
  // kafkajs knows no LZ4.
  await post('/topics', { name, partitions, configs: { 'compression.type': 'uncompressed' } })
  return name
}

/** Records with the values 0, 1, 2, … from `from` on, over all partitions. */
async function produce(name: string, partitions: number, from: number, count: number) {
  const records = Array.from({ length: count }, (_, at) => {
    return { value: String(from + at), partition: (from + at) % partitions }
  })
  await post(`/topics/${name}/records`, { records })
}

interface GroupShown {
  readonly members: readonly {
    readonly memberId: string
    readonly memberType: string
    readonly clientId: string
    readonly clientHost: string
    readonly assigned: readonly object[]
  }[]
  readonly offsets: {
    readonly items: readonly { readonly committed: number | null; readonly end: number }[]
  }
}

async function group(name: string): Promise<GroupShown> {
  return (await fetch(`${broker.http}/v1/groups/${name}`)).json() as Promise<GroupShown>
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => String(at))

const STALLED = 40

/** A client that says one thing and then reads nothing. */
async function stalledSocket(text: string): Promise<Socket> {
  const { port, hostname } = new URL(broker.http)
  const socket = connect(Number(port), hostname)
  const lines = [
    'GET /v1/live HTTP/1.1',
    `host: ${hostname}:${port}`,
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  await once(socket, 'data')
  socket.pause()
  // A text frame of up to 125 bytes is masked with four bytes, which may be zero.
  const payload = Buffer.from(text)
  expect(payload.length).toBeLessThan(126)
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]))
  socket.on('error', () => {})
  return socket
}

/** What answers an upgrade with these headers. */
async function upgrade(headers: Record<string, string>, origin = broker.http) {
  const key = 'dGhlIHNhbXBsZSBub25jZQ=='
  const asked = request(`${origin}/v1/live`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
      ...headers,
    },
  })
  asked.end()
  return new Promise<{ status: number; body: string; protocol: string | undefined }>((resolve) => {
    asked.on('upgrade', ({ statusCode = 0, headers: got }, socket) => {
      socket.destroy()
      resolve({ status: statusCode, body: '', protocol: got['sec-websocket-protocol'] })
    })
    asked.on('response', async (response) => {
      let body = ''
      for await (const chunk of response) body += chunk
      resolve({ status: response.statusCode ?? 0, body, protocol: undefined })
    })
  })
}

describe('an upgrade', () => {
  it.each([
    ['of a page of another site', { origin: 'https://evil.example' }, 403, 'origin'],
    ['for another name', { host: 'evil.example' }, 421, 'Host'],
    ['to another protocol', { 'sec-websocket-protocol': 'mqtt' }, 400, 'ottla.v1'],
  ])('%s is refused', async (_, headers, status, word) => {
    const answer = await upgrade(headers)
    expect(answer.status).toBe(status)
    expect(answer.body).toContain(word)
  })

  it('names the protocol that it was offered, among others, and none where none was', async () => {
    const offered = { 'sec-websocket-protocol': 'ottla.v2, ottla.v1' }
    expect(await upgrade(offered)).toMatchObject({ status: 101, protocol: 'ottla.v1' })
    expect(await upgrade({})).toMatchObject({ status: 101, protocol: undefined })
  })

  it('is what a plain GET is told to ask for', async () => {
    const response = await fetch(`${broker.http}/v1/live`)
    expect(response.status).toBe(426)
    expect(await response.json()).toMatchObject({ code: 'UNSUPPORTED_ENDPOINT_TYPE' })
  })

  it('needs the secret where there is one', async () => {
    const closed = await startBroker({ env: { OTTLA_SECRET: 'a-secret-of-this-test' } })
    try {
      expect((await upgrade({}, closed.http)).status).toBe(401)
      const wrong = { authorization: 'Bearer something-else' }
      expect((await upgrade(wrong, closed.http)).status).toBe(401)
      const right = { authorization: 'Bearer a-secret-of-this-test' }
      expect((await upgrade(right, closed.http)).status).toBe(101)
    } finally {
      await closed.stop()
    }
  })
})

describe('a session', () => {
  it('produces and follows, and another goes on behind its position after a restart of the broker', async () => {
    const name = await topic(3)
    const one = await LiveClient.open(broker.http)
    const subscribe = { type: 'subscribe', topics: [name], bytes: 1_000_000 }
    one.say({ ...subscribe, sub: 1 })
    await one.hears(({ type }) => type === 'subscribed')
    for (let id = 0; id < 50; id++) {
      one.say({ type: 'produce', id, topic: name, records: [{ key: `k${id % 7}`, value: id }] })
    }
    await until(async () => one.of('ack').length === 50 && one.records(1).length === 50)
    expect(one.of('error')).toEqual([])
    for (const key of Array.from({ length: 7 }, (_, at) => `k${at}`)) {
      const values = one.records(1).filter((record) => record.key === key)
      expect(values.map(({ value }) => Number(value))).toEqual(
        numbers(50)
          .map(Number)
          .filter((value) => `k${value % 7}` === key),
      )
    }
    const { position } = one.of('records').at(-1)!
    broker = await broker.restart()
    await until(async () => one.closed !== null)
    await produce(name, 3, 100, 30)
    const again = await LiveClient.open(broker.http)
    again.say({ ...subscribe, sub: 9, from: position })
    await until(async () => again.records(9).length === 30)
    expect(
      again
        .records(9)
        .map(({ value }) => value)
        .sort(),
    ).toEqual(numbers(130).slice(100).sort())
    await again.close()
  })

  it('stores what is sent twice with one key once, and says so', async () => {
    const name = await topic(1)
    const one = await LiveClient.open(broker.http)
    const message = {
      type: 'produce',
      topic: name,
      records: [{ value: 'a' }],
      idempotencyKey: 'k-1',
    }
    one.say({ ...message, id: 1 })
    one.say({ ...message, id: 2 })
    one.say({ ...message, id: 3, records: [{ value: 'b' }] })
    one.say({ ...message, id: 4, idempotencyKey: 'not a key' })
    const ack = await one.hears(({ id }) => id === 2)
    expect(ack).toMatchObject({
      type: 'ack',
      replayed: true,
      offsets: [{ partition: 0, offset: 0 }],
    })
    expect(one.of('ack')[0]).toMatchObject({ id: 1, offsets: [{ partition: 0, offset: 0 }] })
    expect(await one.hears(({ id }) => id === 3)).toMatchObject({ problem: { status: 422 } })
    expect(await one.hears(({ id }) => id === 4)).toMatchObject({ problem: { status: 400 } })
    await one.close()
  })

  it('follows several topics, one key, and is told that a topic is gone', async () => {
    const [a, b] = [await topic(2), await topic(2)]
    const one = await LiveClient.open(broker.http)
    one.say({ type: 'subscribe', sub: 1, topics: [a, b], from: 'earliest', bytes: 100_000 })
    one.say({ type: 'subscribe', sub: 2, topics: [a], key: 'k', from: 'earliest', bytes: 100_000 })
    await until(async () => one.of('subscribed').length === 2)
    await post(`/topics/${a}/records`, {
      records: [
        { key: 'k', value: 'a1' },
        { key: 'j', value: 'a2' },
      ],
    })
    await post(`/topics/${b}/records`, { records: [{ key: 'k', value: 'b1' }] })
    await until(async () => one.records(1).length === 3 && one.records(2).length === 1)
    expect(one.records(2)).toMatchObject([{ key: 'k', value: 'a1' }])
    expect(one.of('records', 1).at(-1)?.position).toMatch(/^[\w-]{22}\/.+;[\w-]{22}\//)
    expect((await fetch(`${broker.http}/v1/topics/${a}`, { method: 'DELETE' })).ok).toBe(true)
    await one.hears(({ type, sub }) => type === 'reset' && sub === 2)
    expect(one.of('reset', 2)).toMatchObject([{ topic: a, reason: 'deleted', next: null }])
    await post(`/topics/${b}/records`, { value: 'b2' })
    await until(async () => one.records(1).some(({ value }) => value === 'b2'))
    await one.close()
  })

  it('goes on behind bad input, and beside what the platform itself refuses', async () => {
    const name = await topic(1)
    const one = await LiveClient.open(broker.http)
    const other = await LiveClient.open(broker.http)
    for (const text of [
      '{',
      '[]',
      'null',
      '{"type":"subscribe"}',
      '{"type":"grant","sub":1,"bytes":0}',
    ]) {
      one.socket.send(text)
    }
    one.socket.send(new Uint8Array([1, 2, 3]))
    one.say({ type: 'grant', sub: 1, bytes: 2 ** 53 })
    one.say({ type: 'subscribe', sub: 1, topics: ['nowhere'], bytes: 1 })
    one.say({ type: 'produce', id: 5, topic: 'nowhere', records: [{ value: 1 }] })
    one.say({ type: 'produce', id: 6, topic: name, records: [{ value: 1, partition: 7 }] })
    one.say({ type: 'produce', id: 7, topic: name, records: [{ valueBase64: '!' }] })
    one.say({ type: 'join', sub: 3, group: 'g', topics: ['nowhere'], bytes: 1 })
    one.socket.send(`{"x":"${'x'.repeat(5 * 1024 * 1024)}"}`)
    await until(async () => one.of('error').length === 13)
    expect(await one.hears(({ id }) => id === 5)).toMatchObject({
      problem: { code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404 },
    })
    expect(await one.hears(({ id }) => id === 6)).toMatchObject({ problem: { status: 404 } })
    expect(await one.hears(({ id }) => id === 7)).toMatchObject({ problem: { status: 400 } })
    expect(one.of('error').every(({ problem }) => problem!.status < 500)).toBe(true)
    one.say({ type: 'produce', id: 8, topic: name, records: [{ value: 'fine' }] })
    await one.hears(({ type }) => type === 'ack')
    // The platform itself ends what is larger than 32 MiB.
    other.socket.send('x'.repeat(33 * 1024 * 1024))
    one.say({ type: 'produce', id: 9, topic: name, records: [{ value: 'fine' }] })
    await one.hears(({ id, type }) => id === 9 && type === 'ack')
    other.socket.close()
    await one.close()
  })
})

describe('sockets that stand still', () => {
  it('cost little, whatever they have granted, and others get everything', async () => {
    const name = await topic(1)
    const value = 'x'.repeat(100_000)
    const batch = Array.from({ length: 20 }, () => ({ value }))
    for (let at = 0; at < 10; at++) await post(`/topics/${name}/records`, { records: batch })
    const subscribe = {
      type: 'subscribe',
      sub: 1,
      topics: [name],
      from: 'earliest',
      bytes: 2 ** 31,
    }
    const before = residentBytes(broker.workerdPid())
    const stalled = await Promise.all(
      Array.from({ length: STALLED }, () => stalledSocket(JSON.stringify(subscribe))),
    )
    const fast = await LiveClient.open(broker.http)
    fast.say(subscribe)
    await until(async () => fast.records(1).length === 200)
    // Sent without bound it would be 20 MB for each of them, 800 MB in all.
    expect(residentBytes(broker.workerdPid()) - before).toBeLessThan(200 * 1024 * 1024)
    for (const socket of stalled) socket.destroy()
    await fast.close()
  })
})

describe('members of a group', () => {
  it('share its partitions with a classic member, and together they process everything', async () => {
    const name = await topic(6)
    const first = await LiveMember.join(broker.http, name, name)
    await until(async () => first.owned.size === 6)
    await produce(name, 6, 0, 120)
    await until(async () => first.seen.length >= 120)
    const second = await LiveMember.join(broker.http, name, name)
    await until(async () => first.owned.size === 3 && second.owned.size === 3)
    const kafka = new Kafka({
      clientId: 'classic',
      brokers: [bootstrap(broker.kafka)],
      logLevel: logLevel.NOTHING,
    })
    const classic = kafka.consumer({
      groupId: name,
      sessionTimeout: 10_000,
      heartbeatInterval: 300,
    })
    const seen: string[] = []
    await classic.connect()
    await classic.subscribe({ topics: [name], fromBeginning: true })
    await classic.run({
      partitionsConsumedConcurrently: 1,
      eachMessage: async ({ message }) => void seen.push(String(message.value)),
    })
    await until(async () => first.owned.size === 2 && second.owned.size === 2)
    await until(async () => {
      const { members } = await group(name)
      return members.length === 3 && members.every(({ assigned }) => assigned.length === 1)
    })
    const { members } = await group(name)
    const about = members.map(({ clientId, clientHost, memberType }) => [
      memberType,
      clientId,
      clientHost,
    ])
    expect(about.toSorted()).toEqual([
      ['classic', 'classic', '/127.0.0.1'],
      ['consumer', 'ottla-live', '/127.0.0.1'],
      ['consumer', 'ottla-live', '/127.0.0.1'],
    ])
    await produce(name, 6, 120, 120)
    const all = () => [...first.seen, ...second.seen, ...seen]
    await until(async () => new Set(all()).size === 240)
    expect(seen.length).toBeGreaterThan(0)
    await classic.disconnect()
    await until(async () => first.owned.size === 3 && second.owned.size === 3)
    // Closing leaves: the other has all at once, not when a session has run out.
    const sinceMs = Date.now()
    await second.client.close()
    await until(async () => first.owned.size === 6)
    expect(Date.now() - sinceMs).toBeLessThan(20_000)
    await produce(name, 6, 240, 60)
    await until(async () => new Set(all()).size === 300)
    await until(async () => {
      const { offsets } = await group(name)
      return offsets.items.every(({ committed, end }) => committed === end)
    })
    expect([...first.client.of('error'), ...second.client.of('error')]).toEqual([])
    await first.client.close()
  })

  it('is put out when it leaves records unprocessed, and another has them', async () => {
    const name = await topic(1)
    const stuck = await LiveClient.open(broker.http)
    const asked = { group: name, topics: [name], from: 'earliest', bytes: 100_000 }
    stuck.say({ type: 'join', sub: 1, ...asked, maxPollIntervalMs: 1_000 })
    await stuck.hears(({ type }) => type === 'assigned')
    await produce(name, 1, 0, 5)
    const other = await LiveMember.join(broker.http, name, name)
    const lost = await stuck.hears(({ type }) => type === 'revoked')
    expect(lost).toMatchObject({ lost: true, reason: 'max.poll.interval.ms' })
    await until(async () => other.seen.length === 5)
    stuck.say({
      type: 'commit',
      id: 1,
      sub: 1,
      offsets: [{ topic: name, partition: 0, offset: 1 }],
    })
    expect(await stuck.hears(({ id }) => id === 1)).toMatchObject({
      type: 'error',
      problem: { code: 'UNKNOWN_MEMBER_ID', status: 409 },
    })
    await other.client.close()
    stuck.say({ type: 'revoked', sub: 1 })
    await until(async () => stuck.of('assigned').length === 2)
    await stuck.close()
  })

  it('says nothing for longer than a session lasts, and is a member still', async () => {
    const settings = ['group.consumer.min.session.timeout.ms', 'group.consumer.session.timeout.ms']
    const interval = [
      'group.consumer.min.heartbeat.interval.ms',
      'group.consumer.heartbeat.interval.ms',
    ]
    const quick = await startBroker({
      args: [
        ...settings.flatMap((name) => ['--set', `${name}=3000`]),
        ...interval.flatMap((name) => ['--set', `${name}=500`]),
      ],
    })
    try {
      const init = { method: 'POST', headers: JSON_TYPE }
      const body = JSON.stringify({ name: 't', partitions: 1 })
      await fetch(`${quick.http}/v1/topics`, { ...init, body })
      const member = await LiveMember.join(quick.http, 'g', 't')
      await until(async () => member.owned.size === 1)
      await new Promise((resolve) => setTimeout(resolve, 8_000))
      const record = JSON.stringify({ value: 'a' })
      await fetch(`${quick.http}/v1/topics/t/records`, { ...init, body: record })
      await until(async () => member.seen.length === 1)
      expect(member.client.of('joined')).toHaveLength(1)
      expect(member.client.of('revoked')).toEqual([])
      await member.client.close()
    } finally {
      await quick.stop()
    }
  })

  it('shares a group with Java members, classic and new', async (context) => {
    const name = await topic(6)
    const live = await LiveMember.join(broker.http, name, name)
    const asked = { bootstrap: bootstrap(broker.kafka), topic: name, group: name }
    const java = (['consumer', 'classic'] as const).map((protocol) =>
      startJavaConsumer(context, asked, [`group.protocol=${protocol}`]),
    )
    const seen = () => java.flatMap((one) => one.seen)
    try {
      const areShared = async () => {
        const { members } = await group(name)
        return members.length === 3 && members.every(({ assigned }) => assigned.length === 1)
      }
      // A JVM takes its time on a busy machine.
      for (let wait = 0; wait < 4 && !(await areShared()); wait++) {
        await until(areShared).catch(() => {})
      }
      await until(async () => live.owned.size === 2)
      await produce(name, 6, 0, 120)
      await until(async () => new Set([...live.seen, ...seen()]).size === 120)
      expect(live.seen.length).toBe(40)
      expect(seen().length).toBe(80)
      expect(live.client.of('error')).toEqual([])
    } finally {
      await Promise.all(java.map((one) => one.stop()))
    }
    await until(async () => live.owned.size === 6)
    await live.client.close()
  })
})
