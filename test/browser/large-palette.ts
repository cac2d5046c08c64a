// Anything by its name (Ctrl-K), and the list of keys (?). Run by large.test.ts.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, settled } from './console.ts'
import { ABORTED_TRANSACTION, DEAD, DONE, PACKAGES } from './data.ts'

const FIELD = 'A topic, a group'

/** The scenarios. */
export function palette(cluster: Cluster): void {
  describe.concurrent('the palette', () => {
    it('is opened and followed by mouse too', async (context) => {
      const { page } = await cluster.open(context, '/')
      await page.getByRole('button', { name: 'Go to…' }).click()
      await page.getByPlaceholder(FIELD).fill('rchiv')
      await page.getByRole('option', { name: DONE }).click()
      await page.getByRole('heading', { name: 'Members' }).waitFor()
      expect(page.url()).toBe(cluster.at(`/groups/${DONE}`))
    })

    it('goes to anything by a part of its name, by keyboard alone', async (context) => {
      const { page, complaints } = await cluster.open(context, '/cluster')
      for (const [typed, name, path] of [
        ['nightly', DEAD, `/groups/${DEAD}`],
        [ABORTED_TRANSACTION, ABORTED_TRANSACTION, `/transactions?id=${ABORTED_TRANSACTION}`],
        [PACKAGES, PACKAGES, `/topics/${PACKAGES}`],
        ['overv', 'Overview', '/'],
      ] as const) {
        await page.keyboard.press('Control+k')
        await page.getByPlaceholder(FIELD).fill(typed)
        const chosen = page.locator('.palette-place[aria-selected=true] .name')
        await context.expect.poll(() => chosen.allTextContents()).toEqual([name])
        await page.keyboard.press('Enter')
        await context.expect.poll(() => page.url()).toBe(cluster.at(path))
        await page.locator('dialog').waitFor({ state: 'detached' })
        await settled(page)
      }
      expect(complaints).toEqual([])
    })

    it('is whole at each width, says when nothing fits, and is closed by Escape; so are the keys', async (context) => {
      const opened = await cluster.open(context, '/groups')
      const { page } = opened
      await page.keyboard.press('Control+k')
      await page.getByPlaceholder(FIELD).fill('se')
      await page.getByRole('option', { name: 'service-1', exact: false }).first().waitFor()
      await check(opened, 'palette')
      await page.getByPlaceholder(FIELD).fill('no such name')
      await page.getByText('Nothing has “no such name” in its name.').waitFor()
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
      await page.keyboard.press('?')
      const keys = page.getByRole('dialog')
      await keys.getByText('Go to anything by name').waitFor()
      await keys.getByText('Next group').waitFor()
      await check(opened, 'keys')
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
    })
  })
}
