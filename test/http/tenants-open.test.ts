// A broker that asks nobody: the host alone says whose a request is.

import { expect, it } from 'vitest'
import { Tenants } from '../../src/core/tenants.ts'
import { httpApp } from '../../src/http/app.ts'
import type { Identity } from '../../src/http/identity.ts'
import { LOCAL, memoryBroker } from './fakes.ts'

it.each([
  ['http://acme.localhost:8080', 'acme'],
  ['http://localhost:8080', 'main'],
  ['http://beta.localhost:8080', 'main'],
])('at %s it is %s', async (base, tenant) => {
  const asked: Identity[] = []
  const opened: unknown[] = []
  const open = async (...named: unknown[]) => {
    opened.push(named.slice(0, 1))
    return new Response(null, { status: 503 })
  }
  const app = httpApp({
    environment: { ...LOCAL, tenants: new Tenants(['acme']) },
    context: (_, identity) => {
      asked.push(identity)
      return memoryBroker([]).context
    },
    tunnel: open,
    live: open,
    random: () => 0,
  })
  const me = await app.fetch(new Request(`${base}/v1/me`))
  expect(((await me.json()) as { tenant?: string }).tenant ?? 'main').toBe(tenant)
  // A name is nothing where no password is asked for.
  const named = { authorization: `Basic ${btoa('acme/alice:p')}` }
  await app.fetch(new Request(`${base}/v1/topics`, { headers: named }))
  expect(asked.map((one) => [one.kind, one.tenant])).toEqual([
    ['open', tenant],
    ['open', tenant],
  ])
  for (const path of ['/kafka', '/v1/live']) {
    await app.fetch(new Request(base + path, { headers: { upgrade: 'websocket' } }))
  }
  expect(opened).toEqual([[tenant], [tenant]])
})
