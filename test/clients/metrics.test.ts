// The figures of a broker as it is started: that they are right within seconds, survive a restart, and that whoever
// looks at them wakes nobody. An object that is awake has its file open, so the process's open files tell.

import { spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { databases } from '../faults/load/data-folder.ts'
import { type Broker, startBroker } from './broker.ts'
import { Wire } from './wire.ts'

const RECORDS = 30
const WITHIN_MS = 20_000

let broker: Broker
/** When the last thing happened that the figures have. */
let changedAtMs = 0

beforeAll(async () => {
  broker = await startBroker()
})

afterAll(async () => {
  await broker.stop()
})

// biome-ignore lint/suspicious/noExplicitAny: JSON is looked into.
async function get(path: string): Promise<any> {
  const response = await fetch(`${broker.http}${path}`)
  expect(response.status).toBe(200)
  return response.json()
}

async function post(path: string, body: unknown): Promise<void> {
  const response = await fetch(`${broker.http}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.ok, await response.text()).toBe(true)
}

async function metrics(): Promise<string> {
  const response = await fetch(`${broker.http}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain')
  return response.text()
}

/** What a scrape has, asked for until it has that. */
async function scraped(line: string): Promise<string> {
  const deadline = Date.now() + WITHIN_MS
  for (;;) {
    const text = await metrics()
    if (text.split('\n').includes(line)) return text
    if (Date.now() > deadline) throw new Error(`no ${line} in:\n${text}`)
    await sleep(200)
  }
}

/** When the figures were last written, which is a moment after they were told. */
function savedAtMs(): number {
  const [path] = databases(broker.dataDir, 'Statistics')
  return statSync(`${path}-wal`).mtimeMs
}

/** Classes of the objects whose files are open. */
function awake(): Set<string> {
  const fds = `/proc/${broker.workerdPid()}/fd`
  const classes = readdirSync(fds).flatMap((fd) => {
    try {
      return /\/ottla-(\w+)\/[0-9a-f]{64}\.sqlite/.exec(readlinkSync(`${fds}/${fd}`))?.[1] ?? []
    } catch {
      return []
    }
  })
  return new Set(classes)
}

describe.runIf(process.platform === 'linux')('the figures of a broker', () => {
  it('follow what is written, committed and asked within seconds', async () => {
    await post('/v1/topics', { name: 'orders', partitions: 3 })
    const records = Array.from({ length: RECORDS }, (_, at) => ({ partition: at % 3, value: at }))
    await post('/v1/topics/orders/records', { records })
    await post('/v1/groups/billing/reset', { to: { offset: 4 }, topic: 'orders' })
    const wire = await Wire.open(broker.kafka)
    const all = { topics: null, allowAutoTopicCreation: false }
    await wire.call(Metadata, 9, {
      ...all,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    await scraped('kafka_consumergroup_lag_sum{consumergroup="billing",topic="orders"} 18')
    const text = await scraped('ottla_topic_records{topic="orders"} 30')
    expect(text).toContain('kafka_topic_partitions{topic="orders"} 3\n')
    expect(text).toContain('ottla_requests_total{api="Metadata"} 1\n')
    expect(text).toContain('ottla_connections{kind="tcp"} 1\n')
    changedAtMs = Date.now()
    wire.close()
    await scraped('ottla_connections{kind="tcp"} 0')
    const overview = await get('/v1/overview')
    expect(overview).toMatchObject({
      topics: 1,
      records: RECORDS,
      deadGroups: 1,
      worstGroups: [{ groupId: 'billing', lag: 18 }],
      health: { status: 'attention' },
    })
    expect(overview.ageSeconds).toBeLessThan(60)
  })

  it('have the connections of streams and sockets, and what went through them', async () => {
    const stream = await fetch(`${broker.http}/v1/topics/orders/events?from=earliest`)
    const reader = stream.body!.getReader()
    let bytes = 0
    for (let text = ''; !text.includes('"value":"29"'); ) {
      const { value } = await reader.read()
      bytes += value!.length
      text += new TextDecoder().decode(value)
    }
    const socket = new WebSocket(`${broker.http.replace('http', 'ws')}/v1/live`)
    const answer = new Promise<string>((done) => {
      socket.addEventListener('message', ({ data }) => {
        if (data.includes('hello')) socket.send('{"type":"nonsense"}')
        else done(data)
      })
    })
    expect(await answer).toContain('"type":"error"')
    await scraped('ottla_connections{kind="events"} 1')
    await scraped('ottla_connections{kind="live"} 1')
    const text = await scraped('ottla_received_bytes_total{kind="live"} 19')
    const value = (name: string) => Number(text.split(`\n${name} `)[1]?.split('\n')[0])
    expect(value('ottla_sent_bytes_total{kind="events"}')).toBe(bytes)
    expect(value('ottla_sent_bytes_total{kind="live"}')).toBeGreaterThan((await answer).length)
    expect(value('ottla_sent_bytes_total{kind="tcp"}')).toBeGreaterThan(0)
    expect(value('ottla_received_bytes_total{kind="tcp"}')).toBeGreaterThan(0)
    await reader.cancel()
    socket.close()
    await scraped('ottla_connections{kind="events"} 0')
    await scraped('ottla_connections{kind="live"} 0')
  })

  it('are text that promtool has nothing to say of', async (test) => {
    const input = await metrics()
    const checked = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
    if (checked.error !== undefined && process.env.OTTLA_REQUIRE_TOOLS === undefined) {
      return test.skip('promtool is not there (Debian: apt-get install prometheus)')
    }
    expect(checked.stdout + checked.stderr).toBe('')
    expect(checked.status).toBe(0)
  })

  it('are there after a restart, and whoever looks at them wakes no topic and no group', async () => {
    const before = await get('/v1/overview')
    await expect.poll(savedAtMs, { timeout: WITHIN_MS }).toBeGreaterThan(changedAtMs)
    broker = await broker.restart()
    for (let again = 0; again < 3; again++) {
      expect(await metrics()).toContain('ottla_topic_records{topic="orders"} 30\n')
      expect(await get('/v1/overview')).toMatchObject({
        clusterId: before.clusterId,
        records: RECORDS,
        sizeBytes: before.sizeBytes,
        worstGroups: [{ groupId: 'billing', lag: 18 }],
      })
      expect((await get('/v1/topics')).items).toMatchObject([
        { name: 'orders', records: RECORDS, worstGroup: { groupId: 'billing', lag: 18 } },
      ])
      expect((await get('/v1/groups?sort=lag')).items).toMatchObject([
        { groupId: 'billing', lag: 18 },
      ])
      expect((await get('/v1/topics/orders/groups')).items).toMatchObject([{ lag: 18 }])
    }
    expect([...awake()].sort()).toEqual(['Cluster', 'Statistics'])
    // That is what they look like when they are awake.
    await get('/v1/topics/orders/partitions/0/records?offset=0')
    await get('/v1/groups/billing')
    expect([...awake()]).toEqual(expect.arrayContaining(['Group', 'Partition']))
  })

  it('count on after a restart: no counter of Prometheus begins anew', async () => {
    const text = await metrics()
    expect(Number(/^ottla_requests_total\{api="Metadata"\} (\d+)$/m.exec(text)?.[1])).toBe(1)
    const topics =
      /^ottla_http_requests_total\{method="POST",route="\/v1\/topics",status="201"\} (\d+)$/m
    expect(topics.exec(text)?.[1]).toBe('1')
  })

  it('have the lag of a group now and before', async () => {
    const { items, next } = await get('/v1/groups/billing/lag?topic=orders&minutes=5')
    expect(next).toBeNull()
    expect(items.length).toBe(3)
    for (const { points } of items) {
      expect(points.length).toBe(7)
      expect(points[0]).toMatchObject({ committed: null, end: 0, lag: null })
      expect(points.at(-1)).toMatchObject({ committed: 4, end: 10, lag: 6 })
    }
    const unknown = await fetch(`${broker.http}/v1/groups/nobody/lag`)
    expect(unknown.status).toBe(404)
    await unknown.body?.cancel()
  })

  it('forget a topic and a group that are deleted', async () => {
    await fetch(`${broker.http}/v1/groups/billing`, { method: 'DELETE' })
    await fetch(`${broker.http}/v1/topics/orders`, { method: 'DELETE' })
    await scraped('ottla_storage_bytes 0')
    const deadline = Date.now() + WITHIN_MS
    let text = await metrics()
    while (/"orders"|billing/.test(text) && Date.now() < deadline) {
      await sleep(200)
      text = await metrics()
    }
    expect(text).not.toContain('"orders"')
    expect(text).not.toContain('billing')
  })
})
