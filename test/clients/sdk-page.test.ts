// The client with a broker that has a secret, by each way that a secret travels, and in a page that is left in the middle
// of a produce. The second needs Chromium.

import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/client.ts'
import { type Broker, startBroker } from './broker.ts'
import { absent } from './tools.ts'

const CHROMIUM = '/usr/bin/chromium'
const SECRET = 'a sécret, with + and /'

let broker: Broker
let pages: Server
let browser: Browser | undefined

beforeAll(async () => {
  pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>'))
  await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done))
  const args = ['--allow-origin', origin()]
  broker = await startBroker({ args, env: { OTTLA_SECRET: 'plain-secret' } })
  await using ottla = connect(broker.http, { token: 'plain-secret' })
  await ottla.fetch('/v1/topics', { method: 'POST', body: '{"name":"orders"}' })
})

afterAll(async () => {
  await browser?.close()
  pages.close()
  await broker.stop()
})

describe('a broker with a secret', () => {
  const ways: [string, Partial<ConnectOptions>][] = [
    ['a header, from Node', {}],
    ['a subprotocol, as a page sends it', { WebSocket: globalThis.WebSocket as never }],
  ]

  it.each(ways)('takes it by %s', async (_, options) => {
    await using ottla = connect(broker.http, { ...options, token: 'plain-secret' })
    const orders = ottla.topic('orders')
    const { partition, offset } = await orders.produce({ value: 'known' })
    for await (const record of orders.tail({ from: `${partition}:${offset - 1}` })) {
      expect(record.value).toBe('known')
      break
    }
  })

  it.each(ways)('refuses another by %s, and the next one is asked for', async (_, options) => {
    await using wrong = connect(broker.http, { ...options, token: SECRET })
    await expect(wrong.topic('orders').tail().next()).rejects.toMatchObject({ status: 401 })
    await expect(wrong.topic('orders').produce({ value: 1 })).rejects.toMatchObject({ status: 401 })
    const tokens = ['old-secret', 'plain-secret']
    const token = vi.fn(() => tokens.shift() ?? '')
    await using ottla = connect(broker.http, { ...options, token })
    expect(await ottla.topic('orders').produce({ value: 'again' })).toMatchObject({ partition: 0 })
    expect(token).toHaveBeenCalledTimes(2)
  })
})

describe('a page', () => {
  it("of the broker's own that is left has sent what it held, once", async (context) => {
    if (!existsSync(CHROMIUM)) absent(context, CHROMIUM)
    await leftPages('left', broker.http)
  })

  // Its last request is one that the browser asks leave for first.
  it('of another origin that is left has sent what it held, once', async (context) => {
    if (!existsSync(CHROMIUM)) absent(context, CHROMIUM)
    await leftPages('left-elsewhere', origin())
  })
})

const origin = () => `http://127.0.0.1:${(pages.address() as AddressInfo).port}`

/** Five pages at `from` that are left while they produce; then everything is there, once. */
async function leftPages(name: string, from: string): Promise<void> {
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run']
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args })
  await using ottla = connect(broker.http, { token: 'plain-secret' })
  await ottla.fetch('/v1/topics', { method: 'POST', body: JSON.stringify({ name }) })
  for (let round = 0; round < 5; round++) {
    // Of the broker's own, no script may run but what tests put there.
    const page = await browser.newPage({ bypassCSP: true })
    await page.goto(`${from}/client.js`)
    const content = `globalThis.client = await import('${broker.http}/client.js')`
    await page.addScriptTag({ type: 'module', content })
    await page.waitForFunction('globalThis.client !== undefined')
    await page.evaluate(
      async ({ url, round, name }) => {
        // biome-ignore lint/suspicious/noExplicitAny: what the page has imported.
        const { connect } = (globalThis as any).client
        const topic = connect(url, { token: 'plain-secret' }).topic(name)
        // Of an earlier one nothing is known; the next one is not even sent.
        if (round % 2 === 1) await topic.produce({ key: 'k', value: `${round} first` })
        const left = globalThis as unknown as EventTarget
        left.addEventListener('beforeunload', () => {
          topic.produce({ key: 'k', value: `${round} last` })
        })
      },
      { url: broker.http, round, name },
    )
    await page.goto(`${origin()}/elsewhere`)
  }
  const values = async () => {
    const answer = await ottla.fetch(`/v1/topics/${name}/partitions/0/records?offset=0`)
    const { records } = (await answer.json()) as { records: { value: string }[] }
    return records.map(({ value }) => JSON.parse(value) as string)
  }
  const expected = ['0 last', '1 first', '1 last', '2 last', '3 first', '3 last', '4 last']
  await expect.poll(async () => (await values()).sort(), { timeout: 10_000 }).toEqual(expected)
}
