import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, type Ottla } from '../../src/client/client.ts'
import { FakeBroker, type FakeSocket, type Message } from './fake-broker.ts'
import { settled } from './settle.ts'

let broker: FakeBroker
let ottla: Ottla
/** The connection of the member, and the number of its last join. */
let member: FakeSocket
let sub: number

beforeEach(() => {
  vi.useFakeTimers()
  broker = new FakeBroker()
  broker.create('orders', 2)
  ottla = connect('http://broker', broker.options)
  broker.onJoin = (socket, message) => {
    member = socket
    sub = message.sub
    assign(0, 1)
  }
})

afterEach(() => {
  vi.useRealTimers()
})

const leave = async (loop: AsyncIterator<unknown>) => void (await loop.return?.())
const committedOf = (partition: number) => broker.committed.get(`orders/${partition}`) ?? 0

/** Gives partitions to the member, and what is in them. */
function assign(...partitions: number[]): void {
  const list = partitions.map((partition) => ({
    topic: 'orders',
    partition,
    offset: committedOf(partition),
  }))
  member.say({ type: 'assigned', sub, partitions: list })
  for (const partition of partitions) deliver(partition, committedOf(partition))
}

function deliver(partition: number, from: number): void {
  const log = broker.logs.get('orders')?.[partition] ?? []
  const records = log.slice(from)
  if (records.length === 0) return
  const about = { type: 'records', sub, topic: 'orders', topicId: 'T', position: '' }
  member.say({ ...about, records, bytes: JSON.stringify(records).length })
}

function fill(count: number, partition = 0): void {
  for (let at = 0; at < count; at++) broker.append('orders', String(at), partition)
}

function revoke(partition: number, lost?: true): void {
  const partitions = [{ topic: 'orders', partition }]
  member.say({ type: 'revoked', sub, partitions, ...(lost === undefined ? {} : { lost }) })
}

const consume = (options = {}) => ottla.group('billing').consume(ottla.topic('orders'), options)

async function take<Value>(loop: AsyncIterator<Value>, count: number): Promise<Value[]> {
  const values: Value[] = []
  while (values.length < count) values.push((await settled(loop.next())).value)
  return values
}

describe('consume', () => {
  it('joins with the topics, and gives the records of what is assigned', async () => {
    fill(2)
    const loop = consume({ from: 'earliest', maxPollIntervalMs: 60_000 })
    const [first, second] = await take(loop, 2)
    expect(first).toMatchObject({ topic: 'orders', partition: 0, offset: 0, value: 0 })
    expect(second).toMatchObject({ offset: 1 })
    expect(broker.said('join')).toEqual([
      {
        type: 'join',
        sub: expect.any(Number),
        group: 'billing',
        topics: ['orders'],
        from: 'earliest',
        maxPollIntervalMs: 60_000,
        bytes: expect.any(Number),
      },
    ])
  })

  it('takes a record as done when the next one is asked for, and commits every 5 s', async () => {
    fill(10)
    const loop = consume()
    await take(loop, 3)
    await vi.advanceTimersByTimeAsync(4_900)
    expect(broker.said('commit')).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    expect(committedOf(0)).toBe(2)
    await take(loop, 1)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(committedOf(0)).toBe(3)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(broker.said('commit')).toHaveLength(2)
  })

  it('commits what is done when the loop is left, and leaves', async () => {
    fill(5)
    const reading = (async () => {
      for await (const { offset } of consume()) if (offset === 3) break
    })()
    await settled(reading)
    expect(committedOf(0)).toBe(3)
    expect(broker.heard.slice(-2).map(({ type }: Message) => type)).toEqual(['commit', 'leave'])
    expect(broker.sockets.size).toBe(0)
    await vi.advanceTimersByTimeAsync(5)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves the record uncommitted whose body throws', async () => {
    fill(5)
    const bang = new Error('bang')
    const seen: number[] = []
    const reading = async () => {
      for await (const { offset } of consume()) {
        seen.push(offset)
        if (seen.length === 3) throw bang
      }
    }
    await expect(settled(reading())).rejects.toBe(bang)
    expect(committedOf(0)).toBe(2)
    await take(consume(), 1)
    expect(seen).toEqual([0, 1, 2])
    expect(committedOf(0)).toBe(2)
  })

  it('commits what is done when it is aborted, and rejects with the reason', async () => {
    fill(3)
    const control = new AbortController()
    const loop = consume({ signal: control.signal })
    await take(loop, 3)
    const next = loop.next()
    next.catch(() => {})
    await vi.advanceTimersByTimeAsync(5)
    control.abort('enough')
    await expect(settled(next)).rejects.toBe('enough')
    await vi.advanceTimersByTimeAsync(100)
    expect(committedOf(0)).toBe(3)
    expect(broker.said('leave')).toHaveLength(1)
    expect(broker.sockets.size).toBe(0)
  })

  it('commits what is done when the client is closed', async () => {
    fill(3)
    const loop = consume()
    await take(loop, 3)
    const next = loop.next()
    await vi.advanceTimersByTimeAsync(5)
    await settled(ottla.close())
    expect(await next).toEqual({ done: true, value: undefined })
    expect(committedOf(0)).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves within 2 s a broker that does not answer', async () => {
    fill(3)
    const loop = consume()
    await take(loop, 2)
    broker.onRequest = () => 'silence'
    const before = Date.now()
    await settled(leave(loop))
    expect(Date.now() - before).toBeLessThan(2_100)
    expect(broker.sockets.size).toBe(0)
  })
})

describe('a partition that is taken away', () => {
  it('is committed as far as it is done, and then let go', async () => {
    fill(5, 0)
    fill(5, 1)
    const loop = consume()
    const seen = await take(loop, 7)
    expect(seen.at(-1)).toMatchObject({ partition: 1, offset: 1 })
    revoke(0)
    await vi.advanceTimersByTimeAsync(10)
    expect(committedOf(0)).toBe(5)
    expect(committedOf(1)).toBe(0)
    expect(broker.heard.slice(-2).map(({ type }: Message) => type)).toEqual(['commit', 'revoked'])
  })

  it('is let go when the record in hand is done, and no further record of it is given', async () => {
    fill(5, 0)
    const loop = consume()
    await take(loop, 2)
    revoke(0)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(broker.said('revoked')).toEqual([])
    const next = loop.next()
    await vi.advanceTimersByTimeAsync(10)
    expect(committedOf(0)).toBe(2)
    expect(broker.said('revoked')).toHaveLength(1)
    fill(1, 1)
    deliver(1, 0)
    expect((await settled(next)).value).toMatchObject({ partition: 1, offset: 0 })
  })

  it('is let go at once when the loop waits for records', async () => {
    const loop = consume()
    const next = loop.next()
    await vi.advanceTimersByTimeAsync(10)
    revoke(0)
    await vi.advanceTimersByTimeAsync(10)
    expect(broker.said('revoked')).toHaveLength(1)
    expect(broker.said('commit')).toEqual([])
    fill(1, 1)
    deliver(1, 0)
    expect((await settled(next)).value).toMatchObject({ partition: 1 })
  })

  it('is not committed when it is lost, and is let go only when the record in hand is done', async () => {
    fill(5, 0)
    const loop = consume()
    await take(loop, 2)
    revoke(0, true)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(broker.said('revoked')).toEqual([])
    loop.next().catch(() => {})
    await vi.advanceTimersByTimeAsync(10)
    expect(broker.said('commit')).toEqual([])
    expect(broker.said('revoked')).toHaveLength(1)
    await settled(ottla.close())
  })

  it('begins where the group is when it comes back', async () => {
    fill(5, 0)
    const loop = consume()
    await take(loop, 4)
    revoke(0)
    await vi.advanceTimersByTimeAsync(5)
    const next = loop.next()
    await vi.advanceTimersByTimeAsync(10)
    // Another member had it meanwhile, and somebody has reset it.
    broker.committed.set('orders/0', 1)
    assign(0)
    expect((await settled(next)).value).toMatchObject({ partition: 0, offset: 1 })
  })
})

describe('a cut', () => {
  it('loses nothing, and gives nothing twice that was done', async () => {
    fill(200)
    const loop = consume()
    const seen: unknown[] = []
    while (seen.length < 200) {
      seen.push((await take(loop, 1))[0]?.offset)
      if (seen.length % 17 === 0) broker.cut()
      if (seen.length % 40 === 0) await vi.advanceTimersByTimeAsync(5_000)
    }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, at) => at))
    await settled(leave(loop))
    expect(committedOf(0)).toBe(199)
  })

  it('that hides the answer of a commit does not make what is done come again', async () => {
    fill(10)
    const loop = consume()
    await take(loop, 6)
    broker.onRequest = ({ type }) => (type === 'commit' ? 'cut-after' : null)
    await vi.advanceTimersByTimeAsync(5_010)
    expect(committedOf(0)).toBe(5)
    broker.onRequest = () => null
    expect((await take(loop, 1))[0]?.offset).toBe(6)
  })

  it('makes what another has moved come again from there', async () => {
    fill(10)
    const loop = consume()
    await take(loop, 6)
    broker.committed.set('orders/0', 3)
    broker.cut()
    await vi.advanceTimersByTimeAsync(5)
    const rest = await take(loop, 2)
    expect(rest.map(({ offset }) => offset)).toEqual([3, 4])
  })
})

describe('a commit that is refused', () => {
  const problem = (code: string, retriable: boolean) => ({
    problem: { code, status: 500, retriable },
  })

  it('is made again when it may work later', async () => {
    fill(5)
    const faults = [problem('COORDINATOR_LOAD_IN_PROGRESS', true)]
    broker.onRequest = () => faults.shift() ?? null
    const loop = consume()
    await take(loop, 3)
    await vi.advanceTimersByTimeAsync(5_100)
    expect(committedOf(0)).toBe(0)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(committedOf(0)).toBe(2)
  })

  it('ends nothing where the member is fenced: its partitions will be taken', async () => {
    fill(5)
    broker.onRequest = () => problem('STALE_MEMBER_EPOCH', false)
    const loop = consume()
    await take(loop, 3)
    await vi.advanceTimersByTimeAsync(5_100)
    expect((await take(loop, 1))[0]?.offset).toBe(3)
  })

  it('ends the loop where it will never work', async () => {
    fill(5)
    broker.onRequest = () => problem('GROUP_AUTHORIZATION_FAILED', false)
    const loop = consume()
    await take(loop, 3)
    await vi.advanceTimersByTimeAsync(5_100)
    await expect(settled(loop.next())).rejects.toMatchObject({ code: 'GROUP_AUTHORIZATION_FAILED' })
  })
})

describe("commit: 'manual'", () => {
  const manual = () =>
    ottla.group('billing').consume(ottla.topic('orders'), { commit: 'manual' as const })

  it('commits a record, and all before it, when it is told to and never else', async () => {
    fill(5)
    const loop = manual()
    const seen = await take(loop, 4)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(broker.said('commit')).toEqual([])
    await settled(seen[2]?.commit() ?? Promise.resolve())
    expect(committedOf(0)).toBe(3)
    await settled(leave(loop))
    expect(committedOf(0)).toBe(3)
  })

  it('rejects when it was not committed', async () => {
    fill(1)
    broker.onRequest = () => ({
      problem: { code: 'UNKNOWN_MEMBER_ID', status: 409, retriable: false },
    })
    const [record] = await take(manual(), 1)
    const commit = record?.commit() ?? Promise.resolve()
    await expect(settled(commit)).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  })

  it('tells every 5 s what was got through, so that the member is known to work', async () => {
    fill(5)
    await take(manual(), 4)
    await vi.advanceTimersByTimeAsync(5_100)
    const offsets = [{ topic: 'orders', partition: 0, offset: 3 }]
    expect(broker.said('processed')).toEqual([{ type: 'processed', sub, offsets }])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(broker.said('processed')).toHaveLength(1)
  })
})

describe('values that do not fit', () => {
  it('end the loop uncommitted, or are skipped and done', async () => {
    for (const value of ['1', 'no JSON', '2']) broker.append('orders', value)
    const loop = consume()
    await take(loop, 1)
    await expect(settled(loop.next())).rejects.toThrow('JSON')
    expect(committedOf(0)).toBe(1)
    const told = vi.fn()
    const again = consume({ onInvalid: told })
    expect((await take(again, 1))[0]?.value).toBe(2)
    expect(told).toHaveBeenCalledTimes(1)
    await settled(leave(again))
    expect(committedOf(0)).toBe(2)
  })
})
