// Who may ask what over HTTP, of every route there is: without credentials, with wrong ones, as a user without a rule, with
// the rules that the route's row names, and with one of these denied. Made of the table of routes: a route whose row says
// less than its handlers ask, or more, fails here, and one without a row does not compile.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AccessRule, Need } from '../../src/http/access-rule.ts'
import { routes } from '../../src/http/app.ts'
import type { Route } from '../../src/http/route.ts'
import { type Broker, startBroker } from './broker.ts'

const OTTLA_SECRET = 'of-the-matrix'
const ADMIN = { authorization: `Bearer ${OTTLA_SECRET}` }
const ALICE = { authorization: `Basic ${btoa('alice:of alice')}` }
const WRONG = { authorization: `Basic ${btoa('alice:of bob')}` }

let broker: Broker
// biome-ignore lint/suspicious/noExplicitAny: a JSON document is looked into.
let document: any

beforeAll(async () => {
  broker = await startBroker({ env: { OTTLA_SECRET } })
  document = await (await fetch(`${broker.http}/openapi.json`, { headers: ADMIN })).json()
  await send('POST', '/v1/users', { name: 'alice', password: 'of alice' })
})

afterAll(async () => {
  await broker.stop()
})

const send = (method: string, path: string, body?: unknown) =>
  fetch(`${broker.http}${path}`, {
    method,
    headers: { ...ADMIN, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

/** What the requests name is there, whatever the one before has done. */
async function prepare(): Promise<void> {
  await send('DELETE', '/v1/topics/invoices')
  await send('DELETE', '/v1/users/bob')
  await send('POST', '/v1/topics', { name: 'orders', partitions: 1 })
  await send('POST', '/v1/topics', { name: 'hidden', partitions: 1 })
  await send('POST', '/v1/groups/billing/reset', { to: 'latest', topic: 'orders' })
  await send('POST', '/v1/groups/secret/reset', { to: 'latest', topic: 'hidden' })
}

const NAMES: Readonly<Record<Need['resource'], string>> = {
  TOPIC: 'orders',
  GROUP: 'billing',
  CLUSTER: 'kafka-cluster',
  TRANSACTIONAL_ID: 'payments-1',
  DELEGATION_TOKEN: 'none',
  USER: 'alice',
}

type Word = Pick<Need, 'operation' | 'resource'>

/** Alice's rules, and no others. */
async function rule(allowed: readonly Word[], denied: readonly Word[] = []): Promise<void> {
  await send('DELETE', '/v1/acls?principal=User:alice')
  const acl =
    (permissionType: string) =>
    ({ operation, resource }: Word) => ({
      resourceType: resource,
      resourceName: NAMES[resource],
      patternType: 'LITERAL',
      principal: 'User:alice',
      host: '*',
      operation,
      permissionType,
    })
  const acls = [...allowed.map(acl('ALLOW')), ...denied.map(acl('DENY'))]
  if (acls.length > 0) expect((await send('POST', '/v1/acls', { acls })).status).toBe(201)
}

/** The request that the document shows for a route. */
function requestOf({ method, path }: Route, credentials: Record<string, string>): Request {
  const operation = document.paths[path][method.toLowerCase()]
  const headers: Record<string, string> = { ...credentials }
  const query = new URLSearchParams()
  let at = path
  for (const { name, in: place, example } of operation.parameters) {
    if (place === 'path') at = at.replace(`{${name}}`, encodeURIComponent(String(example)))
    else if (example === undefined) continue
    else if (place === 'query') query.set(name, String(example))
    else headers[name] = String(example)
  }
  const url = `${broker.http}${at}${query.size > 0 ? `?${query}` : ''}`
  const [content] = Object.entries<{ example?: unknown }>(operation.requestBody?.content ?? {})
  if (content === undefined) return new Request(url, { method, headers })
  const [type, media] = content
  const body = bodyOf(method, path, media.example)
  return new Request(url, { method, headers: { ...headers, 'content-type': type }, body })
}

/** Changing configurations needs one thing, adding partitions another: a row's first word is for either alone. */
function bodyOf(method: string, path: string, example: unknown): string {
  if (`${method} ${path}` !== 'PATCH /v1/topics/{topic}') return JSON.stringify(example)
  return JSON.stringify({ configs: { 'retention.ms': 60_000 } })
}

async function ask(route: Route, credentials: Record<string, string> = {}) {
  const response = await fetch(requestOf(route, credentials))
  const isProblem = response.headers.get('content-type') === 'application/problem+json'
  const isStream = response.headers.get('content-type') === 'text/event-stream'
  const text = isStream ? '' : await response.text()
  if (isStream) await response.body?.cancel()
  return { status: response.status, code: isProblem ? JSON.parse(text).code : null, text }
}

const CODES: Readonly<Record<Need['resource'], string>> = {
  TOPIC: 'TOPIC_AUTHORIZATION_FAILED',
  GROUP: 'GROUP_AUTHORIZATION_FAILED',
  CLUSTER: 'CLUSTER_AUTHORIZATION_FAILED',
  TRANSACTIONAL_ID: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  DELEGATION_TOKEN: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
  USER: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
}

/** What handlers ask besides what the row checks: the last that is named is enough. */
const ofHandlers = ({ handlers = [] }: AccessRule) => handlers.slice(-1)

/** What the documented example does beyond what its row can say: said where it is looked at. */
const EXAMPLES: Readonly<Record<string, readonly Word[]>> = {
  'POST /v1/topics': [{ operation: 'CREATE', resource: 'CLUSTER' }],
  'POST /v1/groups/{group}/reset': [{ operation: 'READ', resource: 'TOPIC' }],
  'POST /v1/tokens': [{ operation: 'READ', resource: 'TOPIC' }],
}

const named = routes.map((route) => [`${route.method} ${route.path}`, route] as const)

describe.each(named)('%s', (name, route) => {
  const { access } = route
  const codesOf = (words: readonly Word[]) => [
    ...words.map(({ resource }) => CODES[resource]),
    // Of what the cluster or the topic's own rules may allow Kafka names the topic.
    ...(access.handlers ?? []).map(({ resource }) => CODES[resource]),
  ]
  const needs: readonly Word[] = [
    ...access.needs,
    ...(name in EXAMPLES ? [] : ofHandlers(access)),
    ...(EXAMPLES[name] ?? []),
  ]

  it('is for nobody who has not said who they are', async () => {
    expect(await ask(route)).toMatchObject({ status: 401, code: 'SASL_AUTHENTICATION_FAILED' })
  })

  it('is for nobody who says so with a wrong password', async () => {
    const answer = await ask(route, WRONG)
    expect(answer).toMatchObject({ status: 401, code: 'SASL_AUTHENTICATION_FAILED' })
  })

  it.runIf(needs.length > 0)('is refused to a user without a rule', async () => {
    await prepare()
    await rule([])
    const { status, code } = await ask(route, ALICE)
    expect(status).toBe(403)
    expect(codesOf(needs)).toContain(code)
  })

  it.each(needs.map((need) => [`${need.operation} on ${need.resource}`, need] as const))(
    'is refused to a user who is denied %s, whatever else they are allowed',
    async (_, need) => {
      await prepare()
      await rule(needs, [need])
      const { status, code } = await ask(route, ALICE)
      expect(status).toBe(403)
      expect(codesOf([need])).toContain(code)
    },
  )

  it('is answered to a user with the rules that its row names', async () => {
    await prepare()
    await rule(needs)
    const { status, text } = await ask(route, ALICE)
    // A transaction that nobody has begun is not there; what is behind an upgrade is not asked for here.
    const isThere = name !== 'GET /v1/transactions/{transactionalId}' && !name.includes('{user}')
    const isUpgrade = Object.keys(route.operation().answers)[0] === '101'
    const expected = isUpgrade ? 426 : isThere ? expect.toSatisfy(isSuccess) : 404
    expect([status, text]).toEqual([expected, text])
  })

  it.runIf(access.shows !== undefined)(
    'shows a user what they may see, and nothing else',
    async () => {
      await prepare()
      await rule([])
      expect(JSON.parse((await ask(route, ALICE)).text)).toEqual({ items: [], next: null })
      await rule(access.shows === undefined ? [] : [access.shows])
      const { text } = await ask(route, ALICE)
      expect(text).not.toMatch(/hidden|secret/)
      if (name !== 'GET /v1/transactions') expect(JSON.parse(text).items).toHaveLength(1)
    },
  )
})

const isSuccess = (status: number) => status >= 200 && status < 300
