// A real browser against a broker as it is started: a page of another loopback origin writes with fetch and
// follows with EventSource; a page of a foreign origin is kept out. Needs Chromium. (Reading: large-index.ts.)

import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { type Broker, startBroker } from '../clients/broker.ts'
import { closeBrowser, FOREIGN_HOST, openBrowser } from './chromium.ts'

/** The functions that reader.html gives to this test. */
interface Reader {
  produce(origin: string, topic: string, record: object): Promise<Record<string, unknown>>
  follow(origin: string, topic: string): Promise<void>
  readonly seen: string[]
}

let broker: Broker
let pages: Server

beforeAll(async () => {
  broker = await startBroker()
  const html = readFileSync(join(import.meta.dirname, 'reader.html'))
  pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html))
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
})

afterAll(async () => {
  await closeBrowser()
  pages.close()
  await broker.stop()
})

async function open(context: TestContext, host: string): Promise<Page> {
  const browser = await openBrowser(context)
  const page = await browser.newPage()
  context.onTestFinished(() => page.close())
  await page.goto(`http://${host}:${(pages.address() as AddressInfo).port}/`)
  return page
}

async function createTopic(name: string, partitions: number): Promise<void> {
  const body = JSON.stringify({ name, partitions })
  const response = await fetch(`${broker.http}/v1/topics`, { method: 'POST', body })
  expect(response.status).toBe(201)
}

describe('a browser', () => {
  it('shows the topics in the broker’s own console', async (context) => {
    const page = await open(context, 'localhost')
    await createTopic('shown', 3)
    await page.goto(`${broker.http}/topics`)
    await page.getByRole('link', { name: 'shown', exact: true }).waitFor()
    const row = page.getByRole('row', { name: 'shown' })
    expect(await row.innerText()).toMatch(/shown\s+3/)
  })

  it('writes, follows with EventSource, and misses nothing while the broker restarts', async (context) => {
    const page = await open(context, '127.0.0.1')
    await createTopic('live', 2)
    const call = { origin: broker.http }
    await page.evaluate(
      ({ origin }) => (globalThis as never as Reader).follow(origin, 'live'),
      call,
    )
    const produce = (value: string, partition: number) =>
      page.evaluate(
        ({ origin, record }) => (globalThis as never as Reader).produce(origin, 'live', record),
        { origin: broker.http, record: { value, partition } },
      )
    const seen = () => page.evaluate(() => (globalThis as never as Reader).seen)
    expect(await produce('one', 0)).toMatchObject({ offsets: [{ partition: 0, offset: 0 }] })
    await produce('two', 1)
    await context.expect.poll(seen).toEqual(['one', 'two'])
    await broker.kill()
    const args = ['--http-port', new URL(broker.http).port]
    const again = await startBroker({ data: broker.dataDir, args })
    const { stop } = broker
    broker = {
      ...again,
      async stop() {
        await again.stop()
        await stop()
      },
    }
    await produce('three', 0)
    await produce('four', 1)
    await context.expect.poll(seen).toEqual(['one', 'two', 'three', 'four'])
  })

  it('lets no page of another site read or write', async (context) => {
    const page = await open(context, FOREIGN_HOST)
    await createTopic('private', 1)
    const answer = await page.evaluate(
      ({ origin }) => (globalThis as never as Reader).produce(origin, 'private', { value: 'x' }),
      { origin: broker.http },
    )
    expect(answer).toMatchObject({ refused: expect.stringContaining('Failed to fetch') })
    const url = `${broker.http}/v1/topics/private/partitions/0/records`
    expect(await (await fetch(url)).json()).toMatchObject({ records: [] })
  })
})
