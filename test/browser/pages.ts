// Pages that scenarios take turns with: to begin a page costs more than all that is looked at in it. One is given on
// only by a scenario that has passed, with its storage empty and nothing of the network changed. Not a test.

import type { Page } from 'playwright-core'
import type { TestContext } from 'vitest'
import { openBrowser } from './chromium.ts'

/** A machine with two cores that also runs something else is slow; what never comes still fails. */
const WAITS_MS = 30_000
export const WIDE = { width: 1440, height: 900 } as const

/** How a page is begun. */
export interface Begin {
  readonly width?: number
  readonly scheme?: 'light' | 'dark'
  readonly reducedMotion?: boolean
  /** Nobody had it before: what it loads, and what moves then, is counted. */
  readonly isFresh?: boolean
}

/** A page of the browser, and what it did that no page should. */
export interface Watched {
  readonly page: Page
  /** Errors and warnings of the console, and exceptions. */
  complaints: string[]
  /** Addresses asked for since it was opened. */
  requests: string[]
}

const free: Watched[] = []

/** A page for this scenario; it is let go of when that ends. */
export async function takePage(context: TestContext, begin: Begin): Promise<Watched> {
  const { width = WIDE.width, scheme = 'light', reducedMotion = true, isFresh = false } = begin
  const isPlain = width === WIDE.width && scheme === 'light' && reducedMotion && !isFresh
  const taken = isPlain ? free.pop() : undefined
  if (taken !== undefined) {
    taken.complaints = []
    taken.requests = []
    context.onTestFinished(() => letGo(context, taken))
    return taken
  }
  const browser = await openBrowser(context)
  const page = await browser.newPage({
    viewport: { width, height: WIDE.height },
    colorScheme: scheme,
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
  })
  page.setDefaultTimeout(WAITS_MS)
  const watched: Watched = { page, complaints: [], requests: [] }
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) watched.complaints.push(message.text())
  })
  page.on('pageerror', (error) => watched.complaints.push(String(error)))
  page.on('request', (request) => watched.requests.push(request.url()))
  await page.addInitScript(OBSERVE_SHIFTS)
  context.onTestFinished(() => (isPlain ? letGo(context, watched) : page.close()))
  return watched
}

const OBSERVE_SHIFTS = `
  globalThis.shifts = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifts += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
`

async function letGo({ task }: TestContext, watched: Watched): Promise<void> {
  const { page } = watched
  if (task.result?.state !== 'pass') return page.close()
  try {
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.context().clearPermissions()
    await page.evaluate('localStorage.clear(), sessionStorage.clear()')
    await page.goto('about:blank')
    free.push(watched)
  } catch {
    // A filter that takes all memory may have taken the page with it.
    await page.close()
  }
}
