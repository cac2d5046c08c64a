// What people do to read the messages of a topic, by mouse and by keyboard: how many clicks it costs, what is
// asked of the broker, what Back brings back. Run by console.test.ts.

import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import { settled } from './console.ts'
import { call, RECORDS, TOPIC } from './console-data.ts'

const rows = (page: Page) => page.locator('.message-table tbody tr[data-at]')
const words = (page: Page) => page.locator('.list-head p').innerText()
const begin = (page: Page, mode: string) =>
  page.locator('.toolbar .choice label', { hasText: mode }).click()
const message = (page: Page) => page.getByLabel('Message', { exact: true })

/** What has the focus, whether that is to be seen, and how. */
const FOCUS = `[
  document.activeElement.textContent,
  document.activeElement.matches(':focus-visible'),
  getComputedStyle(document.activeElement).outlineStyle,
]`

/** The scenarios. None but the first changes what is there. */
export function reading(cluster: Cluster): void {
  const at = (path: string) => cluster.at(path)

  describe('the newest messages of a topic', () => {
    it('cost two clicks from the start, and live ones three', async (context) => {
      const { page } = await cluster.open(context, '/')
      await page.getByRole('link', { name: 'Topics', exact: true }).click()
      await page.getByRole('link', { name: TOPIC, exact: true }).click()
      await context.expect.poll(() => rows(page).count()).toBe(50)
      const newest = await rows(page).first().innerText()
      expect(newest).toContain(`"n":${RECORDS - 1}`)
      await begin(page, 'Live')
      await page.getByText('Waiting for records').waitFor()
      await page.locator('.pill', { hasText: 'live' }).waitFor()
      await call(at(`/v1/topics/${TOPIC}/records`), 'POST', { key: 'fresh', value: 'just now!' })
      await rows(page).getByText('just now!', { exact: true }).waitFor()
      await context.expect.poll(() => words(page)).toContain('1 of 1 record shown')
    })
  })

  describe.concurrent('the messages of a topic', () => {
    it('are newest first over all partitions, and older ones follow without a gap', async (context) => {
      const { page } = await cluster.open(context, `/topics/${TOPIC}?text=%22n%22`)
      const older = page.getByRole('button', { name: 'Older' })
      for (let had = 0; had < RECORDS; had = await rows(page).count()) {
        await context.expect.poll(() => rows(page).count()).toBeGreaterThan(had)
        await settled(page)
        if ((await rows(page).count()) < RECORDS) await older.click()
      }
      const texts = await page.locator('.message-table td:nth-child(5)').allInnerTexts()
      const expected = Array.from({ length: RECORDS }, (_, n) => RECORDS - 1 - n)
      expect(texts.map((text) => Number(/"n":(\d+)/.exec(text)?.[1]))).toEqual(expected)
    })

    it('of a key are asked of its partition alone', async (context) => {
      const { page, requests } = await cluster.open(context, `/topics/${TOPIC}?key=customer-7`)
      await context.expect.poll(() => rows(page).count()).toBe(RECORDS / 40)
      await settled(page)
      const asked = requests.flatMap((url) => /partitions\/(\d+)\/records/.exec(url)?.[1] ?? [])
      expect(new Set(asked).size).toBe(1)
    })

    it('begin at an offset, at a time and at the oldest', async (context) => {
      const { page } = await cluster.open(context, `/topics/${TOPIC}?partition=3`)
      const first = () => rows(page).first().locator('.offset').innerText()
      await begin(page, 'Oldest')
      await context.expect.poll(first).toBe('0')
      await begin(page, 'Offset')
      await page.getByRole('textbox', { name: 'Offset', exact: true }).fill('7')
      await context.expect.poll(first).toBe('7')
      await begin(page, 'Time')
      // The page suggests an hour ago, and all is younger.
      await context.expect.poll(() => page.url()).toContain('time=')
      await context.expect.poll(first).toBe('0')
    })

    it('are scanned with figures of how far it is, and the scan is stopped and goes on', async (context) => {
      const { page } = await cluster.open(context, `/topics/${TOPIC}`)
      let go = () => {}
      const held = new Promise<void>((resolve) => {
        go = resolve
      })
      await page.route('**/records?*', async (route) => {
        await held
        await route.continue().catch(() => {})
      })
      await page.getByLabel('Text in key').fill('nowhere to be found')
      await page.getByText('so far…').waitFor()
      await page.getByRole('button', { name: 'Stop' }).click()
      await context.expect.poll(() => words(page)).toMatch(/records? scanned, 0 matches, stopped$/)
      go()
      await page.unroute('**/records?*')
      await page.getByRole('button', { name: 'Go on' }).click()
      await page.getByText('No message matches').waitFor()
      interface Partitions {
        readonly items: readonly { readonly start: number; readonly end: number }[]
      }
      const { items } = await call<Partitions>(at(`/v1/topics/${TOPIC}/partitions`))
      const all = items.reduce((sum, { start, end }) => sum + end - start, 0)
      expect(await words(page)).toBe(`${all} records scanned, 0 matches, to the end`)
    })

    it('come back as they were after Back: filter, scroll, selection', async (context) => {
      const { page } = await cluster.open(context, '/topics')
      await page.getByRole('link', { name: TOPIC, exact: true }).click()
      await rows(page).first().waitFor()
      await page.getByLabel('Text in key').fill('web')
      await context.expect.poll(() => page.url()).toContain('text=web')
      await page.getByText('matches').first().waitFor()
      await settled(page)
      await page.evaluate('scrollTo(0, 700)')
      await rows(page).nth(25).click()
      await message(page).waitFor()
      await context.expect.poll(() => page.locator('tr[data-marked]').count()).toBe(1)
      const before = page.url()
      const scrolled = await page.evaluate('scrollY')
      await page.getByRole('link', { name: 'Overview' }).click()
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await page.goBack()
      await message(page).waitFor()
      expect(page.url()).toBe(before)
      await context.expect.poll(() => page.evaluate('scrollY')).toBe(scrolled)
      await context.expect.poll(() => page.locator('tr[data-marked]').count()).toBe(1)
    })

    it('are exported as JSON and CSV', async (context) => {
      const { page } = await cluster.open(context, `/topics/${TOPIC}?key=customer-7`)
      await context.expect.poll(() => rows(page).count()).toBe(RECORDS / 40)
      await settled(page)
      for (const form of ['JSON', 'CSV']) {
        await page.getByLabel('More about these messages').click()
        const download = page.waitForEvent('download')
        await page.getByRole('menuitem', { name: `Export as ${form}` }).click()
        const text = readFileSync(await (await download).path(), 'utf8')
        if (form === 'JSON') expect(JSON.parse(text)).toHaveLength(RECORDS / 40)
        else expect(text.split('\r\n')).toHaveLength(RECORDS / 40 + 2)
      }
    })

    it('are shown as a tree, as text and in hex, and copied: value, JSON, link', async (context) => {
      const { page } = await cluster.open(context, `/topics/${TOPIC}?at=3:5`)
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      const value = page.locator('.detail-part').first()
      await value.locator('.tree').first().waitFor()
      await value.getByText('Text', { exact: true }).click()
      const text = (await value.locator('.detail-value').innerText()).trim()
      expect(JSON.parse(text)).toMatchObject({ note: 'hay' })
      await value.getByText('Hex', { exact: true }).click()
      await context.expect
        .poll(() => value.locator('.detail-value').innerText())
        .toContain(
          Buffer.from(text)
            .subarray(0, 4)
            .toString('hex')
            .replace(/(..)(?=.)/g, '$1 '),
        )
      const copied = () => page.evaluate('navigator.clipboard.readText()')
      const actions = page.locator('.detail-actions')
      await actions.getByRole('button', { name: 'Value' }).click()
      await context.expect.poll(copied).toBe(text)
      await actions.getByRole('button', { name: 'JSON' }).click()
      await context.expect.poll(copied).toContain('"offset": 5')
      await actions.getByRole('button', { name: 'Link' }).click()
      await context.expect.poll(copied).toBe(at(`/topics/${TOPIC}?at=3:5`))
    })

    it('are gone through, and followed live, by keyboard alone', async (context) => {
      const { page } = await cluster.open(context, '/')
      await page.keyboard.press('g')
      await page.keyboard.press('t')
      await page.getByRole('heading', { name: 'Topics' }).waitFor()
      await page.keyboard.press('/')
      await page.keyboard.type(TOPIC)
      const link = page.getByRole('link', { name: TOPIC, exact: true })
      await context.expect.poll(() => page.locator('tbody tr').count()).toBeLessThanOrEqual(2)
      await link.waitFor()
      for (let n = 0; n < 12; n++) {
        await page.keyboard.press('Tab')
        if ((await page.evaluate('document.activeElement.textContent')) === TOPIC) break
      }
      expect(await page.evaluate(FOCUS)).toEqual([TOPIC, true, 'solid'])
      await page.keyboard.press('Enter')
      await context.expect.poll(() => rows(page).count()).toBe(50)
      await page.keyboard.press('j')
      await page.keyboard.press('j')
      await message(page).waitFor()
      await context.expect.poll(() => rows(page).nth(1).getAttribute('data-marked')).toBe('true')
      await page.keyboard.press('Escape')
      await message(page).waitFor({ state: 'detached' })
      await page.keyboard.press('l')
      await page.getByText('Waiting for records').waitFor()
    })
  })
}
