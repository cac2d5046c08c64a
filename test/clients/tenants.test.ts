// Virtual clusters of one broker: three with topics, groups, transactional ids and users of the same names, of whom each
// sees its own, by every way in, after a kill, and after one was taken off the list and put back. Whose somebody is:
// test/core/tenants.test.ts, test/broker/login.test.ts, test/http/tenants.test.ts.

import dns from 'node:dns'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUDIT_TOPIC } from '../../src/cluster/names.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { DescribeCluster } from '../../src/protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { DescribeLogDirs } from '../../src/protocol/messages/describe-log-dirs.ts'
import { DescribeUserScramCredentials } from '../../src/protocol/messages/describe-user-scram-credentials.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { ListGroups } from '../../src/protocol/messages/list-groups.ts'
import { ListTransactions } from '../../src/protocol/messages/list-transactions.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { batch } from './batches.ts'
import { type Broker, bootstrap, startBroker } from './broker.ts'
import { createTopic, produce, produceBody, storedRecords, until } from './calls.ts'
import { ottla } from './ottla.ts'
import { authenticate } from './secured.ts'
import { Wire } from './wire.ts'

const SECRET = 'the-secret-of-the-operator'
const TENANTS = ['main', 'acme', 'beta'] as const
type Tenant = (typeof TENANTS)[number]
const others = (tenant: Tenant) => TENANTS.filter((one) => one !== tenant)

const issuer = await generateKeyPair('ES256')
const key = { ...(await exportJWK(issuer.publicKey)), kid: 'k', alg: 'ES256' }
const ENV = { OTTLA_SECRET: SECRET, OTTLA_OAUTH_KEYS: JSON.stringify({ keys: [key] }) }
const SUPER = ['--set', 'super.users=User:root;User:beta/root']
const listing = (tenants: string) => [...SUPER, '--set', `ottla.tenants=${tenants}`]

let broker: Broker
const ids = new Map<Tenant, string>()

/** As who has a name in a tenant says it where nothing else names the tenant. */
const named = (tenant: Tenant, user: string) => (tenant === 'main' ? user : `${tenant}/${user}`)
const hostOf = (tenant: Tenant) => (tenant === 'main' ? 'localhost' : `${tenant}.localhost`)
const passwordOf = (tenant: Tenant) => `the password of alice of ${tenant}`
const basic = (user: string, password: string) => ({
  authorization: `Basic ${btoa(`${user}:${password}`)}`,
})
const ADMIN = { authorization: `Bearer ${SECRET}` }

interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  /** Enough of an answer that does not end. */
  readonly until?: string
}

const { lookup } = dns
/** Of names below localhost browsers know that they are this machine; Node asks. */
const local = (name: string) => (name.endsWith('.localhost') ? '127.0.0.1' : name)
dns.lookup = Object.assign(
  (name: string, ...more: unknown[]) => Reflect.apply(lookup, dns, [local(name), ...more]),
  { __promisify__: lookup.__promisify__ },
) as typeof lookup

const urlOf = (tenant: Tenant) => broker.http.replace(/127\.0\.0\.1|localhost/, hostOf(tenant))

/** Asks at the host of a tenant. */
async function ask(tenant: Tenant, path: string, asking: Asking = {}) {
  const { method = 'GET', headers = ADMIN, body, until: enough } = asking
  const answer = await fetch(`${urlOf(tenant)}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const { status } = answer
  if (enough === undefined) return { status, text: await answer.text() }
  let text = ''
  for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece
    if (text.includes(enough)) break
  }
  return { status, text }
}

async function change(tenant: Tenant, method: string, path: string, body: object): Promise<void> {
  const { status, text } = await ask(tenant, path, { method, body })
  expect([status, text]).toEqual([expect.toSatisfy((code) => code < 300), text])
}

async function connected(tenant: Tenant, user = 'admin', password = SECRET): Promise<Wire> {
  const wire = await Wire.open(broker.kafka)
  expect(await authenticate(wire, named(tenant, user), password)).toBe(0)
  return wire
}

async function asAdmin<T>(tenant: Tenant, run: (wire: Wire) => Promise<T>): Promise<T> {
  const wire = await connected(tenant)
  try {
    return await run(wire)
  } finally {
    wire.close()
  }
}

/** The same of each tenant, and something that it alone has. */
async function make(tenant: Tenant): Promise<void> {
  await asAdmin(tenant, async (wire) => {
    ids.set(tenant, await createTopic(wire, 'orders'))
    await createTopic(wire, `only-${tenant}`)
    await produce(wire, 'orders', 0, batch({ records: [{ value: `of ${tenant}` }] }))
    for (const transactionalId of ['payments', `only-${tenant}`]) {
      await wire.call(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000 })
    }
  })
  await change(tenant, 'POST', '/v1/users', { name: 'alice', password: passwordOf(tenant) })
  await change(tenant, 'POST', '/v1/users', { name: `only-${tenant}`, password: 'p' })
  const rule = { host: '*', permissionType: 'ALLOW', patternType: 'LITERAL' }
  const alice = { ...rule, principal: 'User:alice', operation: 'ALL' }
  const acls = [
    { ...alice, resourceType: 'TOPIC', resourceName: 'orders' },
    { ...alice, resourceType: 'GROUP', resourceName: 'billing' },
    { ...alice, resourceType: 'TOPIC', resourceName: `only-${tenant}` },
  ]
  await change(tenant, 'POST', '/v1/acls', { acls })
  const entity = { user: `only-${tenant}` }
  await change(tenant, 'PATCH', '/v1/quotas', { entity, values: { producer_byte_rate: 1e6 } })
  for (const group of ['billing', `only-${tenant}`]) {
    const body = { to: 'earliest', topic: 'orders' }
    await change(tenant, 'POST', `/v1/groups/${group}/reset`, body)
  }
}

beforeAll(async () => {
  broker = await startBroker({ args: listing('acme,beta'), env: ENV })
  await Promise.all(TENANTS.map(make))
})
afterAll(() => broker?.stop())

/** What a tenant's records are, whichever way is taken. */
const VALUES = '/v1/topics/orders/partitions/0/records'
async function valuesOf(tenant: Tenant): Promise<string[]> {
  const answer = await ask(tenant, VALUES)
  expect(answer.status).toBe(200)
  return JSON.parse(answer.text).records.map((one: { value: string }) => one.value)
}

describe.each(TENANTS)('in %s', (tenant) => {
  const own = [`of ${tenant}`]
  const alice = basic(named(tenant, 'alice'), passwordOf(tenant))

  it('a Kafka client sees its topics and groups by the user’s name alone', async () => {
    const kafka = new Kafka({
      brokers: [bootstrap(broker.kafka)],
      logLevel: logLevel.NOTHING,
      sasl: {
        mechanism: 'scram-sha-256',
        username: named(tenant, 'alice'),
        password: passwordOf(tenant),
      },
    })
    const admin = kafka.admin()
    await admin.connect()
    expect((await admin.listTopics()).sort()).toEqual([`only-${tenant}`, 'orders'])
    await admin.disconnect()
    const consumer = kafka.consumer({ groupId: 'billing' })
    const seen: string[] = []
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => void seen.push(String(message.value)),
    })
    await until(async () => seen.length > 0)
    await consumer.disconnect()
    expect(seen).toEqual(own)
  })

  it('HTTP reads its records, by its host and by the user’s name', async () => {
    expect(await valuesOf(tenant)).toEqual(own)
    const byName = await ask('main', VALUES, { headers: alice })
    expect(JSON.parse(byName.text).records).toMatchObject([{ value: own[0] }])
    const byHost = await ask(tenant, VALUES, { headers: basic('alice', passwordOf(tenant)) })
    expect(byHost.text).toBe(byName.text)
  })

  it('everything that lists shows what is its own, and nothing of another', async () => {
    const foreign = new RegExp(
      `only-(${others(tenant).join('|')})|of (${others(tenant).join('|')})`,
    )
    const lists = ['topics', 'groups', 'users', 'acls', 'quotas', 'transactions', 'overview']
    const paths = [...lists.map((name) => `/v1/${name}`), '/metrics']
    for (const path of paths) {
      const { status, text } = await ask(tenant, path)
      expect([path, status]).toEqual([path, 200])
      expect(text).not.toMatch(foreign)
      if (path !== '/v1/overview')
        expect([path, text]).toEqual([path, expect.stringContaining(`only-${tenant}`)])
    }
    await asAdmin(tenant, async (wire) => {
      const said = JSON.stringify(
        [
          await wire.call(Metadata, 12, { topics: null }),
          await wire.call(ListGroups, 4, { statesFilter: [] }),
          await wire.call(ListTransactions, 0, { stateFilters: [], producerIdFilters: [] }),
          await wire.call(DescribeUserScramCredentials, 0, { users: null }),
        ],
        (_, value) => (typeof value === 'bigint' ? String(value) : value),
      )
      expect(said).toContain(`only-${tenant}`)
      expect(said).toContain(ids.get(tenant))
      expect(said).not.toMatch(foreign)
    })
  })

  it('whoever has another tenant’s password is nobody', async () => {
    for (const other of others(tenant)) {
      const wire = await Wire.open(broker.kafka)
      expect(await authenticate(wire, named(tenant, 'alice'), passwordOf(other))).toBe(58)
      wire.close()
      const byHost = { headers: basic('alice', passwordOf(other)) }
      expect((await ask(tenant, '/v1/me', byHost)).status).toBe(401)
      const byName = { headers: basic(named(tenant, 'alice'), passwordOf(other)) }
      expect((await ask('main', '/v1/me', byName)).status).toBe(401)
    }
  })

  it('a tunnel and a live session are its own', async () => {
    const byHost = { base: urlOf(tenant), headers: basic('alice', passwordOf(tenant)) }
    for (const asked of [byHost, { base: urlOf('main'), headers: alice }]) {
      expect(await topicIdThrough(asked)).toBe(ids.get(tenant))
      expect(await firstOfLive(asked)).toBe(own[0])
    }
  })

  it('a token opens its events at its own host alone', async () => {
    const body = { topics: ['orders'], operations: ['READ'] }
    const headers = basic('alice', passwordOf(tenant))
    const made = await ask(tenant, '/v1/tokens', { method: 'POST', headers, body })
    const { token } = JSON.parse(made.text) as { token: string }
    const path = `/v1/topics/orders/events?from=earliest&token=${token}`
    const { text } = await ask(tenant, path, { headers: {}, until: `of ${tenant}` })
    expect(text).toContain('id: ')
    for (const other of others(tenant)) {
      expect((await ask(other, path, { headers: {} })).status).toBe(401)
    }
  })
})

/** By what a socket is opened. */
interface Opening {
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
}

/** The id of `orders` as who opened a tunnel is told it. */
async function topicIdThrough(asked: Opening): Promise<string | undefined> {
  const socket = await opened('/kafka', asked)
  const answer = new Promise<Buffer>((done) => {
    socket.addEventListener('message', ({ data }) => done(Buffer.from(data as ArrayBuffer)))
  })
  const header = { correlationId: 1, clientId: 't' }
  socket.send(encodeRequest(Metadata, 12, header, { topics: [{ name: 'orders' }] }))
  const frame = await answer
  socket.close()
  return decodeResponse(Metadata, 12, frame.subarray(4)).body.topics[0]?.topicId
}

/** The value of the first record that a session is given. */
async function firstOfLive(asked: Opening): Promise<string> {
  const socket = await opened('/v1/live', asked)
  const value = new Promise<string>((done) => {
    socket.addEventListener('message', ({ data }) => {
      const { type, records } = data === 'ping' ? { type: '' } : JSON.parse(data)
      if (type === 'records') done(records[0].value)
    })
  })
  const subscribe = { type: 'subscribe', sub: 1, topics: ['orders'], from: 'earliest' }
  socket.send(JSON.stringify({ ...subscribe, bytes: 65_536 }))
  const first = await value
  socket.close()
  return first
}

async function opened(path: string, { base, headers }: Opening): Promise<WebSocket> {
  const socket = new WebSocket(`${base.replace('http', 'ws')}${path}`, { headers } as never)
  socket.binaryType = 'arraybuffer'
  await new Promise<void>((done, failed) => {
    socket.addEventListener('open', () => done())
    socket.addEventListener('error', () => failed(new Error(`${path} did not open`)))
  })
  return socket
}

it('each is a cluster of its own', async () => {
  const clusters = await Promise.all(
    TENANTS.map((tenant) =>
      asAdmin(
        tenant,
        async (wire) =>
          (await wire.call(DescribeCluster, 0, { includeClusterAuthorizedOperations: false }))
            .clusterId,
      ),
    ),
  )
  expect(new Set(clusters).size).toBe(3)
  expect(new Set(ids.values()).size).toBe(3)
})

it('what one asks is counted in its own figures', async () => {
  await asAdmin('acme', (wire) => wire.call(DescribeLogDirs, 4, { topics: null }))
  const counted = async (tenant: Tenant) =>
    (await ask(tenant, '/metrics')).text.includes('ottla_requests_total{api="DescribeLogDirs"}')
  await until(() => counted('acme'))
  expect(await counted('main')).toBe(false)
  expect(await counted('beta')).toBe(false)
})

it('a quota of one throttles nobody of another', async () => {
  const limit = (value: number | null) =>
    change('acme', 'PATCH', '/v1/quotas', {
      entity: { user: 'admin' },
      values: { producer_byte_rate: value },
    })
  await limit(10)
  const throttled = (tenant: Tenant) =>
    asAdmin(tenant, async (wire) => {
      const records = batch({ records: [{ value: 'x'.repeat(2_000) }] })
      const body = produceBody(`only-${tenant}`, 0, records)
      const { throttleTimeMs } = await wire.call(Produce, 9, body)
      return throttleTimeMs
    })
  await until(async () => (await throttled('acme')) > 0)
  expect(await throttled('main')).toBe(0)
  expect(await throttled('beta')).toBe(0)
  await limit(null)
})

it('a rule of one is nobody else’s, though all names are the same', async () => {
  const headers = (tenant: Tenant) => basic('alice', passwordOf(tenant))
  const status = async (tenant: Tenant) =>
    (await ask(tenant, VALUES, { headers: headers(tenant) })).status
  const deny = {
    ...{ resourceType: 'TOPIC', resourceName: 'orders', patternType: 'LITERAL', host: '*' },
    ...{ principal: 'User:alice', operation: 'READ', permissionType: 'DENY' },
  }
  await change('acme', 'POST', '/v1/acls', { acls: [deny] })
  expect(await status('acme')).toBe(403)
  expect(await status('main')).toBe(200)
  expect(await status('beta')).toBe(200)
  await change('acme', 'DELETE', '/v1/acls?permissionType=DENY', {})
  expect(await status('acme')).toBe(200)
})

it('configurations that change are the cluster’s own; which tenants there are is for nobody to change', async () => {
  await change('acme', 'PATCH', '/v1/cluster/configs', { configs: { 'log.retention.ms': 61_234 } })
  const retention = async (tenant: Tenant) => (await ask(tenant, '/v1/cluster/configs')).text
  expect(await retention('acme')).toContain('61234')
  expect(await retention('main')).not.toContain('61234')
  expect(await retention('beta')).not.toContain('61234')
  const shown = (tenant: Tenant) =>
    asAdmin(tenant, async (wire) => {
      const configurationKeys = ['ottla.tenants', 'super.users']
      const resources = [{ resourceType: 4, resourceName: '1', configurationKeys }]
      const { results } = await wire.call(DescribeConfigs, 4, { resources })
      return results[0]!.configs.map(({ value, readOnly }) => [value, readOnly])
    })
  expect(await shown('main')).toEqual([
    ['acme,beta', true],
    ['User:root;User:beta/root', true],
  ])
  // Which others there are is none of theirs.
  expect(await shown('acme')).toEqual([
    ['', true],
    ['User:root', true],
  ])
  expect(await shown('beta')).toEqual([
    ['', true],
    ['User:root;User:root', true],
  ])
})

it('a token of an issuer is of the tenant that it names, and of none that a host names', async () => {
  const token = async (sub: string) => {
    const made = new SignJWT({ sub }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).setIssuedAt()
    return { authorization: `Bearer ${await made.setExpirationTime('1h').sign(issuer.privateKey)}` }
  }
  const who = async (tenant: Tenant, sub: string) => {
    const { status, text } = await ask(tenant, '/v1/me', { headers: await token(sub) })
    return status === 200 ? [JSON.parse(text).tenant ?? 'main', JSON.parse(text).principal] : status
  }
  expect(await who('main', 'alice')).toEqual(['main', 'User:alice'])
  expect(await who('main', 'acme/alice')).toEqual(['acme', 'User:alice'])
  expect(await who('acme', 'acme/alice')).toEqual(['acme', 'User:alice'])
  expect(await who('acme', 'alice')).toBe(401)
  expect(await who('acme', 'beta/alice')).toBe(401)
  for (const nobody of ['admin', 'acme/admin', 'acme/ANONYMOUS', 'acme/']) {
    expect(await who('main', nobody)).toBe(401)
  }
})

it('whoever guesses at a tenant’s users is written down there alone', async () => {
  const wire = await Wire.open(broker.kafka)
  expect(await authenticate(wire, 'acme/mallory', 'a guess')).toBe(58)
  wire.close()
  const written = async (tenant: Tenant) =>
    (await ask(tenant, `/v1/topics/${AUDIT_TOPIC}/partitions/0/records`)).text
  // At a host it is the host's, whoever was named.
  const beta = basic('beta/alice', passwordOf('beta'))
  expect((await ask('acme', '/v1/overview', { headers: beta })).status).toBe(401)
  await until(async () => {
    const text = await written('acme')
    return text.includes('User:mallory') && text.includes('GET /v1/overview')
  })
  for (const other of others('acme')) expect(await written(other)).not.toContain('/v1/overview')
  expect(await written('main')).not.toContain('mallory')
  expect(await written('beta')).not.toContain('mallory')
  expect(await written('acme')).not.toContain('a guess')
})

it('a name that no object of a tenant could be told is refused, where main takes it', async () => {
  const key = 'g'.repeat(2_000)
  const find = (tenant: Tenant, keyType: number) =>
    asAdmin(tenant, async (wire) => {
      const { coordinators } = await wire.call(FindCoordinator, 4, {
        keyType,
        coordinatorKeys: [key],
      })
      return coordinators[0]!.errorCode
    })
  expect([await find('main', 0), await find('main', 1)]).toEqual([0, 0])
  expect([await find('acme', 0), await find('acme', 1)]).toEqual([24, 42])
  // As long as it may be, its object knows whose it is.
  const longest = 'g'.repeat(976)
  const body = { to: 'earliest', topic: 'orders' }
  await change('acme', 'POST', `/v1/groups/${longest}/reset`, body)
  expect((await ask('acme', '/v1/groups')).text).toContain(longest)
  for (const other of others('acme')) {
    expect((await ask(other, '/v1/groups')).text).not.toContain(longest)
  }
})

it('all of it outlives a kill; a tenant off the list is out of reach until it is put back', async () => {
  const { dataDir } = broker
  await broker.kill()
  broker = await startBroker({ data: dataDir, args: listing('acme'), env: ENV })
  expect(await valuesOf('main')).toEqual(['of main'])
  expect(await valuesOf('acme')).toEqual(['of acme'])
  const wire = await Wire.open(broker.kafka)
  expect(await authenticate(wire, 'beta/admin', SECRET)).toBe(58)
  wire.close()
  // The host names nobody now, and a host that names nobody is main's.
  expect(await valuesOf('beta')).toEqual(['of main'])
  await broker.stop()
  const checked = await ottla(['verify', '--data', dataDir])
  expect(checked.code).toBe(0)
  for (const name of ['orders-0', 'acme/orders-0', 'beta/orders-0', 'beta/only-beta-0']) {
    expect(checked.stdout).toMatch(new RegExp(`^ok +${name}: offsets`, 'm'))
  }
  broker = await startBroker({ data: dataDir, args: listing('acme,beta'), env: ENV })
  for (const tenant of TENANTS) {
    expect(await valuesOf(tenant)).toEqual([`of ${tenant}`])
    const records = await asAdmin(tenant, (wire) => storedRecords(wire, 'orders', 0))
    expect(records.map(({ value }) => String(value))).toEqual([`of ${tenant}`])
    const alice = await connected(tenant, 'alice', passwordOf(tenant))
    alice.close()
  }
})
