import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { httpApp } from '../../src/http/app.ts'
import { buildBatch } from '../../src/record/build.ts'
import { LOCAL, type MemoryBroker, memoryBroker, topicState } from './fakes.ts'

function full(): MemoryBroker {
  const broker = memoryBroker([topicState('t', 3), topicState('u', 1), topicState('wide', 2_000)])
  const encoder = new TextEncoder()
  const put = (topic: string, partition: number, key: string) => {
    const record = { timestamp: 1, key: encoder.encode(key), value: encoder.encode('v') }
    broker.log(topic, partition).store(buildBatch({ records: [record] }))
  }
  for (const partition of [0, 1, 2]) put('t', partition, `k${partition}`)
  put('u', 0, 'k')
  return broker
}

const id = (name: string) => topicState(name).id

/** What is answered, and of a stream its first pieces. */
async function ask(
  path: string,
  headers: Record<string, string> = {},
  pieces = 1,
  broker = full(),
) {
  const app = httpApp({ environment: LOCAL, context: () => broker.context, random: () => 0.5 })
  const response = await app.fetch(
    new Request(`http://localhost${path}`, { headers: { host: 'localhost', ...headers } }),
  )
  if (!response.ok) return { response, text: '', body: await response.json() }
  const reader = response.body!.getReader()
  let text = ''
  for (let piece = 0; piece < pieces; piece++) {
    text += new TextDecoder().decode((await reader.read()).value)
  }
  await reader.cancel()
  return { response, text, body: {} }
}

const FIRST = 'retry: 1000\nid: '

describe('a stream of events', () => {
  it('says how soon to come back, where it begins, and that nobody may keep or change it', async () => {
    const { response, text } = await ask('/v1/topics/t/events')
    expect(text).toBe(`${FIRST}0:0,1:0,2:0\n\n`)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform')
  })

  it.each([
    ['/v1/topics/t/events?partition=2&partition=0', '0:0,2:0'],
    ['/v1/topics/t/events?partition=1&from=earliest', '1:-1'],
    ['/v1/topics/t/events?key=k1&from=earliest', expect.stringMatching(/^\d:-1$/)],
    ['/v1/topics/t/events?keyBase64=%2FwA%3D', expect.stringMatching(/^\d:0$/)],
    ['/v1/topics/t/events?from=0:0,1:-1', '0:0,1:-1,2:-1'],
    [`/v1/topics/t/events?from=${id('t')}/0:0`, `${id('t')}/0:0,1:-1,2:-1`],
    ['/v1/topics/wide/events?partition=1999', '1999:-1'],
    ['/v1/events?topic=t&topic=u', `${id('t')}/0:0,1:0,2:0;${id('u')}/0:0`],
    ['/v1/events?topic=u&from=earliest', `${id('u')}/0:-1`],
    ['/v1/events?topic=t&partition=1', `${id('t')}/1:0`],
  ])('%s begins with its id', async (path, expected) => {
    const { text } = await ask(path)
    expect(text.slice(0, FIRST.length)).toBe(FIRST)
    expect(text.slice(FIRST.length, -2)).toEqual(expected)
  })

  it('of several topics names all of them in each id', async () => {
    const { text } = await ask('/v1/events?topic=t&topic=u&from=earliest', {}, 2)
    const ids = [...text.matchAll(/^id: (.*)\ndata: /gm)].map(([, one]) => one)
    expect(ids).toHaveLength(4)
    expect(ids.at(-1)).toBe(`${id('t')}/0:0,1:0,2:0;${id('u')}/0:0`)
    for (const one of ids) expect(one).toMatch(/^t-id.{18}\/[0-9:,-]+;u-id.{18}\/[0-9:,-]+$/)
  })

  it('goes on behind Last-Event-ID, whatever from says', async () => {
    const { text } = await ask('/v1/topics/t/events?from=earliest', {
      'last-event-id': '0:0,1:-1,2:0',
    })
    expect(text).toBe(`${FIRST}0:0,1:-1,2:0\n\n`)
  })

  it('of a topic that was recreated has its reader told, who keeps the id until then', async () => {
    const headers = { 'last-event-id': '0:9,1:0,2:0' }
    const { text } = await ask('/v1/topics/t/events', headers, 2)
    const data =
      '{"topic":"t","reason":"recreated","position":"0:9,1:0,2:0","next":"0:-1,1:-1,2:-1"}'
    expect(text).toBe(`${FIRST}0:9,1:0,2:0\n\nid: 0:-1,1:-1,2:-1\nevent: reset\ndata: ${data}\n\n`)
  })

  it('of a topic that is gone tells it and ends; who knows gets 404, and comes back no more', async () => {
    const had = { 'last-event-id': `${'x'.repeat(22)}/0:9` }
    const { text } = await ask('/v1/topics/gone/events', had, 3)
    expect(text).toContain('event: reset\ndata: {"topic":"gone","reason":"deleted",')
    const lastId = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? ''
    const again = await ask('/v1/topics/gone/events', { 'last-event-id': lastId })
    expect(again.body).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404 })
  })
})

describe('a stream that meets a bug', () => {
  it('says that there is a problem, nothing of what it is, and ends', async () => {
    const broker = full()
    let isOpen = false
    const timers = {
      ...broker.context.timers,
      now: () => {
        if (isOpen) throw new Error('secret')
        return Date.now()
      },
    }
    const app = httpApp({
      environment: LOCAL,
      context: () => ({ ...broker.context, timers }),
      random: () => 0.5,
    })
    const response = await app.fetch(
      new Request('http://localhost/v1/topics/t/events', { headers: { host: 'localhost' } }),
    )
    const reader = response.body!.getReader()
    await reader.read()
    isOpen = true
    const text = new TextDecoder().decode((await reader.read()).value)
    expect(text).toMatch(/^event: problem\ndata: \{"code":"UNKNOWN_SERVER_ERROR","status":500,/)
    expect(text).not.toContain('secret')
    expect((await reader.read()).done).toBe(true)
  })
})

describe('a request for events', () => {
  const bad = { code: 'INVALID_REQUEST', status: 400 }
  const lastId = (text: string) => ({ 'last-event-id': text })
  it.each<[string, Record<string, string>, object]>([
    ['/v1/topics/t/events?from=x', {}, { ...bad, field: 'from' }],
    ['/v1/topics/t/events', lastId('x'), { ...bad, field: 'last-event-id' }],
    ['/v1/topics/t/events', lastId('0:1;1:2'), { ...bad, field: 'last-event-id' }],
    ['/v1/topics/t/events', lastId('0:1,'), { ...bad, field: 'last-event-id' }],
    ['/v1/topics/t/events', lastId(`${id('u')}/0:0`), { ...bad, field: 'last-event-id' }],
    [
      '/v1/topics/t/events',
      lastId(Array.from({ length: 2_000 }, (_, at) => `${at}:0`).join(',')),
      { ...bad, field: 'last-event-id', detail: expect.stringContaining('choose partitions') },
    ],
    [
      '/v1/topics/wide/events',
      {},
      { ...bad, field: 'partition', detail: expect.stringContaining('choose partitions') },
    ],
    ['/v1/topics/nowhere/events', {}, { status: 404, field: 'topic' }],
    ['/v1/topics/t/events?partition=3', {}, { status: 404, field: 'partition' }],
    ['/v1/topics/t/events?partition=-1', {}, { ...bad, field: 'partition[0]' }],
    ['/v1/topics/t/events?partition=x', {}, { ...bad, field: 'partition[0]' }],
    ['/v1/topics/t/events?partition=1&partition=1', {}, { ...bad, field: 'partition' }],
    ['/v1/topics/t/events?partition=1&key=k', {}, { ...bad, field: 'partition' }],
    ['/v1/topics/t/events?key=a&key=b', {}, { ...bad, field: 'key' }],
    ['/v1/topics/t/events?key=a&keyBase64=YQ%3D%3D', {}, { ...bad, field: 'keyBase64' }],
    ['/v1/topics/t/events?keyBase64=!', {}, { ...bad, field: 'keyBase64' }],
    ['/v1/topics/t/events?topic=t', {}, { ...bad, field: 'topic' }],
    ['/v1/topics/t/events?isolation=all', {}, { ...bad, field: 'isolation' }],
    ['/v1/topics/t/events?from=0:9', {}, { status: 416, field: 'from', partition: 0, end: 1 }],
    ['/v1/events', {}, { ...bad, field: 'topic' }],
    ['/v1/events?topic=', {}, { status: 404, field: 'topic' }],
    ['/v1/events?topic=t&topic=t', {}, { ...bad, field: 'topic' }],
    ['/v1/events?topic=t&topic=nowhere', {}, { status: 404, field: 'topic' }],
    ['/v1/events?topic=t&topic=u&partition=0', {}, { ...bad, field: 'partition' }],
    ['/v1/events?topic=t&topic=u', lastId('0:0'), { ...bad, field: 'last-event-id' }],
    [
      `/v1/events?${Array.from({ length: 201 }, (_, at) => `topic=t${at}`).join('&')}`,
      {},
      { ...bad, field: 'topic' },
    ],
  ])('%s with %o is refused with the field at fault', async (path, headers, expected) => {
    const { response, body } = await ask(path, headers)
    expect(body).toMatchObject(expected)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  it('is never answered with a server’s error, whatever comes back as its id', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...`0123456789:,;/-${id('t')}`), maxLength: 200 }),
      fc.constantFrom('earliest', 'latest', '0:-1', `${id('t')}/`, `${id('u')}/0:0;${id('t')}/0:0`),
    )
    const paths = fc.constantFrom('/v1/topics/t/events', '/v1/events?topic=t&topic=u')
    const broker = full()
    await fc.assert(
      fc.asyncProperty(text, paths, async (value, path) => {
        const isHeader = /^[\x20-\x7e]*$/.test(value)
        const headers = isHeader ? lastId(value) : {}
        const from = path.includes('?') ? '&from=' : '?from='
        const url = isHeader ? path : path + from + encodeURIComponent(value)
        const { response } = await ask(url, headers, 1, broker)
        expect([200, 400, 404, 416]).toContain(response.status)
      }),
      { numRuns: 300 },
    )
  })
})
