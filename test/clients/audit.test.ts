// The audit log of a secured broker: who was refused and what was changed, over both protocols, as records that a super
// user reads and that are there after a kill.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { AUDIT_TOPIC } from '../../src/cluster/names.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { type Broker, startBroker } from './broker.ts'
import { topicToCreate, until } from './calls.ts'
import { authenticate } from './secured.ts'
import { Wire } from './wire.ts'

const SECRET = 'a-secret-of-tests'
const WRONG = 'not-the-password'
const ENV = { OTTLA_SECRET: SECRET }

type Said = Record<string, unknown>

let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ env: ENV })
})
afterAll(() => broker.stop())

function ask(path: string, method = 'GET', body?: object, token = SECRET): Promise<Response> {
  return fetch(`${broker.http}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function records(): Promise<{ key: string; value: Said }[]> {
  const answer = await ask(`/v1/topics/${AUDIT_TOPIC}/partitions/0/records`)
  if (answer.status === 404) return []
  const { records } = (await answer.json()) as { records: { key: string; value: string }[] }
  return records.map(({ key, value }) => ({ key, value: JSON.parse(value) }))
}

async function create(user: string, password: string, topic: string): Promise<number> {
  const wire = await Wire.open(broker.kafka)
  try {
    const error = await authenticate(wire, user, password)
    if (error !== 0) return error
    const request = { topics: [topicToCreate(topic, 1)], timeoutMs: 5_000, validateOnly: false }
    return (await wire.call(CreateTopics, 5, request)).topics[0]!.errorCode
  } finally {
    wire.close()
  }
}

it('has who was refused and what was changed, never a password, and survives a kill', async () => {
  expect(await create('admin', WRONG, 'none')).toBe(58)
  expect((await ask('/v1/overview', 'GET', undefined, WRONG)).status).toBe(401)
  const user = { name: 'alice', password: 'her-password' }
  expect((await ask('/v1/users', 'POST', user)).status).toBeLessThan(300)
  expect(await create('alice', 'her-password', 'hers')).toBe(29)
  expect(await create('admin', SECRET, 'made')).toBe(0)
  expect((await ask('/v1/topics', 'POST', { name: 'over-http' })).status).toBe(201)
  const denied = async () => (await records()).some(({ value }) => value.event === 'denied')
  await until(denied)

  await broker.kill()
  broker = await broker.restart()
  const said = await records()
  const host = '127.0.0.1'
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT/)
  const values = said.map(({ value }) => value)
  expect(values).toContainEqual({
    ...{ time: at, event: 'login-refused', api: 'SaslAuthenticate', host },
    ...{ principal: 'User:admin', reason: 'PLAIN: wrong user or password' },
  })
  expect(values).toContainEqual({
    ...{ time: at, event: 'login-refused', api: 'GET /v1/overview', host },
    ...{ principal: 'User:ANONYMOUS', reason: 'HTTP 401' },
  })
  expect(values).toContainEqual({
    ...{ time: at, event: 'changed', api: 'POST /v1/users', host, principal: 'User:admin' },
    reason: expect.stringMatching(/^HTTP 20\d$/),
  })
  expect(values).toContainEqual({
    ...{ time: at, event: 'denied', api: 'CreateTopics', host, principal: 'User:alice' },
    ...{ names: ['hers'], errors: ['TOPIC_AUTHORIZATION_FAILED'] },
    clientId: expect.anything(),
  })
  expect(values).toContainEqual({
    ...{ time: at, event: 'changed', api: 'CreateTopics', host, principal: 'User:admin' },
    names: ['made'],
    clientId: expect.anything(),
  })
  expect(values).toContainEqual(
    expect.objectContaining({ event: 'changed', api: 'POST /v1/topics', reason: 'HTTP 201' }),
  )
  expect(said.map(({ key }) => key)).toEqual(values.map(({ principal }) => principal))
  expect(JSON.stringify(values)).not.toMatch(/password-|her-password|not-the-password|a-secret/)
})
