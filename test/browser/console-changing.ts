// What people change: topics are created, cloned, configured, written to, emptied and deleted, and what cannot be
// taken back asks for a name. Each has a topic of its own. Run by console.test.ts.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, settled } from './console.ts'
import { call, RECORDS, TOPIC } from './console-data.ts'

interface Read {
  readonly records: readonly { readonly offset: number; readonly timestamp: number }[]
}

/** The scenarios; the last deletes the topic that the others look at. */
export function changing(cluster: Cluster): void {
  const at = (path: string) => cluster.at(path)
  const recordsOf = async (topic: string) =>
    (await call<Read>(at(`/v1/topics/${topic}/partitions/0/records`))).records

  describe.concurrent('changing things', () => {
    it('creates a topic, produces into it, and shows the message by its link', async (context) => {
      const opened = await cluster.open(context, '/topics')
      const { page } = opened
      await page.getByRole('button', { name: 'Create topic' }).click()
      await check(opened, 'create-topic')
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'Name', exact: false }).first().fill('made.here')
      await dialog.getByRole('button', { name: 'Add a setting' }).click()
      await dialog.getByLabel('Name of setting 1').fill('retention.ms')
      await dialog.getByLabel('Value of setting 1').fill('nonsense')
      await dialog.getByRole('button', { name: 'Create', exact: true }).click()
      await dialog.locator('.refusal', { hasText: 'INVALID_CONFIG' }).waitFor()
      await dialog.getByLabel('Value of setting 1').fill('3600000')
      await dialog.getByRole('button', { name: 'Create', exact: true }).click()
      await page.getByRole('heading', { name: 'made.here' }).waitFor()
      await page.getByRole('link', { name: 'Produce', exact: true }).click()
      await page.getByLabel('Key', { exact: true }).fill('k')
      await page.getByLabel('Value', { exact: true }).fill('{"by":"hand"}')
      await page.getByRole('button', { name: 'Add a header' }).click()
      await page.getByLabel('Name of header 1').fill('h')
      await page.getByLabel('Value of header 1').fill('v')
      await page.getByRole('button', { name: 'Produce', exact: true }).click()
      await page.locator('.produced a').first().click()
      await page.locator('.detail .tree').first().getByText('"hand"', { exact: true }).waitFor()
      const [record] = await recordsOf('made.here')
      const headers = [{ key: 'h', value: 'v' }]
      expect(record).toMatchObject({ key: 'k', value: '{"by":"hand"}', headers })
    })

    it('sends a message again as it was: its bytes, its headers, its missing value', async (context) => {
      await cluster.filled(context)
      await call(at('/v1/topics'), 'POST', { name: 'again', partitions: 1 })
      const headers = [{ key: 'bytes', valueBase64: '/wA=' }]
      const sent = [
        { keyBase64: '3q2+7w==', valueBase64: 'AAEC/w==', headers },
        { key: 'k', value: null, headers: [] },
        { key: null, value: '{"as": "typed" }', headers: [{ key: 'h', value: 'v' }] },
      ]
      await call(at('/v1/topics/again/records'), 'POST', { records: sent })
      const { page } = await cluster.open(context, '/topics/again')
      for (let offset = 0; offset < sent.length; offset++) {
        if (offset > 0) await page.getByRole('link', { name: 'Messages', exact: true }).click()
        await page.locator(`tr[data-at="0:${offset}"]`).click()
        await page.getByRole('button', { name: 'Send again' }).click()
        await page.getByRole('button', { name: 'Produce', exact: true }).click()
        await page.locator('.produced a').first().waitFor()
      }
      const what = (await recordsOf('again')).map(
        ({ offset: _, timestamp: __, ...record }) => record,
      )
      expect(what).toHaveLength(2 * sent.length)
      expect(what.slice(sent.length)).toEqual(what.slice(0, sent.length))
    })

    it('clones settings', async (context) => {
      const { page } = await cluster.open(context, `/topics?q=${TOPIC}`)
      await page.getByLabel(`Actions of ${TOPIC}`, { exact: true }).click()
      await page.getByRole('menuitem', { name: 'Clone' }).click()
      await context.expect
        .poll(() => page.getByLabel('Value of setting 1').inputValue())
        .toBe('86400000')
      await page.getByRole('button', { name: 'Create', exact: true }).click()
      await page.getByRole('heading', { name: `${TOPIC}-copy` }).waitFor()
      const made = await call<{ partitions: number }>(at(`/v1/topics/${TOPIC}-copy`))
      expect(made.partitions).toBe(8)
    })

    it('changes a configuration, tells a refusal, and shows the difference', async (context) => {
      const name = 'service-9.events'
      const { page } = await cluster.open(context, `/topics/${name}?tab=config&q=max.message`)
      await page.getByRole('button', { name: 'Change max.message.bytes' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('#config-value').fill('-7')
      await dialog.getByText('differs', { exact: true }).waitFor()
      await dialog.getByRole('button', { name: 'Save' }).click()
      await dialog.locator('.refusal', { hasText: 'INVALID_CONFIG' }).waitFor()
      await dialog.locator('#config-value').fill('2097152')
      await dialog.getByRole('button', { name: 'Save' }).click()
      const row = page.locator('tbody tr', { hasText: 'this topic' })
      await row.getByText('2 MiB', { exact: true }).waitFor()
    })

    it('adds partitions, and says what that does to keys', async (context) => {
      const name = 'service-12.events'
      const { page } = await cluster.open(context, `/topics/${name}?tab=partitions`)
      await page.getByRole('button', { name: 'Add partitions' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('Keys may move').waitFor()
      await dialog.getByRole('spinbutton').fill('3')
      await dialog.getByRole('button', { name: 'Add', exact: true }).click()
      await dialog.waitFor({ state: 'detached' })
      await context.expect.poll(() => page.locator('tbody tr').count()).toBe(3)
    })

    it('empties only when the name is typed, and what comes next is numbered on', async (context) => {
      await cluster.filled(context)
      await call(at('/v1/topics'), 'POST', { name: 'to-empty', partitions: 1 })
      const records = [{ value: 'a' }, { value: 'b' }, { value: 'c' }]
      await call(at('/v1/topics/to-empty/records'), 'POST', { records })
      const { page } = await cluster.open(context, '/topics?q=to-empty')
      await page.getByLabel('Actions of to-empty', { exact: true }).click()
      await page.getByRole('menuitem', { name: 'Empty' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('strong', { hasText: '3 records' }).waitFor()
      const button = dialog.getByRole('button', { name: 'Empty it' })
      expect(await button.isDisabled()).toBe(true)
      await dialog.locator('input').fill('to-empty')
      await button.click()
      await page.locator('.toast', { hasText: 'to-empty emptied' }).waitFor()
      expect(await recordsOf('to-empty').catch(() => [])).toEqual([])
      interface Offsets {
        readonly offsets: readonly object[]
      }
      const path = at('/v1/topics/to-empty/records')
      const { offsets } = await call<Offsets>(path, 'POST', { value: 'd' })
      expect(offsets).toMatchObject([{ partition: 0, offset: 3 }])
    })
  })

  describe('deleting a topic', () => {
    it('is done only when the name is typed, and says how much goes', async (context) => {
      const opened = await cluster.open(context, `/topics?q=${TOPIC}`)
      const { page } = opened
      await page.getByLabel(`Actions of ${TOPIC}`, { exact: true }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('strong', { hasText: `${RECORDS + 1} records` }).waitFor()
      await dialog.getByText('No group reads it.').waitFor()
      await check(opened, 'delete-topic')
      const button = dialog.getByRole('button', { name: 'Delete it' })
      expect(await button.isDisabled()).toBe(true)
      await dialog.locator('input').fill(`${TOPIC} `)
      expect(await button.isDisabled()).toBe(true)
      await dialog.locator('input').fill(TOPIC)
      await button.click()
      await dialog.waitFor({ state: 'detached' })
      await settled(page)
      await context.expect
        .poll(() => page.getByRole('link', { name: TOPIC, exact: true }).count())
        .toBe(0)
      expect((await fetch(at(`/v1/topics/${TOPIC}`))).status).toBe(404)
    })
  })
}
