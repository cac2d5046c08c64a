// One suite of the client (test/client/cases.ts) in each runtime that it is for: Node, workerd and Chromium, the last
// with the module that the broker serves. Needs Chromium for that one.

import { existsSync } from 'node:fs'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as source from '../../src/client/client.ts'
import { cases } from '../client/cases.ts'
import { type Broker, startBroker } from './broker.ts'
import { absent } from './tools.ts'

const CHROMIUM = '/usr/bin/chromium'
const names = Object.keys(cases)

let broker: Broker
let made = 0

beforeAll(async () => {
  broker = await startBroker()
})

afterAll(async () => {
  await broker.stop()
})

async function newTopic(): Promise<string> {
  const name = `case-${made++}`
  const body = JSON.stringify({ name, partitions: 3 })
  const response = await fetch(`${broker.http}/v1/topics`, { method: 'POST', body })
  expect(response.status).toBe(201)
  return name
}

describe('in Node', () => {
  it.each(names)('%s', async (name) => {
    await cases[name]?.({ url: broker.http, client: source, topic: await newTopic() })
  })
})

/** The cases with what runs one, as one module. `client` is what they import it from. */
async function bundled(contents: string, external: string[] = []): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external,
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

describe('in workerd', () => {
  let worker: Miniflare

  beforeAll(async () => {
    const script = await bundled(`
      import * as client from '../../src/client/client.ts'
      import { cases } from '../client/cases.ts'
      export default {
        async fetch(request) {
          const { name, url, topic } = await request.json()
          try {
            if (name === '') {
              const ottla = client.connect(url)
              const states = []
              ottla.addEventListener('state', ({ state }) => states.push(state))
              await ottla.topic(topic).produce([1, 2, 3].map((value) => ({ value })))
              return new Response([ottla.state, ...states].join())
            }
            await cases[name]({ url, client, topic })
            return new Response('')
          } catch (error) {
            return new Response(error.stack ?? String(error))
          }
        },
      }`)
    worker = new Miniflare(
      convertV4MiniflareOptions({
        modules: true,
        script,
        compatibilityDate: '2026-10-01',
      }),
    )
    await worker.ready
  })

  afterAll(async () => {
    await worker.dispose()
  })

  const answered = async (name: string) => {
    const body = JSON.stringify({ name, url: broker.http, topic: await newTopic() })
    const answer = await worker.dispatchFetch('http://worker/', { method: 'POST', body })
    return answer.text()
  }

  it.each(names)('%s', async (name) => {
    expect(await answered(name)).toBe('')
  })

  it('a produce alone opens no connection', async () => {
    expect(await answered('')).toBe('waiting')
  })
})

describe('in Chromium, with the module that the broker serves', () => {
  let browser: Browser | undefined
  let page: Page

  beforeAll(async () => {
    if (!existsSync(CHROMIUM)) return
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run']
    browser = await chromium.launch({ executablePath: CHROMIUM, args })
    // A page of the broker's own, on which no script may run but what tests put there.
    page = await browser.newPage({ bypassCSP: true })
    await page.goto(`${broker.http}/client.js`)
    const script = await bundled(`export { cases } from '../client/cases.ts'`)
    await page.addScriptTag({
      type: 'module',
      content: `${script}
      import('/client.js').then((client) => Object.assign(globalThis, { client, cases }))`,
    })
    await page.waitForFunction('globalThis.cases !== undefined')
  })

  afterAll(async () => {
    await browser?.close()
  })

  it.for(names)('%s', async (name, context) => {
    if (browser === undefined) return absent(context, CHROMIUM)
    const given = { name, url: broker.http, topic: await newTopic() }
    const failure = await page.evaluate(async ({ name, url, topic }) => {
      // biome-ignore lint/suspicious/noExplicitAny: what the page holds.
      const { client, cases } = globalThis as any
      try {
        await cases[name]({ url, client, topic })
        return ''
      } catch (error) {
        return (error as Error).stack ?? String(error)
      }
    }, given)
    expect(failure).toBe('')
  })
})
