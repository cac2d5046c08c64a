// The console's page as somebody gets it: with who they are in it, on a broker that asks nobody and on one that does.

import { describe, expect, it } from 'vitest'
import { httpApp } from '../../src/http/app.ts'
import { consoleAssets, diskAssets } from '../../src/http/assets.ts'
import { topicState } from '../broker/fakes.ts'
import { LOCAL, memoryBroker } from './fakes.ts'
import { ADMIN, basic, Secured } from './secured.ts'

const BUILT = '<!doctype html><html><head><title>Ottla</title></head><body></body></html>'
const assets = consoleAssets(
  diskAssets({
    async fetch(url) {
      return url.endsWith('.html') ? new Response(BUILT) : new Response(null, { status: 404 })
    },
  }),
)
const asset = (request: Request) => assets.fetch(request)

/** What the page is told; null where nothing. */
function toldIn(html: string) {
  const [, text] = /<meta name="ottla-me" content="([^"]*)" \/><\/head>/.exec(html) ?? []
  if (text === undefined) return null
  const entities: Record<string, string> = { quot: '"', lt: '<', gt: '>', amp: '&', '#39': "'" }
  return JSON.parse(text.replace(/&(#?\w+);/g, (_, name: string) => entities[name] ?? '?'))
}

async function page(path: string) {
  const { context } = memoryBroker([topicState('t')])
  const app = httpApp({ environment: LOCAL, context: () => context, random: () => 0, asset })
  return app.fetch(new Request(`http://localhost:8080${path}`))
}

const READ = { resource: 'TOPIC', operation: 'READ' } as const

describe('the page of the console', () => {
  it('of a broker that asks nobody says so', async () => {
    const response = await page('/topics/orders')
    expect(toldIn(await response.text())).toMatchObject({
      isOpen: true,
      topics: { orders: expect.arrayContaining(['READ', 'WRITE', 'ALTER']) },
    })
    expect(response.headers.get('cache-control')).toBe('private, no-cache')
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'")
  })

  it('says what whoever gets it may do with what it is about, as /v1/me does', async () => {
    const broker = new Secured([topicState('orders')], {}, asset)
    await broker.setUser('reader', 'pw')
    broker.allow('User:reader', READ, 'orders')
    const headers = basic('reader', 'pw')
    for (const [path, query] of [
      ['/', ''],
      ['/topics/orders?at=0:0', '?topic=orders'],
      ['/topics/other', '?topic=other'],
      ['/groups/bill%2Fing', '?group=bill%2Fing'],
    ] as const) {
      const { text } = await broker.ask('GET', path, { headers })
      const { body } = await broker.ask('GET', `/v1/me${query}`, { headers })
      expect(toldIn(text), path).toEqual(body)
    }
    const { text } = await broker.ask('GET', '/topics/orders', { headers: ADMIN })
    expect(toldIn(text).topics.orders).toContain('DELETE')
  })

  it('holds names as text, whatever is in them', async () => {
    const name = `"><script>alert(1)</script>$&'`
    const html = await (await page(`/topics/${encodeURIComponent(name)}`)).text()
    expect(html).not.toContain('<script>')
    expect(Object.keys(toldIn(html).topics)).toEqual([name])
  })

  it('is as it was built where a name is none, or too long, or nobody knows the rules', async () => {
    expect(toldIn(await (await page('/topics/%E0%A4%A')).text())).toBe(null)
    expect(toldIn(await (await page(`/topics/${'x'.repeat(5_000)}`)).text()).topics).toEqual({})
    const broker = new Secured([topicState('orders')], { allowAnonymous: true }, asset)
    broker.fails = true
    const { status, text } = await broker.ask('GET', '/topics')
    expect([status, text]).toEqual([200, BUILT])
  })
})
