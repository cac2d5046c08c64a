import { describe, expect, it } from 'vitest'
import type { Environment } from '../../src/core/env.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { HTTP_BODY_BYTES } from '../../src/core/limits.ts'
import { partitionForKey } from '../../src/core/murmur2.ts'
import { httpApp } from '../../src/http/app.ts'
import { buildBatch } from '../../src/record/build.ts'
import { readBatchHeader } from '../../src/record/header.ts'
import { LOCAL, type MemoryBroker, memoryBroker, topicState } from './fakes.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any JSON.
  readonly body: any
}

function served(
  broker: MemoryBroker = memoryBroker([topicState('t', 4)]),
  environment: Environment = LOCAL,
) {
  const app = httpApp({ environment, context: () => broker.context, random: () => 0.5 })
  return async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const init: RequestInit = { method, headers: { host: 'localhost', ...headers } }
    if (body !== undefined) {
      const isText = typeof body === 'string' || body instanceof Uint8Array
      init.body = isText ? (body as BodyInit) : JSON.stringify(body)
      if (!isText)
        init.headers = { ...init.headers, 'content-type': 'application/json', ...headers }
    }
    const response = await app.fetch(new Request(`http://localhost${path}`, init))
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
    }
  }
}

const RECORDS = '/v1/topics/t/records'
const NDJSON = { 'content-type': 'application/x-ndjson' }

describe('producing over HTTP', () => {
  it('answers with the same headers whether a page of another origin asks or not, each once', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    const produce = served(broker)
    const plain = await produce('POST', RECORDS, { value: 'a' })
    const origin = 'http://localhost:5173'
    const crossed = await produce('POST', RECORDS, { value: 'a' }, { origin })
    expect(crossed.headers.get('access-control-allow-origin')).toBe(origin)
    const others = [...crossed.headers].filter(([name]) => !name.startsWith('access-control-'))
    expect([...plain.headers]).toEqual(others)
    expect(plain.headers.get('vary')).toBe('Origin')
    expect(plain.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('answers where each record went, in the order of the records', async () => {
    const broker = memoryBroker([topicState('t', 4)])
    const { status, body } = await served(broker)('POST', RECORDS, {
      records: [
        { partition: 3, value: 'a', timestamp: 50 },
        { partition: 1, value: 'b', timestamp: 60 },
        { partition: 3, value: 'c', timestamp: 70 },
      ],
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      offsets: [
        { partition: 3, offset: 0, timestamp: 50 },
        { partition: 1, offset: 0, timestamp: 60 },
        { partition: 3, offset: 1, timestamp: 70 },
      ],
    })
    expect(broker.log('t', 3).values()).toEqual(['a', 'c'])
  })

  it('compresses with LZ4, or as the topic says', async () => {
    const broker = memoryBroker([
      topicState('t', 1),
      topicState('z', 1, { compressionType: 'zstd' }),
    ])
    const ask = served(broker)
    await ask('POST', RECORDS, { value: 'x' })
    await ask('POST', '/v1/topics/z/records', { value: 'x' })
    expect(readBatchHeader(broker.log('t').batches[0]!).codec).toBe(3)
    expect(readBatchHeader(broker.log('z').batches[0]!).codec).toBe(4)
  })

  it('sends a keyed record where a Java client sends it, however it came', async () => {
    const broker = memoryBroker([topicState('t', 8)])
    const ask = served(broker)
    const partition = partitionForKey(new TextEncoder().encode('libc6'), 8)
    expect((await ask('POST', RECORDS, { key: 'libc6', value: 1 })).body.offsets[0].partition).toBe(
      partition,
    )
    expect((await ask('POST', `${RECORDS}?key=libc6`, 'raw')).body.offsets[0].partition).toBe(
      partition,
    )
    const lines = await ask('POST', RECORDS, '{"key":"libc6","value":2}', NDJSON)
    expect(lines.body).toEqual({ count: 1, partitions: { [partition]: { first: 2, last: 2 } } })
  })

  it('keeps records without a key of one request together', async () => {
    const records = Array.from({ length: 5 }, (_, value) => ({ value }))
    const { body } = await served()('POST', RECORDS, { records })
    expect(new Set(body.offsets.map((one: { partition: number }) => one.partition))).toEqual(
      new Set([2]),
    )
  })

  it('gives the time the broker stamped where the topic says so', async () => {
    const broker = memoryBroker([topicState('t', 1, { messageTimestampType: 'LogAppendTime' })])
    const before = Date.now()
    const { body } = await served(broker)('POST', RECORDS, { value: 'x', timestamp: 5 })
    expect(body.offsets[0].timestamp).toBeGreaterThanOrEqual(before)
  })

  it.each([
    ['text/plain', 'hello'],
    ['application/octet-stream', new Uint8Array([0, 255])],
    ['application/x-www-form-urlencoded', 'a=b'],
    ['', ''],
  ])('takes a body of type "%s" as the value', async (type, body) => {
    const broker = memoryBroker([topicState('t', 1)])
    const answer = await served(broker)(
      'POST',
      `${RECORDS}?partition=0&timestamp=9`,
      body,
      type === '' ? {} : { 'content-type': type },
    )
    expect(answer.body).toEqual({ offsets: [{ partition: 0, offset: 0, timestamp: 9 }] })
    const read = await served(broker)('GET', '/v1/topics/t/partitions/0/records')
    const { value, valueBase64 } = read.body.records[0]
    const stored = value === undefined ? Buffer.from(valueBase64, 'base64') : Buffer.from(value)
    expect(stored).toEqual(Buffer.from(body))
  })

  it.each([
    'application/vnd.kafka.json.v2+json',
    'text/json',
    'application/ndjson',
    'application/jsonl',
    'application/json; charset=latin1',
  ])('refuses %s with 415: it would store the envelope', async (type) => {
    const answer = await served()('POST', RECORDS, '{"value":1}', { 'content-type': type })
    expect(answer.status).toBe(415)
    expect(answer.body).toMatchObject({ code: 'INVALID_REQUEST', field: 'content-type' })
  })

  it.each([['application/json; charset=utf-8'], ['Application/JSON;charset="UTF-8"']])(
    'takes %s as JSON',
    async (type) => {
      const answer = await served()('POST', RECORDS, '{"value":1}', { 'content-type': type })
      expect(answer.body.offsets).toHaveLength(1)
    },
  )

  it('stores nothing of a list in which one record is wrong', async () => {
    const broker = memoryBroker([topicState('t', 4)])
    const ask = served(broker)
    const wrong = await ask('POST', RECORDS, {
      records: [{ value: 1, partition: 0 }, { partition: 4 }],
    })
    expect(wrong.status).toBe(404)
    expect(wrong.body).toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      field: 'records[1].partition',
    })
    expect(broker.log('t', 0).batches).toEqual([])
  })

  it('splits a list that is too large for one batch and keeps its order', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    const records = Array.from({ length: 300 }, (_, at) => ({ value: `${at} ${'x'.repeat(5000)}` }))
    const { body } = await served(broker)('POST', RECORDS, { records })
    expect(body.offsets.map(({ offset }: { offset: number }) => offset)).toEqual(
      records.map((_, at) => at),
    )
    expect(broker.log('t').batches.length).toBeGreaterThan(1)
    expect(
      broker
        .log('t')
        .values()
        .map((value) => Number.parseInt(value, 10)),
    ).toEqual(records.map((_, at) => at))
  })

  it('says what is durable when a later batch is refused', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    broker.log('t').refusals = [0, KafkaError.KAFKA_STORAGE_ERROR]
    const records = Array.from({ length: 300 }, () => ({ value: 'x'.repeat(5000) }))
    const { status, body, headers } = await served(broker)('POST', RECORDS, { records })
    expect(status).toBe(503)
    expect(headers.get('retry-after')).toBe('1')
    expect(body).toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    expect(body.durable).toEqual({
      count: body.record,
      partitions: { 0: { first: 0, last: body.record - 1 } },
    })
  })

  it('finds the topic that took the name of the one it knew', async () => {
    const broker = memoryBroker([topicState('t', 4)])
    const ask = served(broker)
    await ask('POST', RECORDS, { value: 'old', partition: 0 })
    broker.replace('t', { ...topicState('t', 1), id: 'another-id-of-22-chars' as never })
    const answer = await ask('POST', RECORDS, { value: 'new', partition: 0 })
    expect(answer.body.offsets).toMatchObject([{ partition: 0, offset: 0 }])
    expect(broker.log('t').values()).toEqual(['new'])
    expect((await ask('POST', RECORDS, { value: 'gone', partition: 3 })).status).toBe(404)
  })

  it('finds partitions that were added since it looked', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    const ask = served(broker)
    await ask('POST', RECORDS, { value: 'x' })
    broker.replace('t', topicState('t', 6))
    expect((await ask('POST', RECORDS, { value: 'x', partition: 5 })).status).toBe(200)
  })

  it.each([
    ['an announced body over the limit', { 'content-length': String(HTTP_BODY_BYTES + 1) }],
    ['a body that turns out to be', {}],
  ])('refuses %s with 413', async (_, headers) => {
    const body = new Uint8Array(HTTP_BODY_BYTES + 1).fill(0x20)
    const broker = memoryBroker([topicState('t', 1)])
    const answer = await served(broker)('POST', RECORDS, body, {
      'content-type': 'application/json',
      ...headers,
    })
    expect(answer.status).toBe(413)
    expect(answer.body.code).toBe('MESSAGE_TOO_LARGE')
    expect(broker.context.budget.largeFrames.used + broker.context.budget.smallFrames.used).toBe(0)
  })

  it.each([
    ['/v1/topics/nope/records', 'UNKNOWN_TOPIC_OR_PARTITION', 404, 'topic', {}],
    [`${RECORDS}?colour=red`, 'INVALID_REQUEST', 400, 'colour', { 'content-type': 'text/plain' }],
    [
      `${RECORDS}?partition=x`,
      'INVALID_REQUEST',
      400,
      'partition',
      { 'content-type': 'text/plain' },
    ],
    [`${RECORDS}?key=a&key=b`, 'INVALID_REQUEST', 400, 'key', { 'content-type': 'text/plain' }],
    [`${RECORDS}?key=a`, 'INVALID_REQUEST', 400, 'key', { 'content-type': 'application/json' }],
  ])('of %s answers %s', async (path, code, status, field, headers) => {
    const answer = await served()('POST', path, '{"value":1}', headers as Record<string, string>)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ code, status, field })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('reading over HTTP', () => {
  const PATH = '/v1/topics/t/partitions/0/records'
  const filled = () => {
    const broker = memoryBroker([topicState('t', 2)])
    for (const start of [0, 4, 8]) {
      const records = [0, 1, 2, 3].map((at) => ({
        timestamp: 1_000_000 + (start + at) * 1000,
        key: null,
        value: new TextEncoder().encode(`v${start + at}`),
      }))
      broker.log('t').store(buildBatch({ records }))
    }
    return broker
  }
  const offsets = ({ body }: Answer) => body.records.map(({ offset }: { offset: number }) => offset)

  it('starts at the log start and says where reading goes on', async () => {
    const answer = await served(filled())('GET', PATH)
    expect(offsets(answer)).toEqual(Array.from({ length: 12 }, (_, at) => at))
    expect(answer.body).toMatchObject({
      nextOffset: 12,
      highWatermark: 12,
      lastStableOffset: 12,
      earliest: 0,
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('pages through every record once, whatever the limit', async () => {
    const ask = served(filled())
    for (const limit of [1, 2, 3, 5, 11, 12, 1000]) {
      const seen: number[] = []
      let next = 0
      while (next < 12) {
        const answer = await ask('GET', `${PATH}?offset=${next}&limit=${limit}`)
        expect(answer.body.records.length).toBeLessThanOrEqual(limit)
        seen.push(...offsets(answer))
        expect(answer.body.nextOffset).toBeGreaterThan(next)
        next = answer.body.nextOffset
      }
      expect(seen).toEqual(Array.from({ length: 12 }, (_, at) => at))
    }
  })

  it('keeps within maxBytes but always gives one record', async () => {
    const ask = served(filled())
    expect(offsets(await ask('GET', `${PATH}?maxBytes=1`))).toEqual([0])
    expect(offsets(await ask('GET', `${PATH}?maxBytes=250`)).length).toBeLessThan(4)
  })

  it.each([
    ['timestamp=1003000', [3]],
    ['timestamp=1003001', [4]],
    [`timestamp=${encodeURIComponent('1970-01-01T00:16:43Z')}`, [3]],
    ['timestamp=1970-01-01T01:16:43+01:00', [3]],
    ['timestamp=99999999999', []],
    ['offset=latest', []],
    ['offset=earliest', [0]],
    ['offset=11', [11]],
    ['offset=12', []],
  ])('from %s', async (query, expected) => {
    const answer = await served(filled())('GET', `${PATH}?${query}&limit=1`)
    expect(answer.status).toBe(200)
    expect(offsets(answer)).toEqual(expected)
    if (expected.length === 0) expect(answer.body.nextOffset).toBe(12)
  })

  it('waits for a first record and no longer', async () => {
    const broker = filled()
    const ask = served(broker)
    const started = Date.now()
    expect(offsets(await ask('GET', `${PATH}?offset=12&waitMs=60`))).toEqual([])
    expect(Date.now() - started).toBeGreaterThanOrEqual(55)
    setTimeout(
      () =>
        broker.log('t').store(buildBatch({ records: [{ timestamp: 0, key: null, value: null }] })),
      30,
    )
    expect(offsets(await ask('GET', `${PATH}?offset=12&waitMs=20000`))).toEqual([12])
  })

  it('outside the log is 416 with where it begins and ends', async () => {
    const broker = filled()
    broker.log('t').startOffset = 4
    broker.log('t').batches.shift()
    for (const offset of [0, 3, 13]) {
      const answer = await served(broker)('GET', `${PATH}?offset=${offset}`)
      expect(answer.status).toBe(416)
      expect(answer.body).toMatchObject({
        code: 'OFFSET_OUT_OF_RANGE',
        field: 'offset',
        earliest: 4,
        end: 12,
      })
    }
  })

  it('shows a malformed batch and the records around it', async () => {
    const broker = filled()
    broker.log('t').batches[1]!.fill(0xff, 61)
    const { body } = await served(broker)('GET', PATH)
    expect(body.records).toHaveLength(9)
    expect(body.records[4]).toMatchObject({ offset: 4, lastOffset: 7, error: 'CORRUPT_MESSAGE' })
    expect((await served(broker)('GET', `${PATH}?offset=6`)).body.records[0]).toMatchObject({
      offset: 6,
      lastOffset: 7,
    })
  })

  it('gives back the memory of an answer that is taken, large or small, and of one that is not', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    const value = new Uint8Array(400_000).fill(0x61)
    for (let at = 0; at < 4; at++)
      broker.log('t').store(buildBatch({ records: [{ timestamp: 0, key: null, value }] }))
    const app = httpApp({ environment: LOCAL, context: () => broker.context, random: () => 0 })
    const get = () =>
      app.fetch(
        new Request(`http://localhost${PATH}?maxBytes=4000000`, { headers: { host: 'localhost' } }),
      )
    expect(((await (await get()).json()) as { records: unknown[] }).records).toHaveLength(4)
    expect(broker.context.budget.largeReplies.used).toBe(0)
    const abandoned = await get()
    expect(broker.context.budget.largeReplies.used).toBeGreaterThan(0)
    await abandoned.body?.cancel()
    expect(broker.context.budget.largeReplies.used).toBe(0)
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=ten', 'limit'],
    ['maxBytes=0', 'maxBytes'],
    ['maxBytes=8388609', 'maxBytes'],
    ['waitMs=-1', 'waitMs'],
    ['waitMs=30001', 'waitMs'],
    ['offset=-1', 'offset'],
    ['offset=1.5', 'offset'],
    ['offset=1&timestamp=1', 'timestamp'],
    ['timestamp=yesterday', 'timestamp'],
    ['timestamp=2026-13-01T00:00:00Z', 'timestamp'],
    ['isolation=serializable', 'isolation'],
    ['from=earliest', 'from'],
    ['limit=1&limit=2', 'limit'],
  ])('with %s is 400 naming %s', async (query, field) => {
    const answer = await served(filled())('GET', `${PATH}?${query}`)
    expect(answer.body).toMatchObject({ code: 'INVALID_REQUEST', status: 400, field })
  })

  it.each([
    '/v1/topics/t/partitions/2/records',
    '/v1/topics/t/partitions/x/records',
    '/v1/topics/nope/partitions/0/records',
  ])('of %s is 404', async (path) => {
    expect((await served(filled())('GET', path)).body).toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      status: 404,
    })
  })
})

describe('the application', () => {
  it('answers a method that a path does not have with 405 and those it has', async () => {
    const answer = await served()('PUT', '/v1/topics/t')
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, HEAD, PATCH, DELETE')
    expect((await served()('GET', RECORDS)).headers.get('allow')).toBe('POST, DELETE')
  })

  it('answers HEAD as GET without a body, and never opens a stream for it', async () => {
    const answer = await served()('HEAD', '/v1/topics/t/events')
    expect([answer.status, answer.body]).toEqual([200, ''])
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
  })

  it('answers what is not there with a problem, and who wants no WebSocket at its address with 426', async () => {
    expect((await served()('GET', '/v2')).body).toMatchObject({
      code: 'RESOURCE_NOT_FOUND',
      status: 404,
    })
    expect((await served()('GET', '/kafka')).body).toMatchObject({ status: 426 })
  })

  it('tells nobody outside what a bug was', async () => {
    const broker = memoryBroker([])
    const events: string[] = []
    const context = {
      ...broker.context,
      log: (_: string, event: string) => events.push(event),
      timers: null as never,
    }
    const answer = await served({ ...broker, context })('POST', RECORDS, 'raw')
    expect(answer.body).toMatchObject({ code: 'UNKNOWN_SERVER_ERROR', status: 500 })
    expect(JSON.stringify(answer.body)).not.toContain('properties of null')
    expect(events).toEqual(['request failed'])
  })

  it('lets no foreign page in and names the origin of a friendly one, whatever the answer', async () => {
    const ask = served()
    expect(
      (await ask('POST', RECORDS, { value: 1 }, { origin: 'https://evil.example' })).status,
    ).toBe(403)
    expect((await ask('GET', '/v1/topics', undefined, { host: 'evil.example' })).status).toBe(421)
    for (const path of [
      '/v1/topics/t/partitions/0/records',
      '/nowhere',
      '/v1/topics/t/events?from=x',
    ]) {
      const { headers } = await ask('GET', path, undefined, { origin: 'http://localhost:5173' })
      expect(headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
      expect(headers.get('vary')).toContain('Origin')
    }
    const preflight = await ask('OPTIONS', RECORDS, undefined, {
      origin: 'http://localhost:5173',
      'access-control-request-method': 'POST',
    })
    expect(preflight.status).toBe(204)
  })

  it('serves one page and nothing else while it is closed', async () => {
    const ask = served(undefined, { ...LOCAL, local: false })
    for (const path of ['/', '/v1/topics', '/kafka', '/openapi.json', '/nowhere']) {
      const answer = await ask('GET', path)
      expect(answer.status).toBe(503)
      expect(answer.body).toContain('OTTLA_ALLOW_ANONYMOUS')
    }
  })
})
