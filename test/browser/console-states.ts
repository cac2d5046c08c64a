// What views show while they read, and when the broker refuses: bones of the same size, what failed with
// its code and a way to try again, and what was shown before. And that it is in the system's colours until
// somebody chooses. Run by console.test.ts.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, PROBLEM, REFUSED, refuse, settled, shiftsOf } from './console.ts'
import { TOPIC } from './console-data.ts'

const topic = `/topics/${TOPIC}`

/** Views with a part of the path that they read, and what they show. */
const VIEWS: readonly (readonly [string, string, string, string])[] = [
  ['overview', '/', '**/v1/overview', 'No group is behind'],
  ['topics', '/topics', '**/v1/topics?*', 'service-7.events'],
  ['messages', topic, '**/partitions?*', 'customer-39'],
  ['message', `${topic}?at=3:5`, '**/partitions/3/records?*', 'Send again'],
  ['partitions', `${topic}?tab=partitions`, '**/partitions?*', '8 partitions'],
  ['config', `${topic}?tab=config`, '**/configs?*', 'cleanup.policy'],
  ['groups', `${topic}?tab=groups`, '**/groups?*', 'No group reads this topic'],
]

/** The scenarios. */
export function states(cluster: Cluster): void {
  describe.concurrent('a view', () => {
    for (const [name, path, reads, words] of VIEWS) {
      it(`says what failed, with the code, and tries again: ${name}`, async (context) => {
        const opened = await cluster.open(context, path, {
          unsettled: true,
          before: (page) => refuse(page, reads),
        })
        const { page } = opened
        await page.locator('.failure', { hasText: PROBLEM.code }).first().waitFor()
        await settled(page)
        await check(opened, `failed-${name}`, REFUSED)
        await page.unroute(reads)
        await page.getByRole('button', { name: 'Try again' }).first().click()
        await page.getByText(words).first().waitFor({ state: 'attached' })
        await context.expect.poll(() => page.locator('.failure').count()).toBe(0)
      })

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
        await page.getByText(words).first().waitFor({ state: 'attached' })
        await settled(page)
        expect(await shiftsOf(page), name).toBe(0)
      })
    }

    it('keeps what it showed when a later reading fails, and says of when that is', async (context) => {
      const { page } = await cluster.open(context, '/topics', { clock: true })
      const shown = await page.locator('tbody tr').count()
      await refuse(page, '**/v1/topics?*')
      const failure = page.locator('.failure', { hasText: PROBLEM.code })
      await page.clock.fastForward(6_000)
      await failure.waitFor()
      expect(await failure.innerText()).toMatch(/What is shown was read/)
      expect(await page.locator('tbody tr').count()).toBe(shown)
    })

    it('shows where the log cannot be read, and the records around it', async (context) => {
      const around = { timestamp: Date.now(), headers: [], key: 'k', value: 'readable' }
      const records = [
        { ...around, partition: 0, offset: 0 },
        {
          partition: 0,
          offset: 1,
          lastOffset: 3,
          error: 'CORRUPT_MESSAGE',
          detail: 'bad checksum',
        },
        { ...around, partition: 0, offset: 4 },
      ]
      const row = { partition: 0, start: 0, end: 5, lastStableOffset: 5, sizeBytes: 500 }
      const opened = await cluster.open(context, topic, {
        before: async (page) => {
          await page.route('**/partitions/0/records?*', (route) =>
            route.fulfill({ json: { records, nextOffset: 5 } }),
          )
          await page.route('**/partitions?*', (route) =>
            route.fulfill({ json: { items: [row], next: null } }),
          )
        },
      })
      const { page } = opened
      await page.getByText('bad checksum').waitFor()
      expect(await page.getByText('readable', { exact: true }).count()).toBe(2)
      await check(opened, 'topic-malformed')
    })
  })

  describe.concurrent('the theme', () => {
    it('is the system’s until somebody chooses, and stays chosen', async (context) => {
      const { page } = await cluster.open(context, '/topics', { scheme: 'dark' })
      const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
      const dark = await ground()
      await page.getByRole('button', { name: 'System theme' }).click()
      await context.expect.poll(ground).not.toBe(dark)
      const light = await ground()
      await page.reload()
      await settled(page)
      expect(await ground()).toBe(light)
      await page.getByRole('button', { name: 'Light theme' }).click()
      await context.expect.poll(ground).toBe(dark)
    })
  })
}
