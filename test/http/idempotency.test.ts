import { describe, expect, it } from 'vitest'
import { REQUEST_CLAIM_MS, REQUEST_KEPT_MS } from '../../src/core/limits/requests.ts'
import { partitionForKey } from '../../src/core/murmur2.ts'
import { KeyedBroker, RECORDS } from './keyed-broker.ts'

const NDJSON = { 'content-type': 'application/x-ndjson' }
const utf8 = new TextEncoder()

/** Keys of records, by their partition among `partitions`. */
function recordKey(partition: number, partitions: number): string {
  for (let at = 0; ; at++) {
    if (partitionForKey(utf8.encode(`k${at}`), partitions) === partition) return `k${at}`
  }
}

const list = (records: readonly unknown[]) => JSON.stringify({ records })
const lines = (records: readonly unknown[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')
const spread = (values: readonly string[], partitions = 3) =>
  values.map((value, at) => ({ partition: at % partitions, value }))

describe('an Idempotency-Key', () => {
  it.each([
    ['empty', ''],
    ['with a blank', 'a b'],
    ['of 129 characters', 'x'.repeat(129)],
    ['that is not ASCII', 'caf\u00e9'],
    ['sent twice', 'a, b'],
  ])('%s is refused and nothing is stored', async (_, key) => {
    const broker = new KeyedBroker(1)
    for (const headers of [{ 'content-type': 'application/json' }, NDJSON]) {
      const answer = await broker.post('{"value":"v"}', key, headers)
      expect(answer).toMatchObject({
        status: 400,
        body: { code: 'INVALID_REQUEST', field: 'Idempotency-Key' },
      })
    }
    expect(await broker.count()).toBe(0)
  })

  it.each([['!'], ['~'.repeat(128)], ['"quoted"'], ['8e03978e-40d5-43dd-bc93-6894a57f9324']])(
    '%s is a key',
    async (key) => {
      const broker = new KeyedBroker(1)
      expect(await broker.post('{"value":"v"}', key)).toMatchObject({ status: 200 })
      expect(await broker.post('{"value":"v"}', key)).toMatchObject({ status: 200 })
      expect(await broker.count()).toBe(1)
    },
  )

  it.each([
    ['one record', '{"value":"v"}', { 'content-type': 'application/json' }, ''],
    ['a list over all partitions', list(spread(['a', 'b', 'c', 'd'])), undefined, ''],
    [
      'a list by record keys',
      list([
        { key: 'k', value: 'a' },
        { key: 'l', value: 'b' },
      ]),
      undefined,
      '',
    ],
    ['a raw value', 'raw bytes', { 'content-type': 'text/plain' }, '?key=k'],
    [
      'an event in binary mode',
      'data',
      { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' },
      '',
    ],
    [
      'a batch of events',
      JSON.stringify([{ specversion: '1.0', id: '1', source: '/s', type: 't', data: 1 }]),
      { 'content-type': 'application/cloudevents-batch+json' },
      '',
    ],
    ['a stream', lines(spread(['a', 'b', 'c', 'd'])), NDJSON, ''],
  ])('makes %s stored once: a retry has the same answer', async (_, body, headers, query) => {
    const broker = new KeyedBroker(3)
    const first = await broker.post(body, 'key', headers, query)
    expect(first.status).toBe(200)
    expect(first.headers.has('idempotent-replayed')).toBe(false)
    const count = await broker.count()
    await broker.pass(60_000)
    for (const bench of broker.benches) bench.restart()
    const second = await broker.post(body, 'key', headers, query)
    expect(second).toMatchObject({ status: 200, body: first.body })
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(await broker.count()).toBe(count)
  })

  it.each([
    ['a list', { 'content-type': 'application/json' }],
    ['a stream', NDJSON],
  ])('is its principal’s alone: another’s is another request (%s)', async (_, headers) => {
    const broker = new KeyedBroker(1)
    const ask = (principal: 'User:ada' | 'User:bob', body: string) => {
      broker.principal = principal
      return broker.post(body, 'one-key', headers)
    }
    expect(await ask('User:ada', '{"value":"hers"}')).toMatchObject({ status: 200 })
    expect(await ask('User:bob', '{"value":"his"}')).toMatchObject({ status: 200 })
    expect(await ask('User:ada', '{"value":"his"}')).toMatchObject({ status: 422 })
    const again = await ask('User:ada', '{"value":"hers"}')
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await broker.values(0)).toEqual(['hers', 'his'])
  })

  it('means nothing between requests that have none', async () => {
    const broker = new KeyedBroker(1)
    await broker.post('{"value":"v"}', null)
    const { headers } = await broker.post('{"value":"v"}', null)
    expect(headers.has('idempotent-replayed')).toBe(false)
    expect(await broker.values(0)).toEqual(['v', 'v'])
    expect(broker.calls).toEqual(['append', 'append'])
  })

  it('chooses the partition of records that have no key, and a retry goes there', async () => {
    const broker = new KeyedBroker(4)
    const chosen = new Set<number>()
    for (let at = 0; at < 40; at++) {
      const { body } = await broker.post('{"value":"v"}', `key-${at}`)
      const again = await broker.post('{"value":"v"}', `key-${at}`)
      expect(again.body).toEqual(body)
      chosen.add(body.offsets[0].partition)
    }
    expect(chosen.size).toBe(4)
    expect(await broker.count()).toBe(40)
    // Where all records go to where the key meets, nobody else is asked.
    expect(broker.calls).not.toContain('claim')
  })

  it.each([
    ['another value', [{ key: 'a', value: 'x' }], [{ key: 'a', value: 'y' }]],
    ['another partition', [{ partition: 0, value: 'x' }], [{ partition: 1, value: 'x' }]],
    ['one record more', [{ value: 'x' }], [{ value: 'x' }, { value: 'x' }]],
    ['one record less', [{ value: 'x' }, { value: 'x' }], [{ value: 'x' }]],
    ['another order', spread(['a', 'b']), spread(['a', 'b']).toReversed()],
    ['a header', [{ value: 'x' }], [{ value: 'x', headers: [{ key: 'h', value: 'v' }] }]],
    ['a time', [{ value: 'x' }], [{ value: 'x', timestamp: 5 }]],
    ['null for nothing', [{ value: '' }], [{ value: null }]],
    ['bytes moved from key to value', [{ key: 'ab', value: 'c' }], [{ key: 'a', value: 'bc' }]],
  ])('is refused for another body: %s', async (_, first, second) => {
    for (const [form, headers] of [[list, undefined] as const, [lines, NDJSON] as const]) {
      const broker = new KeyedBroker(3)
      expect(await broker.post(form(first), 'key', headers)).toMatchObject({ status: 200 })
      const count = await broker.count()
      const again = await broker.post(form(second), 'key', headers)
      expect(again).toMatchObject({
        status: 422,
        body: { code: 'INVALID_REQUEST', field: 'Idempotency-Key' },
      })
      expect(await broker.count()).toBe(count)
      // The first request's answer stays what it was.
      expect(await broker.post(form(first), 'key', headers)).toMatchObject({ status: 200 })
    }
  })

  it('is refused for a stream after a list, and the other way', async () => {
    const broker = new KeyedBroker(2)
    await broker.post('{"value":"x"}', 'list')
    await broker.post('{"value":"x"}', 'stream', NDJSON)
    expect(await broker.post('{"value":"x"}', 'list', NDJSON)).toMatchObject({ status: 422 })
    expect(await broker.post('{"value":"x"}', 'stream')).toMatchObject({ status: 422 })
  })

  it('is known for a day after it was last heard of, and then new', async () => {
    const broker = new KeyedBroker(1)
    await broker.post('{"value":"x"}', 'key')
    await broker.pass(REQUEST_KEPT_MS - 1)
    expect((await broker.post('{"value":"x"}', 'key')).headers.has('idempotent-replayed')).toBe(
      true,
    )
    await broker.pass(1)
    expect((await broker.post('{"value":"x"}', 'key')).headers.has('idempotent-replayed')).toBe(
      false,
    )
    expect(await broker.post('{"value":"y"}', 'key')).toMatchObject({ status: 422 })
    expect(await broker.values(0)).toEqual(['x', 'x'])
  })

  it('is free again where a request was refused and has stored nothing', async () => {
    const broker = new KeyedBroker(2, { maxMessageBytes: 2_000 })
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(6_000))).toString('base64')
    const large = list([0, 1].map((at) => ({ key: recordKey(at, 2), value: noise })))
    const refused = await broker.post(large, 'key')
    expect(refused.status).toBe(413)
    expect(await broker.post(list(spread(['a', 'b'], 2)), 'key')).toMatchObject({ status: 200 })
    expect(await broker.post(list([{ partition: 9, value: 'a' }]), 'other')).toMatchObject({
      status: 404,
    })
    expect(await broker.post(list(spread(['c', 'd'], 2)), 'other')).toMatchObject({ status: 200 })
  })

  it('has the time of the first try in its answers', async () => {
    const broker = new KeyedBroker(1)
    const body = list([{ value: 'a' }, { value: 'b', timestamp: 77 }])
    const first = await broker.post(body, 'key')
    await broker.pass(5_000)
    expect((await broker.post(body, 'key')).body).toEqual(first.body)
    const kept = await broker.kept(0)
    expect(first.body.offsets).toEqual(
      kept.map(({ offset, timestamp }) => ({ partition: 0, offset, timestamp })),
    )
  })

  it('has the time of the broker where the topic says so', async () => {
    const broker = new KeyedBroker(1, { messageTimestampType: 'LogAppendTime' })
    const body = list([{ value: 'a', timestamp: 77 }])
    const first = await broker.post(body, 'key')
    await broker.pass(5_000)
    expect((await broker.post(body, 'key')).body).toEqual(first.body)
    expect(first.body.offsets[0].timestamp).toBe((await broker.kept(0))[0]!.timestamp)
    expect(first.body.offsets[0].timestamp).not.toBe(77)
  })

  it('that takes more batches of one partition than are remembered is told to be a stream', async () => {
    const broker = new KeyedBroker(1, { maxMessageBytes: 1_200 })
    const records = Array.from({ length: 1_100 }, (_, at) => ({ value: `${at}`.padEnd(60, '.') }))
    expect(await broker.post(list(records), 'key')).toMatchObject({ status: 413 })
    expect(await broker.count()).toBe(0)
    expect(await broker.post(lines(records), 'key', NDJSON)).toMatchObject({ status: 200 })
  })
})

describe('a request whose key is in use', () => {
  it('is told to come back while a list is being stored, and gets its answer then', async () => {
    const broker = new KeyedBroker(2)
    await broker.post(list(spread(['w', 'w'], 2)), null)
    const body = list(spread(['a', 'b'], 2))
    for (const bench of broker.benches) bench.holdSync = true
    const first = broker.post(body, 'key')
    await new Promise((resolve) => setTimeout(resolve, 20))
    const second = await broker.post(body, 'key')
    expect(second).toMatchObject({
      status: 409,
      body: { code: 'CONCURRENT_TRANSACTIONS', field: 'Idempotency-Key' },
    })
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0)
    // Another body is another matter, whoever runs.
    expect(await broker.post(list(spread(['x', 'y'], 2)), 'key')).toMatchObject({ status: 422 })
    for (const bench of broker.benches) {
      bench.holdSync = false
      await bench.confirm()
    }
    const { body: answer, status } = await first
    expect(status).toBe(200)
    expect((await broker.post(body, 'key')).body).toEqual(answer)
    expect(await broker.count()).toBe(4)
  })

  it('is told so while a stream is being sent, and not when that has fallen silent for long', async () => {
    const broker = new KeyedBroker(2)
    const stream = new Sent()
    const first = broker.post(stream.body, 'key', NDJSON)
    stream.send(lines([{ partition: 0, value: 'a' }]))
    await stream.taken(broker, 1)
    const whole = lines([
      { partition: 0, value: 'a' },
      { partition: 1, value: 'b' },
    ])
    expect(await broker.post(whole, 'key', NDJSON)).toMatchObject({ status: 409 })
    await broker.pass(REQUEST_CLAIM_MS)
    const answer = await broker.post(whole, 'key', NDJSON)
    expect(answer).toMatchObject({ status: 200, body: { count: 2 } })
    // The first is not lost either: what it still sends is there.
    stream.send(lines([{ partition: 1, value: 'b' }]))
    stream.end()
    expect(await first).toMatchObject({ status: 200, body: { count: 2 } })
    expect(await broker.values(0)).toEqual(['a'])
    expect(await broker.values(1)).toEqual(['b'])
  })

  it('may be many at once: the records are there once', async () => {
    for (const body of [list(spread(['a', 'b', 'c'])), '{"value":"x"}']) {
      const broker = new KeyedBroker(3)
      const answers = await Promise.all(Array.from({ length: 8 }, () => broker.post(body, 'key')))
      const done = answers.filter(({ status }) => status === 200)
      expect(done.length).toBeGreaterThan(0)
      expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
      for (const { body } of done) expect(body).toEqual(done[0]!.body)
      expect(await broker.count()).toBe(done[0]!.body.offsets.length)
    }
  })
})

describe('a keyed list that was cut off', () => {
  it.each(['unheard', 'unanswered'] as const)(
    'between partitions, its call %s, is stored where it is missing',
    async (fate) => {
      const broker = new KeyedBroker(3)
      await broker.post(list(spread(['w', 'w', 'w'])), null)
      const body = list(spread(['a', 'b', 'c', 'd', 'e', 'f']))
      broker.fate = (method, partition) =>
        method === 'append' && partition === 1 ? fate : 'answered'
      const first = await broker.post(body, 'key')
      expect(first).toMatchObject({ status: 503, body: { durable: { count: 4 } } })
      expect(first.headers.has('retry-after')).toBe(true)
      broker.fate = () => 'answered'
      // Others write meanwhile.
      await broker.post(list(spread(['z', 'z', 'z'])), null)
      const second = await broker.post(body, 'key')
      expect(second.status).toBe(200)
      expect(second.headers.has('idempotent-replayed')).toBe(fate === 'unanswered')
      for (const partition of [0, 1, 2]) {
        const kept = await broker.kept(partition)
        const own = kept.filter(({ value }) => !'wz'.includes(value))
        expect(own.map(({ value }) => value)).toEqual(
          [
            ['a', 'd'],
            ['b', 'e'],
            ['c', 'f'],
          ][partition],
        )
        expect(
          second.body.offsets.filter((at: { partition: number }) => at.partition === partition),
        ).toEqual(own.map(({ offset, timestamp }) => ({ partition, offset, timestamp })))
      }
      const third = await broker.post(body, 'key')
      expect(third.body).toEqual(second.body)
      expect(third.headers.get('idempotent-replayed')).toBe('true')
    },
  )

  it('fails as a whole when its place of meeting cannot be asked', async () => {
    const broker = new KeyedBroker(2)
    broker.fate = (method) => (method === 'claim' ? 'unheard' : 'answered')
    expect(await broker.post(list(spread(['a', 'b'], 2)), 'key')).toMatchObject({ status: 503 })
    expect(await broker.count()).toBe(0)
  })

  it('is placed as it was first, though the topic has got partitions since', async () => {
    const broker = new KeyedBroker(2)
    const body = list(Array.from({ length: 8 }, (_, at) => ({ key: `k${at}`, value: `${at}` })))
    // A key whose requests meet in the same partition among four.
    const keys = Array.from({ length: 16 }, (_, at) => `key-${at}`)
    const answers = new Map<string, unknown>()
    for (const key of keys) answers.set(key, (await broker.post(body, key)).body)
    const count = await broker.count()
    broker.partitions = 4
    let same = 0
    for (const key of keys) {
      const again = await broker.post(body, key)
      if (again.headers.has('idempotent-replayed')) {
        same++
        expect(again.body).toEqual(answers.get(key))
      }
    }
    expect(same).toBeGreaterThan(3)
    expect(await broker.count()).toBe(count + (keys.length - same) * 8)
  })
})

describe('a keyed stream', () => {
  it('that was cut off and is sent again stores what is missing and answers as a whole', async () => {
    const broker = new KeyedBroker(3)
    const records = spread(Array.from({ length: 12 }, (_, at) => `${at}`))
    const stream = new Sent()
    const first = broker.post(stream.body, 'key', NDJSON).catch(() => null)
    stream.send(lines(records.slice(0, 5)))
    stream.send('{"partition":2,"val')
    await stream.taken(broker, 5)
    stream.cut()
    await first
    for (const bench of broker.benches) bench.restart()
    await broker.post(list(spread(['z', 'z', 'z'])), null)
    const second = await broker.post(lines(records), 'key', NDJSON)
    expect(second).toMatchObject({ status: 200, body: { count: 12 } })
    expect(second.headers.has('idempotent-replayed')).toBe(false)
    for (const partition of [0, 1, 2]) {
      const kept = (await broker.kept(partition)).filter(({ value }) => value !== 'z')
      expect(kept.map(({ value }) => Number(value))).toEqual(
        [0, 3, 6, 9].map((at) => at + partition),
      )
      expect(second.body.partitions[partition]).toEqual({
        first: kept[0]!.offset,
        last: kept.at(-1)!.offset,
      })
    }
    const third = await broker.post(lines(records), 'key', NDJSON)
    expect(third.body).toEqual(second.body)
    expect(third.headers.get('idempotent-replayed')).toBe('true')
  })

  it('that is another one is refused at its first record, where it goes on otherwise, and where it ends early', async () => {
    const broker = new KeyedBroker(2)
    const records = spread(['a', 'b', 'c', 'd'], 2)
    await broker.post(lines(records), 'key', NDJSON)
    const other = await broker.post(lines([{ partition: 1, value: 'x' }]), 'key', NDJSON)
    expect(other).toMatchObject({ status: 422, body: { line: 1 } })
    const changed = records.with(2, { partition: 0, value: 'C' })
    expect(await broker.post(lines(changed), 'key', NDJSON)).toMatchObject({ status: 422 })
    expect(await broker.post(lines(records.slice(0, 2)), 'key', NDJSON)).toMatchObject({
      status: 422,
      body: { line: 3 },
    })
    expect(await broker.count()).toBe(4)
  })

  it('without a record is no request', async () => {
    const broker = new KeyedBroker(1)
    expect(await broker.post('\n', 'key', NDJSON)).toMatchObject({
      status: 200,
      body: { count: 0 },
    })
    expect(await broker.post('{"value":"v"}', 'key')).toMatchObject({ status: 200 })
  })
})

describe('the document', () => {
  it('names the header where it is taken', async () => {
    const { httpApp } = await import('../../src/http/app.ts')
    const { LOCAL, memoryBroker } = await import('./fakes.ts')
    const app = httpApp({
      environment: LOCAL,
      context: () => memoryBroker([]).context,
      random: () => 0,
    })
    const response = await app.fetch(new Request('http://localhost/openapi.json'))
    // biome-ignore lint/suspicious/noExplicitAny: any JSON.
    const document: any = await response.json()
    const { parameters } = document.paths[RECORDS.replace('/t/', '/{topic}/')].post
    expect(parameters).toContainEqual(
      expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }),
    )
  })
})

/** A body that is sent piece by piece. */
class Sent {
  readonly body: ReadableStream<Uint8Array>
  #controller!: ReadableStreamDefaultController<Uint8Array>

  constructor() {
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller
      },
    })
  }

  send(text: string): void {
    this.#controller.enqueue(utf8.encode(text))
  }

  end(): void {
    this.#controller.close()
  }

  /** The client is gone. */
  cut(): void {
    this.#controller.error(new Error('gone'))
  }

  /** Waits until so many records are stored. */
  async taken(broker: KeyedBroker, records: number): Promise<void> {
    while ((await broker.count()) < records) await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
