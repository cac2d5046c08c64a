// Requests that no client sends in good faith, byte by byte at the port of HTTP: shapes by which a request is smuggled past a
// proxy, tricks with paths and headers, oversized everything, markup in what is stored. The parsing is the runtime's;
// that nothing of it reaches what it should not is ours to see.

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from './broker.ts'

const ANSWER_WITHIN_MS = 15_000
const TOPIC = 'smuggled'
const MARKUP = '<script>alert(1)</script><img src=x onerror=alert(2)>'

let broker: Broker
let port: number
let host: string

beforeAll(async () => {
  broker = await startBroker({ args: ['--advertised', 'localhost'] })
  port = Number(new URL(broker.http).port)
  host = `Host: 127.0.0.1:${port}\r\n`
  const created = await fetch(`${broker.http}/v1/topics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: TOPIC }),
  })
  expect(created.status).toBe(201)
})

afterAll(() => broker.stop())

interface Answered {
  /** Of each answer, in order. */
  readonly statuses: readonly number[]
  readonly text: string
  readonly closed: boolean
}

/** Writes bytes to the port of HTTP, then nothing; takes what comes until the connection ends or `answers` are there. */
function raw(
  bytes: string | Uint8Array,
  answers = 1,
  withinMs = ANSWER_WITHIN_MS,
): Promise<Answered> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const finish = (closed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
      done({ statuses, text, closed })
    }
    const timer = setTimeout(() => finish(false), withinMs)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const answered = text.split('HTTP/1.1 ').length - 1
      if (answers > 1 && answered >= answers) finish(false)
    })
    socket.once('end', () => finish(true))
    socket.once('close', () => finish(true))
    socket.write(bytes)
  })
}

/** What a smuggler hides: a produce request of its own. */
const hidden = () =>
  `POST /v1/topics/${TOPIC}/records HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"value":"x"}`

/** A produce request with these framing headers and this body. */
const produce = (headers: string, body: string) =>
  `POST /v1/topics/${TOPIC}/records HTTP/1.1\r\n${host}Content-Type: application/json\r\n${headers}\r\n${body}`

const get = (path: string, headers = '') =>
  `GET ${path} HTTP/1.1\r\n${host}${headers}Connection: close\r\n\r\n`

async function stored(): Promise<number> {
  const path = `/v1/topics/${TOPIC}/partitions/0/records?offset=0&limit=1000`
  const { records } = (await (await fetch(broker.http + path)).json()) as { records: unknown[] }
  return records.length
}

describe('a request whose length can be read in two ways', () => {
  const shapes: Readonly<Record<string, () => string>> = {
    'Content-Length, then Transfer-Encoding': () =>
      produce('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden()}`),
    'Transfer-Encoding, then Content-Length': () =>
      produce('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `0\r\n\r\n${hidden()}`),
    'a coding that is not chunked': () =>
      produce('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${hidden()}`),
    'a blank before the colon': () =>
      produce('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${hidden()}`),
    'a coding behind chunked': () =>
      produce('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${hidden()}`),
    'a coding behind chunked in a header of its own': () =>
      produce(
        'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
        `0\r\n\r\n${hidden()}`,
      ),
    'two lengths': () => produce('Content-Length: 0\r\nContent-Length: 13\r\n', hidden()),
    'a list of lengths': () => produce('Content-Length: 0, 13\r\n', hidden()),
    'a length with a sign': () => produce('Content-Length: +0\r\n', hidden()),
    'a negative length': () => produce('Content-Length: -1\r\n', hidden()),
    'a length in hexadecimal': () => produce('Content-Length: 0x0\r\n', hidden()),
    'a length of more than 64 bits': () =>
      produce('Content-Length: 99999999999999999999\r\n', hidden()),
    'an empty length': () => produce('Content-Length:\r\n', hidden()),
    'a folded header': () => produce('X-A: a\r\n Content-Length: 0\r\n', hidden()),
    'a folded coding': () => produce('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${hidden()}`),
    'a bare carriage return': () => produce('X-A: a\rContent-Length: 0\r\n', hidden()),
    'a NUL in a header': () => produce('X-A: a\0b\r\nContent-Length: 0\r\n', hidden()),
    'a blank in a name': () => produce('X A: b\r\nContent-Length: 0\r\n', hidden()),
    'chunks in HTTP/1.0': () =>
      produce('Transfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden()}`).replace('1.1', '1.0'),
    'a negative chunk': () => produce('Transfer-Encoding: chunked\r\n', `-1\r\n${hidden()}`),
    'a chunk of more than 64 bits': () =>
      produce('Transfer-Encoding: chunked\r\n', `ffffffffffffffff1\r\n${hidden()}`),
    'a chunk size with a prefix': () =>
      produce('Transfer-Encoding: chunked\r\n', `0x0\r\n\r\n${hidden()}`),
    'a line end in a chunk extension': () =>
      produce('Transfer-Encoding: chunked\r\n', `0;a="\n"\r\n\r\n${hidden()}`),
    'chunks with bare line feeds': () =>
      produce('Transfer-Encoding: chunked\r\n', `d\n{"value":"x"}\n0\n\n${hidden()}`),
  }

  it.each(Object.keys(shapes))(
    '%s is refused, once, and nothing behind it is looked at',
    async (name) => {
      const before = await stored()
      const { statuses, closed } = await raw(shapes[name]?.() ?? '')
      expect(statuses).toEqual([400])
      expect(closed).toBe(true)
      expect(await stored()).toBe(before)
    },
  )

  it('leaves no line of an error behind', () => {
    expect(broker.log.filter((line) => /ERROR/.test(line))).toEqual([])
  })

  it('is told from requests one behind the other, which are', async () => {
    const before = await stored()
    expect((await raw(hidden() + hidden(), 2)).statuses).toEqual([200, 200])
    expect(await stored()).toBe(before + 2)
  })
})

describe('oversized', () => {
  const shapes: Readonly<Record<string, [number, () => string]>> = {
    'a path of 200 KB': [414, () => get(`/v1/topics/${'a'.repeat(200_000)}`)],
    'twenty thousand headers': [431, () => get('/v1/topics', 'X: y\r\n'.repeat(20_000))],
    'a header of a megabyte': [431, () => get('/v1/topics', `X: ${'y'.repeat(1_000_000)}\r\n`)],
    'a method of 100 KB': [501, () => `${'A'.repeat(100_000)} / HTTP/1.1\r\n${host}\r\n`],
    'a body of 99 GB, announced': [
      413,
      () => produce('Content-Length: 99000000000\r\n', '{"value":"x"}'),
    ],
  }

  it.each(Object.keys(shapes))('%s is refused', async (name) => {
    const [status, bytes] = shapes[name] ?? expect.fail()
    expect((await raw(bytes())).statuses).toEqual([status])
  })
})

describe('a path or a header', () => {
  const nowhere = [
    '/assets/../../../etc/passwd',
    '/assets/..%2f..%2f..%2fetc%2fpasswd',
    '/assets/%2e%2e/%2e%2e/etc/passwd',
    '/assets/..\\..\\etc\\passwd',
    '//evil.example/v1/topics',
    '/v1//topics',
    '/v1/topics/%00',
    '/v1/topics/%zz',
    '/v1/topics/%c0%af',
    '/v1/topics/__proto__',
    '/v1/topics/constructor',
    `/v1/topics/${TOPIC};a=b`,
    `/v1/topics/${TOPIC}/partitions/1e3/records?offset=0`,
    `/v1/topics/${TOPIC}/partitions/0x0/records?offset=0`,
    '/V1/TOPICS',
    '/index.js',
    '/ottla.wasm',
    '/.ottla',
    '/assets/',
  ]

  it.each(nowhere)('%s leads nowhere', async (path) => {
    const { statuses, text } = await raw(get(path))
    expect(statuses).toEqual([404])
    expect(text).not.toContain('root:')
  })

  const foreign: Readonly<Record<string, () => string>> = {
    'a foreign Host': () =>
      'GET /v1/topics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    'a foreign Host behind ours': () => get('/v1/topics', 'Host: evil.example\r\n'),
    'a Host with a user': () =>
      'GET /v1/topics HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\nConnection: close\r\n\r\n',
    'a foreign Host beside a URL of ours': () =>
      'GET http://127.0.0.1/v1/topics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
  }

  it.each(Object.keys(foreign))('%s is refused', async (name) => {
    expect((await raw(foreign[name]?.() ?? '')).statuses).toEqual([421])
  })

  it.each([
    'X-Forwarded-Host: evil.example',
    'X-Original-URL: /v1/groups',
    'X-Rewrite-URL: /v1/groups',
    'X-HTTP-Method-Override: DELETE',
    'Forwarded: host=evil.example',
    'Upgrade: h2c',
  ])('%s means nothing', async (header) => {
    const plain = await raw(get(`/v1/topics/${TOPIC}`))
    const { statuses, text } = await raw(get(`/v1/topics/${TOPIC}`, `${header}\r\n`))
    expect(statuses).toEqual([200])
    expect(text.split('\r\n\r\n')[1]).toBe(plain.text.split('\r\n\r\n')[1])
  })

  it('CONNECT does not open a Kafka connection past what HTTP asks first', async () => {
    const versions = Buffer.from('0000000b001200000000000700016300', 'hex')
    const bytes = Buffer.concat([
      Buffer.from(`CONNECT 127.0.0.1:9 HTTP/1.1\r\n${host}\r\n`),
      versions,
    ])
    const { text } = await raw(bytes, 1, 1_000)
    // An answer to it would carry its number.
    expect(Buffer.from(text, 'latin1').includes(Buffer.from('00000007', 'hex'))).toBe(false)
  })

  it('other protocols are not taken for HTTP', async () => {
    for (const hex of ['16030100c8010000c40303', '0000000e001200000000000100046161616100']) {
      expect((await raw(Buffer.from(`${hex}0d0a0d0a`, 'hex'))).statuses).toEqual([400])
    }
  })
})

describe('markup that is stored', () => {
  it('comes back as data that no browser runs', async () => {
    const path = `/v1/topics/${TOPIC}/records`
    const produced = await fetch(broker.http + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        key: MARKUP,
        value: MARKUP,
        headers: [{ key: MARKUP, value: MARKUP }],
      }),
    })
    expect(produced.status).toBe(200)
    const read = `/v1/topics/${TOPIC}/partitions/0/records?offset=0&limit=1000`
    const named = `/v1/topics/${encodeURIComponent(MARKUP)}`
    for (const asked of [
      read,
      named,
      `/${encodeURIComponent(MARKUP)}`,
      `/v1/topics?after=${encodeURIComponent(MARKUP)}`,
    ]) {
      const answer = await fetch(broker.http + asked)
      expect(answer.headers.get('content-type'), asked).toMatch(/^application\/(problem\+)?json/)
      expect(answer.headers.get('x-content-type-options'), asked).toBe('nosniff')
    }
    expect(await (await fetch(broker.http + read)).text()).toContain('onerror')
  })
})
