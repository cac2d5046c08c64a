// A page that is not looked at asks for nothing, and one that has lost its broker keeps what it shows and says how
// old that is. Run by console.test.ts; hidden-tab.test.ts has tabs that are really hidden.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { HIDE, SHOW } from './console.ts'
import { call, EMPTY_TOPIC } from './console-data.ts'

const THREE_MINUTES_MS = 180_000

/** The scenarios of pages that are hidden. */
export function hiding(cluster: Cluster): void {
  describe.concurrent('a page that is not looked at', () => {
    for (const path of ['/', '/topics', '/groups', '/cluster', '/transactions']) {
      it(`asks nothing for three minutes, and then what is due: ${path}`, async (context) => {
        const { page, requests } = await cluster.open(context, path, { clock: true })
        await page.waitForLoadState('networkidle')
        await page.evaluate(HIDE)
        requests.length = 0
        await page.clock.runFor(THREE_MINUTES_MS)
        expect(requests).toEqual([])
        await page.evaluate(SHOW)
        await context.expect.poll(() => requests.length).toBeGreaterThan(0)
      })
    }

    it('follows nothing, and goes on where it was', async (context) => {
      const path = '/topics/service-3.events?from=live&key=k'
      const { page, requests } = await cluster.open(context, path, { clock: true })
      const shown = page.locator('.message-table tbody tr', { hasText: 'while away' })
      await page.locator('.pill', { hasText: 'live' }).waitFor()
      await page.evaluate(HIDE)
      requests.length = 0
      const records = [1, 2, 3].map((n) => ({
        key: n === 2 ? 'other' : 'k',
        value: `while away ${n}`,
      }))
      await call(cluster.at('/v1/topics/service-3.events/records'), 'POST', { records })
      await page.clock.runFor(30_000)
      expect(await page.locator('.live-words').innerText()).toContain('0 of 0')
      expect(requests).toEqual([])
      await page.evaluate(SHOW)
      await context.expect.poll(() => shown.count()).toBe(2)
    })

    it('goes on with what is new after three minutes, and says so', async (context) => {
      const path = '/topics/service-7.events?from=live'
      const { page, requests } = await cluster.open(context, path, { clock: true })
      const shown = page.locator('.message-table tbody tr')
      const produce = (value: string) =>
        call(cluster.at('/v1/topics/service-7.events/records'), 'POST', { value })
      const live = page.locator('.pill', { hasText: 'live' })
      await live.waitFor()
      await page.evaluate(HIDE)
      requests.length = 0
      await produce('while away')
      await page.clock.runFor(THREE_MINUTES_MS)
      expect(requests).toEqual([])
      await page.evaluate(SHOW)
      await page.getByText('This tab was hidden for 3 min').waitFor()
      await live.waitFor()
      await produce('and back')
      await context.expect
        .poll(() => shown.allInnerTexts())
        .toEqual([expect.stringContaining('and back')])
    })
  })
}

/** The scenario of a page that loses its broker: the last one. */
export function losing(cluster: Cluster): void {
  describe('a page whose broker is gone', () => {
    it('keeps what it shows, says how old that is, and goes on by itself', async (context) => {
      const opened = await cluster.open(context, '/topics', { clock: true })
      const { page } = opened
      const shown = await page.locator('tbody tr').count()
      const gone = page.locator('.connection', { hasText: 'The broker does not answer' })
      const live = await cluster.open(context, `/topics/${EMPTY_TOPIC}?from=live`, { clock: true })
      const isLive = live.page.locator('.pill', { hasText: 'live' })
      await isLive.waitFor()
      await cluster.kill()
      await page.clock.fastForward(6_000)
      await gone.waitFor()
      expect(await gone.innerText()).toMatch(/read .* ago|read just now/)
      expect(await page.locator('tbody tr').count()).toBe(shown)
      await live.page.locator('.pill', { hasText: 'reconnecting' }).waitFor()
      await live.page.getByText(/What is shown was read (\d+ s ago|just now)/).waitFor()
      await cluster.goOn()
      await context.expect
        .poll(async () => {
          await page.clock.fastForward(3_000)
          return gone.count()
        })
        .toBe(0)
      await context.expect
        .poll(async () => {
          await live.page.clock.fastForward(3_000)
          return isLive.count()
        })
        .toBe(1)
    })
  })
}
