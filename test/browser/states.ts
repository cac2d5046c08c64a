// Every view in each of its states: while it reads, with nothing in it, with nothing that matches, when the broker
// refuses, and when nobody answers. view-states.ts is the table. Run by console.test.ts and large.test.ts.

import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import {
  check,
  NOT_THERE,
  PROBLEM,
  REFUSED,
  refuse,
  SILENCE,
  settled,
  shiftsOf,
} from './console.ts'
import { has, ROWS, type Shown, type ViewStates } from './view-states.ts'

const READ_AGO = /What is shown was read (\d+ s ago|just now)/
/** Longer than between two readings of any view, and of who is here. */
const READ_AGAIN_MS = 11_000

/** What stays when something fails: the rows and figures of the view. */
const CONTENT = 'main tbody tr, main .figures dd, main .detail-part, main form, main .nothing'

const contentOf = (page: Page) => page.locator(CONTENT).count()

/** Waits for what a view shows when it has its data. */
const shows = (page: Page, words: string) =>
  page.getByText(words).first().waitFor({ state: 'attached' })

/** The scenarios of the views that are looked at with some data. */
export function states(cluster: Cluster, data: ViewStates['data']): void {
  const rows = ROWS.filter(([, row]) => row.data === data)

  describe.concurrent('a view that reads', () => {
    for (const [name, { path, reads, words }] of rows) {
      if (!has(reads)) continue
      it(`has its shape before it has its data, and nothing moves when that comes: ${name}`, async (context) => {
        let answer = () => {}
        const held = new Promise<void>((resolve) => {
          answer = resolve
        })
        const opened = await cluster.open(context, path, {
          unsettled: true,
          isFresh: true,
          before: (page) =>
            page.route(reads, async (route) => {
              await held
              await route.continue().catch(() => {})
            }),
        })
        const { page } = opened
        expect(await shiftsOf(page), 'before').toBe(0)
        await check(opened, `loading-${name}`)
        // Of what moves while the window changes its width nothing is to be said.
        await page.evaluate('globalThis.shifts = 0')
        answer()
        await shows(page, words)
        await settled(page)
        expect(await shiftsOf(page), name).toBe(0)
      })
    }
  })

  describe.concurrent('a view that is refused', () => {
    for (const [name, { path, reads, words, isPolled }] of rows) {
      if (!has(reads)) continue
      it(`says what failed, with the code, and tries again: ${name}`, async (context) => {
        const before = (page: Page) => refuse(page, reads)
        const opened = await cluster.open(context, path, { unsettled: true, before })
        const { page } = opened
        await page.locator('.failure', { hasText: PROBLEM.code }).first().waitFor()
        await settled(page)
        await check(opened, `failed-${name}`, REFUSED)
        await page.unroute(reads)
        await page.getByRole('button', { name: 'Try again' }).first().click()
        await shows(page, words)
        await context.expect.poll(() => page.locator('.failure').count()).toBe(0)
      })

      if (!isPolled) continue
      it(`keeps what it showed, and says of when that is: ${name}`, async (context) => {
        const { page } = await cluster.open(context, path, { clock: true })
        await shows(page, words)
        const before = await contentOf(page)
        await refuse(page, reads)
        const failure = page.locator('.failure', { hasText: PROBLEM.code })
        await page.clock.fastForward(READ_AGAIN_MS)
        await failure.waitFor()
        expect(await failure.innerText()).toMatch(READ_AGO)
        expect(await contentOf(page)).toBe(before)
        await page.unroute(reads)
        await failure.getByRole('button', { name: 'Try again' }).click()
        await failure.waitFor({ state: 'detached' })
      })
    }
  })

  describe.concurrent('a view that nobody answers', () => {
    for (const [name, { path, words, age = READ_AGO }] of rows) {
      it(`keeps what it showed, says how old that is, and goes on: ${name}`, async (context) => {
        const opened = await cluster.open(context, path, { clock: true })
        const { page } = opened
        await shows(page, words)
        await settled(page)
        const before = await contentOf(page)
        const gone = page.locator('.connection', { hasText: 'The broker does not answer' })
        await page.context().setOffline(true)
        await page.clock.fastForward(READ_AGAIN_MS)
        await gone.waitFor()
        expect(await gone.innerText()).toMatch(age)
        expect(await contentOf(page)).toBe(before)
        await check(opened, `disconnected-${name}`, SILENCE)
        await page.context().setOffline(false)
        await context.expect
          .poll(async () => {
            await page.clock.fastForward(3_000)
            return gone.count()
          })
          .toBe(0)
      })
    }
  })

  describe.concurrent('a view with nothing to show', () => {
    for (const [name, row] of rows) {
      for (const state of ['empty', 'noMatch'] as const) {
        const shown: Shown | null = has(row[state]) ? row[state] : null
        if (shown === null || shown.isBare) continue
        const picture = `${state === 'empty' ? 'empty' : 'no-match'}-${name}`
        it(`says so, whole at every width: ${picture}`, async (context) => {
          const opened = await cluster.open(context, shown.path)
          await shows(opened.page, shown.words)
          await check(opened, picture, shown.words === 'not there' ? NOT_THERE : null)
        })
      }
    }
  })
}
