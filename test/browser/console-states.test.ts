// What views show while they read, and when the broker refuses: bones of the same size, what failed with
// its code and a way to try again, and what was shown before. And that it is in the system's colours until
// somebody chooses.

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from '../clients/broker.ts'
import { closeBrowser, openBrowser } from './chromium.ts'
import { check, openConsole, settled, shiftsOf } from './console.ts'
import { fill, TOPIC } from './console-data.ts'

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
  await fill(broker.http)
})

afterAll(async () => {
  await closeBrowser()
  await broker.stop()
})

const topic = `/topics/${TOPIC}`
const PROBLEM = {
  code: 'COORDINATOR_NOT_AVAILABLE',
  status: 503,
  title: 'The coordinator is not available.',
  detail: 'the coordinator is being moved',
}

/** Views with a part of the path that they read, and what they show. */
const VIEWS: readonly (readonly [string, string, string, string])[] = [
  ['overview', '/', '**/v1/overview', 'Overview'],
  ['topics', '/topics', '**/v1/topics?*', 'service-7.events'],
  ['messages', topic, '**/partitions?*', 'customer-39'],
  ['message', `${topic}?at=3:5`, '**/partitions/3/records?*', 'Send again'],
  ['partitions', `${topic}?tab=partitions`, '**/partitions?*', '8 partitions'],
  ['config', `${topic}?tab=config`, '**/configs?*', 'cleanup.policy'],
  ['groups', `${topic}?tab=groups`, '**/groups?*', 'No group reads this topic'],
]

async function refuse(page: Page, path: string): Promise<void> {
  await page.route(path, (route) =>
    route.fulfill({
      status: PROBLEM.status,
      contentType: 'application/problem+json',
      body: JSON.stringify(PROBLEM),
    }),
  )
}

describe('a view', () => {
  for (const [name, path, reads, words] of VIEWS) {
    it(`says what failed, with the code, and tries again: ${name}`, async (context) => {
      const browser = await openBrowser(context)
      const page = await browser.newPage({
        viewport: { width: 1440, height: 900 },
        reducedMotion: 'reduce',
      })
      await refuse(page, reads)
      await page.goto(`${broker.http}${path}`)
      await page.locator('.failure', { hasText: PROBLEM.code }).first().waitFor()
      const complaints: string[] = []
      await check({ page, complaints, requests: [], close: () => page.close() }, `failed-${name}`)
      await page.unroute(reads)
      await page.getByRole('button', { name: 'Try again' }).first().click()
      await page.getByText(words).first().waitFor({ state: 'attached' })
      await expect.poll(() => page.locator('.failure').count(), { timeout: 10_000 }).toBe(0)
      await page.close()
    })
  }

  it('keeps what it showed when a later reading fails, and says of when that is', async (context) => {
    const { page, close } = await openConsole(context, `${broker.http}/topics`)
    const shown = await page.locator('tbody tr').count()
    await refuse(page, '**/v1/topics?*')
    const failure = page.locator('.failure', { hasText: PROBLEM.code })
    await failure.waitFor({ timeout: 15_000 })
    expect(await failure.innerText()).toMatch(/What is shown was read/)
    expect(await page.locator('tbody tr').count()).toBe(shown)
    await close()
  })

  it('shows where the log cannot be read, and the records around it', async (context) => {
    const opened = await openConsole(context, `${broker.http}/topics`)
    const { page } = opened
    const around = { timestamp: Date.now(), headers: [], key: 'k', value: 'readable' }
    const records = [
      { ...around, partition: 0, offset: 0 },
      { partition: 0, offset: 1, lastOffset: 3, error: 'CORRUPT_MESSAGE', detail: 'bad checksum' },
      { ...around, partition: 0, offset: 4 },
    ]
    await page.route('**/partitions/0/records?*', (route) =>
      route.fulfill({ json: { records, nextOffset: 5 } }),
    )
    await page.route('**/partitions?*', (route) =>
      route.fulfill({
        json: {
          items: [{ partition: 0, start: 0, end: 5, lastStableOffset: 5, sizeBytes: 500 }],
          next: null,
        },
      }),
    )
    await page.goto(`${broker.http}${topic}`)
    await page.getByText('bad checksum').waitFor()
    expect(await page.getByText('readable').count()).toBe(2)
    await check(opened, 'topic-malformed')
    await opened.close()
  })

  it('has its shape before it has its data, so that nothing moves when that comes', async (context) => {
    const browser = await openBrowser(context)
    for (const [name, path, reads, words] of VIEWS.slice(0, 3)) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
      await page.addInitScript(`globalThis.shifts = 0; new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) globalThis.shifts += entry.value
      }).observe({ type: 'layout-shift', buffered: true })`)
      await page.route(reads, async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 800))
        await route.continue()
      })
      await page.goto(`${broker.http}${path}`)
      await page.locator('h1').waitFor()
      await page.screenshot({ path: `test/browser/screenshots/loading-${name}.png` })
      await page.getByText(words).first().waitFor({ state: 'attached' })
      await settled(page)
      expect(await shiftsOf(page), name).toBe(0)
      await page.close()
    }
  })
})

describe('the theme', () => {
  it('is the system’s until somebody chooses, and stays chosen', async (context) => {
    const { page, close } = await openConsole(context, `${broker.http}/topics`, { scheme: 'dark' })
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const dark = await ground()
    await page.getByRole('button', { name: 'System theme' }).click()
    const light = await ground()
    expect(light).not.toBe(dark)
    await page.reload()
    await settled(page)
    expect(await ground()).toBe(light)
    await page.getByRole('button', { name: 'Light theme' }).click()
    expect(await ground()).toBe(dark)
    await close()
  })
})
