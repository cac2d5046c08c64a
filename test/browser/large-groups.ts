// What people see of groups: who is behind, in words, in figures and drawn; and what deleting a topic that they read
// would mean. Nothing is changed here. Run by large.test.ts.

import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import {
  ABORTED_TRANSACTION,
  DEAD,
  DONE,
  GROUPS,
  MIXED,
  OPEN_TRANSACTION,
  PACKAGES,
  PAYMENTS,
  packageEnds,
} from './data.ts'

const names = (page: Page) => page.locator('tbody .row-link').allInnerTexts()
const figure = (text: string) => Number(text.replaceAll(',', ''))

/** The scenarios. */
export function groups(cluster: Cluster): void {
  describe.concurrent('the groups', () => {
    it('are all there, the one furthest behind first, with their state in words', async (context) => {
      const { page } = await cluster.open(context, '/groups')
      const row = (id: string) =>
        page.locator('tbody tr', { has: page.getByText(id, { exact: true }) })
      await context.expect.poll(() => page.locator('tbody tr').count()).toBe(GROUPS)
      await context.expect.poll(() => row(DEAD).innerText()).toContain('nobody reads')
      expect(await row(DONE).innerText()).toContain('nobody in it')
      const lags = (await page.locator('tbody td:nth-child(2)').allInnerTexts()).map(figure)
      expect(lags).toEqual(lags.toSorted((a, b) => b - a))
      expect(lags[0]).toBeGreaterThan(0)
    })

    it('that lag most are five on the overview, and the cluster’s health names the worst', async (context) => {
      const { page } = await cluster.open(context, '/')
      await context.expect
        .poll(() => page.locator('.health').innerText())
        .toMatch(new RegExp(`fall behind, ${DEAD} by [0-9,]+ records`))
      const rows = page.locator('tbody tr')
      await context.expect.poll(() => rows.count()).toBe(5)
      const lags = (await rows.locator('td:last-child').allInnerTexts()).map(figure)
      expect(lags).toEqual(lags.toSorted((a, b) => b - a))
      const figures = await page.locator('.figures dt').allInnerTexts()
      expect(figures).toEqual(expect.arrayContaining(['Records in', 'Bytes in', 'Bytes out']))
    })

    it('say of each member by which protocol it is one', async (context) => {
      const { page } = await cluster.open(context, `/groups/${MIXED}`)
      const rows = page.getByRole('table', { name: 'Members' }).locator('tbody tr')
      await context.expect.poll(() => rows.count()).toBe(2)
      const protocols = await rows.locator('td[data-label="Protocol"]').allInnerTexts()
      expect(protocols.toSorted()).toEqual(['classic', 'consumer'])
      const classic = rows.filter({ hasText: 'classic' })
      expect(await classic.innerText()).toContain('rack-7')
    })

    it('have beside them the transactions, with their state in words and what is in them', async (context) => {
      const { page } = await cluster.open(context, '/transactions')
      const row = (id: string) => page.locator('tbody tr', { hasText: id })
      await context.expect.poll(() => row(ABORTED_TRANSACTION).innerText()).toContain('aborted')
      expect(await row('settlement-0').innerText()).toContain('committed')
      await row(OPEN_TRANSACTION).getByRole('link').click()
      const panel = page.getByLabel(`Transactional id ${OPEN_TRANSACTION}`)
      await panel.getByRole('link', { name: PAYMENTS }).waitFor()
      expect(await panel.innerText()).toMatch(/open begun .* ago/)
    })

    it('come back as they were after Back: filter, order, scroll', async (context) => {
      const { page } = await cluster.open(context, '/groups')
      await page.getByLabel('Find a group').fill('service')
      await page.getByRole('button', { name: 'Group', exact: true }).click()
      await context.expect.poll(async () => (await names(page))[0]).toBe('service-0')
      await page.evaluate('scrollTo(0, 300)')
      const scrolled = await page.evaluate('scrollY')
      expect(scrolled).toBeGreaterThan(0)
      const before = await names(page)
      const url = page.url()
      await page.getByRole('link', { name: 'service-30', exact: true }).click()
      await page.getByRole('heading', { name: 'Members' }).waitFor()
      await page.goBack()
      await context.expect.poll(() => page.evaluate('scrollY')).toBe(scrolled)
      await context.expect.poll(() => names(page)).toEqual(before)
      expect(page.url()).toBe(url)
    })

    it('have their lag drawn, and the same figures as a table', async (context) => {
      const ends = await packageEnds(context)
      const lag = (ends.reduce((sum, end) => sum + end, 0) - 360).toLocaleString('en')
      const { page } = await cluster.open(context, `/groups/${DEAD}`)
      const chart = page.locator('.chart[role=img]')
      await context.expect.poll(() => chart.getAttribute('aria-label')).toContain(`${lag} now`)
      await context.expect.poll(() => page.locator('.chart canvas').count()).toBe(1)
      await page.locator('.choice label', { hasText: 'Table' }).click()
      const table = page.locator('table', { hasText: 'Partitions known' })
      await context.expect
        .poll(() => table.locator('tbody tr').first().innerText())
        .toMatch(new RegExp(`${lag}\\s+8 of 8`))
    })

    it('have their lag drawn in the colours of the theme, 3:1 against what it lies on', async (context) => {
      for (const scheme of ['light', 'dark'] as const) {
        const { page } = await cluster.open(context, `/groups/${DEAD}`, { scheme })
        await page.locator('.chart canvas').waitFor()
        // The line, where it is drawn: the most saturated pixel of the picture against its corner.
        const ratio = await page.evaluate(CHART_CONTRAST)
        expect(ratio, scheme).toBeGreaterThanOrEqual(3)
      }
    })

    it('that would lose their place are named before a topic goes, with how many records', async (context) => {
      const ends = await packageEnds(context)
      const records = ends.reduce((sum, end) => sum + end, 0).toLocaleString('en')
      const { page } = await cluster.open(context, `/topics?q=${PACKAGES}`)
      await page.getByLabel(`Actions of ${PACKAGES}`, { exact: true }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('strong', { hasText: `${records} records` }).waitFor()
      const said = dialog.locator('p', { hasText: 'lose their place in it' })
      await context.expect.poll(() => said.innerText()).toMatch(/^\d+ groups lose their place/)
      const [, many] = /^(\d+) groups/.exec(await said.innerText()) ?? []
      expect(Number(many)).toBeGreaterThanOrEqual(GROUPS - 3)
      expect(await said.innerText()).toMatch(/and \d+ more\.$/)
      expect(await dialog.getByRole('button', { name: 'Delete it' }).isDisabled()).toBe(true)
    })
  })
}

const CHART_CONTRAST = `(() => {
  const canvas = document.querySelector('.chart canvas')
  const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const rgba = (at) => [...data.slice(at, at + 4)]
  let line = null
  let most = -1
  for (let at = 0; at < width * height * 4; at += 4) {
    const [r, g, b, a] = rgba(at)
    const saturation = Math.max(r, g, b) - Math.min(r, g, b)
    if (a === 255 && saturation > most) {
      most = saturation
      line = [r, g, b]
    }
  }
  const ground = getComputedStyle(document.querySelector('.chart').closest('section')).backgroundColor
  const [gr, gg, gb, ga = 1] = (ground.match(/[\\d.]+/g) ?? []).map(Number)
  const under = ga === 0 ? getComputedStyle(document.body).backgroundColor : null
  const lies = under === null ? [gr, gg, gb] : under.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((one) => {
      const part = one / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return linear[0] * 0.2126 + linear[1] * 0.7152 + linear[2] * 0.0722
  }
  const [a, b] = [light(line), light(lies)].sort((x, y) => y - x)
  return (a + 0.05) / (b + 0.05)
})()`
