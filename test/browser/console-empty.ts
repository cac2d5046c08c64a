// The console of a cluster that has nothing in it. Not a test file: console.test.ts runs it, first.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, openConsole } from './console.ts'

/** Name of the picture, path, and what it says. */
const VIEWS: readonly (readonly [string, string, string])[] = [
  ['topics-none', '/topics', 'There is no topic yet'],
  ['groups-empty', '/groups', 'There is no group yet'],
  ['transactions-empty', '/transactions', 'There is no transactional id yet'],
  ['cluster-empty', '/cluster', 'Kafka protocol'],
]

/** The scenarios. */
export function empty(cluster: Cluster): void {
  describe.concurrent('an empty cluster', () => {
    for (const [name, path, words] of VIEWS) {
      it(`is said to be empty, whole at every width: ${name}`, async (context) => {
        const opened = await openConsole(context, cluster.at(path))
        await opened.page.getByText(words, { exact: true }).waitFor()
        await check(opened, name)
      })
    }
  })

  describe('an empty cluster', () => {
    it('shows three commands with its real address, replaced when data comes', async (context) => {
      const opened = await openConsole(context, cluster.at('/'), { clock: true })
      const { page } = opened
      await page.getByRole('heading', { name: 'Nothing is in it yet' }).waitFor()
      // The address of the Kafka protocol is read after the page is there.
      await context.expect
        .poll(() => page.locator('.command code').allInnerTexts())
        .toEqual([
          expect.stringContaining(`${cluster.broker.http}/v1/topics`),
          expect.stringContaining(`${cluster.broker.http}/v1/topics/orders/records`),
          expect.stringContaining(`:${cluster.broker.kafka.port}`),
        ])
      await check(opened, 'overview-empty')
      await cluster.filled(context)
      await context.expect
        .poll(async () => {
          await page.clock.fastForward(5_000)
          return page.getByRole('heading', { name: 'Nothing is in it yet' }).count()
        })
        .toBe(0)
      await page.getByRole('heading', { name: 'Groups furthest behind' }).waitFor()
    })
  })
}
