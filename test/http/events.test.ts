import { describe, expect, it } from 'vitest'
import { Watches } from '../../src/broker/watches.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { EVENTS_PIECE_BYTES, EVENTS_PIECE_MIN_BYTES } from '../../src/core/limits.ts'
import { Events, OpenStreams, withAround } from '../../src/http/events.ts'
import { Problem } from '../../src/http/problem.ts'
import { openTail } from '../../src/http/tail/tail.ts'
import { buildBatch } from '../../src/record/build.ts'
import { type MemoryBroker, memoryBroker, topicState } from './fakes.ts'

/** An event as an EventSource dispatches it. */
interface SeenEvent {
  readonly id: string
  readonly name: string
  readonly data: { partition: number; offset: number; value?: string }
}

/** What a browser makes of the text (WHATWG, server-sent events): events, and the id it remembers. */
class EventSourceParser {
  lastId = ''
  readonly events: SeenEvent[] = []

  take(bytes: Uint8Array): void {
    const text = new TextDecoder().decode(bytes)
    for (const block of text.split('\n\n')) {
      let name = 'message'
      let data: string | null = null
      for (const line of block.split('\n')) {
        if (line.startsWith('id: ')) this.lastId = line.slice(4)
        if (line.startsWith('event: ')) name = line.slice(7)
        if (line.startsWith('data: ')) data = line.slice(6)
      }
      if (data !== null) this.events.push({ id: this.lastId, name, data: JSON.parse(data) })
    }
  }
}

function put(broker: MemoryBroker, partition: number, ...values: string[]): void {
  const records = values.map((value) => ({
    timestamp: 1000,
    key: null,
    value: new TextEncoder().encode(value),
  }))
  broker.log('t', partition).store(buildBatch({ records }))
}

async function open(broker: MemoryBroker, from: string, resumes = false) {
  const ask = { field: resumes ? 'last-event-id' : 'from', text: from, resumes }
  const tail = await openTail(broker.context, { topics: ['t'], from: ask, readCommitted: true })
  return tail instanceof Problem ? tail : new Events(tail, broker.context.timers)
}

/** Follows a stream until `count` events were seen. */
async function follow(
  broker: MemoryBroker,
  from: string,
  count: number,
): Promise<EventSourceParser> {
  const events = await open(broker, from)
  if (events instanceof Problem) throw new Error(JSON.stringify(events.body()))
  const parser = new EventSourceParser()
  parser.take((await events.piece())!)
  while (parser.events.length < count) parser.take((await events.piece())!)
  return parser
}

const position = ({ data }: SeenEvent) => `${data.partition}:${data.offset}`

describe('the position of a stream', () => {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const events = [7, 9].map((at) => `id: 2:${at}\ndata: {"id":"id: 2:1"}\n\n`).join('')

  it('stands around what the events of one partition say', () => {
    const around = { before: '0:4,', behind: ',3:-1,11:1' }
    expect(decoder.decode(withAround(encoder.encode(events), around))).toBe(
      [7, 9].map((at) => `id: 0:4,2:${at},3:-1,11:1\ndata: {"id":"id: 2:1"}\n\n`).join(''),
    )
  })

  it('of one partition leaves the bytes as they are', () => {
    const bytes = encoder.encode(events)
    expect(withAround(bytes, { before: '', behind: '' })).toBe(bytes)
  })

  it('keeps names and data of any length', () => {
    const bytes = encoder.encode('id: 2:3\nevent: malformed\ndata: {}\n\n')
    expect(decoder.decode(withAround(bytes, { before: '1:0,', behind: '' }))).toBe(
      'id: 1:0,2:3\nevent: malformed\ndata: {}\n\n',
    )
  })
})

describe('the streams of an isolate', () => {
  it('have smaller pieces the more there are, within bounds', () => {
    const streams = new OpenStreams()
    const sizes: number[] = []
    for (let count = 0; count <= 2_000; count++) {
      sizes.push(streams.pieceBytes)
      streams.opened()
    }
    expect(sizes[0]).toBe(EVENTS_PIECE_BYTES)
    expect(sizes[64]).toBe(EVENTS_PIECE_BYTES)
    expect(sizes[128]).toBe(EVENTS_PIECE_BYTES / 2)
    expect(sizes[2_000]).toBe(EVENTS_PIECE_MIN_BYTES)
    for (let count = 0; count <= 2_000; count++) streams.closed()
    expect(streams.pieceBytes).toBe(EVENTS_PIECE_BYTES)
  })
})

describe('a stream', () => {
  const full = () => {
    const broker = memoryBroker([topicState('t', 3)])
    put(broker, 0, 'a0', 'a1', 'a2')
    put(broker, 1, 'b0')
    put(broker, 0, 'a3')
    put(broker, 1, 'b1', 'b2')
    return broker
  }

  it('from earliest gives every record of every partition once, in order within a partition', async () => {
    const { events } = await follow(full(), 'earliest', 7)
    const of = (partition: number) =>
      events.filter(({ data }) => data.partition === partition).map(({ data }) => data.value)
    expect(of(0)).toEqual(['a0', 'a1', 'a2', 'a3'])
    expect(of(1)).toEqual(['b0', 'b1', 'b2'])
  })

  it('cut behind any record resumes with exactly what follows', async () => {
    const all = (await follow(full(), 'earliest', 7)).events
    for (const [at, event] of all.entries()) {
      const had = all.slice(0, at + 1).map(position)
      const rest = all.slice(at + 1).map(position)
      const again = rest.length === 0 ? [] : (await follow(full(), event.id, rest.length)).events
      expect(new Set(again.map(position))).toEqual(new Set(rest))
      expect(again.map(position).filter((one) => had.includes(one))).toEqual([])
    }
  })

  it('cut before its first record resumes where it stood, not at latest', async () => {
    const broker = full()
    const stream = await follow(broker, 'latest', 0)
    expect(stream.lastId).toBe('0:3,1:2,2:-1')
    put(broker, 0, 'a4')
    put(broker, 2, 'c0')
    const { events } = await follow(broker, stream.lastId, 2)
    expect(events.map(({ data }) => data.value).sort()).toEqual(['a4', 'c0'])
  })

  it('starts a partition that the vector does not name at its log start', async () => {
    const { events } = await follow(full(), '0:3', 3)
    expect(events.map(position)).toEqual(['1:0', '1:1', '1:2'])
  })

  it('starts at a time, and at the end where nothing is that late', async () => {
    const broker = full()
    broker.log('t', 1).store(
      buildBatch({
        records: [{ timestamp: Date.parse('2030-01-01T00:00:00Z'), key: null, value: null }],
      }),
    )
    const { events, lastId } = await follow(broker, '2029-12-31T23:59:59.5+00:00', 1)
    expect(events.map(position)).toEqual(['1:3'])
    expect(lastId).toBe('0:3,1:3,2:-1')
  })

  it('gets records that are written while it waits', async () => {
    const broker = full()
    const events = await open(broker, 'latest')
    if (events instanceof Problem) throw new Error('refused')
    await events.piece()
    const waiting = events.piece()
    setTimeout(() => put(broker, 2, 'new'), 30)
    const parser = new EventSourceParser()
    parser.take((await waiting)!)
    expect(parser.events.map(position)).toEqual(['2:0'])
  })

  it('says what retention took from a reader who had not had it', async () => {
    const broker = full()
    broker.log('t', 0).startOffset = 3
    broker.log('t', 0).batches.shift()
    const { events } = await follow(broker, '0:0,1:2,2:-1', 2)
    expect(events.map(({ name }) => name)).toEqual(['reset', 'message'])
    expect(events[0]!.data).toEqual({
      topic: 't',
      partition: 0,
      reason: 'trimmed',
      position: '0:0,1:2,2:-1',
      next: '0:2,1:2,2:-1',
    })
    expect(events[0]!.id).toBe('0:2,1:2,2:-1')
    expect(events[1]!.data.offset).toBe(3)
  })

  it('shows a malformed batch as an event of its own and goes on', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    put(broker, 0, 'x', 'y')
    broker.log('t').batches[0]!.fill(0xff, 61)
    put(broker, 0, 'z')
    const { events } = await follow(broker, 'earliest', 2)
    expect(events.map(({ name }) => name)).toEqual(['malformed', 'message'])
    expect(events.map(({ id }) => id)).toEqual(['0:1', '0:2'])
  })

  it('of a topic that is deleted ends with a reset, whose id says that its reader knows', async () => {
    const broker = full()
    const events = await open(broker, 'latest')
    if (events instanceof Problem) throw new Error('refused')
    const parser = new EventSourceParser()
    parser.take((await events.piece())!)
    const { id } = topicState('t', 3)
    broker.replace('t', null)
    parser.take((await events.piece())!)
    expect(parser.events).toEqual([
      {
        id: `${id}/`,
        name: 'reset',
        data: { topic: 't', reason: 'deleted', position: '0:3,1:2,2:-1', next: null },
      },
    ])
    expect(await events.piece()).toBeNull()
    const again = await open(broker, parser.lastId, true)
    expect((again as Problem).body()).toMatchObject({ status: 404, field: 'topic' })
  })

  it('has a comment every 15 s, and nothing else, while nothing comes', async () => {
    // A clock that runs a hundred times as fast.
    const started = Date.now()
    const now = () => started + (Date.now() - started) * 100
    const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms / 100))
    const after = (ms: number, fire: () => void) => {
      const timer = setTimeout(fire, ms / 100)
      return () => clearTimeout(timer)
    }
    const broker = full()
    const timers = { now, sleep, after }
    const watches = new Watches(timers, broker.context.objects.watch)
    const context = { ...broker.context, timers, watches }
    const events = await open({ ...broker, context }, 'latest')
    if (events instanceof Problem) throw new Error('refused')
    await events.piece()
    for (let count = 0; count < 3; count++) {
      const sinceMs = now()
      expect(new TextDecoder().decode((await events.piece())!)).toBe(':\n\n')
      expect(now() - sinceMs).toBeGreaterThan(14_000)
      expect(now() - sinceMs).toBeLessThan(60_000)
    }
    events.close()
  })

  it('says a failure once, and ends', async () => {
    const broker = full()
    const events = await open(broker, 'latest')
    if (events instanceof Problem) throw new Error('refused')
    await events.piece()
    broker.log('t', 1).failure = KafkaError.KAFKA_STORAGE_ERROR
    const text = new TextDecoder().decode((await events.piece())!)
    expect(text).toMatch(/^event: problem\ndata: \{"code":"KAFKA_STORAGE_ERROR","status":503,/)
    expect(await events.piece()).toBeNull()
  })
})

describe('a stream that cannot start', () => {
  it.each([
    [
      '0:99',
      {
        code: 'OFFSET_OUT_OF_RANGE',
        status: 416,
        field: 'from',
        partition: 0,
        earliest: 0,
        end: 1,
      },
    ],
    ['3:0', { code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404, field: 'from' }],
    ['yesterday', { code: 'INVALID_REQUEST', status: 400, field: 'from' }],
  ])('from %s says why', async (from, expected) => {
    const broker = memoryBroker([topicState('t', 2)])
    put(broker, 0, 'only')
    const problem = await open(broker, from)
    expect((problem as Problem).body()).toMatchObject(expected)
  })
})
