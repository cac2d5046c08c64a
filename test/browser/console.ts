// What is the same for every view of the console: opening it, what must hold whatever it shows, and a
// picture of it. Not a test, and not the data (console-data.ts).

import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, type TestContext } from 'vitest'
import { openBrowser } from './chromium.ts'

const PICTURES = resolve(import.meta.dirname, 'screenshots')
const AXE = readFileSync(
  resolve(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'),
  'utf8',
)

export const WIDTHS = [1440, 768, 320] as const
export const SCHEMES = ['light', 'dark'] as const

/** How a view is looked at. */
export interface Look {
  readonly width?: number
  readonly scheme?: 'light' | 'dark'
  readonly reducedMotion?: boolean
}

/** A page of the console, and what it did that no page should. */
export interface ConsolePage {
  readonly page: Page
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[]
  /** Paths asked for since it was opened. */
  readonly requests: string[]
  close(): Promise<void>
}

/** Opens a path of the console and waits until it shows something. */
export async function openConsole(
  context: TestContext,
  url: string,
  { width = 1440, scheme = 'light', reducedMotion = true }: Look = {},
): Promise<ConsolePage> {
  const browser = await openBrowser(context)
  const page = await browser.newPage({
    viewport: { width, height: 900 },
    colorScheme: scheme,
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
  })
  page.setDefaultTimeout(10_000)
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => requests.push(request.url()))
  await page.addInitScript(OBSERVE_SHIFTS)
  await page.goto(url)
  await settled(page)
  return { page, complaints, requests, close: () => page.close() }
}

const OBSERVE_SHIFTS = `
  globalThis.shifts = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifts += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
`

/** Waits until nothing is being read. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1, main h2').first().waitFor()
  await expect
    .poll(() => page.locator('[aria-busy="true"]').count(), { timeout: 10_000, interval: 50 })
    .toBe(0)
}

/** What holds of every view in every state, at every width, light and dark. Leaves a picture of each. */
export async function check({ page, complaints }: ConsolePage, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true })
  await page.evaluate(AXE)
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 })
    for (const scheme of SCHEMES) {
      const look = `${name}-${width}-${scheme}`
      await page.emulateMedia({ colorScheme: scheme })
      await page.screenshot({ path: join(PICTURES, `${look}.png`) })
      expect(await page.evaluate(FAULTS), `${look}: what is clipped, or no words`).toEqual([])
      // It takes a second: each width and each scheme once.
      if ((width === 768) !== (scheme === 'dark')) continue
      expect(await violations(page), `${look}: axe-core`).toEqual([])
    }
  }
  expect(complaints, `${name}: complaints`).toEqual([])
}

/** Sum of the layout shifts that nobody caused. */
export function shiftsOf(page: Page): Promise<number> {
  return page.evaluate('globalThis.shifts')
}

async function violations(page: Page): Promise<string[]> {
  return page.evaluate(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + ' ' + target.join(' ') + ': ' + failureSummary)))`)
}

/**
 * What does not fit, and words that no person should read. A name cut in the middle and one line of a value
 * end in an ellipsis and are whole elsewhere, so they may.
 */
const FAULTS = `(() => {
  const faults = []
  const root = document.documentElement
  if (root.scrollWidth > innerWidth) faults.push('sideways scroll: ' + root.scrollWidth)
  for (const element of document.querySelectorAll('body *')) {
    const { width, height } = element.getBoundingClientRect()
    if (width === 0 || height === 0 || element.closest('.only-read, svg, .tabs, pre')) continue
    const style = getComputedStyle(element)
    const isCut = style.overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 1
    const mayBe = style.textOverflow === 'ellipsis' && element.matches('.name-head, .cut')
    if (isCut && !mayBe) faults.push('clipped: ' + element.className + ' ' + element.textContent.slice(0, 80))
    if (element.matches('button, select, input:not([type=checkbox], [type=radio])') && height < 23.5) {
      faults.push('small: ' + element.outerHTML.slice(0, 80))
    }
  }
  const words = document.body.innerText.match(/\\bNaN\\b|\\bundefined\\b|\\[object/g)
  return words === null ? faults : [...faults, ...words]
})()`
