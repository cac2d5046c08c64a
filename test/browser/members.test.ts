// Members of one group in two pages and in Java, one page with timers as slow as those of a tab that was hidden long ago: for
// longer than a session lasts nobody is put out and nothing is assigned anew. OTTLA_HIDDEN_MS asks for longer.

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Broker, bootstrap, startBroker } from '../clients/broker.ts'
import { until } from '../clients/calls.ts'
import { type JavaConsumer, startJavaConsumer } from '../clients/java-consumer.ts'
import { closeBrowser, openBrowser } from './chromium.ts'

const SESSION_MS = 3_000
const HIDDEN_MS = Number(process.env.OTTLA_HIDDEN_MS ?? 3 * SESSION_MS)
const PARTITIONS = 6
/** What Chromium leaves to a tab that has been hidden for five minutes: one wake-up a minute. */
const SLOW_TIMERS = `
  const { setTimeout: timeout, setInterval: interval } = globalThis
  globalThis.setTimeout = (callback, ms = 0, ...rest) => timeout(callback, Math.max(ms, 60_000), ...rest)
  globalThis.setInterval = (callback, ms = 0, ...rest) => interval(callback, Math.max(ms, 60_000), ...rest)
`

let broker: Broker
let java: JavaConsumer | undefined

beforeAll(async () => {
  const settings = {
    'group.consumer.min.session.timeout.ms': SESSION_MS,
    'group.consumer.session.timeout.ms': SESSION_MS,
    'group.consumer.min.heartbeat.interval.ms': 500,
    'group.consumer.heartbeat.interval.ms': 500,
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  broker = await startBroker({ args })
})

afterAll(async () => {
  await java?.stop()
  await closeBrowser()
  await broker.stop()
})

async function post(path: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  const response = await fetch(`${broker.http}/v1${path}`, init)
  expect(response.ok, await response.text()).toBe(true)
}

interface GroupShown {
  readonly epoch: number
  readonly members: readonly {
    readonly memberId: string
    readonly epoch: number
    readonly assigned: readonly { readonly partitions: readonly number[] }[]
  }[]
}

const group = async () =>
  (await (await fetch(`${broker.http}/v1/groups/shared`)).json()) as GroupShown

/** A page that consumes: what it has got is in `globalThis.seen`. */
async function consume(page: Page, before: string): Promise<() => Promise<string[]>> {
  await page.goto(`${broker.http}/client.js`)
  await page.addScriptTag({
    type: 'module',
    content: `${before}
      globalThis.seen = []
      const { connect, text } = await import('/client.js')
      const orders = connect(location.origin).topic('orders', { value: text })
      const loop = connect(location.origin).group('shared').consume(orders, { from: 'earliest' })
      for await (const { value } of loop) seen.push(value)`,
  })
  return () => page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen)
}

it('a page whose timers are slow stays in its group, and nobody is assigned anything anew', async (context) => {
  const browser = await openBrowser(context)
  await post('/topics', { name: 'orders', partitions: PARTITIONS })
  const asked = { bootstrap: bootstrap(broker.kafka), topic: 'orders', group: 'shared' }
  java = startJavaConsumer(context, asked, ['group.protocol=consumer'])
  const shown = await consume(await browser.newPage({ bypassCSP: true }), '')
  const hidden = await consume(await browser.newPage({ bypassCSP: true }), SLOW_TIMERS)
  const areShared = async () => {
    const { members = [] } = await group()
    return (
      members.length === 3 && members.every(({ assigned }) => assigned[0]?.partitions.length === 2)
    )
  }
  // A JVM takes its time on a busy machine.
  for (let wait = 0; wait < 4 && !(await areShared()); wait++)
    await until(areShared).catch(() => {})
  await until(areShared)
  const before = await group()
  await new Promise((resolve) => setTimeout(resolve, HIDDEN_MS))
  const values = Array.from({ length: 60 }, (_, at) => String(at))
  await post('/topics/orders/records', {
    records: values.map((value, at) => ({ value, partition: at % PARTITIONS })),
  })
  const all = async () => [await shown(), await hidden(), [...(java?.seen ?? [])]]
  await until(async () => (await all()).flat().length >= values.length)
  expect((await all()).map((own) => own.length)).toEqual([20, 20, 20])
  expect((await all()).flat().toSorted()).toEqual(values.toSorted())
  const { epoch, members } = await group()
  expect({ epoch, members }).toEqual({ epoch: before.epoch, members: before.members })
})
