// What no real S3 server can be brought to do: answers that are cut, endless, late, of another protocol.

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  TIER_ANSWER_BYTES,
  TIER_CALL_MS,
  TIER_OBJECT_MAX_BYTES,
} from '../../src/core/limits/tier.ts'
import { ObjectStoreError } from '../../src/tier/object-store.ts'
import { S3Store } from '../../src/tier/s3-store.ts'
import { type Answer, type FakeServer, startServer } from './http-server.ts'
import { noise } from './store-contract.ts'

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'

let server: FakeServer
let store: S3Store

beforeAll(async () => {
  server = await startServer()
})

afterAll(() => server.stop())

beforeEach(() => {
  server.asked.length = 0
  const place = { endpoint: server.origin, bucket: 'bucket', region: 'mars-1', prefix: 'a/b/' }
  const credentials = { accessKeyId: 'AKID', secretAccessKey: SECRET, sessionToken: 'token' }
  store = new S3Store(place, credentials, (request) => fetch(request))
})

const xml = (code: string, message = 'because') =>
  `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`

const answering =
  (status: number, body: string | Uint8Array = '', headers = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(body)

async function failure(call: Promise<unknown>): Promise<ObjectStoreError> {
  const error: unknown = await call.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ObjectStoreError)
  expect(JSON.stringify([(error as Error).message, (error as Error).stack])).not.toContain(SECRET)
  return error as ObjectStoreError
}

describe('a request', () => {
  it('is signed with its body, and goes to the bucket by path', async () => {
    server.answer = answering(200)
    const body = noise(1_000)
    await store.put('t/0/1', body)
    const [asked] = server.asked
    expect(asked).toMatchObject({ method: 'PUT', url: '/bucket/a/b/t/0/1' })
    expect(asked?.body.equals(body)).toBe(true)
    expect(asked?.headers).toMatchObject({
      'content-length': '1000',
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
      'x-amz-security-token': 'token',
    })
    expect(asked?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/mars-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    )
  })

  it('is one request, whatever comes of it', async () => {
    server.answer = answering(503, xml('SlowDown'))
    await failure(store.put('t/1', noise(10)))
    expect(server.asked).toHaveLength(1)
  })

  it('never follows to another server', async () => {
    const location = { location: `${server.origin}/elsewhere` }
    server.answer = answering(307, xml('TemporaryRedirect'), location)
    expect((await failure(store.put('t/1', noise(10)))).retriable).toBe(false)
    expect((await failure(store.get('t/1'))).message).toContain('TemporaryRedirect')
    expect(server.asked.map(({ url }) => url)).toEqual(['/bucket/a/b/t/1', '/bucket/a/b/t/1'])
  })
})

describe('an error', () => {
  it.each([
    [500, 'InternalError', true],
    [502, '', true],
    [503, 'SlowDown', true],
    [400, 'RequestTimeout', true],
    [408, '', true],
    [409, 'OperationAborted', true],
    [429, '', true],
    [400, 'InvalidArgument', false],
    [401, '', false],
    [403, 'AccessDenied', false],
    [403, 'RequestTimeTooSkewed', false],
    [404, 'NoSuchBucket', false],
    [404, '', false],
  ])('of status %d %s may be over later: %s', async (status, code, retriable) => {
    server.answer = answering(status, code === '' ? '<html>no</html>' : xml(code))
    const calls = [
      () => store.put('t/1', noise(1)),
      () => store.get('t/1'),
      () => store.get('t/1', { offset: 0, length: 1 }),
      () => store.delete(['t/1']),
      () => store.list('t/', null),
    ]
    for (const call of calls) {
      const error = await failure(call())
      expect(error.retriable).toBe(retriable)
      expect(error.message).toContain(`status ${status}`)
      expect(error.message).toContain(code)
    }
  })

  it('is said on one short line', async () => {
    server.answer = answering(403, xml('AccessDenied', `a\n\u0007b &amp; ${'c'.repeat(5_000)}`))
    const { message } = await failure(store.get('t/1'))
    expect(message).toMatch(/^get t\/1: status 403, AccessDenied, a b & c+$/)
    expect(message.length).toBeLessThan(300)
  })

  it('that the object is not there is none', async () => {
    server.answer = answering(404, xml('NoSuchKey'))
    expect(await store.get('t/1')).toBeNull()
    await store.delete(['t/1'])
  })

  it('is that nobody answers', async () => {
    server.answer = (response) => void response.destroy()
    expect((await failure(store.get('t/1'))).retriable).toBe(true)
    expect((await failure(store.put('t/1', noise(1)))).retriable).toBe(true)
  })

  it('is that an answer takes too long, before it begins or within', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      for (const answer of [
        () => {},
        (response) => void response.writeHead(200, { 'content-length': '10' }).write('part'),
      ] satisfies Answer[]) {
        server.asked.length = 0
        server.answer = answer
        const got = failure(store.get('t/1'))
        await vi.waitUntil(() => server.asked.length === 1)
        await vi.advanceTimersByTimeAsync(TIER_CALL_MS - 1)
        await vi.advanceTimersByTimeAsync(2)
        expect(await got).toMatchObject({ retriable: true })
      }
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('an object', () => {
  it('that is cut is an error', async () => {
    server.answer = (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half')
      setTimeout(() => response.destroy(), 20)
    }
    expect((await failure(store.get('t/1'))).retriable).toBe(true)
  })

  it('that is larger than an object may be is not read', async () => {
    const length = TIER_OBJECT_MAX_BYTES + 1
    server.answer = (response) =>
      void response.writeHead(200, { 'content-length': String(length) }).write('x')
    expect((await failure(store.get('t/1'))).message).toContain(String(length))
  })

  it('that does not end is not read to its end', async () => {
    let sent = 0
    server.answer = (response) => {
      response.writeHead(206)
      const piece = Buffer.alloc(64 * 1024)
      const more = () => {
        while (!response.destroyed && response.write(piece)) sent += piece.length
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    const error = await failure(store.get('t/1', { offset: 0, length: 100_000 }))
    expect(error.message).toContain('over 100000')
    expect(sent).toBeLessThan(20_000_000)
  })

  it.each([
    ['the whole one', 200, 1_000],
    ['fewer bytes', 206, 9],
    ['more bytes', 206, 11],
    ['nothing', 204, null],
  ])('of which a part was asked for is not %s', async (_, status, length) => {
    const body = new Uint8Array(length ?? 0)
    server.answer = answering(status, body, length === null ? {} : { 'content-length': length })
    const error = await failure(store.get('t/1', { offset: 5, length: 10 }))
    expect(error.retriable).toBe(false)
  })

  it('of which all bytes were asked for may come as the whole', async () => {
    server.answer = answering(200, new Uint8Array(10))
    expect(await store.get('t/1', { offset: 0, length: 10 })).toHaveLength(10)
    expect((await failure(store.get('t/1', { offset: 0, length: 9 }))).retriable).toBe(false)
  })

  it('may come without its length', async () => {
    server.answer = (response) => {
      response.writeHead(200)
      response.write('one ')
      setTimeout(() => response.end('two'), 10)
    }
    const found = await store.get('t/1')
    expect(new TextDecoder().decode(found ?? undefined)).toBe('one two')
  })
})

describe('a listing', () => {
  const page = (keys: readonly string[], truncated: boolean) =>
    `<ListBucketResult><IsTruncated>${truncated}</IsTruncated>${keys
      .map((key) => `<Contents><Key>${key}</Key><Size>7</Size></Contents>`)
      .join('')}</ListBucketResult>`

  it('asks for keys behind one, below the prefix', async () => {
    server.answer = answering(200, page(['a/b/t/2', 'a/b/t/3'], true))
    expect(await store.list('t/', 't/1')).toEqual({
      objects: [
        { key: 't/2', bytes: 7 },
        { key: 't/3', bytes: 7 },
      ],
      next: 't/3',
    })
    const url = new URL(server.asked[0]?.url ?? '', server.origin)
    expect(url.pathname).toBe('/bucket')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      'list-type': '2',
      'max-keys': '1000',
      prefix: 'a/b/t/',
      'start-after': 'a/b/t/1',
    })
  })

  it('reads names as XML writes them', async () => {
    server.answer = answering(200, page(['a/b/t/&lt;&#38;&#x41;&quot;&unknown;'], false))
    expect((await store.list('t/', null)).objects[0]?.key).toBe('t/<&A"&unknown;')
  })

  it.each([
    ['is cut', page(['a/b/t/1'], true).slice(0, -5), true],
    ['is of something else', '<html></html>', true],
    ['goes on with nothing', page([], true), false],
    ['begins before what was asked for', page(['a/b/t/0'], true), false],
    ['is of another prefix', page(['a/b/u/1'], false), false],
    ['has no sizes', page(['a/b/t/1'], false).replaceAll('7', 'x'), false],
    ['is endless', 'x'.repeat(TIER_ANSWER_BYTES + 1), false],
  ])('that %s is an error', async (_, text, retriable) => {
    server.answer = answering(200, text)
    expect((await failure(store.list('t/', 't/0'))).retriable).toBe(retriable)
  })
})
