// What people do with topics in the console, by mouse and by keyboard: how many clicks it costs, what Back
// brings back, what is asked before something goes, what a filter may do, and what is said when the broker is
// away.

import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from '../clients/broker.ts'
import { closeBrowser, openBrowser } from './chromium.ts'
import { check, openConsole, settled } from './console.ts'
import { call, fill, RECORDS, TOPIC } from './console-data.ts'

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
})

afterAll(async () => {
  await closeBrowser()
  await broker.stop()
})

const rows = (page: Page) => page.locator('.message-table tbody tr')
const words = (page: Page) => page.locator('.list-head p').innerText()
const at = (path: string) => `${broker.http}${path}`

describe('an empty cluster', () => {
  it('shows three commands with its real address, replaced when data comes', async (context) => {
    const opened = await openConsole(context, at('/'))
    const { page, close } = opened
    await page.getByText('Nothing is in it yet').waitFor()
    const commands = await page.locator('.command code').allInnerTexts()
    expect(commands).toHaveLength(3)
    expect(commands[0]).toContain(`${broker.http}/v1/topics`)
    expect(commands[2]).toContain(`:${broker.kafka.port}`)
    await check(opened, 'overview-empty')
    await fill(broker.http)
    await page.getByText('Nothing is in it yet').waitFor({ state: 'detached', timeout: 20_000 })
    await close()
  })
})

describe('the messages of a topic', () => {
  it('cost two clicks from the start, and live ones three', async (context) => {
    const { page, close } = await openConsole(context, at('/'))
    await page.getByRole('link', { name: 'Topics' }).click()
    await page.getByRole('link', { name: TOPIC, exact: true }).click()
    await rows(page).first().waitFor()
    await settled(page)
    expect(await rows(page).count()).toBe(50)
    const newest = await rows(page).first().innerText()
    expect(newest).toContain(`"n":${RECORDS - 1}`)
    await page.getByText('Live', { exact: true }).click()
    await page.getByText('Waiting for records').waitFor()
    await page.locator('.pill', { hasText: 'live' }).waitFor()
    await call(at(`/v1/topics/${TOPIC}/records`), 'POST', { key: 'fresh', value: 'just now' })
    await page.getByText('just now', { exact: true }).first().waitFor()
    expect(await words(page)).toContain('1 of 1 record shown')
    await close()
  })

  it('are newest first over all partitions, and older ones follow without a gap', async (context) => {
    const { page, close } = await openConsole(context, at(`/topics/${TOPIC}?text=%22n%22`))
    await settled(page)
    const numbers = async () => {
      const texts = await page.locator('.message-table td:nth-child(5)').allInnerTexts()
      return texts.map((text) => Number(/"n":(\d+)/.exec(text)?.[1]))
    }
    const expected = Array.from({ length: RECORDS }, (_, n) => RECORDS - 1 - n)
    for (let had = 0; (await page.getByRole('button', { name: 'Older' }).count()) > 0; ) {
      await page.getByRole('button', { name: 'Older' }).click()
      await expect.poll(() => rows(page).count()).toBeGreaterThan(had)
      await settled(page)
      had = await rows(page).count()
    }
    expect(await numbers()).toEqual(expected)
    await close()
  })

  it('of a key are asked of its partition alone', async (context) => {
    const { page, requests, close } = await openConsole(
      context,
      at(`/topics/${TOPIC}?key=customer-7`),
    )
    await settled(page)
    expect(await rows(page).count()).toBe(RECORDS / 40)
    const asked = requests.flatMap((url) => /partitions\/(\d+)\/records/.exec(url)?.[1] ?? [])
    expect(new Set(asked).size).toBe(1)
    await close()
  })

  it('are scanned with figures of how far it is, and the scan is stopped and goes on', async (context) => {
    const { page, close } = await openConsole(context, at(`/topics/${TOPIC}`))
    await page.route('**/records?*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await route.continue().catch(() => {})
    })
    await page.getByLabel('Text in key').fill('nowhere to be found')
    await page.getByText('so far…').waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(() => words(page)).toMatch(/records? scanned, 0 matches, stopped$/)
    await page.unroute('**/records?*')
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByText('No message matches').waitFor()
    interface Partitions {
      readonly items: readonly { readonly start: number; readonly end: number }[]
    }
    const { items } = await call<Partitions>(at(`/v1/topics/${TOPIC}/partitions`))
    const all = items.reduce((sum, { start, end }) => sum + end - start, 0)
    expect(await words(page)).toBe(`${all} records scanned, 0 matches, to the end`)
    await close()
  })

  it('come back as they were after Back: filter, scroll, selection', async (context) => {
    const { page, close } = await openConsole(context, at('/topics'))
    await page.getByRole('link', { name: TOPIC, exact: true }).click()
    await rows(page).first().waitFor()
    await page.getByLabel('Text in key').fill('web')
    await expect.poll(() => page.url()).toContain('text=web')
    await settled(page)
    await page.evaluate('scrollTo(0, 700)')
    await rows(page).nth(25).click()
    await page.getByLabel('Message', { exact: true }).waitFor()
    const before = page.url()
    const scrolled = await page.evaluate('scrollY')
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await page.goBack()
    await page.getByLabel('Message', { exact: true }).waitFor()
    expect(page.url()).toBe(before)
    await expect.poll(() => page.evaluate('scrollY')).toBe(scrolled)
    expect(await page.locator('tr[data-marked]').count()).toBe(1)
    await close()
  })

  it('are exported as JSON and CSV', async (context) => {
    const { page, close } = await openConsole(context, at(`/topics/${TOPIC}?key=customer-7`))
    for (const form of ['JSON', 'CSV']) {
      await page.getByLabel('More about these messages').click()
      const download = page.waitForEvent('download')
      await page.getByRole('menuitem', { name: `Export as ${form}` }).click()
      const file = await (await download).path()
      expect(existsSync(file)).toBe(true)
      const text = readFileSync(file, 'utf8')
      if (form === 'JSON') expect(JSON.parse(text)).toHaveLength(RECORDS / 40)
      else expect(text.split('\r\n')).toHaveLength(RECORDS / 40 + 2)
    }
    await close()
  })

  it('are gone through, and followed live, by keyboard alone', async (context) => {
    const { page, close } = await openConsole(context, at('/'))
    await page.keyboard.press('g')
    await page.keyboard.press('t')
    await page.getByRole('heading', { name: 'Topics' }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type(TOPIC)
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
    await page.keyboard.press('Tab')
    for (let n = 0; n < 12; n++) {
      const text = await page.evaluate('document.activeElement.textContent')
      if (text === TOPIC) break
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await rows(page).first().waitFor()
    await settled(page)
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.getByLabel('Message', { exact: true }).waitFor()
    expect(await rows(page).nth(1).getAttribute('data-marked')).toBe('true')
    await page.keyboard.press('Escape')
    await page.getByLabel('Message', { exact: true }).waitFor({ state: 'detached' })
    await page.keyboard.press('l')
    await page.getByText('Waiting for records').waitFor()
    await close()
  })
})

describe('a filter in JavaScript', () => {
  const open = (context: Parameters<typeof openConsole>[0], code: string) =>
    openConsole(context, at(`/topics/${TOPIC}?js=${encodeURIComponent(code)}`))

  it('that came by a link waits for a click, and then finds', async (context) => {
    const { page, close } = await open(context, 'value.total > 900 && headers.source === "web"')
    await page.getByText('This link has a filter').waitFor()
    expect(await page.locator('iframe').count()).toBe(0)
    await page.getByRole('button', { name: 'Run it' }).click()
    await expect.poll(() => words(page)).toContain('matches')
    await settled(page)
    const texts = await page.locator('.message-table td:nth-child(5)').allInnerTexts()
    expect(texts.length).toBeGreaterThan(10)
    for (const text of texts)
      expect((JSON.parse(text) as { total: number }).total).toBeGreaterThan(900)
    await page.reload()
    // Somebody has agreed to it in this tab.
    await rows(page).first().waitFor()
    await close()
  })

  const harmful: readonly (readonly [string, string, string])[] = [
    ['loops for ever', 'while (true) {}', 'no answer for 1 s'],
    [
      'allocates for ever',
      'const all = []; for (;;) all.push(new Array(1e6).fill(1))',
      'filter failed',
    ],
    ['throws', 'value.no.such.thing', 'TypeError'],
    ['is no JavaScript', '((', 'SyntaxError'],
    ['answers later', 'Promise.resolve(true)', 'not with a promise'],
    ['reaches for the page', 'parent.document.cookie', 'ReferenceError'],
  ]
  for (const [what, code, said] of harmful) {
    it(`that ${what} is told so, and the page goes on`, async (context) => {
      const { page, close } = await open(context, code)
      await page.getByRole('button', { name: 'Run it' }).click()
      await page.locator('.failure', { hasText: said }).waitFor()
      expect(await page.locator('iframe').count()).toBe(0)
      await page.getByRole('button', { name: 'JavaScript' }).click()
      await page.getByRole('button', { name: 'Remove' }).click()
      await rows(page).first().waitFor()
      await close()
    })
  }

  it('reaches no network, by whatever it tries', async (context) => {
    const reached: string[] = []
    const elsewhere = createServer((request, response) => {
      reached.push(`${request.method} ${request.url}`)
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end('1')
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    const there = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
    const attempts = (url: string) => `const url = '${url}'
      try { fetch(url + '/fetch', { mode: 'no-cors' }).catch(() => {}) } catch {}
      try { const x = new XMLHttpRequest(); x.open('GET', url + '/xhr', false); x.send() } catch {}
      try { new WebSocket(url.replace('http', 'ws') + '/socket') } catch {}
      try { new EventSource(url + '/events') } catch {}
      try { importScripts(url + '/script') } catch {}
      try { import(url + '/module').catch(() => {}) } catch {}
      try { new Worker(url + '/worker') } catch {}
      try { navigator.sendBeacon(url + '/beacon') } catch {}
      return true`
    const { page, close } = await open(context, attempts(there))
    await page.getByRole('button', { name: 'Run it' }).click()
    await expect.poll(() => words(page)).toContain('matches')
    await page.waitForTimeout(1_000)
    expect(reached).toEqual([])
    // The same in a page without a policy arrives: the attempts are real.
    const browser = await openBrowser(context)
    const free = await browser.newPage()
    await free.goto(`${there}/page`)
    await free.evaluate(`(() => { ${attempts(there)} })()`)
    await expect.poll(() => reached.length).toBeGreaterThan(3)
    await free.close()
    await close()
    elsewhere.closeAllConnections()
    elsewhere.close()
  })
})

describe('changing things', () => {
  it('creates a topic, produces into it, and shows the message by its link', async (context) => {
    const opened = await openConsole(context, at('/topics'))
    const { page, close } = opened
    await page.getByRole('button', { name: 'Create topic' }).click()
    await check(opened, 'create-topic')
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.locator('dialog').getByLabel('Name').first().fill('made.here')
    await page.getByRole('button', { name: 'Add a setting' }).click()
    await page.getByLabel('Name of setting 1').fill('retention.ms')
    await page.getByLabel('Value of setting 1').fill('nonsense')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.locator('.refusal', { hasText: 'INVALID_CONFIG' }).waitFor()
    await page.getByLabel('Value of setting 1').fill('3600000')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('heading', { name: 'made.here' }).waitFor()
    await page.getByRole('link', { name: 'Produce', exact: true }).click()
    await page.getByLabel('Key', { exact: true }).fill('k')
    await page.getByLabel('Value', { exact: true }).fill('{"by":"hand"}')
    await page.getByRole('button', { name: 'Produce', exact: true }).click()
    await page.locator('.produced a').first().click()
    await page.getByText('"hand"', { exact: true }).waitFor()
    const [record] = (
      await call<{ records: object[] }>(at('/v1/topics/made.here/partitions/0/records'))
    ).records
    expect(record).toMatchObject({ key: 'k', value: '{"by":"hand"}' })
    await close()
  })

  it('sends a message again as it was: its bytes, its headers, its missing value', async (context) => {
    await call(at('/v1/topics'), 'POST', { name: 'again', partitions: 1 })
    const headers = [{ key: 'bytes', valueBase64: '/wA=' }]
    const sent = [
      { keyBase64: '3q2+7w==', valueBase64: 'AAEC/w==', headers },
      { key: 'k', value: null, headers: [] },
      { key: null, value: '{"as": "typed" }', headers: [{ key: 'h', value: 'v' }] },
    ]
    await call(at('/v1/topics/again/records'), 'POST', { records: sent })
    for (let offset = 0; offset < sent.length; offset++) {
      const { page, close } = await openConsole(context, at(`/topics/again?at=0:${offset}`))
      await page.getByRole('button', { name: 'Send again' }).click()
      await page.getByRole('button', { name: 'Produce', exact: true }).click()
      await page.locator('.produced a').first().waitFor()
      await close()
    }
    interface Read {
      readonly records: readonly { readonly offset: number; readonly timestamp: number }[]
    }
    const { records } = await call<Read>(at('/v1/topics/again/partitions/0/records'))
    const what = records.map(({ offset: _, timestamp: __, ...record }) => record)
    expect(what.slice(sent.length)).toEqual(what.slice(0, sent.length))
  })

  it('clones settings', async (context) => {
    const { page, close } = await openConsole(context, at('/topics?q=orders'))
    await page.getByLabel(`Actions of ${TOPIC}`).click()
    await page.getByRole('menuitem', { name: 'Clone' }).click()
    await expect.poll(() => page.getByLabel('Value of setting 1').inputValue()).toBe('86400000')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('heading', { name: `${TOPIC}-copy` }).waitFor()
    const made = await call<{ partitions: number }>(at(`/v1/topics/${TOPIC}-copy`))
    expect(made.partitions).toBe(8)
    await close()
  })

  it('changes a configuration, tells a refusal, and shows the difference', async (context) => {
    const { page, close } = await openConsole(
      context,
      at(`/topics/${TOPIC}?tab=config&q=max.message`),
    )
    await page.getByRole('button', { name: 'Change max.message.bytes' }).click()
    await page.getByLabel('Value', { exact: false }).last().fill('-7')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('.refusal', { hasText: 'INVALID_CONFIG' }).waitFor()
    await page.getByLabel('Value', { exact: false }).last().fill('2097152')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('tr', { hasText: 'this topic' }).getByText('2 MiB').waitFor()
    await close()
  })

  it('deletes only when the name is typed, and says how much goes', async (context) => {
    const opened = await openConsole(context, at(`/topics?q=${TOPIC}`))
    const { page, close } = opened
    await page.getByLabel(`Actions of ${TOPIC}`, { exact: true }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.locator('dialog strong', { hasText: `${RECORDS + 1} records` }).waitFor()
    await page.getByText('No group reads it.').waitFor()
    await check(opened, 'delete-topic')
    await page.setViewportSize({ width: 1440, height: 900 })
    const button = page.getByRole('button', { name: 'Delete it' })
    expect(await button.isDisabled()).toBe(true)
    await page.locator('dialog input').fill(`${TOPIC} `)
    expect(await button.isDisabled()).toBe(true)
    await page.locator('dialog input').fill(TOPIC)
    await button.click()
    await expect.poll(() => page.getByRole('link', { name: TOPIC, exact: true }).count()).toBe(0)
    expect((await fetch(at(`/v1/topics/${TOPIC}`))).status).toBe(404)
    await close()
  })
})

describe('a page that is not looked at, or has lost its broker', () => {
  it('asks nothing while it is hidden', async (context) => {
    const { page, requests, close } = await openConsole(context, at('/topics'))
    await page.evaluate(HIDE)
    await page.waitForTimeout(500)
    requests.length = 0
    await page.waitForTimeout(12_000)
    expect(requests).toEqual([])
    await page.evaluate(SHOW)
    await expect.poll(() => requests.length).toBeGreaterThan(0)
    await close()
  })

  it('follows nothing while it is hidden, and goes on where it was', async (context) => {
    const { page, close } = await openConsole(
      context,
      at('/topics/service-3.events?from=live&key=k'),
    )
    await page.locator('.pill', { hasText: 'live' }).waitFor()
    await page.evaluate(HIDE)
    const records = [1, 2, 3].map((n) => ({
      key: n === 2 ? 'other' : 'k',
      value: `while away ${n}`,
    }))
    await call(at('/v1/topics/service-3.events/records'), 'POST', { records })
    await page.waitForTimeout(1_500)
    expect(await words(page)).toContain('0 of 0')
    await page.evaluate(SHOW)
    await page.getByText('while away 3').first().waitFor()
    expect(await page.getByText('while away').count()).toBe(2)
    await close()
  })

  it('keeps what it shows, says how old that is, and goes on by itself', async (context) => {
    const opened = await openConsole(context, at('/topics'))
    const { page, complaints, close } = opened
    const shown = await page.locator('tbody tr').count()
    await broker.kill()
    await page.getByText('The broker does not answer').waitFor({ timeout: 15_000 })
    expect(await page.locator('.connection').innerText()).toMatch(/read .* ago|read just now/)
    expect(await page.locator('tbody tr').count()).toBe(shown)
    complaints.length = 0
    await check(opened, 'topics-disconnected').catch((error: unknown) => {
      // While it is away the browser complains of each request, and of nothing else.
      if (complaints.some((words) => !words.includes('ERR_CONNECTION'))) throw error
    })
    const port = new URL(broker.http).port
    const again = await startBroker({ data: broker.dataDir, args: ['--http-port', port] })
    const { stop } = broker
    broker = { ...again, stop: () => again.stop().then(stop) }
    await page
      .getByText('The broker does not answer')
      .waitFor({ state: 'detached', timeout: 15_000 })
    await close()
  })
})

const HIDE = `
  Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
`
const SHOW = `
  delete document.visibilityState
  document.dispatchEvent(new Event('visibilitychange'))
`
