// Administration over HTTP on a broker as it is started, with kafkajs members and producers beside it: what
// each route says is held against what the Kafka protocol did. What bad input is answered is test/http.

import kafkajs, { type Consumer, type Kafka } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { type Broker, bootstrap, startBroker } from './broker.ts'
import { until } from './calls.ts'
import { Wire } from './wire.ts'

const { Kafka: Client, logLevel, Partitioners } = kafkajs
const JSON_TYPE = { 'content-type': 'application/json' }

let broker: Broker
let kafka: Kafka

beforeAll(async () => {
  broker = await startBroker()
  const brokers = [bootstrap(broker.kafka)]
  kafka = new Client({ clientId: 'admin-test', brokers, logLevel: logLevel.NOTHING })
})

afterAll(async () => {
  await broker.stop()
})

interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any JSON.
  readonly body: any
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const init: RequestInit = {
    method,
    headers: { ...(body === undefined ? {} : JSON_TYPE), ...headers },
  }
  if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${broker.http}${path}`, init)
  const text = await response.text()
  const isJson = (response.headers.get('content-type') ?? '').includes('json')
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  }
}

/** A topic with `records` records in each partition, a second apart. */
async function filled(name: string, partitions: number, records: number): Promise<string> {
  // kafkajs knows no LZ4, in which HTTP stores by default; and the records are old.
  const configs = { 'compression.type': 'uncompressed', 'retention.ms': -1 }
  expect((await ask('POST', '/v1/topics', { name, partitions, configs })).status).toBe(201)
  const list = Array.from({ length: records * partitions }, (_, at) => ({
    value: `${at}`,
    partition: at % partitions,
    timestamp: START_MS + 1000 * Math.floor(at / partitions),
  }))
  if (records > 0) await ask('POST', `/v1/topics/${name}/records`, { records: list })
  return name
}

const START_MS = Date.parse('2026-03-01T00:00:00Z')

/** A member that reads all there is and stays. */
async function member(groupId: string, topic: string, count: number): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 500 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let seen = 0
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async () => {
      seen += 1
    },
  })
  await until(async () => seen >= count)
  return consumer
}

/** A group that has read all of a topic and is left. */
async function readGroup(groupId: string, topic: string, count: number): Promise<string> {
  const consumer = await member(groupId, topic, count)
  await consumer.disconnect()
  return groupId
}

/** A group with offsets and without members, which never had any. */
async function preparedGroup(groupId: string, topic: string): Promise<string> {
  const made = await ask('POST', `/v1/groups/${groupId}/reset`, { to: 'latest', topic })
  expect(made.status).toBe(200)
  return groupId
}

const offsetsOf = async (group: string) =>
  Object.fromEntries(
    (await ask('GET', `/v1/groups/${group}/offsets`)).body.items.map(
      (one: { partition: number; committed: number }) => [one.partition, one.committed],
    ),
  )

describe('groups over HTTP', () => {
  it('are listed in pages, searched and filtered', async () => {
    await filled('listed', 1, 1)
    for (const group of ['list-a', 'list-b', 'list-c']) await preparedGroup(group, 'listed')
    const first = await ask('GET', '/v1/groups?q=LIST-&limit=2')
    expect(first.body.items).toMatchObject([
      { groupId: 'list-a', type: 'classic', state: 'Empty', protocolType: '' },
      { groupId: 'list-b', type: 'classic', state: 'Empty', protocolType: '' },
    ])
    expect(first.body.next).toBe('list-b')
    const second = await ask('GET', `/v1/groups?q=LIST-&limit=2&after=${first.body.next}`)
    expect(second.body).toMatchObject({ items: [{ groupId: 'list-c' }], next: null })
    expect((await ask('GET', '/v1/groups?q=list-&state=Stable')).body.items).toEqual([])
    expect((await ask('GET', '/v1/groups?q=list-&type=consumer')).body.items).toEqual([])
  })

  it('show members, offsets and lag while they live', async () => {
    await filled('lived', 2, 10)
    const consumer = await member('live', 'lived', 20)
    await until(
      async () => (await offsetsOf('live'))[1] === 10 && (await offsetsOf('live'))[0] === 10,
    )
    const { body } = await ask('GET', '/v1/groups/live')
    expect(body).toMatchObject({ groupId: 'live', type: 'classic', state: 'Stable', epoch: null })
    expect(body.members).toHaveLength(1)
    const [{ memberId, subscribed, assigned, ...about }] = body.members
    expect(subscribed).toEqual(['lived'])
    expect(about).toEqual({
      instanceId: null,
      clientId: 'admin-test',
      clientHost: '/127.0.0.1',
      memberType: 'classic',
      epoch: null,
      pattern: null,
    })
    expect(assigned).toEqual([{ topic: 'lived', partitions: expect.arrayContaining([0, 1]) }])
    expect(body.offsets.items).toEqual(
      [0, 1].map((partition) => ({
        topic: 'lived',
        partition,
        committed: 10,
        metadata: '',
        end: 10,
        lag: 0,
        lagSeconds: 0,
        memberId,
      })),
    )
    expect(body.lag).toEqual({ records: 0, seconds: 0 })

    const reset = await ask('POST', '/v1/groups/live/reset', { to: 'earliest' })
    expect(reset).toMatchObject({ status: 409, body: { code: 'NON_EMPTY_GROUP', field: 'group' } })
    expect(reset.body.detail).toContain('Stable')
    const remove = await ask('DELETE', '/v1/groups/live')
    expect(remove).toMatchObject({ status: 409, body: { code: 'NON_EMPTY_GROUP' } })
    expect(await offsetsOf('live')).toEqual({ 0: 10, 1: 10 })
    await consumer.disconnect()
  })

  it('of the consumer protocol show their members, and are not reset under them', async () => {
    const topic = await filled('modern', 2, 3)
    const wire = await Wire.open(broker.kafka)
    const beat = (memberEpoch: number, more = {}) =>
      wire.call(ConsumerGroupHeartbeat, 1, {
        groupId: 'modern',
        memberId: 'm-1',
        memberEpoch,
        rebalanceTimeoutMs: 10_000,
        ...more,
      })
    const joined = await beat(0, { subscribedTopicNames: [topic], topicPartitions: [] })
    expect(joined.errorCode).toBe(0)
    const { body } = await ask('GET', '/v1/groups/modern')
    expect(body).toMatchObject({ type: 'consumer', protocolType: 'consumer', assignor: 'uniform' })
    expect(body.epoch).toBeGreaterThan(0)
    expect(body.members).toEqual([
      {
        memberId: 'm-1',
        instanceId: null,
        clientId: 'ottla-test',
        clientHost: '/127.0.0.1',
        memberType: 'consumer',
        epoch: joined.memberEpoch,
        subscribed: [topic],
        pattern: null,
        assigned: [{ topic, partitions: [0, 1] }],
      },
    ])
    // Nothing is committed: how far behind it is is not known.
    expect(body.offsets.items).toMatchObject(
      [0, 1].map((partition) => {
        return { topic, partition, committed: null, end: 3, lag: null, memberId: 'm-1' }
      }),
    )
    const refused = await ask('POST', '/v1/groups/modern/reset', { to: 'latest', topic })
    expect(refused).toMatchObject({ status: 409, body: { code: 'NON_EMPTY_GROUP' } })
    expect((await ask('GET', '/v1/groups?type=consumer&q=modern')).body.items).toHaveLength(1)
    await beat(-1)
    wire.close()
    const reset = await ask('POST', '/v1/groups/modern/reset', { to: { offset: 2 }, topic })
    expect(reset.status).toBe(200)
    expect(await offsetsOf('modern')).toEqual({ 0: 2, 1: 2 })
  })

  it('are deleted with their members where that is asked for, and who lives joins again', async () => {
    const topic = await filled('removed', 2, 3)
    const wire = await Wire.open(broker.kafka)
    const joined = await wire.call(ConsumerGroupHeartbeat, 1, {
      groupId: 'removed',
      memberId: 'm-1',
      memberEpoch: 0,
      rebalanceTimeoutMs: 10_000,
      subscribedTopicNames: [topic],
      topicPartitions: [],
    })
    expect(joined.errorCode).toBe(0)
    const classic = await member('removed-classic', topic, 6)
    for (const name of ['removed', 'removed-classic']) {
      const refused = await ask('DELETE', `/v1/groups/${name}`)
      expect(refused).toMatchObject({ status: 409, body: { code: 'NON_EMPTY_GROUP' } })
      expect(await ask('DELETE', `/v1/groups/${name}?members=remove`)).toMatchObject({
        status: 204,
      })
    }
    expect((await ask('GET', '/v1/groups/removed')).status).toBe(404)
    const fenced = await wire.call(ConsumerGroupHeartbeat, 1, {
      groupId: 'removed',
      memberId: 'm-1',
      memberEpoch: joined.memberEpoch,
    })
    expect(fenced.errorCode).not.toBe(0)
    wire.close()
    await until(async () => {
      const { status, body } = await ask('GET', '/v1/groups/removed-classic')
      return status === 200 && body.members.length === 1
    })
    await classic.disconnect()
    const strange = await ask('DELETE', '/v1/groups/removed?members=keep')
    expect(strange).toMatchObject({ status: 400, body: { field: 'members' } })
    expect((await ask('DELETE', '/v1/groups/nobody?members=remove')).status).toBe(404)
  })

  it('that are dead show how far behind they are, in records and in time', async () => {
    await filled('dead', 1, 4)
    await readGroup('dead', 'dead', 4)
    const later = [60, 61, 65].map((s) => ({ value: 'x', timestamp: START_MS + s * 1000 }))
    await ask('POST', '/v1/topics/dead/records', { records: later })
    const { body } = await ask('GET', '/v1/groups/dead')
    expect(body.state).toBe('Empty')
    expect(body.offsets.items[0]).toMatchObject({ committed: 4, end: 7, lag: 3, lagSeconds: 5 })
    expect(body.lag).toEqual({ records: 3, seconds: 5 })
    // What was deleted below is not read any more: the time counts from what is left.
    await ask('DELETE', '/v1/topics/dead/partitions/0/records?before=6')
    const trimmed = await ask('GET', '/v1/groups/dead/offsets')
    expect(trimmed.body.items[0]).toMatchObject({ committed: 4, end: 7, lag: 3, lagSeconds: 0 })
    expect((await ask('GET', '/v1/groups/dead/offsets?topic=other')).body.items).toEqual([])
  })

  it('have their offsets in pages of partitions', async () => {
    await filled('paged', 3, 1)
    await preparedGroup('paged', 'paged')
    const first = await ask('GET', '/v1/groups/paged/offsets?limit=2')
    expect(first.body.items.map((one: { partition: number }) => one.partition)).toEqual([0, 1])
    expect(first.body.next).toBe('paged/1')
    const rest = await ask('GET', `/v1/groups/paged/offsets?after=${first.body.next}`)
    expect(rest.body).toMatchObject({ items: [{ partition: 2 }], next: null })
  })

  it.each([
    ['earliest', 'earliest', 0],
    ['latest', 'latest', 10],
    ['an offset', { offset: 3 }, 3],
    ['a time', { time: '2026-03-01T00:00:04Z' }, 4],
    ['a time behind all', { time: START_MS + 1_000_000 }, 10],
    ['a shift back', { shift: -2 }, 8],
    ['a shift out of the log', { shift: -200 }, 0],
  ])('are reset to %s, after a dry run that changes nothing', async (name, to, after) => {
    const topic = await filled(`reset-${name.replaceAll(' ', '-')}`, 2, 10)
    const group = await preparedGroup(topic, topic)
    const expected = [0, 1].map((partition) => ({ topic, partition, before: 10, after }))
    const dry = await ask('POST', `/v1/groups/${group}/reset`, { to, dryRun: true })
    expect(dry).toMatchObject({ status: 200, body: { dryRun: true, items: expected } })
    expect(await offsetsOf(group)).toEqual({ 0: 10, 1: 10 })
    const one = await ask('POST', `/v1/groups/${group}/reset`, { to, topic, partitions: [1] })
    expect(one).toMatchObject({ status: 200, body: { dryRun: false, items: [expected[1]] } })
    expect(await offsetsOf(group)).toEqual({ 0: 10, 1: after })
    await ask('POST', `/v1/groups/${group}/reset`, { to: 'latest' })
    await ask('POST', `/v1/groups/${group}/reset`, { to })
    expect(await offsetsOf(group)).toEqual({ 0: after, 1: after })
    const admin = kafka.admin()
    await admin.connect()
    const [fetched] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    await admin.disconnect()
    expect(fetched?.partitions.map(({ offset }) => Number(offset))).toEqual([after, after])
  })

  it('are not reset out of the log, nor in part', async () => {
    const topic = await filled('outside', 2, 5)
    await ask('POST', '/v1/topics/outside/records', { value: 'more', partition: 0 })
    await preparedGroup('outside', topic)
    const { status, body } = await ask('POST', '/v1/groups/outside/reset', { to: { offset: 6 } })
    expect(status).toBe(416)
    expect(body).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', topic, partition: 1 })
    expect(body).toMatchObject({ earliest: 0, end: 5, field: 'to.offset' })
    expect(await offsetsOf('outside')).toEqual({ 0: 6, 1: 5 })
  })

  it('may be given offsets before they exist, and are deleted', async () => {
    const topic = await filled('yet', 2, 5)
    expect((await ask('GET', '/v1/groups/yet')).body).toMatchObject({
      status: 404,
      code: 'GROUP_ID_NOT_FOUND',
      field: 'group',
    })
    expect((await ask('POST', '/v1/groups/yet/reset', { to: 'latest' })).status).toBe(404)
    const made = await ask('POST', '/v1/groups/yet/reset', { to: 'latest', topic })
    expect(made.body.items).toEqual(
      [0, 1].map((partition) => {
        return { topic, partition, before: null, after: 5 }
      }),
    )
    expect(await offsetsOf('yet')).toEqual({ 0: 5, 1: 5 })
    expect((await ask('DELETE', '/v1/groups/yet')).status).toBe(204)
    expect((await ask('DELETE', '/v1/groups/yet')).status).toBe(404)
  })

  it('have any name, and a shift of what was never committed is refused', async () => {
    const topic = await filled('named', 1, 1)
    const name = encodeURIComponent('a/b ü?')
    const shift = { to: { shift: -1 }, topic }
    const refused = await ask('POST', `/v1/groups/${name}/reset`, shift)
    expect(refused).toMatchObject({ status: 409, body: { field: 'to.shift', topic, partition: 0 } })
    await ask('POST', `/v1/groups/${name}/reset`, { to: 'latest', topic })
    const { body } = await ask('GET', `/v1/groups/${name}`)
    expect(body).toMatchObject({ groupId: 'a/b ü?', state: 'Empty' })
    expect((await ask('DELETE', `/v1/groups/${name}`)).status).toBe(204)
  })
})

describe('partitions over HTTP', () => {
  it('are listed with where they begin and end and what they take up', async () => {
    await filled('parts', 3, 4)
    await ask('DELETE', '/v1/topics/parts/partitions/1/records?before=3')
    const { body } = await ask('GET', '/v1/topics/parts/partitions?limit=2')
    expect(body.next).toBe('1')
    const common = { leader: 1, replicas: [1], inSync: [1], end: 4, highWatermark: 4 }
    expect(body.items).toMatchObject([
      { partition: 0, start: 0, lastStableOffset: 4, ...common },
      { partition: 1, start: 3, ...common },
    ])
    expect(body.items[0].sizeBytes).toBeGreaterThan(60)
    const rest = await ask('GET', '/v1/topics/parts/partitions?after=1')
    expect(rest.body).toMatchObject({ items: [{ partition: 2 }], next: null })
    const one = await ask('GET', '/v1/topics/parts/partitions/1')
    expect(one.body).toMatchObject({ partition: 1, start: 3, ...common })
    const none = await ask('GET', '/v1/topics/parts/partitions/3')
    expect(none.body).toMatchObject({ status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  it('are added, or only said to be possible', async () => {
    await filled('grown', 1, 0)
    const path = '/v1/topics/grown/partitions'
    expect((await ask('POST', path, { count: 3, dryRun: true })).body).toEqual({
      partitions: 3,
      dryRun: true,
    })
    expect((await ask('GET', '/v1/topics/grown')).body.partitions).toBe(1)
    expect((await ask('POST', path, { count: 3 })).body).toEqual({ partitions: 3, dryRun: false })
    expect((await ask('GET', '/v1/topics/grown')).body.partitions).toBe(3)
    const fewer = await ask('POST', path, { count: 2 })
    expect(fewer.body).toMatchObject({ status: 400, code: 'INVALID_PARTITIONS', field: 'count' })
    const nowhere = await ask('POST', '/v1/topics/nowhere/partitions', { count: 2 })
    expect(nowhere.status).toBe(404)
  })

  it('are asked for the offset of a time', async () => {
    await filled('timed', 2, 5)
    const at = async (what: string) =>
      (await ask('GET', `/v1/topics/timed/offsets?at=${encodeURIComponent(what)}`)).body.items
    expect(await at('2026-03-01T00:00:02.5Z')).toEqual(
      [0, 1].map((partition) => ({ partition, offset: 3, timestamp: START_MS + 3000 })),
    )
    expect(await at(String(START_MS + 1000))).toMatchObject([{ offset: 1 }, { offset: 1 }])
    expect(await at('2027-01-01T00:00:00Z')).toMatchObject([{ offset: null }, { offset: null }])
    expect(await at('earliest')).toMatchObject([{ offset: 0 }, { offset: 0 }])
    expect(await at('latest')).toMatchObject([{ offset: 5 }, { offset: 5 }])
    expect(await at('max-timestamp')).toMatchObject([{ offset: 4, timestamp: START_MS + 4000 }, {}])
    const one = await ask('GET', '/v1/topics/timed/offsets?partition=1')
    expect(one.body).toMatchObject({ items: [{ partition: 1, offset: 5 }], next: null })
  })

  it('have their oldest records deleted, by offset, by time and all', async () => {
    await filled('cut', 2, 10)
    const cut = (path: string) => ask('DELETE', `/v1/topics/cut/${path}`)
    expect((await cut('partitions/0/records?before=4')).body).toEqual({
      items: [{ partition: 0, start: 4 }],
    })
    expect((await cut('records?before=2026-03-01T00:00:02Z')).body.items).toEqual([
      { partition: 0, start: 4 },
      { partition: 1, start: 2 },
    ])
    const far = await cut('partitions/1/records?before=11')
    expect(far).toMatchObject({
      status: 416,
      body: { code: 'OFFSET_OUT_OF_RANGE', earliest: 2, end: 10, field: 'before' },
    })
    expect((await cut('records?before=latest')).body.items).toEqual([
      { partition: 0, start: 10 },
      { partition: 1, start: 10 },
    ])
    const read = await ask('GET', '/v1/topics/cut/partitions/0/records?offset=3')
    expect(read).toMatchObject({ status: 416, body: { earliest: 10, end: 10, field: 'offset' } })
    await ask('POST', '/v1/topics', { name: 'kept', configs: { 'cleanup.policy': 'compact' } })
    await ask('POST', '/v1/topics/kept/records', { key: 'k', value: 'v' })
    const kept = await ask('DELETE', '/v1/topics/kept/records?before=latest')
    expect(kept).toMatchObject({ status: 422, body: { code: 'POLICY_VIOLATION' } })
  })
})

describe('configurations over HTTP', () => {
  const entry = async (path: string, name: string) =>
    (await ask('GET', `${path}?q=${name}`)).body.items.find(
      (one: { name: string }) => one.name === name,
    )

  it.each([
    ['a topic', '/v1/topics/configured/configs', 'retention.ms', '1000', '604800000'],
    ['a group', '/v1/groups/configured/configs', 'consumer.session.timeout.ms', '50000', '45000'],
    ['the broker', '/v1/cluster/configs', 'log.retention.bytes', '1000000', '-1'],
  ])('of %s are shown with source and default, and changed', async (_, path, name, value, old) => {
    if (path.includes('topics')) await ask('POST', '/v1/topics', { name: 'configured' })
    expect(await entry(path, name)).toMatchObject({ value: old, default: old, isSetHere: false })
    const dry = await ask('PATCH', path, { configs: { [name]: Number(value) }, dryRun: true })
    expect(dry).toMatchObject({ status: 200, body: { items: [{ name, value: old }] } })
    const changed = await ask('PATCH', path, { configs: { [name]: Number(value) } })
    expect(changed.body.items).toMatchObject([{ name, value, default: old, isSetHere: true }])
    expect(changed.body.items[0].source).toMatch(/^(DYNAMIC_(TOPIC|BROKER)|GROUP)_CONFIG$/)
    const back = await ask('PATCH', path, { configs: { [name]: null } })
    expect(back.body.items).toMatchObject([{ name, value: old, isSetHere: false }])
    const wrong = await ask('PATCH', path, { configs: { [name]: 'soon' } })
    expect(wrong).toMatchObject({ status: 400, body: { field: 'configs' } })
    expect(wrong.body.code).toMatch(/^INVALID_(CONFIG|REQUEST)$/)
  })

  it("of a topic say the broker's value as what null returns to", async () => {
    await ask('POST', '/v1/topics', { name: 'under', configs: { 'retention.bytes': 5 } })
    await ask('PATCH', '/v1/cluster/configs', { configs: { 'log.retention.bytes': 77 } })
    const path = '/v1/topics/under/configs'
    expect(await entry(path, 'retention.bytes')).toMatchObject({ value: '5', default: '77' })
    await ask('PATCH', path, { configs: { 'retention.bytes': null } })
    expect(await entry(path, 'retention.bytes')).toMatchObject({ value: '77', default: '77' })
    await ask('PATCH', '/v1/cluster/configs', { configs: { 'log.retention.bytes': null } })
  })

  it('of a topic that is not there are a 404', async () => {
    const { body } = await ask('GET', '/v1/topics/nowhere/configs')
    expect(body).toMatchObject({ status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    const change = await ask('PATCH', '/v1/topics/nowhere/configs', { configs: { a: 1 } })
    expect(change.status).toBe(404)
  })
})

describe('transactions over HTTP', () => {
  it('are listed and described while they are open and when they have ended', async () => {
    await filled('paid', 2, 0)
    const producer = kafka.producer({
      transactionalId: 'pay-1',
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'paid', messages: [{ value: 'a', partition: 1 }] })
    const open = await ask('GET', '/v1/transactions/pay-1')
    expect(open.body).toMatchObject({ transactionalId: 'pay-1', state: 'Ongoing' })
    expect(open.body.topics).toEqual([{ topic: 'paid', partitions: [1] }])
    expect(open.body.startedMs).toBeGreaterThan(Date.now() - 60_000)
    const { body } = await ask('GET', '/v1/topics/paid/partitions/1')
    expect(body).toMatchObject({ highWatermark: 1, lastStableOffset: 0 })
    await until(async () => {
      const { body: list } = await ask('GET', '/v1/transactions?q=PAY-&state=Ongoing')
      return list.items.length === 1 && list.items[0].transactionalId === 'pay-1'
    })
    await transaction.commit()
    await until(async () => {
      return (await ask('GET', '/v1/transactions/pay-1')).body.state === 'CompleteCommit'
    })
    await producer.disconnect()
    const gone = await ask('GET', '/v1/transactions/nobody')
    expect(gone.body).toMatchObject({ status: 404, code: 'TRANSACTIONAL_ID_NOT_FOUND' })
    const state = await ask('GET', '/v1/transactions?state=Sleeping')
    expect(state.body).toMatchObject({ status: 400, field: 'state' })
  })
})

describe('the cluster over HTTP', () => {
  it('says where its brokers are and what holds', async () => {
    const { body } = await ask('GET', '/v1/cluster')
    expect(body).toMatchObject({ controllerId: 1, brokers: [{ brokerId: 1, rack: null }] })
    expect(body.features).toMatchObject({ 'transaction.version': 2, 'group.version': 1 })
  })

  it('lives, and is ready when it can write', async () => {
    expect(await ask('GET', '/livez')).toMatchObject({ status: 200, body: { status: 'ok' } })
    for (let at = 0; at < 3; at++) {
      expect(await ask('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } })
    }
    expect((await fetch(`${broker.http}/readyz`, { method: 'HEAD' })).status).toBe(200)
  })

  it('lists topics in pages, searched', async () => {
    for (const name of ['find-b', 'find-a', 'find-c']) await filled(name, 2, 0)
    const names = async (query: string) => {
      const { body } = await ask('GET', `/v1/topics?${query}`)
      return [body.items.map((one: { name: string }) => one.name), body.next]
    }
    expect(await names('q=FIND-&limit=2')).toEqual([['find-a', 'find-b'], 'find-b'])
    expect(await names('q=find-&limit=2&after=find-b')).toEqual([['find-c'], null])
  })
})

describe('a page of records that may be kept', () => {
  it('has a strong tag, is told from others, and outlives what is produced later', async () => {
    const topic = await filled('tagged', 1, 10)
    const { id } = (await ask('GET', `/v1/topics/${topic}`)).body
    const path = `/v1/topics/${topic}/partitions/0/records`
    const url = `${path}?offset=2&limit=5&topicId=${id}`
    const first = await ask('GET', url)
    expect(first.headers.get('cache-control')).toBe('private, max-age=60')
    expect(first.headers.get('vary')).toContain('Accept')
    const tag = first.headers.get('etag') ?? ''
    expect(tag).toMatch(/^"[^"]+"$/)
    expect(Object.keys(first.body)).toEqual(['records', 'nextOffset'])
    await ask('POST', `/v1/topics/${topic}/records`, { value: 'later' })
    const again = await ask('GET', url)
    expect({ tag: again.headers.get('etag'), body: again.body }).toEqual({ tag, body: first.body })
    const known = await ask('GET', url, undefined, { 'if-none-match': `"x", W/${tag}` })
    expect(known).toMatchObject({ status: 304, body: '' })
    expect(known.headers.get('etag')).toBe(tag)
    const accept = { accept: 'application/cloudevents-batch+json' }
    const events = await ask('GET', url, undefined, { ...accept, 'if-none-match': tag })
    expect([events.status, events.body.length]).toEqual([200, 5])
    const eventsTag = events.headers.get('etag') ?? ''
    expect(eventsTag).not.toBe(tag)
    const same = await ask('GET', url, undefined, { ...accept, 'if-none-match': eventsTag })
    expect(same.status).toBe(304)
    const other = await ask('GET', `${path}?offset=3&limit=5&topicId=${id}`, undefined, {
      'if-none-match': tag,
    })
    expect(other.status).toBe(200)
    for (const query of [
      `offset=2&limit=100&topicId=${id}`,
      'offset=2&limit=5',
      `offset=earliest&limit=5&topicId=${id}`,
      `timestamp=${START_MS}&limit=5&topicId=${id}`,
    ]) {
      const plain = await ask('GET', `${path}?${query}`, undefined, { 'if-none-match': '*' })
      expect([plain.status, plain.headers.get('cache-control')]).toEqual([200, 'no-store'])
      expect(plain.headers.get('etag')).toBe(null)
      expect(plain.body.highWatermark).toBe(11)
    }
    await ask('DELETE', `/v1/topics/${topic}`)
    await filled(topic, 1, 10)
    const gone = await ask('GET', url, undefined, { 'if-none-match': tag })
    expect(gone).toMatchObject({
      status: 404,
      body: { code: 'UNKNOWN_TOPIC_ID', field: 'topicId' },
    })
  })
})

describe('CloudEvents over HTTP', () => {
  const event = { specversion: '1.0', id: 'e1', source: '/shop', type: 'order.made' }

  it('are stored as the Kafka binding says and read back as events', async () => {
    await filled('events', 1, 0)
    const path = '/v1/topics/events/records'
    const structured = {
      ...event,
      partitionkey: 'k1',
      data: { n: 12345678901234567890n.toString() },
    }
    const one = await ask('POST', path, structured, {
      'content-type': 'application/cloudevents+json; charset=UTF-8',
    })
    expect(one).toMatchObject({ status: 200, body: { offsets: [{ partition: 0, offset: 0 }] } })
    const batch = [
      { ...event, id: 'e2' },
      { ...event, id: 'e3', data_base64: '/wA=' },
    ]
    const two = await ask('POST', path, batch, {
      'content-type': 'application/cloudevents-batch+json',
    })
    expect(two.body.offsets).toHaveLength(2)
    const binary = await ask('POST', path, '{"total": 1.10}', {
      'ce-specversion': '1.0',
      'ce-id': 'e4',
      'ce-source': '/shop',
      'ce-type': 'order%20made',
      'ce-partitionkey': 'k4',
      'content-type': 'application/json',
    })
    expect(binary.status).toBe(200)
    await ask('POST', path, { key: 'plain', value: 'text' })
    const read = await ask('GET', '/v1/topics/events/partitions/0/records')
    const [first, , , fourth] = read.body.records
    expect(first).toMatchObject({
      key: 'k1',
      value: JSON.stringify(structured),
      headers: [{ key: 'content-type', value: 'application/cloudevents+json; charset=UTF-8' }],
    })
    expect(fourth).toMatchObject({ key: 'k4', value: '{"total": 1.10}' })
    expect(fourth.headers).toContainEqual({ key: 'ce_type', value: 'order made' })
    expect(fourth.headers).toContainEqual({ key: 'content-type', value: 'application/json' })

    const accept = { accept: 'application/cloudevents-batch+json' }
    const answer = await ask(
      'GET',
      '/v1/topics/events/partitions/0/records?limit=4',
      undefined,
      accept,
    )
    expect(answer.headers.get('content-type')).toContain('application/cloudevents-batch+json')
    expect(answer.body).toEqual([
      structured,
      ...batch,
      {
        ...event,
        id: 'e4',
        type: 'order made',
        partitionkey: 'k4',
        datacontenttype: 'application/json',
        data: { total: 1.1 },
      },
    ])
    const link = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')
    const next = await ask('GET', link?.[1] ?? '', undefined, accept)
    expect(next.body).toMatchObject([
      { id: '0:4', type: 'ottla.record', partitionkey: 'plain', data: 'text' },
    ])
  })
})
