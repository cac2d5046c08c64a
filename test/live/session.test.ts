import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import {
  LIVE_MESSAGE_BYTES,
  LIVE_PENDING_TOTAL_BYTES,
  LIVE_REQUESTS,
  LIVE_SUBSCRIPTIONS,
} from '../../src/core/limits/live.ts'
import { Problem } from '../../src/http/problem.ts'
import { decodeState, encodeState } from '../../src/live/session-state.ts'
import { bytesOf, settle, World } from './fakes.ts'

function world(partitions = 1): World {
  const made = new World()
  made.topics.create('orders', partitions)
  return made
}

const subscribe = (sub: number, more: object = {}) => ({
  type: 'subscribe',
  sub,
  topics: ['orders'],
  from: 'earliest',
  bytes: 10_000,
  ...more,
})

describe('a session', () => {
  it('says hello first', () => {
    expect(new World().said).toEqual([{ type: 'hello', version: 'ottla.v1' }])
  })

  it('answers the text ping with the text pong', () => {
    const { session, texts } = new World()
    session.receive('ping')
    expect(texts.at(-1)).toBe('pong')
  })

  it.each([
    ['text that is no JSON', '{', 'not valid JSON'],
    ['JSON that is no object', '[1]', 'a message is a JSON object'],
    ['null', 'null', 'a message is a JSON object'],
    ['a type that is none', { type: 'sing' }, 'type must be one of'],
    ['a type of Object', { type: 'constructor' }, 'type must be one of'],
    ['no type', { sub: 1 }, 'type must be one of'],
    ['a grant of 0', { type: 'grant', sub: 1, bytes: 0 }, 'bytes must be at least 1'],
    ['a grant of 2^53', { type: 'grant', sub: 1, bytes: 2 ** 53 }, 'bytes must be'],
    ['a grant that is no number', { type: 'grant', sub: 1, bytes: '9' }, 'bytes must be'],
    ['a grant to nobody', { type: 'grant', sub: 99, bytes: 9 }, 'there is no subscription 99'],
    ['a grant to number 0', { type: 'grant', sub: 0, bytes: 9 }, 'sub must be at least 1'],
    ['a field that is not known', { type: 'leave', sub: 1, now: true }, 'now is not known here'],
    ['leave of a subscription', { type: 'leave', sub: 1 }, 'is not a member of a group'],
    ['processed of a subscription', { type: 'processed', sub: 1, offsets: [] }, 'not a member'],
  ])('answers %s with an error, and goes on', async (_, message, detail) => {
    const one = world()
    one.say(subscribe(1))
    await settle()
    one.say(message)
    const error = one.said.at(-1)
    expect(error).toMatchObject({ type: 'error', problem: { code: 'INVALID_REQUEST' } })
    expect(JSON.stringify(error)).toContain(detail)
    // Nothing is over.
    expect(error).not.toHaveProperty('sub')
    expect(error).not.toHaveProperty('id')
    one.topics.append('orders', 0, 'still here')
    await settle()
    expect(one.values(1)).toEqual(['still here'])
  })

  it('refuses a message that is too large, and binary ones', () => {
    const one = new World()
    one.say(`{"type":"leave","sub":1,"x":"${'x'.repeat(LIVE_MESSAGE_BYTES)}"}`)
    expect(one.said.at(-1)).toMatchObject({ problem: { code: 'MESSAGE_TOO_LARGE', status: 413 } })
    one.session.receiveBinary()
    expect(one.said.at(-1)).toMatchObject({ problem: { code: 'INVALID_REQUEST' } })
  })
})

describe('subscribe', () => {
  it('says where it is, then sends what there is and what comes, with positions and bytes', async () => {
    const one = world(2)
    one.topics.append('orders', 0, 'a', 'b')
    one.say(subscribe(7))
    await settle()
    expect(one.said[1]).toEqual({ type: 'subscribed', sub: 7, position: '0:-1,1:-1' })
    one.topics.append('orders', 1, 'c')
    await settle()
    expect(one.values(7)).toEqual(['a', 'b', 'c'])
    for (const message of one.of('records')) {
      expect(message).toMatchObject({ sub: 7, topic: 'orders', topicId: 'orders-idAAAAAAAAAAAAA' })
      expect(message.bytes).toBe(bytesOf(message.records))
    }
    expect(one.of('records').at(-1)?.position).toBe('0:1,1:0')
  })

  it.each([
    ['two topics and partitions', { topics: ['a', 'b'], partitions: [0] }, 'partitions'],
    ['no partition', { partitions: [] }, 'partitions'],
    ['a topic twice', { topics: ['orders', 'orders'] }, 'topics'],
    ['no topic', { topics: [] }, 'topics'],
    ['an empty name', { topics: [''] }, 'topics[0]'],
    ['both forms of a key', { key: 'a', keyBase64: 'YQ==' }, 'key'],
    ['a key that is no base64', { keyBase64: '?' }, 'keyBase64'],
    ['a key and partitions', { key: 'a', partitions: [0] }, 'partitions'],
    ['a key of half a surrogate pair', { key: '\ud800' }, 'key'],
    ['an isolation that is none', { isolation: 'dirty' }, 'isolation'],
    ['a grant of 0', { bytes: 0 }, 'bytes'],
  ])('of %s is refused, and its number is free again', async (_, more, field) => {
    const one = world()
    one.say(subscribe(1, more))
    expect(one.said.at(-1)).toMatchObject({
      type: 'error',
      sub: 1,
      problem: { code: 'INVALID_REQUEST', status: 400, field, retriable: false },
    })
    one.topics.append('orders', 0, 'a')
    one.say(subscribe(1))
    await settle()
    expect(one.values(1)).toEqual(['a'])
  })

  it('of a topic that does not exist is over with a problem', async () => {
    const one = world()
    one.say(subscribe(1, { topics: ['nowhere'] }))
    await settle()
    expect(one.said.at(-1)).toMatchObject({
      type: 'error',
      sub: 1,
      problem: { code: 'UNKNOWN_TOPIC_OR_PARTITION' },
    })
    expect(one.session.isActive).toBe(false)
  })

  it('hands key, partitions, isolation and start on', async () => {
    const one = world(3)
    one.say(subscribe(1, { partitions: [2, 2], isolation: 'read_uncommitted', from: 'latest' }))
    one.say(subscribe(2, { key: 'ü' }))
    await settle()
    expect(one.topics.asks[0]).toEqual({
      topics: ['orders'],
      partitions: [2],
      from: { field: 'from', text: 'latest', resumes: true },
      readCommitted: false,
    })
    expect(one.topics.asks[1]).toMatchObject({
      key: new Uint8Array([0xc3, 0xbc]),
      readCommitted: true,
    })
  })

  it('under a number that is taken ends nothing', async () => {
    const one = world()
    one.say(subscribe(1))
    one.say(subscribe(1))
    await settle()
    expect(one.of('error')).toHaveLength(1)
    expect(one.of('error')[0]).not.toHaveProperty('sub')
    one.topics.append('orders', 0, 'a')
    await settle()
    expect(one.values(1)).toEqual(['a'])
  })

  it('is refused beyond so many', async () => {
    const one = world()
    for (let sub = 1; sub <= LIVE_SUBSCRIPTIONS + 1; sub++) one.say(subscribe(sub))
    await settle()
    expect(one.of('error')).toMatchObject([
      { sub: LIVE_SUBSCRIPTIONS + 1, problem: { code: 'POLICY_VIOLATION' } },
    ])
    expect(one.of('subscribed')).toHaveLength(LIVE_SUBSCRIPTIONS)
  })

  it('is refused where its position cannot be kept', async () => {
    const one = world(2_000)
    one.say(subscribe(1))
    await settle()
    expect(one.said.at(-1)).toMatchObject({ type: 'error', sub: 1 })
    expect(JSON.stringify(one.said.at(-1))).toContain('choose partitions')
    expect(one.of('subscribed')).toEqual([])
  })

  it('is over when it is unsubscribed; what crossed that is not answered', async () => {
    const one = world()
    one.say(subscribe(1))
    await settle()
    one.say({ type: 'unsubscribe', sub: 1 })
    expect(one.said.at(-1)).toEqual({ type: 'unsubscribed', sub: 1 })
    expect(one.topics.tails[0]?.isClosed).toBe(true)
    const before = one.said.length
    one.say({ type: 'grant', sub: 1, bytes: 5 })
    one.topics.append('orders', 0, 'a')
    await settle()
    expect(one.said).toHaveLength(before)
    one.say({ type: 'unsubscribe', sub: 1 })
    expect(one.said.at(-1)).toEqual({ type: 'unsubscribed', sub: 1 })
  })

  it('says resets, positions and problems', async () => {
    const one = world()
    one.say(subscribe(1))
    one.say(subscribe(2))
    await settle()
    const [tail, other] = one.topics.tails
    const reset = { kind: 'reset', topic: 'orders', position: '0:4' } as const
    tail!.steps.push({ ...reset, partition: 0, reason: 'trimmed', next: '0:9' })
    tail!.steps.push({ kind: 'position', position: '0:12' })
    tail!.steps.push({ ...reset, partition: null, reason: 'deleted', next: null })
    tail!.wake()
    other!.steps.push({ kind: 'problem', problem: new Problem(KafkaError.CORRUPT_MESSAGE) })
    other!.wake()
    await settle()
    expect(one.said.filter((message) => 'sub' in message && message.sub === 1).slice(1)).toEqual([
      {
        type: 'reset',
        sub: 1,
        topic: 'orders',
        partition: 0,
        reason: 'trimmed',
        position: '0:4',
        next: '0:9',
      },
      { type: 'position', sub: 1, position: '0:12' },
      { type: 'reset', sub: 1, topic: 'orders', reason: 'deleted', position: '0:4', next: null },
    ])
    expect(one.of('error')).toMatchObject([{ sub: 2, problem: { code: 'CORRUPT_MESSAGE' } }])
    expect(one.session.isActive).toBe(false)
  })
})

describe('produce', () => {
  const produce = (id: number, more: object = {}) => ({
    type: 'produce',
    id,
    topic: 'orders',
    records: [{ value: 'a' }],
    ...more,
  })

  it('is acknowledged with its offsets, and its records go on as they were written', async () => {
    const one = world()
    one.say(
      '{"type":"produce","id":5,"topic":"orders","records":[{"value":1.50}, {"value":"x"}],"idempotencyKey":"k"}',
    )
    await settle()
    expect(one.produced).toEqual([
      { topic: 'orders', records: '[{"value":1.50}, {"value":"x"}]', idempotencyKey: 'k' },
    ])
    expect(one.said.at(-1)).toEqual({
      type: 'ack',
      id: 5,
      offsets: [{ partition: 0, offset: 0, timestamp: 1 }],
    })
  })

  it('says that it was replayed', async () => {
    const one = world()
    one.onProduce = async () => ({ offsets: [], replayed: true })
    one.say(produce(1))
    await settle()
    expect(one.said.at(-1)).toEqual({ type: 'ack', id: 1, offsets: [], replayed: true })
  })

  it.each([
    ['no records', { records: undefined }],
    ['records that are no list', { records: 1 }],
    ['no topic', { topic: undefined }],
    ['a field that is not known', { acks: 0 }],
  ])('with %s is refused by its id', async (_, more) => {
    const one = world()
    one.say(produce(3, more))
    await settle()
    expect(one.said.at(-1)).toMatchObject({ type: 'error', id: 3, problem: { status: 400 } })
    expect(one.produced).toEqual([])
  })

  it('of one topic takes effect in the order of the messages, of several side by side', async () => {
    const one = world()
    const done: ((topic: string) => void)[] = []
    one.onProduce = (ask) =>
      new Promise((resolve) => {
        done.push(() => resolve({ offsets: [], replayed: false }))
        expect(ask.topic).toBeDefined()
      })
    one.say(produce(1))
    one.say(produce(2))
    one.say(produce(3, { topic: 'other' }))
    await settle()
    expect(one.produced.map(({ topic }) => topic)).toEqual(['orders', 'other'])
    done[0]!('')
    await settle()
    expect(one.produced).toHaveLength(3)
    expect(one.of('ack').map(({ id }) => id)).toEqual([1])
  })

  it('goes on behind one that failed', async () => {
    const one = world()
    one.onProduce = async () => new Problem(KafkaError.NOT_ENOUGH_REPLICAS)
    one.say(produce(1))
    await settle()
    expect(one.said.at(-1)).toMatchObject({ type: 'error', id: 1, problem: { retriable: true } })
    one.onProduce = async () => Promise.reject(new Error('a bug'))
    one.say(produce(2))
    await settle()
    expect(one.said.at(-1)).toMatchObject({ id: 2, problem: { code: 'UNKNOWN_SERVER_ERROR' } })
    expect(JSON.stringify(one.said)).not.toContain('a bug')
    expect(one.failures).toHaveLength(1)
  })

  it('is refused, to be tried again, while too much is unanswered', async () => {
    const one = world()
    let answer = () => {}
    one.onProduce = () =>
      new Promise((resolve) => {
        answer = () => resolve({ offsets: [], replayed: false })
      })
    for (let id = 0; id <= LIVE_REQUESTS; id++) one.say(produce(id))
    expect(one.of('error')).toMatchObject([
      {
        id: LIVE_REQUESTS,
        problem: { code: 'THROTTLING_QUOTA_EXCEEDED', status: 429, retriable: true },
      },
    ])
    await settle()
    answer()
    await settle()
    one.say(produce(1_000))
    expect(one.of('error')).toHaveLength(1)
    expect(one.of('error')[0]?.problem.retryAfterMs).toBe(1_000)
    const large = world()
    large.onProduce = () => new Promise(() => {})
    const records = [{ value: 'x'.repeat(1.5 * 1024 * 1024) }]
    for (const id of [1, 2, 3]) large.say(produce(id, { records }))
    expect(large.of('error')).toMatchObject([{ id: 3, problem: { status: 429 } }])
    // What others of the isolate have under way counts too, unless there is nothing of one's own.
    const crowded = world()
    crowded.totals.pending = LIVE_PENDING_TOTAL_BYTES
    crowded.onProduce = () => new Promise(() => {})
    for (const id of [1, 2]) crowded.say(produce(id))
    expect(crowded.of('error')).toMatchObject([{ id: 2, problem: { status: 429 } }])
  })
})

describe('a session that was kept while its object slept', () => {
  it('goes on exactly where it was, with what is left of the grant', async () => {
    const one = world(2)
    one.topics.append('orders', 0, 'a', 'b')
    one.say(subscribe(1))
    await settle()
    const left = 10_000 - one.of('records').reduce((sum, { bytes }) => sum + bytes, 0)
    one.hibernate()
    await settle()
    expect(one.topics.asks.at(-1)?.from.text).toBe('0:1,1:-1')
    expect(one.session.state().streams[0]?.granted).toBe(left)
    one.topics.append('orders', 1, 'c')
    await settle()
    expect(one.values(1)).toEqual(['a', 'b', 'c'])
    expect(one.of('hello')).toHaveLength(1)
    expect(one.of('subscribed')).toHaveLength(1)
    one.say({ type: 'unsubscribe', sub: 1 })
    expect(one.said.at(-1)).toEqual({ type: 'unsubscribed', sub: 1 })
  })

  it('tells of requests that were under way that nobody knows what became of them', async () => {
    const one = world()
    one.onProduce = () => new Promise(() => {})
    one.say({ type: 'produce', id: 12, topic: 'orders', records: [] })
    await settle()
    one.hibernate()
    expect(one.said.at(-1)).toMatchObject({
      type: 'error',
      id: 12,
      problem: { code: 'NETWORK_EXCEPTION', status: 503, retriable: true },
    })
  })

  it('is kept in bytes that come back the same', async () => {
    const one = world(3)
    one.say(subscribe(1, { key: 'ключ' }))
    await settle()
    const state = one.session.state()
    expect(decodeState(encodeState(state)!)).toEqual(state)
    expect(encodeState(state)!.length).toBeLessThan(500)
  })

  it('gives up the longest position where it has grown beyond that', async () => {
    const one = world(3)
    one.say(subscribe(1))
    one.say(subscribe(2))
    await settle()
    const long = Array.from({ length: 1_500 }, (_, partition) => `${partition}:123456`).join(',')
    one.topics.tails[1]!.steps.push({ kind: 'position', position: long })
    one.topics.tails[1]!.wake()
    await settle()
    expect(encodeState(one.session.state())).toBeNull()
    one.session.shrink()
    expect(one.said.at(-1)).toMatchObject({ type: 'error', sub: 2 })
    expect(encodeState(one.session.state())).not.toBeNull()
  })
})

describe('a client that is gone', () => {
  it('is said nothing more, and its tails are closed', async () => {
    const one = world()
    one.say(subscribe(1))
    await settle()
    await one.session.close()
    one.topics.append('orders', 0, 'a')
    await settle()
    expect(one.of('records')).toEqual([])
    expect(one.topics.tails[0]?.isClosed).toBe(true)
  })
})
