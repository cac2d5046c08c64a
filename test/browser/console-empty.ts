// The console of a cluster that has nothing in it. Not a test file: console.test.ts runs it, first.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, openConsole } from './console.ts'
import { has, ROWS } from './view-states.ts'

/** The scenarios. */
export function empty(cluster: Cluster): void {
  describe.concurrent('an empty cluster', () => {
    for (const [name, { empty: shown }] of ROWS) {
      if (!has(shown) || shown.isBare !== true) continue
      it(`is said to be empty, whole at every width: ${name}`, async (context) => {
        const opened = await openConsole(context, cluster.at(shown.path))
        await opened.page.getByText(shown.words, { exact: true }).waitFor()
        await check(opened, `empty-${name}`)
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
