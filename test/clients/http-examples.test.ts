// The example of every route in the OpenAPI document, sent to a broker as it is started: it must be answered
// with the route's success, in the form that the document says. The parameters come from the document
// alone, as a reader of it would take them.

import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { routes } from '../../src/http/app.ts'
import type { Route } from '../../src/http/route.ts'
import { type Broker, bootstrap, startBroker } from './broker.ts'

const SECRET = 'a-secret-of-tests'
const ACL = {
  resourceType: 'TOPIC',
  resourceName: 'orders',
  patternType: 'LITERAL',
  principal: 'User:bob',
  host: '*',
  operation: 'READ',
  permissionType: 'ALLOW',
}

let broker: Broker
// biome-ignore lint/suspicious/noExplicitAny: a JSON document is looked into.
let document: any

beforeAll(async () => {
  broker = await startBroker({ env: { OTTLA_SECRET: SECRET } })
  document = await (await ask('/openapi.json')).json()
  await post('/v1/topics', { name: 'orders', partitions: 3 })
  await endTransaction('payments-1')
})

afterAll(async () => {
  await broker.stop()
})

/** As the first user, who may do everything. */
function authorised(request: Request): Promise<Response> {
  request.headers.set('authorization', `Bearer ${SECRET}`)
  return fetch(request)
}

const ask = (path: string, init?: RequestInit) =>
  authorised(new Request(`${broker.http}${path}`, init))

const post = (path: string, body: unknown, method = 'POST') =>
  ask(path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

async function endTransaction(transactionalId: string): Promise<void> {
  const { Kafka, logLevel, Partitioners } = kafkajs
  const kafka = new Kafka({
    brokers: [bootstrap(broker.kafka)],
    sasl: { mechanism: 'plain', username: 'admin', password: SECRET },
    logLevel: logLevel.NOTHING,
  })
  const createPartitioner = Partitioners.DefaultPartitioner
  const options = { transactionalId, idempotent: true, maxInFlightRequests: 1, createPartitioner }
  const producer = kafka.producer(options)
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'orders', messages: [{ value: 'paid', partition: 2 }] })
  await transaction.commit()
  await producer.disconnect()
}

/** What the examples name is there, whatever the one before has done. */
async function prepare({ method, path }: Route): Promise<void> {
  await ask('/v1/topics/invoices', { method: 'DELETE' })
  await post('/v1/topics', { name: 'orders', partitions: 3 })
  const records = [0, 1, 2, 0].map((partition) => ({ partition, key: 'k', value: { partition } }))
  await post('/v1/topics/orders/records', { records })
  await post('/v1/groups/billing/reset', { to: 'latest', topic: 'orders' })
  for (const name of ['alice', 'bob']) await post('/v1/users', { name, password: 'of-tests' })
  if (method === 'POST' && path === '/v1/users') await ask('/v1/users/bob', { method: 'DELETE' })
  await post('/v1/acls', { acls: [ACL] })
  await post('/v1/quotas', { entity: { user: 'bob' }, values: { request_percentage: 50 } }, 'PATCH')
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly example?: unknown
}

/** What a group has committed is told within seconds. */
async function toldOf(): Promise<void> {
  const told = async () => {
    const response = await ask('/v1/topics/orders/groups')
    expect(await response.json()).toMatchObject({ items: [{ groupId: 'billing' }] })
  }
  await vi.waitFor(told, { timeout: 20_000 })
}

/** The request that the document shows for a route. */
function requestOf({ method, path }: Route): Request {
  const operation = document.paths[path][method.toLowerCase()]
  const headers: Record<string, string> = {}
  const query = new URLSearchParams()
  let at = path
  for (const { name, in: place, example } of operation.parameters as Parameter[]) {
    if (place === 'path') at = at.replace(`{${name}}`, encodeURIComponent(String(example)))
    else if (example === undefined) continue
    else if (place === 'query') query.set(name, String(example))
    else headers[name] = String(example)
  }
  const content = Object.entries<{ example?: unknown }>(operation.requestBody?.content ?? {})
  const [type, media] = content[0] ?? []
  const url = `${broker.http}${at}${query.size > 0 ? `?${query}` : ''}`
  if (type === undefined) return new Request(url, { method, headers })
  expect(media?.example, `an example of the body of ${method} ${path}`).toBeDefined()
  const body = JSON.stringify(media?.example)
  return new Request(url, { method, headers: { ...headers, 'content-type': type }, body })
}

describe('the example in the document of', () => {
  it.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s runs and is answered as the document says',
    async (_, route) => {
      await prepare(route)
      if (route.path === '/v1/topics/{topic}/groups') await toldOf()
      const response = await authorised(requestOf(route))
      const { answers } = route.operation()
      const [status = 0] = Object.keys(answers).map(Number)
      // The document cannot show an upgrade.
      if (status === 101) {
        expect(response.headers.get('content-type')).toBe('application/problem+json')
        expect(response.status).toBe(426)
        await response.body?.cancel()
        return
      }
      expect(response.status, await explained(response)).toBe(status)
      const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? ''
      const content = answers[status]?.content
      expect(Object.keys(content ?? { '': null })).toContain(type)
      const schema = content?.[type]
      if (schema === null || schema === undefined) return response.body?.cancel()
      const body: unknown = await response.json()
      const checked = schema.safeParse(body)
      expect(checked.error?.issues ?? [], JSON.stringify(body)).toEqual([])
      // What shows nothing shows no reader anything.
      const items = (body as { items?: readonly unknown[] }).items
      if (items !== undefined) expect(items).not.toEqual([])
    },
  )
})

async function explained(response: Response): Promise<string> {
  return response.ok ? '' : response.clone().text()
}
