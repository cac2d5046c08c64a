// Each view of groups, transactions and the cluster, and of topics with real and odd records, at three widths, light
// and dark; its URL reloads to the same. Run by large.test.ts.

import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, NOT_THERE, quiet, settled, shiftsOf } from './console.ts'
import { REQUESTS_MAX } from './console-views.ts'
import {
  DEAD,
  DESCRIPTIONS,
  fillDescriptions,
  LAGGING,
  LANGUAGES,
  LONG_GROUP,
  LONGEST,
  MIXED,
  ODD,
  OPEN_TRANSACTION,
  PACKAGES,
} from './data.ts'
import { ROWS } from './view-states.ts'

const dead = `/groups/${DEAD}`
const names = (page: Page) => page.locator('tbody .row-link').allInnerTexts()

/** Name of the picture, path, and what is there when the view is. */
const VIEWS: readonly (readonly [string, string, string])[] = [
  ['overview-large', '/', DEAD],
  ['groups', '/groups', LAGGING],
  ['group-table', `${dead}?show=table`, 'Partitions known'],
  ['group-mixed', `/groups/${MIXED}`, 'rack-7'],
  ['group-long', `/groups/${LONG_GROUP}`, 'Records behind'],
  ['group-gone', '/groups/never-was', 'GROUP_ID_NOT_FOUND'],
  ['transactions', '/transactions', 'open'],
  ['transaction', `/transactions?id=${OPEN_TRANSACTION}`, 'Partitions in it'],
  ['cluster', '/cluster', 'transaction.version'],
  ['topics-500', '/topics?q=stream-39', '500 topics'],
  ['records-index', `/topics/${PACKAGES}`, 'newest first'],
  ['records-index-one', `/topics/${PACKAGES}?at=0:0`, 'Send again'],
  ['records-odd', `/topics/${ODD}`, 'tombstone'],
  ['topic-groups', `/topics/${PACKAGES}?tab=groups`, LAGGING],
  ['topic-longest', `/topics/${LONGEST}`, 'Messages'],
]

/** The scenarios. */
export function largeViews(cluster: Cluster): void {
  describe.concurrent('each view of a large cluster', () => {
    for (const [name, path, words] of VIEWS) {
      it(`is whole at every width, light and dark: ${name}`, async (context) => {
        const opened = await cluster.open(context, path)
        await opened.page.getByText(words).first().waitFor({ state: 'attached' })
        await check(opened, name, name.endsWith('-gone') ? NOT_THERE : null)
      })
    }

    for (const [, { path, data }] of ROWS) {
      if (data !== 'large') continue
      it(`takes at most six requests, all to this broker, and nothing moves: ${path}`, async (context) => {
        const { page, requests } = await cluster.open(context, path, { isFresh: true })
        await quiet(page)
        expect(requests.length, requests.join(' ')).toBeLessThanOrEqual(REQUESTS_MAX)
        expect(requests.filter((url) => !url.startsWith(cluster.at('/')))).toEqual([])
        expect(await shiftsOf(page)).toBe(0)
      })
    }

    for (const path of [
      '/groups?q=service-1&sort=-group',
      `${dead}?show=table&span=180&sort=partition`,
      `/transactions?q=settle&sort=-id&id=settlement-1`,
    ]) {
      it(`shows the same again when it is reloaded: ${path}`, async (context) => {
        const { page } = await cluster.open(context, path)
        await context.expect.poll(async () => (await names(page)).length).toBeGreaterThan(2)
        const before = await names(page)
        await page.reload()
        await settled(page)
        await context.expect.poll(() => names(page)).toEqual(before)
        expect(page.url()).toBe(cluster.at(path))
      })
    }
  })

  describe('descriptions in Japanese and German', () => {
    it('are shown as they are, found by a part of them, and whole at every width', async (context) => {
      await cluster.filled(context)
      const all = await fillDescriptions(cluster.broker, context)
      for (const [partition, language] of LANGUAGES.entries()) {
        const path = `/topics/${DESCRIPTIONS}?partition=${partition}&from=oldest`
        const opened = await cluster.open(context, path)
        const { page } = opened
        const stanzas = all[partition] ?? []
        const rows = page.locator('.message-table tbody tr[data-at]')
        await context.expect.poll(() => rows.count()).toBe(50)
        const keys = await rows.locator('td:nth-child(4) .name').allTextContents()
        expect(keys).toEqual(stanzas.slice(0, 50).map(({ key }) => key))
        // One that somebody would look for: of the last thousand, by a line of its text.
        const wanted = stanzas.at(-500)!
        const line = wanted.value.split('\n').at(-1)!.trim().slice(0, 24)
        const first = stanzas.findIndex(({ value }) => value.includes(line))
        await page.getByLabel('Text in key').fill(line)
        await rows.first().waitFor()
        await context.expect
          .poll(() => rows.first().getAttribute('data-at'))
          .toBe(`${partition}:${first}`)
        await rows.first().click()
        const value = page.locator('.detail .whole-text').first()
        await value.waitFor()
        expect(await value.textContent()).toBe(stanzas[first]!.value)
        await check(opened, `records-${language}`)
      }
    })
  })
}
