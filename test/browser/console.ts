// What is the same for every view of the console: opening it, what must hold whatever it shows, and a
// picture of it. Not a test, and not the data.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, type TestContext } from 'vitest'
import { type Begin, takePage, type Watched, WIDE } from './pages.ts'

const PICTURES = resolve(import.meta.dirname, 'screenshots')
const AXE = readFileSync(
  resolve(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'),
  'utf8',
)
const WIDTHS = [WIDE.width, 768, 320] as const
const QUIET_MS = 3_000
const SCHEMES = ['light', 'dark'] as const
/** Where axe-core looks: each scheme once, and the layout that is widest and the one of cards once. */
const AXE_AT: readonly string[] = ['1440-light', '320-dark']

/** How a view is looked at. */
export interface Look extends Begin {
  /** The page's clock is the test's (`page.clock`): it goes on by itself, and by leaps. */
  readonly clock?: boolean
  /** What is to be done before the page is there: routes. */
  readonly before?: (page: Page) => Promise<unknown>
  /** It need not have all its data: loading and failing views. */
  readonly unsettled?: boolean
}

/** Opens a path of the console and waits until it shows something. */
export async function openConsole(
  context: TestContext,
  url: string,
  { clock = false, before, unsettled = false, ...begin }: Look = {},
): Promise<Watched> {
  const isFresh = clock || begin.isFresh === true
  const opened = await takePage(context, { ...begin, isFresh })
  const { page } = opened
  if (clock) await page.clock.install()
  await before?.(page)
  await page.goto(url)
  if (unsettled) await page.locator('main h1').waitFor()
  else await settled(page)
  return opened
}

/** Waits until nothing more is asked for; a stream that stays open is asked for once. */
export async function quiet(page: Page): Promise<void> {
  await settled(page)
  await page.waitForLoadState('networkidle', { timeout: QUIET_MS }).catch(() => {})
}

/** Waits until nothing is being read. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').waitFor()
  await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' })
}

/**
 * What holds of every view in every state, at every width, light and dark. Leaves a picture of each. The browser
 * complains of answers that are errors, and of no answer: which of its words are meant to be there is said.
 */
export async function check(
  { page, complaints }: Watched,
  name: string,
  isMeant: RegExp | null = null,
): Promise<void> {
  mkdirSync(PICTURES, { recursive: true })
  await page.evaluate(AXE)
  // Playwright's own pictures wait for more than a still page needs, and pack twice as long.
  const session = await page.context().newCDPSession(page)
  const picture = async (look: string) => {
    const taken = await session.send('Page.captureScreenshot', {
      format: 'png',
      optimizeForSpeed: true,
    })
    writeFileSync(join(PICTURES, `${look}.png`), taken.data, 'base64')
  }
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: WIDE.height })
    // A chart is drawn anew.
    await page.evaluate(TWO_FRAMES)
    for (const scheme of SCHEMES) {
      const look = `${name}-${width}-${scheme}`
      await page.emulateMedia({ colorScheme: scheme })
      await picture(look)
      // Colours move nothing.
      if (scheme === 'light') {
        expect(await page.evaluate(FAULTS), `${look}: what is clipped, or no words`).toEqual([])
      }
      if (!AXE_AT.includes(`${width}-${scheme}`)) continue
      expect(await violations(page), `${look}: axe-core`).toEqual([])
    }
  }
  await session.detach()
  await page.setViewportSize(WIDE)
  await page.emulateMedia({ colorScheme: SCHEMES[0] })
  await page.evaluate(TWO_FRAMES)
  const others = complaints.filter((words) => isMeant?.test(words) !== true)
  expect(others, `${name}: complaints`).toEqual([])
}

/** The browser's words for what is not there, what is refused for now, and nobody who answers. */
export const NOT_THERE = /status of (404|416)/
export const REFUSED = /status of (409|503)/
export const SILENCE = /ERR_(CONNECTION|INTERNET|FAILED|EMPTY|INCOMPLETE)/

const TWO_FRAMES =
  'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => {})'

/** Sum of the layout shifts that nobody caused. */
export function shiftsOf(page: Page): Promise<number> {
  return page.evaluate('globalThis.shifts')
}

/** The rows of a table are alike: of a hundred, the first say what there is to say. */
const ROWS_LEFT_OUT = 'tbody tr:nth-child(n + 9)'

async function violations(page: Page): Promise<string[]> {
  return page.evaluate(`axe.run({ exclude: [['${ROWS_LEFT_OUT}']] }, {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + ' ' + target.join(' ') + ': ' + failureSummary)))`)
}

/**
 * What does not fit, and words that no person should read. A name cut in the middle and one line of a value
 * end in an ellipsis and are whole elsewhere, so they may; one that is cut without it may not.
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
    const isOneLine = style.display !== 'grid' && style.display !== 'flex'
    const mayBe = style.textOverflow === 'ellipsis' && isOneLine && element.matches('.name-head, .cut')
    if (isCut && !mayBe) faults.push('clipped: ' + element.className + ' ' + element.textContent.slice(0, 80))
    if (element.matches('button, select, input:not([type=checkbox], [type=radio])') && height < 23.5) {
      faults.push('small: ' + element.outerHTML.slice(0, 80))
    }
    if (element.matches('.pill') && element.innerText.trim() === '') faults.push('a colour alone')
    // What is in a field does not overflow in a way that shows: a date and its button want this much.
    if (element.matches('input[type=datetime-local]') && width < 216) faults.push('clipped: a date and time')
  }
  const row = document.querySelector('.table tbody tr')
  const isRow = row !== null && getComputedStyle(row).display === 'table-row'
  if (row !== null && isRow !== innerWidth > 720) faults.push('rows are cards where it is narrow, and only there')
  const words = document.body.innerText.match(/\\bNaN\\b|\\bundefined\\b|\\[object/g)
  return words === null ? faults : [...faults, ...words]
})()`

/** A tab that is not looked at, as far as its page can know; and one that is again. */
export const HIDE = `
  Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
`
export const SHOW = `
  delete document.visibilityState
  document.dispatchEvent(new Event('visibilitychange'))
`

/** A refusal as the broker gives it. */
export const PROBLEM = {
  code: 'COORDINATOR_NOT_AVAILABLE',
  status: 503,
  title: 'The coordinator is not available.',
  detail: 'the coordinator is being moved',
}

/** Has the broker refuse what is asked at a path. */
export function refuse(page: Page, path: string, status = PROBLEM.status): Promise<unknown> {
  return page.route(path, (route) =>
    route.fulfill({
      status,
      contentType: 'application/problem+json',
      body: JSON.stringify({ ...PROBLEM, status }),
    }),
  )
}
