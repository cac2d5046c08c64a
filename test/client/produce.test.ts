import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, type Ottla, OttlaError, SchemaError } from '../../src/client/client.ts'
import { FakeBroker, type Message } from './fake-broker.ts'
import { settled } from './settle.ts'

let broker: FakeBroker
let ottla: Ottla

beforeEach(() => {
  vi.useFakeTimers()
  broker = new FakeBroker()
  broker.create('orders', 3)
  ottla = connect('http://broker', broker.options)
})

afterEach(() => {
  vi.useRealTimers()
})

const batches = () => broker.said('produce').map(({ records }: Message) => records.length)

describe('produce', () => {
  it('says where a record went', async () => {
    const orders = ottla.topic('orders')
    const produced = await settled(orders.produce({ key: 'u', value: { id: 1 } }))
    expect(produced).toEqual({ partition: 1, offset: 0, timestamp: expect.any(Number) })
    expect(broker.values('orders')).toEqual(['{"id":1}'])
  })

  it('answers an array in its order', async () => {
    const records = [{ value: 1, partition: 2 }, { value: 2 }, { value: 3, partition: 2 }]
    const produced = await settled(ottla.topic('orders').produce(records))
    expect(produced.map(({ partition, offset }) => `${partition}:${offset}`)).toEqual([
      '2:0',
      '0:0',
      '2:1',
    ])
    expect(await ottla.topic('orders').produce([])).toEqual([])
  })

  it('sends what comes within 5 ms in one request', async () => {
    const orders = ottla.topic('orders')
    const all = Promise.all([1, 2, 3].map((value) => orders.produce({ value })))
    await vi.advanceTimersByTimeAsync(4)
    expect(broker.upgrades).toBe(0)
    await settled(all)
    await settled(orders.produce({ value: 4 }))
    expect(batches()).toEqual([3, 1])
  })

  it('sends at once what is 256 KiB, and no more than that together', async () => {
    await settled(ottla.topic('orders').produce({ value: 0 }))
    const value = 'x'.repeat(100 * 1024)
    const many = ottla.topic('orders').produce(Array.from({ length: 6 }, () => ({ value })))
    await vi.advanceTimersByTimeAsync(1)
    expect(batches()).toEqual([1, 2])
    await settled(many)
    expect(batches()).toEqual([1, 2, 2, 2])
  })

  it('has one request per topic under way, and topics do not wait for each other', async () => {
    broker.create('other')
    const release = new Set<string>()
    broker.onRequest = ({ topic }) => (release.has(topic) ? null : 'silence')
    const first = ottla.topic('orders').produce({ value: 1 })
    await vi.advanceTimersByTimeAsync(50)
    const second = ottla.topic('orders').produce({ value: 2 })
    release.add('other')
    await settled(ottla.topic('other').produce({ value: 3 }))
    expect(broker.said('produce').map(({ topic }: Message) => topic)).toEqual(['orders', 'other'])
    release.add('orders')
    await settled(Promise.all([first, second]))
    expect(broker.values('orders')).toEqual(['1', '2'])
  })

  it.each(['cut-before', 'cut-after'] as const)(
    'leaves a record there once, in its order, when it is %s the answer',
    async (fault) => {
      const faults = [fault, null, fault, fault, null]
      broker.onRequest = () => faults.shift() ?? null
      const orders = ottla.topic('orders')
      const all: Promise<unknown>[] = []
      for (let value = 0; value < 20; value++) {
        all.push(orders.produce({ key: 'one', value }))
        await vi.advanceTimersByTimeAsync(7)
      }
      await settled(Promise.all(all))
      expect(broker.values('orders')).toEqual(Array.from({ length: 20 }, (_, at) => String(at)))
      const keys = broker.said('produce').map(({ idempotencyKey }: Message) => idempotencyKey)
      expect(new Set(keys).size).toBeLessThan(keys.length)
    },
  )

  it('asks again under the same key when there is no answer for 30 s', async () => {
    const faults = ['silence' as const]
    broker.onRequest = () => faults.shift() ?? null
    const produced = ottla.topic('orders').produce({ value: 1 })
    await vi.advanceTimersByTimeAsync(29_000)
    expect(broker.said('produce')).toHaveLength(1)
    await settled(produced)
    const [first, again] = broker.said('produce')
    expect(again.idempotencyKey).toBe(first.idempotencyKey)
    expect(broker.values('orders')).toEqual(['1'])
  })

  it('obeys the time that the broker asks for', async () => {
    const problem = { code: 'THROTTLING_QUOTA_EXCEEDED', status: 429, retriable: true }
    const faults = [{ problem: { ...problem, retryAfterMs: 7_000 } }]
    broker.onRequest = () => faults.shift() ?? null
    const produced = ottla.topic('orders').produce({ value: 1 })
    await vi.advanceTimersByTimeAsync(6_900)
    expect(broker.said('produce')).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(broker.said('produce')).toHaveLength(2)
    await settled(produced)
  })

  it('gives up at once what will never work, with the broker’s error', async () => {
    const problem = {
      code: 'MESSAGE_TOO_LARGE',
      status: 413,
      detail: 'too large',
      retriable: false,
    }
    broker.onRequest = () => ({ problem })
    const error = await settled(
      ottla
        .topic('orders')
        .produce({ value: 1 })
        .catch((e) => e),
    )
    expect(error).toBeInstanceOf(OttlaError)
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE', status: 413, retriable: false })
    expect(broker.said('produce')).toHaveLength(1)
    broker.onRequest = () => null
    await settled(ottla.topic('orders').produce({ value: 2 }))
  })

  it('gives up after 120 s, and what comes then is delivered', async () => {
    broker.isUp = false
    const produced = ottla.topic('orders').produce({ value: 1 })
    const failed = produced.catch((error) => error)
    await vi.advanceTimersByTimeAsync(119_900)
    const later = ottla.topic('orders').produce({ value: 2 })
    await vi.advanceTimersByTimeAsync(200)
    expect(await failed).toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      retriable: true,
      topic: 'orders',
    })
    broker.isUp = true
    await settled(later)
    expect(broker.values('orders')).toEqual(['2'])
  })

  it('waits when 8 MiB are held, and goes on in order', async () => {
    const value = 'x'.repeat(1024 * 1024)
    broker.onRequest = () => 'silence'
    const orders = ottla.topic('orders')
    const all = Array.from({ length: 20 }, (_, at) =>
      orders.produce({ value: `${at}${value}`, partition: 0 }),
    )
    await vi.advanceTimersByTimeAsync(100)
    const posts = () => broker.requests.filter(({ path }) => path.endsWith('/records')).length
    expect(posts()).toBe(1)
    broker.onRequest = () => null
    await settled(Promise.all(all))
    expect(
      broker.values('orders').map((text) => Number.parseInt(text?.slice(1) ?? '', 10)),
    ).toEqual(Array.from({ length: 20 }, (_, at) => at))
  })

  it('posts what is too large for the socket, once', async () => {
    const faults = ['cut-after' as const]
    broker.onRequest = () => faults.shift() ?? null
    await settled(ottla.topic('orders').produce({ value: 'x'.repeat(3_000_000) }))
    expect(broker.requests.filter(({ path }) => path.endsWith('/records'))).toHaveLength(2)
    expect(broker.values('orders')).toHaveLength(1)
  })

  it('goes by requests where the broker has no socket, with the same promises', async () => {
    broker.hasLive = false
    const faults = ['cut-after' as const, { problem: { status: 503, retryAfterS: 2 } }]
    broker.onRequest = () => faults.shift() ?? null
    await settled(ottla.topic('orders').produce({ value: 1 }))
    await settled(ottla.topic('orders').produce({ value: 2 }))
    expect(broker.values('orders')).toEqual(['1', '2'])
    expect(broker.upgrades).toBe(1)
  })

  it('uses one connection for all topics and calls', async () => {
    broker.create('other')
    for (let at = 0; at < 5; at++) {
      const both = ['orders', 'other'].map((name) => ottla.topic(name).produce({ value: at }))
      await settled(Promise.all(both))
    }
    expect(broker.upgrades).toBe(1)
    expect(broker.requests).toEqual([])
  })

  it('sends keys, headers, tombstones, bytes and times as the broker takes them', async () => {
    const key = new Uint8Array([255, 0])
    const headers = { trace: 'a', raw: new Uint8Array([254]) }
    const timestamp = new Date(5)
    await settled(ottla.topic('orders').produce({ key, value: null, headers, timestamp }))
    expect(broker.said('produce')[0].records).toEqual([
      {
        keyBase64: '/wA=',
        value: null,
        headers: [
          { key: 'trace', value: 'a' },
          { key: 'raw', valueBase64: '/g==' },
        ],
        timestamp: 5,
      },
    ])
  })

  it('refuses half of a surrogate pair before it is sent', async () => {
    const error = await ottla
      .topic('orders')
      .produce({ key: '\ud800', value: 1 })
      .catch((e) => e)
    expect(error).toBeInstanceOf(SchemaError)
    expect(broker.upgrades).toBe(0)
  })
})

describe('a produce that is aborted', () => {
  it('rejects with the reason and is not sent when it was not yet', async () => {
    const control = new AbortController()
    const { signal } = control
    const kept = ottla.topic('orders').produce({ value: 1 })
    const aborted = ottla.topic('orders').produce({ value: 2 }, { signal })
    control.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    await settled(kept)
    expect(broker.values('orders')).toEqual(['1'])
    await expect(ottla.topic('orders').produce({ value: 3 }, { signal })).rejects.toBe('enough')
  })

  it('rejects at once while it is tried, and is not tried again', async () => {
    broker.isUp = false
    const control = new AbortController()
    const { signal } = control
    const aborted = ottla.topic('orders').produce({ value: 1 }, { signal })
    aborted.catch(() => {})
    await vi.advanceTimersByTimeAsync(1_000)
    control.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    broker.isUp = true
    await vi.advanceTimersByTimeAsync(60_000)
    expect(broker.said('produce')).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a page', () => {
  const page = new EventTarget()

  beforeEach(() => {
    vi.stubGlobal('onpagehide', null)
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
  })
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('that goes sends what it holds in a request that outlives it, once', async () => {
    const produced = [1, 2].map((value) => ottla.topic('orders').produce({ value }))
    page.dispatchEvent(new Event('pagehide'))
    await vi.advanceTimersByTimeAsync(0)
    const [post] = broker.requests
    expect(post?.init).toMatchObject({ method: 'POST', keepalive: true })
    expect(broker.values('orders')).toEqual(['1', '2'])
    // It stays after all: the same records come by the socket under the same key.
    await settled(Promise.all(produced))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(broker.values('orders')).toEqual(['1', '2'])
  })

  it('that goes sends again what is under way', async () => {
    broker.onRequest = ({ id }) => (id === undefined ? null : 'silence')
    const produced = ottla.topic('orders').produce({ value: 1 })
    await vi.advanceTimersByTimeAsync(100)
    expect(broker.said('produce')).toHaveLength(1)
    page.dispatchEvent(new Event('pagehide'))
    expect(await settled(produced)).toMatchObject({ offset: 0 })
    const { idempotencyKey } = broker.said('produce')[0]
    const post = broker.requests.find(({ path }) => path.endsWith('/records'))
    expect(new Headers(post?.init.headers).get('idempotency-key')).toBe(idempotencyKey)
  })

  it('that is online again tries at once', async () => {
    broker.isUp = false
    const produced = ottla.topic('orders').produce({ value: 1 })
    await vi.advanceTimersByTimeAsync(60_000)
    broker.isUp = true
    const upgrades = broker.upgrades
    page.dispatchEvent(new Event('online'))
    await vi.advanceTimersByTimeAsync(5)
    expect(broker.upgrades).toBe(upgrades + 1)
    await settled(produced)
  })

  it('keeps no listener of a client that is closed', async () => {
    await settled(ottla.topic('orders').produce({ value: 1 }))
    await settled(ottla.close())
    const before = broker.requests.length
    page.dispatchEvent(new Event('pagehide'))
    page.dispatchEvent(new Event('online'))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(broker.requests).toHaveLength(before)
  })
})

describe('retries', () => {
  it('come after a random time up to 100 ms, then twice as long, up to 10 s', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.999)
    broker.isUp = false
    const produced = ottla.topic('orders').produce({ value: 1 })
    produced.catch(() => {})
    const times: number[] = []
    let seen = 0
    const from = Date.now()
    for (let at = 0; times.length < 10 && at < 60_000; at++) {
      await vi.advanceTimersByTimeAsync(5)
      if (broker.upgrades > seen) times.push(Date.now() - from)
      seen = broker.upgrades
    }
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0))
    for (const [at, gap] of gaps.entries()) {
      const bound = Math.min(10_000, 100 * 2 ** at)
      expect(gap).toBeGreaterThan(bound * 0.99 - 2)
      expect(gap).toBeLessThan(bound + 10)
    }
    random.mockRestore()
    await vi.advanceTimersByTimeAsync(120_000)
  })
})

describe('close', () => {
  it('gives up at once what is being produced after an abort', async () => {
    broker.isUp = false
    const produced = ottla.topic('orders').produce({ value: 1 })
    const failed = produced.catch((reason) => reason)
    await vi.advanceTimersByTimeAsync(500)
    const control = new AbortController()
    const closed = ottla.close({ signal: control.signal })
    await vi.advanceTimersByTimeAsync(500)
    control.abort('enough')
    await settled(closed)
    expect(await failed).toBe('enough')
    expect(ottla.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(5)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits for what is being produced, and then nothing is', async () => {
    const produced = ottla.topic('orders').produce({ value: 1 })
    await settled(ottla.close())
    expect(await produced).toMatchObject({ offset: 0 })
    expect(broker.sockets.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    await expect(ottla.topic('orders').produce({ value: 2 })).rejects.toThrow('closed')
  })
})
