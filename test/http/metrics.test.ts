import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import { httpApp } from '../../src/http/app.ts'
import { METRICS_TYPE } from '../../src/http/metrics.ts'
import { healthOf } from '../../src/http/overview.ts'
import type { Overview, Report, StatisticsRpc } from '../../src/statistics/contract.ts'
import { Figures } from '../../src/statistics/figures.ts'
import { fakeContext, topicState } from '../broker/fakes.ts'
import { LOCAL } from './fakes.ts'

const NOW = 1_800_000_000_000

/** Statistics in memory, and the application of a broker that has nothing else: who asks another object fails. */
function served(...reports: Report[]) {
  const figures = new Figures()
  for (const report of reports) figures.report(report, NOW)
  const statistics: StatisticsRpc = {
    report: async (report) => void figures.report(report, NOW),
    overview: async () => figures.overview(NOW),
    topics: async (ids) => ({ topics: figures.topics(ids, NOW) }),
    topicGroups: async (id) => ({ groups: figures.readersOf(id) }),
    groups: async (ids) => ({ groups: figures.groups(ids) }),
    metrics: async () => figures.metrics(NOW),
  }
  return app(statistics)
}

function app(statistics: Partial<StatisticsRpc>) {
  const context = fakeContext({
    statistics,
    topics: [topicState('orders')],
    cluster: {
      lookup: async () => ({
        clusterId: 'c',
        topics: [{ error: 0, topic: { ...topicState('orders'), partitions: 3 } }],
      }),
      listGroups: async () =>
        ['billing', 'mail', 'quiet'].map((groupId) => {
          return { groupId, type: 'classic', protocolType: 'consumer', state: 'Empty' }
        }),
    },
  })
  const own = httpApp({ environment: LOCAL, context: () => context, random: () => 0 })
  return async (path: string) => {
    const response = await own.fetch(new Request(`http://localhost${path}`))
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    // biome-ignore lint/suspicious/noExplicitAny: JSON is looked into.
    return { response, text, body: (isJson ? JSON.parse(text) : null) as any }
  }
}

const orders = topicState('orders').id
const strange = 'a "strange" \\ group\nof lines'

function log(partition: number, end: number): Report {
  const rates = { recordRate: 5, writeRate: 50, readRate: 25 }
  const bytes = { sizeBytes: 10 * end, writtenBytes: 11 * end, readBytes: 3 * end, source: 'a' }
  const where = { topicId: orders, partition, logStartOffset: 2, highWatermark: end }
  return { kind: 'partition', ...where, ...bytes, ...rates, gone: false }
}

function group(groupId: string, members: number, ...committed: [number, number][]): Report {
  const said = { gone: false, state: 'Stable', type: 'classic', members, whole: true } as const
  const topics = [{ topicId: orders, name: 'orders', partitions: committed }]
  return { kind: 'group', groupId, ...said, topics }
}

const REPORTS: readonly Report[] = [
  {
    kind: 'catalogue',
    version: 1,
    clusterId: 'c',
    topics: [
      { id: orders, name: 'orders', partitions: 3, written: 2 },
      { id: 'x' as TopicId, name: 'unused', partitions: 1, written: 0 },
    ],
  },
  log(0, 10),
  log(1, 100),
  group('billing', 0, [0, 10], [1, 40], [2, 0]),
  group('mail', 2, [1, 99]),
  group(strange, 1, [0, 9]),
  {
    kind: 'broker',
    source: 'i',
    isKnown: false,
    isAlone: true,
    totals: {
      'requests|Fetch': 7,
      'errors|Fetch|OFFSET_OUT_OF_RANGE': 2,
      'http|GET|/v1/topics/{topic}|200': 3,
      'connections|tcp': 5,
      'received|tunnel': 1_000,
      'sent|events': 2_000,
    },
    connections: { tcp: 4 },
  },
]

describe('/metrics', () => {
  it("has kafka_exporter's names and labels, and ours", async () => {
    const { response, text } = await served(...REPORTS)('/metrics')
    expect(response.headers.get('content-type')).toBe(METRICS_TYPE)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const lines = text.split('\n')
    for (const line of [
      'kafka_brokers 1',
      'kafka_topic_partitions{topic="orders"} 3',
      'kafka_topic_partitions{topic="unused"} 1',
      'kafka_topic_partition_current_offset{partition="1",topic="orders"} 100',
      'kafka_topic_partition_oldest_offset{partition="1",topic="orders"} 2',
      'kafka_consumergroup_members{consumergroup="mail"} 2',
      'kafka_consumergroup_current_offset{consumergroup="billing",partition="1",topic="orders"} 40',
      'kafka_consumergroup_lag{consumergroup="billing",partition="1",topic="orders"} 60',
      'kafka_consumergroup_lag_sum{consumergroup="billing",topic="orders"} 60',
      'kafka_consumergroup_current_offset_sum{consumergroup="billing",topic="orders"} 50',
      'ottla_topic_records{topic="orders"} 106',
      'ottla_topic_size_bytes{topic="orders"} 1100',
      'ottla_topic_written_records_total{topic="orders"} 110',
      'ottla_topic_written_bytes_total{topic="orders"} 1210',
      'ottla_topic_read_bytes_total{topic="orders"} 330',
      'ottla_storage_bytes 1100',
      'ottla_connections{kind="tcp"} 4',
      'ottla_connections_opened_total{kind="tcp"} 5',
      'ottla_received_bytes_total{kind="tunnel"} 1000',
      'ottla_sent_bytes_total{kind="events"} 2000',
      'ottla_requests_total{api="Fetch"} 7',
      'ottla_request_errors_total{api="Fetch",error="OFFSET_OUT_OF_RANGE"} 2',
      'ottla_http_requests_total{method="GET",route="/v1/topics/{topic}",status="200"} 3',
      'ottla_objects_awake{class="partition"} 2',
    ]) {
      expect(lines).toContain(line)
    }
    // Nobody knows where a partition ends that never reported.
    expect(text).not.toContain('kafka_consumergroup_lag{consumergroup="billing",partition="2"')
  })

  it('escapes what a group may be called', async () => {
    const { text } = await served(...REPORTS)('/metrics')
    expect(text).toContain(
      'kafka_consumergroup_members{consumergroup="a \\"strange\\" \\\\ group\\nof lines"} 1\n',
    )
  })

  it('says of each family once what it is and means, and has its samples together', async () => {
    const { text } = await served(...REPORTS)('/metrics')
    const families = [...text.matchAll(/^# TYPE (\w+) (counter|gauge|untyped)$/gm)].map(
      ([, name]) => name,
    )
    expect(new Set(families).size).toBe(families.length)
    expect([...text.matchAll(/^# HELP (\w+) \S.*$/gm)].map(([, name]) => name)).toEqual(families)
    let family = ''
    for (const line of text.trimEnd().split('\n')) {
      const head = /^# TYPE (\w+)/.exec(line)
      if (head !== null) family = head[1] ?? ''
      else if (!line.startsWith('#')) {
        expect(line).toMatch(new RegExp(`^${family}(\\{.*\\})? [0-9.e+]+$`))
      }
    }
    expect(text.endsWith('\n')).toBe(true)
  })

  it('is text that promtool has nothing to say of', async (test) => {
    const { text } = await served(...REPORTS)('/metrics')
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    const isAbsent = checked.error !== undefined
    if (isAbsent && process.env.OTTLA_REQUIRE_TOOLS === undefined) {
      return test.skip('promtool is not there (Debian: apt-get install prometheus)')
    }
    expect({ status: checked.status, said: checked.stdout + checked.stderr }).toEqual({
      status: 0,
      said: '',
    })
  })

  it('is handed on in pieces however much there is', async () => {
    const topics = Array.from({ length: 3_000 }, (_, at) => {
      return { id: `id-${at}` as TopicId, name: `topic-${at}`, partitions: 1, written: 0 }
    })
    const { text } = await served({ kind: 'catalogue', version: 1, clusterId: 'c', topics })(
      '/metrics',
    )
    expect(text.match(/^kafka_topic_partitions\{/gm)?.length).toBe(3_000)
    expect(text.length).toBeGreaterThan(3 * 64 * 1024)
  })

  it.each(['/metrics', '/v1/overview', '/v1/topics/orders/groups'])(
    '%s is 503 with Retry-After while there are no figures to be had',
    async (path) => {
      const { response, body } = await app({})(path)
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(body).toMatchObject({ code: 'BROKER_NOT_AVAILABLE' })
    },
  )
})

describe('/v1/overview', () => {
  it('has totals, rates, the groups that lag most and how old all that is', async () => {
    const { body } = await served(...REPORTS)('/v1/overview')
    expect(body).toMatchObject({
      clusterId: 'c',
      now: new Date(NOW).toISOString(),
      reported: new Date(NOW).toISOString(),
      ageSeconds: 0,
      topics: 2,
      partitions: 4,
      records: 106,
      sizeBytes: 1_100,
      recordsPerSecond: 10,
      bytesPerSecond: 100,
      readBytesPerSecond: 50,
      groups: 3,
      deadGroups: 1,
      connections: 4,
      errors: {},
    })
    const lagging = body.worstGroups.map((one: { groupId: string; lag: number }) => [
      one.groupId,
      one.lag,
    ])
    expect(lagging).toEqual([
      ['billing', 60],
      [strange, 1],
      ['mail', 1],
    ])
    expect(body.health).toEqual({
      status: 'attention',
      sentence: '1 group with nobody in it falls behind, billing by 60 records.',
    })
  })

  it.each<[string, Partial<Overview>, string, string]>([
    ['an empty cluster', { topics: 0 }, 'empty', 'The cluster is ready and has no topics yet.'],
    ['a quiet one', {}, 'ok', 'All is well: 12 topics, no group lags.'],
    [
      'one whose groups are at work',
      { worstGroups: [{ groupId: 'g', members: 3, lag: 1_234_567 } as Overview['worstGroups'][0]] },
      'ok',
      'All is well: 12 topics, g lags most, by 1,234,567 records.',
    ],
    [
      'one that fails',
      { troubles: { UNKNOWN_SERVER_ERROR: 1, KAFKA_STORAGE_ERROR: 4 }, deadGroups: 2 },
      'attention',
      '5 requests failed in the last five minutes, most with KAFKA_STORAGE_ERROR.',
    ],
    [
      'one with dead groups',
      { deadGroups: 2 },
      'attention',
      '2 groups with nobody in them fall behind.',
    ],
  ])('says in words how %s does', (_, said, status, sentence) => {
    const overview = { ...new Figures().overview(NOW), topics: 12, ...said }
    expect(healthOf(overview)).toEqual({ status, sentence })
  })
})

describe('lists', () => {
  it('of the groups of a topic are by their lag in it, page by page', async () => {
    const ask = served(...REPORTS)
    const { body } = await ask('/v1/topics/orders/groups?limit=2')
    expect(body.items.map((one: { groupId: string }) => one.groupId)).toEqual(['billing', strange])
    expect(body.items[0]).toEqual({
      groupId: 'billing',
      type: 'classic',
      state: 'Stable',
      members: 0,
      lag: 60,
      groupLag: 60,
      partitions: 3,
      reported: new Date(NOW).toISOString(),
    })
    const after = encodeURIComponent(body.next)
    const rest = await ask(`/v1/topics/orders/groups?limit=2&after=${after}`)
    expect(rest.body.items.map((one: { groupId: string }) => one.groupId)).toEqual(['mail'])
    expect(rest.body.next).toBeNull()
    const found = await ask('/v1/topics/orders/groups?q=MAI')
    expect(found.body.items.length).toBe(1)
  })

  it('of groups say what was reported of each, by id or by lag', async () => {
    const ask = served(...REPORTS)
    const byId = await ask('/v1/groups')
    expect(byId.body.items).toMatchObject([
      { groupId: 'billing', members: 0, lag: 60 },
      { groupId: 'mail', members: 2, lag: 1 },
      { groupId: 'quiet', members: null, lag: null, reported: null },
    ])
    const byLag = await ask('/v1/groups?sort=lag&limit=1')
    expect(byLag.body).toMatchObject({ items: [{ groupId: 'billing' }], next: '60/billing' })
    const rest = await ask('/v1/groups?sort=lag&after=60/billing')
    expect(rest.body.items.map((one: { groupId: string }) => one.groupId)).toEqual([
      'mail',
      'quiet',
    ])
    expect((await ask('/v1/groups?sort=lag&after=billing')).response.status).toBe(400)
  })

  it('of topics say what was reported of each, without a word to any of them', async () => {
    const { body } = await served(...REPORTS)('/v1/topics')
    expect(body.items).toEqual([
      {
        name: 'orders',
        id: orders,
        partitions: 3,
        records: 106,
        sizeBytes: 1_100,
        recordsPerSecond: 10,
        bytesPerSecond: 100,
        worstGroup: { groupId: 'billing', lag: 60 },
        reported: new Date(NOW).toISOString(),
      },
    ])
  })

  it('of groups are there without what nobody can say at the moment', async () => {
    const { response, body } = await app({})('/v1/groups')
    expect(response.status).toBe(200)
    expect(body.items[0]).toMatchObject({ groupId: 'billing', lag: null, members: null })
  })
})
