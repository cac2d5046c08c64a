// What the views of groups, transactions and the cluster show while they read, when the broker refuses, and when
// nobody answers. Run by large.test.ts.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, PROBLEM, REFUSED, refuse, SILENCE, settled, shiftsOf } from './console.ts'
import { DEAD, LAGGING, OPEN_TRANSACTION } from './data.ts'

/** Name, path, what it reads, and what it shows then. */
const VIEWS: readonly (readonly [string, string, string, string])[] = [
  ['groups', '/groups', '**/v1/groups?*', LAGGING],
  ['group', `/groups/${DEAD}`, `**/v1/groups/${DEAD}?*`, 'nobody reads'],
  ['transactions', '/transactions', '**/v1/transactions?*', OPEN_TRANSACTION],
  ['cluster', '/cluster', '**/v1/cluster', 'transaction.version'],
]

/** The scenarios. */
export function largeStates(cluster: Cluster): void {
  describe.concurrent('a view of a large cluster', () => {
    for (const [name, path, reads, words] of VIEWS) {
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
        await page.locator('tbody[aria-busy=true] .bone').first().waitFor()
        expect(await shiftsOf(page), 'before').toBe(0)
        await check(opened, `${name}-loading`)
        await page.evaluate('globalThis.shifts = 0')
        answer()
        await page.getByText(words).first().waitFor({ state: 'attached' })
        await settled(page)
        expect(await shiftsOf(page)).toBe(0)
      })

      it(`says what failed, with the code, keeps what it showed, and recovers: ${name}`, async (context) => {
        const opened = await cluster.open(context, path, { clock: true })
        const { page } = opened
        await page.getByText(words).first().waitFor({ state: 'attached' })
        const shown = page.locator('table').first().locator('tbody tr')
        const before = await shown.count()
        await refuse(page, reads)
        const failure = page.locator('.failure', { hasText: PROBLEM.code })
        await page.clock.fastForward(11_000)
        await failure.waitFor()
        expect(await failure.innerText()).toMatch(/What is shown was read/)
        expect(await shown.count()).toBe(before)
        await check(opened, `${name}-failed`, REFUSED)
        await page.unroute(reads)
        await failure.getByRole('button', { name: 'Try again' }).click()
        await failure.waitFor({ state: 'detached' })
      })

      it(`keeps what it showed when nobody answers, says how old that is, and goes on: ${name}`, async (context) => {
        const opened = await cluster.open(context, path, { clock: true })
        const { page } = opened
        await page.getByText(words).first().waitFor({ state: 'attached' })
        const shown = page.locator('table').first().locator('tbody tr')
        const before = await shown.count()
        const gone = page.locator('.connection', { hasText: 'The broker does not answer' })
        await page.context().setOffline(true)
        await page.clock.fastForward(11_000)
        await gone.waitFor()
        expect(await gone.innerText()).toMatch(/What is shown was read (\d+ s ago|just now)/)
        expect(await shown.count()).toBe(before)
        await check(opened, `${name}-disconnected`, SILENCE)
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
}
