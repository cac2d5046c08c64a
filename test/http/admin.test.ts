// What administrative routes refuse before anybody is asked, and what they make of Kafka's refusals. What
// they do when all is well is test/clients/http-admin.test.ts.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import type { GroupRpc } from '../../src/group/contract.ts'
import { deadGroup, unknownConsumerGroup } from '../../src/group/descriptions.ts'
import { httpApp, routes } from '../../src/http/app.ts'
import { topicDefault } from '../../src/http/configs.ts'
import { planMoves, type ResetTarget } from '../../src/http/group-reset.ts'
import { isKnown, tagOf } from '../../src/http/page-cache.ts'
import { Problem } from '../../src/http/problem.ts'
import { timeIn } from '../../src/http/record-time.ts'
import type { OffsetReply } from '../../src/partition/contract.ts'
import { buildBatch } from '../../src/record/build.ts'
import { fakeContext, topicState } from '../broker/fakes.ts'
import { LOCAL } from './fakes.ts'

/** Nobody behind it answers anything: a route that asks fails with a 500. */
function served(fakes: Parameters<typeof fakeContext>[0] = {}) {
  const context = fakeContext(fakes)
  const app = httpApp({ environment: LOCAL, context: () => context, random: () => 0 })
  return async (method: string, path: string, body?: unknown) => {
    const init: RequestInit = { method, headers: { host: 'localhost' } }
    if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await app.fetch(new Request(`http://localhost${path}`, init))
    // biome-ignore lint/suspicious/noExplicitAny: tests look into any JSON.
    const answer: any = await response.json()
    return { response, body: answer }
  }
}

const RESET = '/v1/groups/g/reset'
const LIST_PATHS = [
  '/v1/topics',
  '/v1/groups',
  '/v1/groups/g/offsets',
  '/v1/groups/g/configs',
  '/v1/topics/t/configs',
  '/v1/cluster/configs',
  '/v1/transactions',
  '/v1/topics/t/partitions',
  '/v1/topics/t/offsets',
  '/v1/topics/t/groups',
  '/v1/groups/g/lag',
]

/** Of every administrative route at least one request that is none. */
const REFUSED: readonly (readonly [string, string, unknown, string])[] = [
  ...LIST_PATHS.flatMap((path) => [
    ['GET', `${path}?limit=0`, undefined, 'limit'] as const,
    ['GET', `${path}?limit=1001`, undefined, 'limit'] as const,
    ['GET', `${path}?limit=many`, undefined, 'limit'] as const,
    ['GET', `${path}?limit=1&limit=2`, undefined, 'limit'] as const,
    ['GET', `${path}?page=1`, undefined, 'page'] as const,
  ]),
  ['GET', '/v1/groups?type=share', undefined, 'type'],
  ['GET', '/v1/groups?sort=size', undefined, 'sort'],
  ['GET', '/v1/topics/t/groups?after=billing', undefined, 'after'],
  ['GET', '/v1/groups/g/lag?partition=0', undefined, 'topic'],
  ['GET', '/v1/groups/g/lag?minutes=361', undefined, 'minutes'],
  ['GET', '/v1/groups/g/lag?minutes=0', undefined, 'minutes'],
  ['GET', '/v1/groups/g/lag?points=1', undefined, 'points'],
  ['GET', '/v1/groups/g/lag?after=orders', undefined, 'after'],
  ['GET', '/metrics?name=kafka_brokers', undefined, 'name'],
  ['GET', '/v1/overview?fields=lag', undefined, 'fields'],
  ['GET', '/v1/groups/g?after=here', undefined, 'after'],
  ['GET', '/v1/groups/g/offsets?after=orders/x', undefined, 'after'],
  ['DELETE', '/v1/groups/g?force=1', undefined, 'force'],
  ['POST', RESET, undefined, ''],
  ['POST', RESET, '{"to":', ''],
  ['POST', RESET, {}, 'to'],
  ['POST', RESET, { to: 'middle' }, 'to'],
  ['POST', RESET, { to: { offset: -1 } }, 'to.offset'],
  ['POST', RESET, { to: { offset: 1, time: 2 } }, 'to'],
  ['POST', RESET, { to: { shift: 0.5 } }, 'to'],
  ['POST', RESET, { to: { time: 'noon' } }, 'to.time'],
  ['POST', RESET, { to: 'latest', dryRun: 'yes' }, 'dryRun'],
  ['POST', RESET, { to: 'latest', topic: 7 }, 'topic'],
  ['POST', RESET, { to: 'latest', topic: 't', partitions: [] }, 'partitions'],
  ['POST', RESET, { to: 'latest', topic: 't', partitions: [-1] }, 'partitions[0]'],
  ['POST', RESET, { to: 'latest', force: true }, 'force'],
  ['POST', `${RESET}?dryRun=true`, { to: 'latest' }, 'dryRun'],
  ...['/v1/topics/t/configs', '/v1/groups/g/configs', '/v1/cluster/configs'].flatMap((path) => [
    ['PATCH', path, {}, 'configs'] as const,
    ['PATCH', path, { configs: {} }, 'configs'] as const,
    ['PATCH', path, { configs: { 'a.b': [] } }, 'configs.a.b'] as const,
    ['PATCH', path, { configs: { a: 1 }, dryRun: 1 }, 'dryRun'] as const,
    ['PATCH', path, [], ''] as const,
  ]),
  ['POST', '/v1/topics/t/partitions', {}, 'count'],
  ['POST', '/v1/topics/t/partitions', { count: 0 }, 'count'],
  ['POST', '/v1/topics/t/partitions', { count: 10_001 }, 'count'],
  ['POST', '/v1/topics/t/partitions', { count: 2, assignments: [] }, 'assignments'],
  ['GET', '/v1/topics/t/partitions?after=x', undefined, 'after'],
  ['GET', '/v1/topics/t/partitions?after=-1', undefined, 'after'],
  ['GET', '/v1/topics/t/partitions/0?q=a', undefined, 'q'],
  ['GET', '/v1/topics/t/offsets?at=soon', undefined, 'at'],
  ['GET', '/v1/topics/t/offsets?at=-5', undefined, 'at'],
  ['GET', '/v1/topics/t/offsets?partition=-1', undefined, 'partition'],
  ['GET', '/v1/topics/t/offsets?isolation=none', undefined, 'isolation'],
  ['DELETE', '/v1/topics/t/records', undefined, 'before'],
  ['DELETE', '/v1/topics/t/records?before=7', undefined, 'before'],
  ['DELETE', '/v1/topics/t/records?before=earliest', undefined, 'before'],
  ['DELETE', '/v1/topics/t/partitions/0/records', undefined, 'before'],
  ['DELETE', '/v1/topics/t/partitions/0/records?before=-1', undefined, 'before'],
  ['DELETE', '/v1/topics/t/partitions/0/records?before=1&at=2', undefined, 'at'],
  ['GET', '/v1/transactions/x?q=1', undefined, 'q'],
  ['GET', '/v1/cluster?verbose=1', undefined, 'verbose'],
  ['GET', '/v1/me?user=x', undefined, 'user'],
  ['POST', '/v1/tokens', { operations: ['READ'] }, 'topics'],
  ['POST', '/v1/tokens', { topics: ['t'], operations: [] }, 'operations'],
  ['POST', '/v1/tokens', { topics: ['t'], operations: ['ALTER'] }, 'operations[0]'],
  ['POST', '/v1/tokens', { topics: ['t'], operations: ['READ'], ttlSeconds: 301 }, 'ttlSeconds'],
  ['POST', '/v1/tokens', { topics: ['t'], operations: ['READ'], ttlSeconds: 0 }, 'ttlSeconds'],
  ['POST', '/v1/tokens', { topics: ['t'], operations: ['READ'], principal: 'bob' }, 'principal'],
  ['POST', '/v1/tokens', { topics: [''], operations: ['READ'] }, 'topics[0]'],
  [
    'POST',
    '/v1/tokens',
    { topics: ['x', 'y', 'z'].map((one) => one.repeat(200)), operations: ['READ'] },
    'topics',
  ],
  ['GET', '/v1/users?limit=0', undefined, 'limit'],
  ['POST', '/v1/users', { name: 'bob' }, 'password'],
  ['POST', '/v1/users', { name: '', password: 'p' }, 'name'],
  ['POST', '/v1/users', { name: 'bob', password: 'p', iterations: 4095 }, 'iterations'],
  ['POST', '/v1/users', { name: 'bob', password: 'p', mechanisms: ['PLAIN'] }, 'mechanisms[0]'],
  ['GET', '/v1/users/bob?q=1', undefined, 'q'],
  ['PATCH', '/v1/users/bob', {}, 'password'],
  ['DELETE', '/v1/users/bob?mechanism=PLAIN', undefined, 'mechanism'],
  ['GET', '/v1/acls?resourceType=TABLE', undefined, 'resourceType'],
  ['POST', '/v1/acls', { acls: [] }, 'acls'],
  ['POST', '/v1/acls', { acls: [{}] }, 'acls[0].resourceType'],
  ['DELETE', '/v1/acls', undefined, ''],
  ['DELETE', '/v1/acls?principal=bob', undefined, 'principal'],
  ['GET', '/v1/quotas?user=bob', undefined, 'user'],
  ['PATCH', '/v1/quotas', { entity: {}, values: { producer_byte_rate: 1 } }, 'entity'],
  ['PATCH', '/v1/quotas', { entity: { user: 'bob' }, values: {} }, 'values'],
]

describe('an administrative request that is none', () => {
  it.each(REFUSED)(
    '%s %s %j is 400 naming "%s" and asks nobody',
    async (method, path, body, field) => {
      const answer = await served()(method, path, body)
      expect(answer.body).toMatchObject({ code: 'INVALID_REQUEST', status: 400, field })
      expect(answer.response.headers.get('content-type')).toBe('application/problem+json')
    },
  )

  it.each(['GET', 'DELETE'])('%s of what is no partition is 404', async (method) => {
    const path = '/v1/topics/t/partitions/first'
    const ask = served()
    const answer = await ask(method, method === 'GET' ? path : `${path}/records?before=latest`)
    expect(answer.body).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404 })
  })

  it('is tried of every administrative route', () => {
    const administrative = routes.filter(({ path, method }) => {
      const isElsewhere = /events$|openapi|livez|readyz|^\/kafka$|^\/v1\/live$/.test(path)
      const isRecords = path.endsWith('/records') && method !== 'DELETE'
      const isTopic = path === '/v1/topics' || path === '/v1/topics/{topic}'
      return !isElsewhere && !isRecords && !isTopic
    })
    const tried = ({ method, path }: { method: string; path: string }) => {
      const form = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
      return REFUSED.some(([how, where]) => how === method && form.test(where.split('?')[0] ?? ''))
    }
    expect(administrative.length).toBeGreaterThan(15)
    expect(administrative.filter((route) => !tried(route))).toEqual([])
  })
})

describe('an administrative request whose coordinator cannot be reached', () => {
  it.each([
    ['GET', '/v1/groups'],
    ['GET', '/v1/groups/g'],
    ['GET', '/v1/groups/g/offsets'],
    ['DELETE', '/v1/groups/g'],
    ['GET', '/v1/transactions'],
    ['GET', '/v1/transactions/x'],
    ['GET', '/readyz'],
  ])('%s %s is 503 with Retry-After', async (method, path) => {
    const { response, body } = await served()(method, path)
    expect(body.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
  })

  it('is ready again when a write is durable', async () => {
    const ask = served({ cluster: { proveWritable: async () => {} } })
    expect((await ask('GET', '/readyz')).body).toEqual({ status: 'ok' })
  })
})

describe('an error of a quota', () => {
  it('is 429 with Retry-After', () => {
    const response = new Problem(KafkaError.THROTTLING_QUOTA_EXCEEDED).response()
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
  })
})

describe('a group that is joined while it is reset', () => {
  it('is 409, and what was planned is not told as done', async () => {
    const topic = topicState('t', 1)
    const answer = (offset: number) => ({ error: KafkaError.NONE, offset, timestamp: -1 })
    const ask = served({
      cluster: { lookup: async () => ({ clusterId: 'c', topics: [{ error: 0, topic }] }) },
      partition: () => ({
        listOffset: async ({ timestamp }) => answer(timestamp === -2 ? 0 : 9) as OffsetReply,
      }),
      group: () => ({
        ...emptyGroup(),
        fetchOffsets: async () => ({
          error: KafkaError.NONE,
          topics: [{ topicId: topic.id, name: 't', partitions: [COMMITTED] }],
        }),
        commitOffsets: async ({ topics }) => ({
          topics: topics.map(() => ({ errors: [KafkaError.UNKNOWN_MEMBER_ID] })),
        }),
      }),
    })
    const { body } = await ask('POST', '/v1/groups/g/reset', { to: 'latest', topic: 't' })
    expect(body).toMatchObject({ status: 409, code: 'NON_EMPTY_GROUP', field: 'group' })
  })
})

const COMMITTED = { partition: 0, offset: 3, leaderEpoch: -1, metadata: '', error: KafkaError.NONE }

/** A classic group that nobody is in. */
function emptyGroup(): Partial<GroupRpc> {
  const none = unknownConsumerGroup('g', true)
  const classic = { ...deadGroup('g', 0, true), groupState: 'Empty' }
  return { describeConsumer: async () => none, describe: async () => classic }
}

describe('a reset of offsets', () => {
  const bounds = { earliest: 10, end: 20, atTime: 15 }
  const plan = (to: ResetTarget, committed: number | null = 12, within = bounds) =>
    planMoves([{ topic: 't', partition: 3, committed }], [within], to)
  const reached = (moves: ReturnType<typeof plan>) =>
    moves instanceof Problem ? moves.body() : moves[0]?.after

  it.each<[ResetTarget, number]>([
    ['earliest', 10],
    ['latest', 20],
    [{ offset: 10 }, 10],
    [{ offset: 20 }, 20],
    [{ time: 1 }, 15],
    [{ shift: 5 }, 17],
    [{ shift: 8 }, 20],
    [{ shift: 9 }, 20],
    [{ shift: -2 }, 10],
    [{ shift: -3 }, 10],
    [{ shift: 0 }, 12],
  ])('to %j is at %i', (to, expected) => {
    expect(reached(plan(to))).toBe(expected)
  })

  it('to a time behind every record is at the end', () => {
    expect(reached(plan({ time: 1 }, 12, { ...bounds, atTime: -1 }))).toBe(20)
  })

  it.each([9, 21])('to offset %i is 416 with where the log is', (offset) => {
    const members = { topic: 't', partition: 3, earliest: 10, end: 20 }
    expect(reached(plan({ offset }))).toMatchObject({ status: 416, field: 'to.offset', ...members })
  })

  it('by a shift of nothing committed is refused', () => {
    expect(reached(plan({ shift: 1 }, null))).toMatchObject({ status: 409, field: 'to.shift' })
  })
})

describe("what a topic's configuration returns to", () => {
  const own = { name: 'retention.ms', value: '5', source: 1 }
  const hours = { name: 'log.retention.hours', value: '2', source: 4 }
  const minutes = { name: 'log.retention.minutes', value: '3', source: 2 }
  const builtIn = { name: 'log.retention.hours', value: '168', source: 5 }

  it.each([
    ['the default of Kafka', [own, builtIn], '604800000'],
    ["the broker's, in the topic's unit", [own, hours, builtIn], '7200000'],
    ['the first of several that are set', [own, minutes, hours, builtIn], '180000'],
  ])('is %s', (_, synonyms, expected) => {
    expect(topicDefault({ name: 'retention.ms', synonyms })).toBe(expected)
  })
})

describe('the tag of a page', () => {
  const tag = tagOf(['{"a":1}', 'ü'], 5, 7)

  it('changes with every part, with where it begins and where it ends', () => {
    const others = [
      tagOf(['{"a":2}', 'ü'], 5, 7),
      tagOf(['{"a":1}'], 5, 7),
      tagOf(['{"a":1}', 'ü'], 4, 7),
      tagOf(['{"a":1}', 'ü'], 5, 8),
    ]
    expect(new Set([tag, ...others]).size).toBe(5)
    expect(tagOf(['{"a":1', '}ü'], 5, 7)).toBe(tag)
  })

  it.each([
    [tag, true],
    [`W/${tag}`, true],
    [`"x" , ${tag}`, true],
    ['*', true],
    ['"x"', false],
    [tag.slice(1, -1), false],
    [null, false],
  ])('is known by %s: %s', (header, expected) => {
    expect(isKnown(header, tag)).toBe(expected)
  })
})

describe('the time of an offset', () => {
  const batch = buildBatch({
    codec: 0,
    records: [30, 10, 20].map((timestamp) => ({ key: null, value: null, headers: [], timestamp })),
  })

  it('is that of the first record from it on', () => {
    expect([0, 1, 2].map((at) => timeIn([batch], at))).toEqual([30, 10, 20])
  })

  it('is the latest of its batch where no record is left of it, and none without a batch', () => {
    expect(timeIn([batch], 3)).toBe(30)
    expect(timeIn([], 3)).toBe(null)
  })
})
