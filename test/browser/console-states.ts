// What is shown where the log cannot be read, what producing and following say when they are refused, and that the
// page is in the system's colours until somebody chooses. The states of all views are in states.ts. Run by console.test.ts.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, PROBLEM, REFUSED, refuse, settled } from './console.ts'
import { EMPTY_TOPIC, TOPIC } from './console-data.ts'

const topic = `/topics/${TOPIC}`

/** The scenarios. */
export function odd(cluster: Cluster): void {
  describe.concurrent('a view', () => {
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

  describe.concurrent('a refusal', () => {
    it('of a message keeps what was typed, and says why', async (context) => {
      const reads = '**/records'
      const opened = await cluster.open(context, `${topic}?tab=produce`)
      const { page } = opened
      await refuse(page, reads)
      await page.getByLabel('Key', { exact: true }).fill('k')
      await page.getByLabel('Value', { exact: true }).fill('typed')
      await page.getByRole('button', { name: 'Produce', exact: true }).click()
      await page.locator('.refusal', { hasText: PROBLEM.code }).waitFor()
      await check(opened, 'failed-produce', REFUSED)
      expect(await page.getByLabel('Value', { exact: true }).inputValue()).toBe('typed')
      await page.unroute(reads)
      await page.getByRole('button', { name: 'Clear', exact: true }).click()
    })

    it('to follow a topic is told with its code, and it can be tried again', async (context) => {
      const opened = await cluster.open(context, `/topics/${EMPTY_TOPIC}?from=live`, {
        before: (page) => refuse(page, '**/events?*', 409),
      })
      const { page } = opened
      await page.locator('.failure', { hasText: PROBLEM.code }).waitFor()
      await page.locator('.pill', { hasText: 'failed' }).waitFor()
      await check(opened, 'failed-live', REFUSED)
      await page.unroute('**/events?*')
      await page.getByRole('button', { name: 'Try again' }).click()
      await page.locator('.pill', { hasText: 'live' }).waitFor()
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
