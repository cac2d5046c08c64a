// The HTTP face of a broker as it is started: the whole way from a request to the disk and back, over a
// restart and a kill. What a status or a field is, in every case, is test/http.

import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionForKey } from '../../src/core/murmur2.ts'
import { type Broker, startBroker } from './broker.ts'
import { packageStanzas, type Stanza } from './packages.ts'
import { needs, run } from './tools.ts'

const NDJSON = { 'content-type': 'application/x-ndjson' }
const JSON_TYPE = { 'content-type': 'application/json' }

interface ShownRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
}

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
})

afterAll(async () => {
  await broker.stop()
})

async function post(path: string, body: BodyInit, headers: Record<string, string> = JSON_TYPE) {
  const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit
  const response = await fetch(`${broker.http}${path}`, init)
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any JSON.
  const answer: any = await response.json()
  return { status: response.status, body: answer }
}

async function createTopic(name: string, partitions: number, configs = {}): Promise<void> {
  const { status, body } = await post('/v1/topics', JSON.stringify({ name, partitions, configs }))
  expect(body).toMatchObject({ name, partitions })
  expect(status).toBe(201)
}

async function readPartition(topic: string, partition: number): Promise<ShownRecord[]> {
  const records: ShownRecord[] = []
  let next = 0
  for (;;) {
    const query = `offset=${next}&limit=1000&maxBytes=8388608`
    const url = `${broker.http}/v1/topics/${topic}/partitions/${partition}/records?${query}`
    const page = (await (await fetch(url)).json()) as {
      records: ShownRecord[]
      nextOffset: number
      highWatermark: number
    }
    records.push(...page.records)
    if (page.nextOffset === page.highWatermark) return records
    expect(page.nextOffset).toBeGreaterThan(next)
    next = page.nextOffset
  }
}

/** What each partition must hold, in order. */
function byPartition(stanzas: readonly Stanza[], partitions: number): Stanza[][] {
  const lanes: Stanza[][] = Array.from({ length: partitions }, () => [])
  const encoder = new TextEncoder()
  for (const stanza of stanzas)
    lanes[partitionForKey(encoder.encode(stanza.key), partitions)]!.push(stanza)
  return lanes
}

const ndjson = (stanzas: readonly Stanza[]) =>
  stanzas.map((one) => `${JSON.stringify(one)}\n`).join('')

async function expectStored(topic: string, lanes: readonly Stanza[][]): Promise<void> {
  for (const [partition, expected] of lanes.entries()) {
    const records = await readPartition(topic, partition)
    expect(records.length).toBe(expected.length)
    expect(records.every(({ offset }, at) => offset === at)).toBe(true)
    expect(records.map(({ key, value }) => ({ key, value }))).toEqual(expected)
  }
}

describe('real records over HTTP', () => {
  it.each([1, 8])(
    "Debian's package stanzas through curl into %i partitions are read back identical and in order, after a restart and after kill -9",
    async (partitions, context) => {
      needs(context as never, 'curl')
      const stanzas = await packageStanzas(context as never)
      const lanes = byPartition(stanzas, partitions)
      const topic = `packages-${partitions}`
      await createTopic(topic, partitions)
      const args = [
        '-sS',
        '--fail-with-body',
        '-H',
        'content-type: application/x-ndjson',
        '-T',
        '-',
        '-X',
        'POST',
      ]
      const answer = await run(
        'curl',
        [...args, `${broker.http}/v1/topics/${topic}/records`],
        ndjson(stanzas),
      )
      const summary = JSON.parse(answer.toString())
      expect(summary.count).toBe(stanzas.length)
      for (const [partition, lane] of lanes.entries()) {
        if (lane.length === 0) continue
        expect(summary.partitions[partition]).toEqual({ first: 0, last: lane.length - 1 })
      }
      await expectStored(topic, lanes)
      broker = await broker.restart()
      await expectStored(topic, lanes)
      await broker.kill()
      broker = await broker.restart()
      await expectStored(topic, lanes)
    },
    300_000,
  )
})

describe('HTTP and the disk', () => {
  it('every acknowledged record is there after kill -9 in mid-stream', async () => {
    await createTopic('killed', 2)
    const acknowledged: { partition: number; offset: number; value: string }[] = []
    let stop = false
    const writers = [0, 1].map(async (partition) => {
      for (let at = 0; !stop; at++) {
        const value = `${partition}-${at}`
        const answer = await post(
          '/v1/topics/killed/records',
          JSON.stringify({ value, partition }),
        ).catch(() => null)
        if (answer?.status === 200) acknowledged.push({ value, ...answer.body.offsets[0] })
        else return
      }
    })
    await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(60)
    await broker.kill()
    stop = true
    await Promise.all(writers)
    broker = await broker.restart()
    expect(acknowledged.length).toBeGreaterThan(20)
    const stored = [await readPartition('killed', 0), await readPartition('killed', 1)]
    for (const { partition, offset, value } of acknowledged) {
      expect(stored[partition]![offset]).toMatchObject({ offset, value })
    }
  })

  it('what a record may hold comes back as it was', async () => {
    await createTopic('forms', 1)
    const record = {
      key: 'ключ',
      value: { a: [1, 'ż'] },
      headers: [
        { key: 'h', value: '1' },
        { key: 'h', valueBase64: '/w==' },
        { key: 'n', value: null },
      ],
      timestamp: 1_700_000_000_000,
    }
    const { body } = await post('/v1/topics/forms/records', JSON.stringify(record))
    expect(body).toEqual({ offsets: [{ partition: 0, offset: 0, timestamp: record.timestamp }] })
    await post('/v1/topics/forms/records', new Uint8Array([0xff, 0x00]), {})
    await post('/v1/topics/forms/records', '{"key":"ключ"}')
    const [first, second, third] = await readPartition('forms', 0)
    expect(first).toEqual({ ...record, value: '{"a":[1,"ż"]}', partition: 0, offset: 0 })
    expect(second).toMatchObject({ key: null, valueBase64: '/wA=' })
    expect(third).toMatchObject({ key: 'ключ', value: null })
  })

  it('a topic that is deleted is gone, and one recreated under the name starts at 0', async () => {
    await createTopic('again', 1)
    await post('/v1/topics/again/records', '{"value":"old"}')
    const url = `${broker.http}/v1/topics/again`
    const before = (await (await fetch(url)).json()) as { id: string }
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
    expect((await post('/v1/topics/again/records', '{"value":"lost"}')).status).toBe(404)
    await createTopic('again', 1)
    const after = (await (await fetch(url)).json()) as { id: string }
    expect(after.id).not.toBe(before.id)
    expect((await post('/v1/topics/again/records', '{"value":"new"}')).body.offsets[0].offset).toBe(
      0,
    )
    expect((await readPartition('again', 0)).map(({ value }) => value)).toEqual(['new'])
  })

  it('configurations and partitions are changed and shown', async () => {
    await createTopic('changed', 1, { 'retention.ms': 1000 })
    const response = await fetch(`${broker.http}/v1/topics/changed`, {
      method: 'PATCH',
      headers: JSON_TYPE,
      body: JSON.stringify({
        partitions: 3,
        configs: { 'retention.ms': null, 'max.message.bytes': 2000 },
      }),
    })
    expect(await response.json()).toMatchObject({
      partitions: 3,
      configs: { 'max.message.bytes': '2000' },
      effectiveConfigs: { 'retention.ms': '604800000', 'cleanup.policy': 'delete' },
    })
    const random = Buffer.from(Array.from({ length: 6000 }, () => Math.floor(Math.random() * 256)))
    const large = await post('/v1/topics/changed/records?partition=2', random, {})
    expect(large).toMatchObject({ status: 413, body: { code: 'MESSAGE_TOO_LARGE' } })
    const wrong = await fetch(`${broker.http}/v1/topics/changed`, {
      method: 'PATCH',
      headers: JSON_TYPE,
      body: '{"configs":{"retention.ms":"soon"}}',
    })
    expect(await wrong.json()).toMatchObject({
      code: 'INVALID_CONFIG',
      status: 400,
      field: 'configs',
    })
  })
})

describe('a stream over HTTP', () => {
  it('is stored while it is still being sent', async () => {
    await createTopic('slow', 1)
    let release = () => {}
    const paused = new Promise<void>((resolve) => {
      release = resolve
    })
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(encoder.encode('{"value":"first"}\n{"value":"sec'))
        await paused
        controller.enqueue(encoder.encode('ond"}\n'))
        controller.close()
      },
    })
    const answer = post('/v1/topics/slow/records', body, NDJSON)
    await expect
      .poll(async () => (await readPartition('slow', 0)).length, { timeout: 15_000 })
      .toBe(1)
    release()
    expect((await answer).body).toEqual({ count: 2, partitions: { 0: { first: 0, last: 1 } } })
  })

  it('that breaks off keeps its whole lines, and the broker goes on', async () => {
    await createTopic('broken', 1)
    const uploads = Array.from({ length: 10 }, async () => {
      const upload = httpRequest(`${broker.http}/v1/topics/broken/records`, {
        method: 'POST',
        headers: NDJSON,
      })
      upload.on('error', () => {})
      upload.write('{"value":"whole"}\n{"value":"half')
      await new Promise((resolve) => setTimeout(resolve, 300))
      upload.destroy()
    })
    await Promise.all(uploads)
    const { body } = await post('/v1/topics/broken/records', '{"value":"after"}\n', NDJSON)
    expect(body.count).toBe(1)
    const values = (await readPartition('broken', 0)).map(({ value }) => value)
    expect(new Set(values)).toEqual(new Set(['whole', 'after']))
  })

  it('that fails says at which line and what is durable before it', async () => {
    await createTopic('failing', 1)
    const { status, body } = await post(
      '/v1/topics/failing/records',
      '{"value":1}\n{"value":2}\n{oops\n{"value":4}\n',
      NDJSON,
    )
    expect(status).toBe(400)
    expect(body).toMatchObject({
      code: 'INVALID_REQUEST',
      line: 3,
      durable: { count: 2, partitions: { 0: { first: 0, last: 1 } } },
    })
    expect(await readPartition('failing', 0)).toHaveLength(2)
  })

  it('of events follows a topic and resumes exactly after a restart', async () => {
    await createTopic('followed', 3)
    const produce = async (from: number, to: number) => {
      const records = Array.from({ length: to - from }, (_, at) => ({
        value: `${from + at}`,
        partition: (from + at) % 3,
      }))
      await post('/v1/topics/followed/records', JSON.stringify({ records }))
    }
    await produce(0, 30)
    const first = await follow('followed', { query: 'from=earliest' }, 17)
    broker = await broker.restart()
    const rest = follow('followed', { lastId: first.at(-1)!.id }, 23)
    await produce(30, 40)
    const values = [...first, ...(await rest)].map(({ data }) => Number(data.value))
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => at))
  })
})

describe('the door', () => {
  const status = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const asked = httpRequest(`${broker.http}/v1/topics`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      asked.on('error', reject)
      asked.end()
    })

  it('is closed to a foreign Host and a foreign Origin', async () => {
    const { host } = new URL(broker.http)
    expect(await status({ host })).toBe(200)
    expect(await status({ host: 'rebound.example' })).toBe(421)
    expect(await status({ host, origin: 'https://elsewhere.example' })).toBe(403)
    expect(await status({ host, origin: 'http://localhost:3000' })).toBe(200)
  })

  it('takes no head of a megabyte, and goes on', async () => {
    const { host } = new URL(broker.http)
    // The runtime answers, or hangs up.
    const answered = await status({ host, 'x-large': 'x'.repeat(2 ** 20) }).catch(() => 431)
    expect(answered).toBeGreaterThanOrEqual(400)
    expect(answered).toBeLessThan(500)
    expect(await status({ host })).toBe(200)
  })
})

interface Followed {
  readonly id: string
  readonly data: ShownRecord
}

/** Reads a stream of events until it has seen `count`, then goes away. */
async function follow(
  topic: string,
  from: { readonly query?: string; readonly lastId?: string },
  count: number,
): Promise<Followed[]> {
  const response = await fetch(`${broker.http}/v1/topics/${topic}/events?${from.query ?? ''}`, {
    headers: from.lastId === undefined ? {} : { 'last-event-id': from.lastId },
  })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const events: Followed[] = []
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const id = /^id: (.*)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (id !== undefined && data !== undefined) events.push({ id, data: JSON.parse(data) })
      if (events.length === count) return events
    }
  }
  throw new Error(`the stream ended after ${events.length} events`)
}
