// Moving groups and deleting them: what it costs in clicks, what is shown before it is done, what is refused; and a
// reset by keyboard alone. Each scenario has a group of its own, and the last deletes one. Run by large.test.ts.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, REFUSED, settled } from './console.ts'
import { call } from './console-data.ts'
import { DEAD, LAGGING, PACKAGES, PARTITIONS, packageEnds } from './data.ts'

interface Shown {
  readonly offsets: {
    readonly items: readonly { readonly topic: string; readonly committed: number }[]
  }
}

/** The scenarios. */
export function resets(cluster: Cluster): void {
  const committed = async (id: string) => {
    const { offsets } = await call<Shown>(cluster.at(`/v1/groups/${id}`))
    return offsets.items.filter(({ topic }) => topic === PACKAGES).map((one) => one.committed)
  }

  describe.concurrent('a group', () => {
    it('is reset in five clicks from the start, and what changes is shown before', async (context) => {
      const ends = await packageEnds(context)
      const { page } = await cluster.open(context, '/')
      const before = await committed('service-3')
      expect(before).toEqual(ends.map((end) => end - 3))
      await page.getByRole('link', { name: 'Groups', exact: true }).click()
      await page.getByRole('link', { name: 'service-3', exact: true }).click()
      await page.getByRole('button', { name: 'Reset…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('.choice label', { hasText: 'Latest' }).click()
      const preview = dialog.locator('.preview')
      await preview.getByText('24 records will be skipped.').waitFor()
      const cells = await preview.locator('tbody tr').first().locator('td').allInnerTexts()
      const end = ends[0]!
      expect(cells.map((text) => text.replaceAll(',', ''))).toEqual([
        `${PACKAGES}/0`,
        `${end - 3}`,
        `${end}`,
        '+3',
      ])
      expect(await committed('service-3')).toEqual(before)
      await dialog.getByRole('button', { name: 'Reset 8 offsets' }).click()
      await page.locator('.toast', { hasText: 'service-3 moved in 8 partitions' }).waitFor()
      expect(await committed('service-3')).toEqual(ends)
    })

    it('is moved in one partition by a shift, and nowhere else', async (context) => {
      const ends = await packageEnds(context)
      const { page } = await cluster.open(context, '/groups/service-4')
      await page.getByRole('button', { name: 'Reset…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('.choice label', { hasText: 'Shift' }).click()
      await dialog.locator('input[type=number]').fill('-7')
      await dialog.locator('select').nth(0).selectOption(PACKAGES)
      await dialog.locator('select').nth(1).selectOption('2')
      await dialog.getByText('7 records will be read again.', { exact: true }).waitFor()
      await dialog.getByRole('button', { name: 'Reset 1 offset' }).click()
      await page.locator('.toast', { hasText: 'service-4 moved in 1 partition' }).waitFor()
      expect(await committed('service-4')).toEqual(ends.map((end, p) => (p === 2 ? end - 7 : end)))
    })

    it('is moved to a time, to an offset, and to the earliest, each with its preview', async (context) => {
      const ends = await packageEnds(context)
      const { page } = await cluster.open(context, '/groups/service-7')
      await page.getByRole('button', { name: 'Reset…' }).click()
      const dialog = page.getByRole('dialog')
      const choose = (mode: string) => dialog.locator('.choice label', { hasText: mode }).click()
      const all = ends.reduce((sum, end) => sum + end, 0).toLocaleString('en')
      await choose('Earliest')
      await dialog.getByText(`${all} records will be read again.`).waitFor()
      await choose('Offset')
      await dialog.locator('input[type=number]').fill('5')
      const again = ends.reduce((sum, end) => sum + end - 5, 0).toLocaleString('en')
      await dialog.getByText(`${again} records will be read again.`).waitFor()
      await choose('Time')
      await dialog.locator('input[type=datetime-local]').fill('2020-01-01T00:00')
      await dialog.getByText(`${all} records will be read again.`).waitFor()
      await dialog.getByRole('button', { name: 'Reset 8 offsets' }).click()
      await page.locator('.toast', { hasText: 'service-7 moved in 8 partitions' }).waitFor()
      expect(await committed('service-7')).toEqual(ends.map(() => 0))
    })

    it('that somebody is in is not reset, and why is said', async (context) => {
      const opened = await cluster.open(context, `/groups/${LAGGING}`)
      const { page } = opened
      await page.getByRole('button', { name: 'Reset…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('NON_EMPTY_GROUP', { exact: true }).waitFor()
      await dialog.getByText('with 1 member: stop it first').waitFor()
      const reset = dialog.getByRole('button', { name: 'Reset', exact: true })
      expect(await reset.isDisabled()).toBe(true)
      await check(opened, 'group-reset-refused', REFUSED)
    })

    it('shows the dialog of a reset whole at each width', async (context) => {
      const opened = await cluster.open(context, `/groups/${DEAD}`)
      await opened.page.getByRole('button', { name: 'Reset…' }).click()
      await opened.page.getByText('360 records will be read again.').waitFor()
      await check(opened, 'group-reset')
    })

    it('is found and reset by keyboard alone', async (context) => {
      const { page } = await cluster.open(context, '/')
      const focused = () => page.evaluate('document.activeElement.textContent')
      await page.keyboard.press('g')
      await page.keyboard.press('g')
      await page.getByRole('heading', { name: 'Groups', exact: true }).waitFor()
      await settled(page)
      await page.keyboard.press('/')
      await page.keyboard.type('service-6')
      const names = () => page.locator('tbody .row-link').allInnerTexts()
      await context.expect.poll(names).toEqual(['service-6'])
      await page.keyboard.press('Tab')
      await page.keyboard.press('j')
      await context.expect.poll(focused).toBe('service-6')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Members' }).waitFor()
      await settled(page)
      await page.keyboard.press('r')
      await page.getByText('records will be read again.').waitFor()
      for (let n = 0; n < 12 && !String(await focused()).startsWith('Reset 8'); n++) {
        await page.keyboard.press('Tab')
      }
      await page.keyboard.press('Enter')
      await page
        .locator('.toast', { hasText: `service-6 moved in ${PARTITIONS} partitions` })
        .waitFor()
    })
  })

  // By itself: the list of groups is one fewer then.
  describe('a group', () => {
    it('is deleted when its id was typed, and what goes was said', async (context) => {
      const opened = await cluster.open(context, '/groups/service-5')
      const { page } = opened
      await page.getByRole('button', { name: 'Delete…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('Its place in 8 partitions of 1 topic is lost.').waitFor()
      const sure = dialog.getByRole('button', { name: 'Delete it' })
      expect(await sure.isDisabled()).toBe(true)
      await check(opened, 'group-delete')
      await dialog.locator('input').fill('service-5')
      await sure.click()
      await page.locator('.toast', { hasText: 'service-5 deleted' }).waitFor()
      expect(page.url()).toBe(cluster.at('/groups'))
      const gone = await fetch(cluster.at('/v1/groups/service-5'))
      expect(gone.status).toBe(404)
    })
  })
}
