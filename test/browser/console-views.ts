// Each view of topics, at three widths, light and dark: nothing serious from axe-core, no complaint of the
// browser, nothing clipped, no NaN; its URL reloads to the same. Leaves pictures. Run by console.test.ts.

import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { check, NOT_THERE, quiet, settled, shiftsOf } from './console.ts'
import { EMPTY_TOPIC, LONG_TOPIC, ODD_TOPIC, TOPIC } from './console-data.ts'
import { ROWS } from './view-states.ts'

export const REQUESTS_MAX = 6

const topic = `/topics/${TOPIC}`
const filter = encodeURIComponent('value.total > 900')

/** Name of the picture, path, and what is there when the view is. */
const VIEWS: readonly (readonly [string, string, string])[] = [
  ['overview', '/', 'Overview'],
  ['topics', '/topics', 'service-7.events'],
  ['topics-sorted', '/topics?sort=-partitions', TOPIC],
  ['topics-search', '/topics?q=service-1', 'service-1.events'],
  ['topic', topic, 'customer-39'],
  ['topic-oldest', `${topic}?from=oldest`, 'customer-0'],
  ['topic-offset', `${topic}?from=offset&offset=10&partition=3`, 'oldest first'],
  ['topic-time', `${topic}?from=time&time=2020-01-01T00:00:00.000Z`, 'oldest first'],
  ['topic-key', `${topic}?key=customer-7`, 'customer-7'],
  ['topic-text', `${topic}?text=needle`, 'matches'],
  ['topic-filter-asks', `${topic}?js=${filter}`, 'This link has a filter'],
  ['topic-odd', `/topics/${ODD_TOPIC}`, 'tombstone'],
  ['topic-long', `/topics/${LONG_TOPIC}`, 'Messages'],
  ['topic-gone', '/topics/never-was', 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['message', `${topic}?at=3:5`, 'Send again'],
  ['message-json', `/topics/${ODD_TOPIC}?from=oldest&at=0:0`, 'Send again'],
  ['produce', `${topic}?tab=produce`, 'With a key'],
  ['partitions', `${topic}?tab=partitions`, '8 partitions'],
  ['config', `${topic}?tab=config`, 'cleanup.policy'],
  ['config-changed', `${topic}?tab=config&show=changed`, 'retention.ms'],
]

/** The scenarios. */
export function views(cluster: Cluster): void {
  describe.concurrent('each view', () => {
    for (const [name, path, words] of VIEWS) {
      it(`is whole at every width, light and dark: ${name}`, async (context) => {
        const opened = await cluster.open(context, path)
        await opened.page.getByText(words).first().waitFor({ state: 'attached' })
        await check(opened, name, name.endsWith('-gone') ? NOT_THERE : null)
      })
    }

    for (const [, { path, data }] of ROWS) {
      if (data !== 'small') continue
      it(`takes at most six requests, all to this broker, and nothing moves: ${path}`, async (context) => {
        const { page, requests } = await cluster.open(context, path, { isFresh: true })
        await quiet(page)
        expect(requests.length, requests.join(' ')).toBeLessThanOrEqual(REQUESTS_MAX)
        expect(requests.filter((url) => !url.startsWith(cluster.at('/')))).toEqual([])
        expect(await shiftsOf(page)).toBe(0)
      })
    }

    for (const path of [
      `${topic}?key=customer-7&at=3:5`,
      '/topics?q=service-1&sort=-partitions',
      `${topic}?tab=config&q=retention&show=changed`,
      `${topic}?tab=partitions&sort=-end`,
    ]) {
      it(`shows the same again when it is reloaded: ${path}`, async (context) => {
        const { page } = await cluster.open(context, path)
        const rows = () => page.locator('tbody tr td:nth-child(3)').allInnerTexts()
        await context.expect.poll(async () => (await rows()).length).toBeGreaterThan(0)
        const before = await rows()
        await page.reload()
        await settled(page)
        await context.expect.poll(rows).toEqual(before)
        expect(page.url()).toBe(cluster.at(path))
      })
    }

    it('shows at least twenty topics at 1440 × 900', async (context) => {
      const { page } = await cluster.open(context, '/topics')
      const inSight = await page.evaluate(
        `[...document.querySelectorAll('tbody tr')].filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length`,
      )
      expect(inSight).toBeGreaterThanOrEqual(20)
    })

    it('orders topics by what is chosen, and keeps that in its URL', async (context) => {
      const { page } = await cluster.open(context, '/topics')
      const names = () => page.locator('tbody .row-link:not(.quiet)').allInnerTexts()
      const first = async () => (await names())[0]
      await page.getByRole('button', { name: 'Records', exact: true }).click()
      await context.expect.poll(first).toBe(TOPIC)
      expect(page.url()).toBe(cluster.at('/topics?sort=-records'))
      await page.getByRole('button', { name: 'Name', exact: true }).click()
      await context.expect.poll(first).toContain('a-very-long-name')
      await page.getByLabel('Find a topic').fill('NOTHING')
      await context.expect.poll(names).toEqual([EMPTY_TOPIC])
    })

    it('has the controls of a topic in one row at 1440, wherever it begins', async (context) => {
      const { page } = await cluster.open(context, topic)
      for (const mode of ['Newest', 'Offset', 'Time', 'Live']) {
        await page.locator('.toolbar .choice label', { hasText: mode }).click()
        await page.locator('.toolbar label[data-on="true"]', { hasText: mode }).waitFor()
        const height = await page.locator('.toolbar').evaluate((one) => one.clientHeight)
        expect(height, mode).toBeLessThan(48)
      }
    })

    for (const path of ['/', '/topics', topic, `${topic}?at=3:5`, `${topic}?tab=config`]) {
      it(`needs no sideways scroll at 200 % zoom: ${path}`, async (context) => {
        // 1280 pixels at 200 % are 640 of CSS, with text of twice the size.
        const { page } = await cluster.open(context, path, { width: 640 })
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      })
    }

    it('moves nothing for who wants no motion', async (context) => {
      const moving = `[...document.querySelectorAll('body *')].some((one) => {
        const { transitionDuration, animationName } = getComputedStyle(one)
        return animationName !== 'none' || transitionDuration.split(', ').some((time) => parseFloat(time) > 0)
      })`
      const still = await cluster.open(context, topic)
      expect(await still.page.evaluate(moving)).toBe(false)
      const other = await cluster.open(context, topic, { reducedMotion: false })
      expect(await other.page.evaluate(moving)).toBe(true)
    })

    it('cuts long names in the middle and has times relative, exact on hover', async (context) => {
      const { page } = await cluster.open(context, '/topics')
      const name = page.locator('.name', { hasText: 'a-very-long-name' }).first()
      expect(await name.getAttribute('title')).toBe(LONG_TOPIC)
      const head = name.locator('.name-head')
      expect(await head.evaluate((one) => one.scrollWidth > one.clientWidth)).toBe(true)
      expect(await name.locator('.name-tail').innerText()).toBe(LONG_TOPIC.slice(-12))
      const messages = await cluster.open(context, topic)
      const time = messages.page.locator('.message-table time').first()
      expect(await time.innerText()).toMatch(/^(just now|\d+ (s|min) ago)$/)
      expect(await time.getAttribute('title')).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/)
    })

    it('has figures tabular and on the right, offsets mono', async (context) => {
      const { page } = await cluster.open(context, topic)
      const style: Record<string, string> = await page.evaluate(`(() => {
        const cell = document.querySelector('.message-table tbody tr td:nth-child(3)')
        const { textAlign, fontVariantNumeric, fontFamily } = getComputedStyle(cell)
        return { textAlign, fontVariantNumeric, fontFamily }
      })()`)
      expect(style).toMatchObject({ textAlign: 'right', fontVariantNumeric: 'tabular-nums' })
      expect(style.fontFamily).toContain('mono')
    })
  })
}
