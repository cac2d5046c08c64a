import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import {
  bytes,
  connect,
  type Ottla,
  OttlaError,
  SchemaError,
  text,
} from '../../src/client/client.ts'
import { FakeBroker, FakeSocket, type Message } from './fake-broker.ts'
import { settled } from './settle.ts'

let broker: FakeBroker
let ottla: Ottla

beforeEach(() => {
  vi.useFakeTimers()
  broker = new FakeBroker()
  broker.create('orders', 2)
  ottla = connect('http://broker', broker.options)
})

afterEach(() => {
  vi.useRealTimers()
})

/** The next `count` values of a loop. */
async function take<Value>(loop: AsyncIterator<Value>, count: number): Promise<Value[]> {
  const values: Value[] = []
  while (values.length < count) values.push((await settled(loop.next())).value)
  return values
}

const leave = async (loop: AsyncIterator<unknown>) => void (await loop.return?.())
const socket = () => [...broker.sockets][0] as FakeSocket
const fill = (count: number, from = 0) => {
  for (let at = from; at < from + count; at++) broker.append('orders', String(at), at % 2)
}

describe('tail', () => {
  it('gives what comes after it began, by default', async () => {
    fill(3)
    const loop = ottla.topic('orders').tail()
    const first = loop.next()
    await vi.advanceTimersByTimeAsync(10)
    broker.append('orders', '{"a":[1]}', 1, 'k')
    expect((await settled(first)).value).toEqual({
      topic: 'orders',
      partition: 1,
      offset: 1,
      timestamp: expect.any(Number),
      key: 'k',
      value: { a: [1] },
      headers: [],
      position: '0:1,1:1',
    })
  })

  it('begins where it is told to, and each record has the position to go on from', async () => {
    fill(10)
    const from = new Date(0)
    await take(ottla.topic('orders').tail({ from: 'earliest' }), 1)
    ottla.topic('orders').tail({ from }).next()
    await vi.advanceTimersByTimeAsync(10)
    const asked = broker.said('subscribe').map(({ from }: Message) => from)
    expect(asked).toEqual(['earliest', '1970-01-01T00:00:00.000Z'])
    const all = await take(ottla.topic('orders').tail({ from: 'earliest' }), 10)
    for (const [at, { position }] of all.entries()) {
      if (at === 9) break
      const [next] = await take(ottla.topic('orders').tail({ from: position }), 1)
      expect(next).toEqual(all[at + 1])
    }
  })

  it('gives each record once, in order, however often it is cut', async () => {
    const loop = ottla.topic('orders').tail({ from: 'earliest' })
    const seen: unknown[] = []
    broker.recordsMax = 3
    let written = 0
    for (let round = 0; round < 60; round++) {
      fill(4, written)
      written += 4
      if (round % 2 === 0) broker.cut()
      seen.push(...(await take(loop, 1 + (round % 3))))
      if (round % 3 === 0) broker.cut()
    }
    while (seen.length < written) seen.push(...(await take(loop, 1)))
    const of = (partition: number) =>
      (seen as { partition: number; offset: number; value: number }[]).filter(
        (record) => record.partition === partition,
      )
    for (const partition of [0, 1]) {
      expect(of(partition).map(({ offset }) => offset)).toEqual(
        Array.from({ length: written / 2 }, (_, at) => at),
      )
    }
  })

  it('goes on from where it was told to be when a cut comes before the first record', async () => {
    fill(2)
    const loop = ottla.topic('orders').tail()
    const next = loop.next()
    await vi.advanceTimersByTimeAsync(10)
    broker.isUp = false
    broker.cut()
    broker.append('orders', '"missed"')
    broker.isUp = true
    expect((await settled(next)).value?.value).toBe('missed')
  })

  it('is told of what was read and not sent', async () => {
    const loop = ottla.topic('orders').tail({ key: 'k' })
    const next = loop.next()
    await vi.advanceTimersByTimeAsync(10)
    expect(broker.said('subscribe')[0]).toMatchObject({ key: 'k' })
    const [{ sub }] = broker.said('subscribe')
    socket().say({ type: 'position', sub, position: '0:7,1:9' })
    await vi.advanceTimersByTimeAsync(10)
    broker.cut()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(broker.said('subscribe')[1]).toMatchObject({ from: '0:7,1:9' })
    next.catch(() => {})
    await settled(ottla.close())
  })

  it('never lets the broker send more than a mebibyte that nobody has asked for', async () => {
    const value = JSON.stringify('x'.repeat(100_000))
    for (let at = 0; at < 100; at++) broker.append('orders', value)
    const loop = ottla.topic('orders').tail({ from: 'earliest' })
    await take(loop, 1)
    await vi.advanceTimersByTimeAsync(1_000)
    const granted = () =>
      [...broker.said('subscribe'), ...broker.said('grant')].reduce((sum, m) => sum + m.bytes, 0)
    expect(granted()).toBeLessThanOrEqual(2.2 * 1024 * 1024)
    const before = granted()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(granted()).toBe(before)
    await take(loop, 99)
    expect(granted()).toBeGreaterThan(9 * 1024 * 1024)
  })

  it('takes a record that is larger than what it lets others have', async () => {
    const large = JSON.stringify('y'.repeat(5_000_000))
    for (const value of ['1', large, '2', large, large, '3']) broker.append('orders', value)
    const loop = ottla.topic('orders').tail({ from: 'earliest' })
    const values = (await take(loop, 6)).map(({ value }) => String(value).length)
    expect(values).toEqual([1, 5_000_000, 1, 5_000_000, 5_000_000, 1])
  })

  it('ends with break, and takes the connection with it', async () => {
    fill(5)
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const { value } of ottla.topic('orders').tail({ from: 'earliest' })) {
        seen.push(value)
        if (seen.length === 2) break
      }
    })()
    await settled(reading)
    expect(seen).toEqual([0, 2])
    expect(broker.sockets.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    expect(ottla.state).toBe('waiting')
  })

  it('rejects with the reason of the signal, waiting or not, and takes the connection with it', async () => {
    for (const isWaiting of [true, false]) {
      const control = new AbortController()
      const loop = ottla.topic('orders').tail({ signal: control.signal })
      const next = loop.next()
      await vi.advanceTimersByTimeAsync(10)
      if (!isWaiting) {
        fill(1)
        await settled(next)
      }
      const reason = new Error('enough')
      control.abort(reason)
      await expect(isWaiting ? next : loop.next()).rejects.toBe(reason)
      expect(await loop.next()).toEqual({ done: true, value: undefined })
      expect(broker.sockets.size).toBe(0)
      await vi.advanceTimersByTimeAsync(5)
      expect(vi.getTimerCount()).toBe(0)
    }
    const loop = ottla.topic('orders').tail({ signal: AbortSignal.abort('before') })
    await expect(loop.next()).rejects.toBe('before')
    expect(broker.upgrades).toBe(2)
  })

  it('ends when the client is closed, and none begins after that', async () => {
    const next = ottla.topic('orders').tail().next()
    await vi.advanceTimersByTimeAsync(10)
    await settled(ottla.close())
    expect(await next).toEqual({ done: true, value: undefined })
    expect(vi.getTimerCount()).toBe(0)
    await expect(ottla.topic('orders').tail().next()).rejects.toThrow('closed')
  })

  it('shares one connection, and one that ends leaves the others', async () => {
    const one = ottla.topic('orders').tail()
    const two = ottla.topic('orders').tail()
    const nexts = [one.next(), two.next()]
    await vi.advanceTimersByTimeAsync(10)
    fill(1)
    await settled(Promise.all(nexts))
    await settled(leave(one))
    const next = two.next()
    fill(1, 1)
    expect((await settled(next)).value?.value).toBe(1)
    expect(broker.upgrades).toBe(1)
  })

  it('ends with the broker’s error for a topic that is not there', async () => {
    const error = await settled(
      ottla
        .topic('none')
        .tail()
        .next()
        .catch((e) => e),
    )
    expect(error).toBeInstanceOf(OttlaError)
    expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404 })
  })

  it('tries again what may work later', async () => {
    const problem = {
      code: 'LEADER_NOT_AVAILABLE',
      status: 503,
      retriable: true,
      retryAfterMs: 500,
    }
    let refusals = 2
    broker.onMessage = (from, { type, sub }) => {
      if (type !== 'subscribe' || refusals-- <= 0) return
      from.say({ type: 'error', sub, problem })
    }
    fill(1)
    const next = ottla.topic('orders').tail({ from: 'earliest' }).next()
    expect((await settled(next)).value?.value).toBe(0)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(broker.said('subscribe')).toHaveLength(3)
  })

  it('gives up a connection that says nothing for 40 s', async () => {
    const next = ottla.topic('orders').tail().next()
    await vi.advanceTimersByTimeAsync(10)
    // Nothing arrives any more, and nobody says so.
    const dead = socket()
    dead.sayText = () => {}
    await vi.advanceTimersByTimeAsync(45_000)
    expect(broker.upgrades).toBe(2)
    fill(1)
    expect((await settled(next)).value?.value).toBe(0)
  })

  it('survives a broker that greets and goes in one breath', async () => {
    fill(1)
    let times = 3
    const say = FakeSocket.prototype.sayText
    vi.spyOn(FakeSocket.prototype, 'sayText').mockImplementation(function (this: FakeSocket, data) {
      if (!data.includes('hello') || times-- <= 0) return say.call(this, data)
      setTimeout(() => {
        this.dispatchEvent(Object.assign(new Event('message'), { data }))
        this.dispatchEvent(new Event('close'))
        this.close()
      }, 1)
    })
    const produced = ottla.topic('orders').produce({ value: 'x', partition: 1 })
    const next = ottla.topic('orders').tail({ from: 'earliest' }).next()
    expect((await settled(next)).value?.value).toBe(0)
    await settled(produced)
    expect(broker.upgrades).toBe(4)
    expect(broker.sockets.size).toBe(1)
    vi.restoreAllMocks()
  })

  it('answers the broker that asks whether it lives', async () => {
    const said: string[] = []
    const hear = broker.hear.bind(broker)
    broker.hear = (from, text) => {
      said.push(text)
      if (text !== 'pong') hear(from, text)
    }
    ottla
      .topic('orders')
      .tail()
      .next()
      .catch(() => {})
    await vi.advanceTimersByTimeAsync(10)
    socket().sayText('ping')
    await vi.advanceTimersByTimeAsync(10)
    expect(said).toContain('pong')
  })

  it('can be posted to another thread: a record is plain data with its position', async () => {
    fill(1)
    const [record] = await take(ottla.topic('orders').tail({ from: 'earliest' }), 1)
    expect(structuredClone(record)).toEqual({ ...record })
    expect(structuredClone(record)?.position).toBe('0:0,1:-1')
    expect({ ...record }.position).toBe('0:0,1:-1')
  })
})

describe('a reset of the broker', () => {
  const reset = { topic: 'orders', partition: 0, position: '0:5,1:2', next: '0:8,1:2' }

  async function resetDuring(
    options: Parameters<ReturnType<Ottla['topic']>['tail']>[0],
    message: object,
  ) {
    const loop = ottla.topic('orders').tail(options)
    const next = loop.next()
    next.catch(() => {})
    await vi.advanceTimersByTimeAsync(10)
    const [{ sub }] = broker.said('subscribe')
    socket().say({ type: 'reset', sub, ...reset, ...message })
    await vi.advanceTimersByTimeAsync(10)
    return { loop, next }
  }

  it.each([
    ['trimmed', 'OFFSET_OUT_OF_RANGE'],
    ['recreated', 'UNKNOWN_TOPIC_ID'],
    ['deleted', 'UNKNOWN_TOPIC_OR_PARTITION'],
  ])('is an error with both positions: %s', async (reason, code) => {
    const next = reason === 'deleted' ? null : reset.next
    const { next: rejected } = await resetDuring({}, { reason, next })
    await expect(rejected).rejects.toMatchObject({
      code,
      topic: 'orders',
      partition: 0,
      problem: { position: '0:5,1:2', next },
    })
  })

  it('is told to who wants to go on, which it does from there', async () => {
    const onReset = vi.fn()
    const { next } = await resetDuring({ onReset }, { reason: 'trimmed' })
    expect(onReset).toHaveBeenCalledExactlyOnceWith({ reason: 'trimmed', ...reset })
    broker.cut()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(broker.said('subscribe').at(-1)).toMatchObject({ from: '0:8,1:2' })
    next.catch(() => {})
    await settled(ottla.close())
  })
})

describe('values', () => {
  const Order = z.object({ id: z.number(), at: z.coerce.date().optional() })

  async function one(topic: { tail(o: object): AsyncIterator<{ value: unknown }> }, options = {}) {
    return (await take(topic.tail({ from: 'earliest', ...options }), 1))[0]?.value
  }

  it('are JSON, and null is a tombstone', async () => {
    const orders = ottla.topic('orders')
    const values = [{ a: 1 }, 'text', 7, true, [null], null]
    await settled(orders.produce(values.map((value) => ({ value, partition: 0 }))))
    expect(broker.values('orders')).toEqual(['{"a":1}', '"text"', '7', 'true', '[null]', null])
    const read = await take(orders.tail({ from: 'earliest' }), 6)
    expect(read.map(({ value }) => value)).toEqual(values)
  })

  it('are text or bytes where that is said', async () => {
    const raw = new Uint8Array([0, 255, 1])
    const asText = ottla.topic('orders', { value: text })
    const asBytes = ottla.topic('orders', { value: bytes })
    await settled(asText.produce({ value: 'not JSON', partition: 0 }))
    await settled(asBytes.produce({ value: raw, partition: 1 }))
    expect(await one(asText)).toBe('not JSON')
    expect(await one(asBytes, { from: '0:0,1:-1' })).toEqual(raw)
    expect(await one(asBytes)).toEqual(new TextEncoder().encode('not JSON'))
    await expect(one(asText, { from: '0:0,1:-1' })).rejects.toThrow('UTF-8')
  })

  it('are checked before they are sent, and nothing of a list that does not fit is', async () => {
    const orders = ottla.topic('orders', { value: Order })
    const given = [{ value: { id: 1 } }, { key: 'k', value: { id: 'x' as never } }]
    const error = await orders.produce(given).catch((e) => e)
    expect(error).toBeInstanceOf(SchemaError)
    expect(error.issues[0]).toMatchObject({ path: ['id'] })
    expect(error.record).toEqual({ topic: 'orders', key: 'k', value: { id: 'x' } })
    expect(error.message).toMatch(/^a value of topic orders does not fit: id: /)
    expect(broker.upgrades).toBe(0)
  })

  it('are sent as given and read as the schema makes them', async () => {
    const orders = ottla.topic('orders', { value: Order })
    const at = new Date(1_000)
    await settled(orders.produce({ value: { id: 1, at } }))
    expect(broker.values('orders')).toEqual(['{"id":1,"at":"1970-01-01T00:00:01.000Z"}'])
    expect(await one(orders)).toEqual({ id: 1, at })
  })

  it('keep their order when a schema takes its time', async () => {
    let wait = 50
    const slow = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value: unknown) => {
          wait -= 10
          await new Promise((resolve) => setTimeout(resolve, wait))
          return { value: value as number }
        },
      },
    } as const
    const orders = ottla.topic('orders', { value: slow })
    const sent = [1, 2, 3, 4].map((value) =>
      orders.produce({ value: value as never, partition: 0 }),
    )
    await settled(Promise.all(sent))
    expect(broker.values('orders')).toEqual(['1', '2', '3', '4'])
  })

  describe('that do not fit when they are read', () => {
    beforeEach(() => {
      for (const value of ['{"id":1}', '{"id":"x"}', 'no JSON', '{"id":2}']) {
        broker.append('orders', value)
      }
    })

    it('end the loop with an error that says where to go on', async () => {
      const orders = ottla.topic('orders', { value: Order })
      const loop = orders.tail({ from: 'earliest' })
      await take(loop, 1)
      const error = await settled(loop.next().catch((e) => e))
      expect(error).toBeInstanceOf(SchemaError)
      expect(error.record).toMatchObject({ partition: 0, offset: 1, value: '{"id":"x"}' })
      expect(broker.sockets.size).toBe(0)
      const again = orders.tail({ from: error.record.position, onInvalid: 'skip' })
      expect((await take(again, 1))[0]?.offset).toBe(3)
    })

    it('are left out, and told, where that is wanted', async () => {
      const told = vi.fn()
      const orders = ottla.topic('orders', { value: Order })
      const skipped = await take(orders.tail({ from: 'earliest', onInvalid: 'skip' }), 2)
      expect(skipped.map(({ value }) => value.id)).toEqual([1, 2])
      await take(orders.tail({ from: 'earliest', onInvalid: told }), 2)
      expect(told.mock.calls.map(([error]) => error.record.offset)).toEqual([1, 2])
    })

    it('are as invalid as what the broker cannot read', async () => {
      const told = vi.fn()
      const loop = ottla.topic('orders').tail({ onInvalid: told })
      const next = loop.next()
      await vi.advanceTimersByTimeAsync(10)
      const [{ sub }] = broker.said('subscribe')
      const records = [
        { partition: 0, offset: 4, lastOffset: 9, error: 'CORRUPT_MESSAGE', detail: 'damaged' },
        { partition: 0, offset: 10, timestamp: 0, key: null, value: '5', headers: [] },
      ]
      const about = { type: 'records', sub, topic: 'orders', topicId: 'T', position: '0:10,1:-1' }
      socket().say({ ...about, records, bytes: 100 })
      expect((await settled(next)).value).toMatchObject({ value: 5, position: '0:10,1:-1' })
      expect(told.mock.calls[0]?.[0]).toMatchObject({ code: 'CORRUPT_MESSAGE', offset: 4 })
    })
  })
})

describe('state', () => {
  it('is told as it changes, with what was the matter', async () => {
    const states: string[] = []
    ottla.addEventListener('state', ({ state, error }) => {
      states.push(error instanceof OttlaError ? `${state} ${error.code}` : state)
    })
    expect(ottla.state).toBe('waiting')
    const next = ottla.topic('orders').tail().next()
    await vi.advanceTimersByTimeAsync(10)
    broker.isUp = false
    broker.cut()
    await vi.advanceTimersByTimeAsync(300)
    broker.isUp = true
    await vi.advanceTimersByTimeAsync(20_000)
    await settled(ottla.close())
    await next
    expect(states.slice(0, 3)).toEqual(['connecting', 'live', 'waiting NETWORK_EXCEPTION'])
    expect(states.slice(-3)).toEqual(['live', 'waiting', 'closed'])
  })
})

describe('the token', () => {
  it('is asked for once, and again after a 401', async () => {
    const tokens = ['old', 'new']
    const token = vi.fn(async () => tokens.shift() ?? 'new')
    ottla = connect('http://broker', { ...broker.options, token })
    broker.token = 'old'
    fill(1)
    const loop = ottla.topic('orders').tail({ from: 'earliest' })
    await take(loop, 1)
    broker.token = 'new'
    broker.cut()
    const next = loop.next()
    fill(1, 2)
    expect((await settled(next)).value?.value).toBe(2)
    expect(token).toHaveBeenCalledTimes(2)
    expect(broker.tokens).toEqual(['old', 'old', 'new'])
  })

  it('that is refused ends what waits for it, with the broker’s error', async () => {
    ottla = connect('http://broker', { ...broker.options, token: () => 'wrong' })
    broker.token = 'right'
    const refused = { status: 401, code: 'CLUSTER_AUTHORIZATION_FAILED', retriable: false }
    const waiting = [
      ottla.topic('orders').tail().next(),
      ottla.topic('orders').produce({ value: 1 }),
    ]
    const errors = await settled(Promise.all(waiting.map((each) => each.catch((e: unknown) => e))))
    for (const error of errors) expect(error).toMatchObject(refused)
    await expect(ottla.fetch('/v1/topics')).rejects.toMatchObject(refused)
  })

  it('that cannot be had ends what waits for it with why', async () => {
    const why = new Error('signed out')
    ottla = connect('http://broker', { ...broker.options, token: () => Promise.reject(why) })
    await expect(settled(ottla.topic('orders').tail().next())).rejects.toBe(why)
    await expect(settled(ottla.topic('orders').produce({ value: 1 }))).rejects.toBe(why)
  })
})

describe('connect', () => {
  it('takes the address of a broker and nothing else', () => {
    expect(connect('http://broker:8080/').url).toBe('http://broker:8080')
    expect(connect(new URL('https://host/kafka/')).url).toBe('https://host/kafka')
    expect(() => connect('broker:8080')).toThrow(TypeError)
    expect(() => connect('nonsense')).toThrow(TypeError)
  })

  it('sends nothing by itself', async () => {
    ottla.topic('orders')
    ottla.group('billing')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(broker.upgrades + broker.requests.length).toBe(0)
  })
})
