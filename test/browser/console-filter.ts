// A person's JavaScript as a filter: it waits where a link brought it, does what it says, and harms nobody when it
// is wrong or means to. Run by console.test.ts.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { describe, expect, it, type TestContext } from 'vitest'
import { openBrowser } from './chromium.ts'
import type { Cluster } from './cluster.ts'
import { settled } from './console.ts'
import { TOPIC } from './console-data.ts'

const HARMFUL: readonly (readonly [string, string, string])[] = [
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

const ATTEMPTS = (url: string) => `const url = '${url}'
  try { fetch(url + '/fetch', { mode: 'no-cors' }).catch(() => {}) } catch {}
  try { const x = new XMLHttpRequest(); x.open('GET', url + '/xhr', false); x.send() } catch {}
  try { new WebSocket(url.replace('http', 'ws') + '/socket') } catch {}
  try { new EventSource(url + '/events') } catch {}
  try { importScripts(url + '/script') } catch {}
  try { import(url + '/module').catch(() => {}) } catch {}
  try { new Worker(url + '/worker') } catch {}
  try { navigator.sendBeacon(url + '/beacon') } catch {}
  return true`

const words = (page: Page) => page.locator('.list-head p').innerText()

/** The scenarios. */
export function filtering(cluster: Cluster): void {
  const open = (context: TestContext, code: string) =>
    cluster.open(context, `/topics/${TOPIC}?js=${encodeURIComponent(code)}`)

  describe.concurrent('a filter in JavaScript', () => {
    it('that came by a link waits for a click, and then finds', async (context) => {
      const { page } = await open(context, 'value.total > 900 && headers.source === "web"')
      await page.getByText('This link has a filter').waitFor()
      expect(await page.locator('iframe').count()).toBe(0)
      await page.getByRole('button', { name: 'Run it' }).click()
      await context.expect.poll(() => words(page)).toMatch(/matches(, to the end)?$/)
      await settled(page)
      const texts = await page.locator('.message-table td:nth-child(5)').allInnerTexts()
      expect(texts.length).toBeGreaterThan(10)
      for (const text of texts)
        expect((JSON.parse(text) as { total: number }).total).toBeGreaterThan(900)
      await page.reload()
      // Somebody has agreed to it in this tab.
      await page.locator('.message-table tbody tr[data-at]').first().waitFor()
    })

    it('runs in a worker of a sandboxed frame, whose origin is nobody’s', async (context) => {
      const { page } = await open(context, 'self.origin === "null" && !("document" in self)')
      await page.getByRole('button', { name: 'Run it' }).click()
      const frame = page.locator('iframe')
      await frame.waitFor({ state: 'attached' })
      expect(await frame.getAttribute('sandbox')).toBe('allow-scripts')
      await page.locator('.message-table tbody tr[data-at]').first().waitFor()
    })

    for (const [what, code, said] of HARMFUL) {
      it(`that ${what} is told so, and the page goes on`, async (context) => {
        const { page } = await open(context, code)
        await page.getByRole('button', { name: 'Run it' }).click()
        await page.locator('.failure', { hasText: said }).waitFor()
        await context.expect.poll(() => page.locator('iframe').count()).toBe(0)
        await page.getByRole('button', { name: 'JavaScript' }).click()
        await page.getByRole('button', { name: 'Remove', exact: true }).click()
        await page.locator('.message-table tbody tr[data-at]').first().waitFor()
      })
    }

    it('reaches no network, by whatever it tries', async (context) => {
      const reached: string[] = []
      const elsewhere = createServer((request, response) => {
        reached.push(`${request.method} ${request.url}`)
        response.writeHead(200, { 'access-control-allow-origin': '*' }).end('1')
      })
      context.onTestFinished(() => {
        elsewhere.closeAllConnections()
        elsewhere.close()
      })
      await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
      const there = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
      const { page } = await open(context, ATTEMPTS(there))
      await page.getByRole('button', { name: 'Run it' }).click()
      await context.expect.poll(() => words(page)).toContain('matches')
      // The same in a page without a policy arrives, later: the attempts are real, and these had the time.
      const browser = await openBrowser(context)
      const free = await browser.newPage()
      context.onTestFinished(() => free.close())
      await free.goto(`${there}/page`)
      expect(reached.filter((one) => !/\/(page|favicon.ico)$/.test(one))).toEqual([])
      await free.evaluate(`(() => { ${ATTEMPTS(`${there}/free`)} })()`)
      await context.expect
        .poll(() => reached.filter((one) => one.includes('/free')).length)
        .toBeGreaterThan(3)
      const others = reached.filter((one) => !/\/(page|favicon.ico)$|\/free\//.test(one))
      expect(others).toEqual([])
    })
  })
}
