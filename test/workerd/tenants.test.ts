/// <reference types="@cloudflare/vitest-plugin/types" />

// A client of one tenant reaches objects of that tenant and no others: every Kafka API and every route, made of their
// tables, with what the Worker asks the platform for written down.

import { createExecutionContext, env } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import { APIS } from '../../src/broker/apis.ts'
import { Connection } from '../../src/broker/connection.ts'
import { brokerContext, type WorkerEnv } from '../../src/broker/isolate.ts'
import { joinBytes } from '../../src/core/bytes.ts'
import { routes } from '../../src/http/app.ts'
import { openApiDocument } from '../../src/http/openapi.ts'
import type { Route } from '../../src/http/route.ts'
import { serveHttp } from '../../src/http/serve.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { SaslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import type { AnyApi, RequestToSend } from '../../src/protocol/schema.ts'
import { ROWS } from '../clients/authorisation/rows.ts'

const SECRET = 'of-the-operator'
const NAMESPACES = [
  ...['PARTITION', 'CLUSTER', 'GROUP', 'TRANSACTION', 'WATCH', 'STATISTICS', 'TUNNEL', 'LIVE'],
] as const

/** The names of the objects that were asked for. */
const reached = new Set<string>()
const platform = env as unknown as Record<string, { getByName(name: string): unknown }>
const recorded = {
  ...platform,
  ...Object.fromEntries(
    NAMESPACES.map((binding) => [
      binding,
      {
        getByName(name: string) {
          reached.add(name)
          return platform[binding]?.getByName(name)
        },
      },
    ]),
  ),
  OTTLA_LOCAL: '1',
  OTTLA_SECRET: SECRET,
  OTTLA_CONFIG: JSON.stringify({ 'ottla.tenants': 'acme,beta' }),
} as unknown as WorkerEnv

beforeEach(() => reached.clear())

/** The tenants whose objects were reached. */
const tenantsReached = () => [...new Set([...reached].map((name) => name.split('/')[0]))]

/** A connection of a client that speaks one request at a time. */
class Client {
  readonly #connection = new Connection(
    APIS,
    brokerContext(recorded, {
      advertised: { host: '127.0.0.1', port: 9092 },
      clientHost: '/127.0.0.1',
    }),
    1_000_000,
  )

  async ask<A extends AnyApi>(api: A, version: number, body: RequestToSend<A>) {
    const header = { correlationId: 1, clientId: 'test' }
    await this.#connection.receive(encodeRequest(api, version, header, body))
    const out = await this.#connection.outgoing()
    out?.sent()
    return decodeResponse(api, version, joinBytes(out?.pieces ?? []).subarray(4)).body
  }

  async logIn(user: string): Promise<this> {
    await this.ask(SaslHandshake, 1, { mechanism: 'PLAIN' })
    const authBytes = new TextEncoder().encode(`\0${user}\0${SECRET}`)
    const { errorCode } = await this.ask(SaslAuthenticate, 2, { authBytes })
    expect(errorCode).toBe(0)
    return this
  }

  close(): void {
    this.#connection.close()
  }
}

const TOPICS = ['seen', 'hidden', 'doomed', 'kept']
const ids = new Map<string, string>()

/** What requests name is there, in each tenant. */
async function prepare(client: Client): Promise<void> {
  const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const topics = TOPICS.map((name) => ({ ...topic, name }))
  await client.ask(CreateTopics, 7, { topics, timeoutMs: 5_000, validateOnly: false })
  const found = await client.ask(Metadata, 12, { topics: null })
  for (const { name, topicId } of found.topics) ids.set(String(name), topicId)
}

describe('what a Kafka client of a tenant reaches', () => {
  // Those of a login are what comes before.
  const rows = ROWS.filter(({ api }) => api !== SaslHandshake && api !== SaslAuthenticate)

  it('is its tenant’s, from its login on, by any API', async () => {
    const main = await new Client().logIn('admin')
    await prepare(main)
    main.close()
    reached.clear()
    const client = await new Client().logIn('acme/admin')
    await prepare(client)
    const asked = new Set<string>()
    for (const { api, version, request } of rows) {
      const world = { topicId: (name: string) => (ids.get(name) ?? '') as never }
      await client.ask(api, version, request(world) as never)
      asked.add(api.name)
      expect([api.name, tenantsReached()]).toEqual([api.name, ['acme']])
    }
    client.close()
    expect(asked.size).toBe([...APIS.values()].length - 2)
    const kinds = new Set([...reached].map((name) => name.split('/')[1]))
    expect([...kinds].sort()).toEqual(['cluster', 'group', 'topic', 'txn'])
  })
})

describe('what a client over HTTP reaches', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a JSON document is looked into.
  const document = openApiDocument(routes) as any
  const bearer = { authorization: `Bearer ${SECRET}` }
  const named = { authorization: `Basic ${btoa(`acme/admin:${SECRET}`)}` }

  /** The request that the document shows for a route. */
  function requestOf({ method, path }: Route, base: string, credentials: Record<string, string>) {
    const operation = document.paths[path][method.toLowerCase()]
    const isUpgrade = Object.hasOwn(operation.responses, '101')
    const headers: Record<string, string> = {
      ...credentials,
      ...(isUpgrade ? { upgrade: 'websocket' } : {}),
    }
    const query = new URLSearchParams()
    let at = path
    for (const { name, in: place, example } of operation.parameters) {
      if (place === 'path') at = at.replace(`{${name}}`, encodeURIComponent(String(example)))
      else if (example === undefined || isUpgrade) continue
      else if (place === 'query') query.set(name, String(example))
      else headers[name] = String(example)
    }
    const url = `${base}${at}${query.size > 0 ? `?${query}` : ''}`
    const [content] = Object.entries<{ example?: unknown }>(operation.requestBody?.content ?? {})
    if (content === undefined) return new Request(url, { method, headers })
    const body = JSON.stringify(content[1].example)
    return new Request(url, { method, headers: { ...headers, 'content-type': content[0] }, body })
  }

  it.each([
    ['by its host', 'http://acme.localhost:8080', bearer],
    ['by the user’s name', 'http://localhost:8080', named],
  ])('is its tenant’s, %s, by any route', async (_, base, credentials) => {
    const admin = await new Client().logIn('acme/admin')
    const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const topics = [{ ...topic, name: 'orders' }]
    await admin.ask(CreateTopics, 7, { topics, timeoutMs: 5_000, validateOnly: false })
    admin.close()
    for (const route of routes) {
      const request = requestOf(route, base, credentials)
      const answer = await serveHttp(request, recorded, createExecutionContext())
      answer.webSocket?.accept()
      answer.webSocket?.close(1000)
      const isStream = answer.headers.get('content-type') === 'text/event-stream'
      if (isStream) await answer.body?.cancel()
      else if (answer.webSocket == null) await answer.text()
      const what = `${route.method} ${route.path}`
      expect([what, answer.status]).not.toEqual([what, expect.toBeOneOf([401, 403, 421, 500])])
      expect([what, tenantsReached()]).toEqual([what, ['acme']])
    }
    const kinds = new Set([...reached].map((name) => name.split('/')[1]))
    expect(kinds).toEqual(
      expect.toSatisfy((all: Set<string>) => all.has('tunnel') && all.has('live')),
    )
  })
})
