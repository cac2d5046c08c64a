// The views of groups, transactions, the cluster, and what goes anywhere by name, over a large cluster: whole at
// each width, light and dark; what a reset costs and shows before it is done; the same by keyboard alone.

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { type Broker, startBroker } from '../clients/broker.ts'
import { closeBrowser } from './chromium.ts'
import { check, openConsole, settled, shiftsOf } from './console.ts'
import { call } from './console-data.ts'
import {
  ABORTED_TRANSACTION,
  DEAD,
  DONE,
  type Filled,
  fillAll,
  GROUPS,
  LAGGING,
  LONG_GROUP,
  LONGEST,
  MIXED,
  ODD,
  OPEN_TRANSACTION,
  PACKAGES,
} from './data.ts'

const REQUESTS_MAX = 6

let broker: Broker
let filled: Filled | undefined

beforeAll(async () => {
  broker = await startBroker()
})

afterAll(async () => {
  filled?.close()
  await closeBrowser()
  await broker.stop()
})

async function open(context: TestContext, path: string) {
  filled ??= await fillAll(broker, context)
  return openConsole(context, `${broker.http}${path}`)
}

const names = (page: Page) => page.locator('tbody .row-link').allInnerTexts()
const dead = `/groups/${DEAD}`

/** Name of the picture, path, and what is there when the view is. */
const VIEWS: readonly (readonly [string, string, string])[] = [
  ['groups', '/groups', LAGGING],
  ['groups-no-match', '/groups?q=zzz', "No group's id"],
  ['group-dead', dead, 'nobody reads'],
  ['group-table', `${dead}?show=table`, 'Partitions known'],
  ['group-mixed', `/groups/${MIXED}`, 'rack-7'],
  ['group-long', `/groups/${LONG_GROUP}`, 'Records behind'],
  ['group-gone', '/groups/never-was', 'GROUP_ID_NOT_FOUND'],
  ['transactions', '/transactions', 'open'],
  ['transaction', `/transactions?id=${OPEN_TRANSACTION}`, 'Partitions in it'],
  ['transactions-no-match', '/transactions?q=zzz', 'No transactional id'],
  ['cluster', '/cluster', 'transaction.version'],
  ['topics-500', '/topics?q=stream-39', '500 topics'],
  ['records-odd', `/topics/${ODD}`, 'tombstone'],
  ['topic-longest', `/topics/${LONGEST}`, 'Messages'],
]

describe('each view of a large cluster', () => {
  for (const [name, path, words] of VIEWS) {
    it(`is whole at every width, light and dark: ${name}`, async (context) => {
      const opened = await open(context, path)
      await opened.page.getByText(words).first().waitFor({ state: 'attached' })
      // What is not there is a 404, and the browser says so.
      if (name.endsWith('-gone')) opened.complaints.length = 0
      await check(opened, name)
      await opened.close()
    })
  }

  it('takes at most six requests, all to this broker, and nothing moves', async (context) => {
    for (const path of ['/groups', dead, '/transactions', '/cluster']) {
      const { page, requests, close } = await open(context, path)
      await page.waitForTimeout(300)
      expect(requests.length, `${path}: ${requests.join(' ')}`).toBeLessThanOrEqual(REQUESTS_MAX)
      expect(requests.filter((url) => !url.startsWith(broker.http))).toEqual([])
      expect(await shiftsOf(page), path).toBe(0)
      await close()
    }
  })

  it('shows the same again when it is reloaded', async (context) => {
    for (const path of [
      '/groups?q=service-1&sort=-group',
      `${dead}?show=table&span=180&sort=partition`,
      `/transactions?q=settle&sort=-id&id=settlement-1`,
    ]) {
      const { page, close } = await open(context, path)
      const before = await names(page)
      expect(before.length).toBeGreaterThan(2)
      await page.reload()
      await settled(page)
      expect(await names(page)).toEqual(before)
      expect(page.url()).toBe(`${broker.http}${path}`)
      await close()
    }
  })
})

describe('a view whose reading fails', () => {
  const problem = { code: 'COORDINATOR_NOT_AVAILABLE', status: 503, title: 'It is being moved.' }
  const refuse = (page: Page, reads: string) =>
    page.route(reads, (route) =>
      route.fulfill({
        status: problem.status,
        contentType: 'application/problem+json',
        body: JSON.stringify(problem),
      }),
    )

  it('says what failed, with the code, keeps what it showed, and recovers', async (context) => {
    for (const [path, reads, rows] of [
      [dead, `**/v1/groups/${DEAD}?*`, 8],
      ['/transactions', '**/v1/transactions?*', 6],
    ] as const) {
      const opened = await open(context, path)
      const { page } = opened
      const shown = page.locator('table').first().locator('tbody tr')
      await expect.poll(() => shown.count()).toBe(rows)
      await refuse(page, reads)
      const failure = page.locator('.failure', { hasText: problem.code })
      await failure.waitFor({ timeout: 15_000 })
      expect(await failure.innerText(), path).toMatch(/What is shown was read/)
      expect(await shown.count(), path).toBe(rows)
      opened.complaints.length = 0
      if (path === dead) await check(opened, 'group-failed')
      await page.unroute(reads)
      await failure.getByRole('button', { name: 'Try again' }).click()
      await failure.waitFor({ state: 'detached' })
      await opened.close()
    }
  })

  it('shows that it is being read until then', async (context) => {
    const opened = await open(context, '/cluster')
    const { page } = opened
    await page.route('**/v1/groups?*', () => {})
    await page.getByRole('link', { name: 'Groups', exact: true }).click()
    await page.locator('tbody[aria-busy=true] .bone').first().waitFor()
    await check(opened, 'groups-loading')
    await opened.close()
  })
})

describe('the groups', () => {
  it('are all there, the one furthest behind first, with their state in words', async (context) => {
    const { page, close } = await open(context, '/groups')
    const row = (id: string) =>
      page.locator('tbody tr', { has: page.getByText(id, { exact: true }) })
    await expect.poll(() => page.locator('tbody tr').count()).toBe(GROUPS)
    await expect.poll(() => row(DEAD).innerText(), { timeout: 20_000 }).toContain('nobody reads')
    expect(await row(DONE).innerText()).toContain('nobody in it')
    const figure = (text: string) => Number(text.replaceAll(',', ''))
    const lags = (await page.locator('tbody td:nth-child(2)').allInnerTexts()).map(figure)
    expect(lags).toEqual(lags.toSorted((a, b) => b - a))
    expect(lags[0]).toBeGreaterThan(0)
    await close()
  })

  it('come back as they were after Back: filter, order, scroll', async (context) => {
    const { page, close } = await open(context, '/groups')
    await page.getByLabel('Find a group').fill('service')
    await page.getByRole('button', { name: 'Group', exact: true }).click()
    await page.evaluate('scrollTo(0, 300)')
    const scrolled = await page.evaluate('scrollY')
    expect(scrolled).toBeGreaterThan(0)
    const before = [page.url(), await names(page)]
    await page.getByRole('link', { name: 'service-30', exact: true }).click()
    await page.getByRole('heading', { name: 'Members' }).waitFor()
    await page.goBack()
    await expect.poll(() => page.evaluate('scrollY')).toBe(scrolled)
    expect([page.url(), await names(page)]).toEqual(before)
    await close()
  })
})

describe('a group', () => {
  interface Shown {
    readonly offsets: { readonly items: readonly { readonly committed: number }[] }
  }
  const committed = async (id: string) => {
    const { offsets } = await call<Shown>(`${broker.http}/v1/groups/${id}`)
    return offsets.items.map((one) => one.committed)
  }

  it('is reset in five clicks from the start, and what changes is shown before', async (context) => {
    const { page, close } = await open(context, '/')
    const before = await committed('service-3')
    await page.getByRole('link', { name: 'Groups', exact: true }).click()
    await page.getByRole('link', { name: 'service-3', exact: true }).click()
    await page.getByRole('button', { name: 'Reset…' }).click()
    await page.getByText('Latest', { exact: true }).click()
    const preview = page.locator('.preview')
    await preview.getByText('24 records will be skipped.').waitFor()
    const cells = await preview.locator('tbody tr').first().locator('td').allInnerTexts()
    expect(cells).toEqual([`${PACKAGES}/0`, '497', '500', '+3'])
    expect(await committed('service-3')).toEqual(before)
    await page.getByRole('button', { name: 'Reset 8 offsets' }).click()
    await page.getByText('service-3 moved in 8 partitions').waitFor()
    expect(await committed('service-3')).toEqual(Array.from({ length: 8 }, () => 500))
    await close()
  })

  it('is moved in one partition by a shift, and nowhere else', async (context) => {
    const { page, close } = await open(context, '/groups/service-4')
    await page.getByRole('button', { name: 'Reset…' }).click()
    await page.getByText('Shift', { exact: true }).click()
    await page.locator('dialog input[type=number]').fill('-7')
    await page.locator('dialog select').nth(0).selectOption(PACKAGES)
    await page.locator('dialog select').nth(1).selectOption('2')
    await page.getByText('7 records will be read again.').waitFor()
    await page.getByRole('button', { name: 'Reset 1 offset' }).click()
    await page.getByText('service-4 moved in 1 partition').waitFor()
    expect(await committed('service-4')).toEqual([500, 500, 493, 500, 500, 500, 500, 500])
    await close()
  })

  it('that somebody is in is not reset, and why is said', async (context) => {
    const opened = await open(context, `/groups/${LAGGING}`)
    const { page, close } = opened
    await page.getByRole('button', { name: 'Reset…' }).click()
    await page.getByText('1 member is in it').waitFor()
    await page.getByText('NON_EMPTY_GROUP').waitFor()
    expect(await page.getByRole('button', { name: 'Reset', exact: true }).isDisabled()).toBe(true)
    opened.complaints.length = 0
    await check(opened, 'group-reset-refused')
    await close()
  })

  it('shows the dialog of a reset whole at each width', async (context) => {
    const opened = await open(context, dead)
    await opened.page.getByRole('button', { name: 'Reset…' }).click()
    await opened.page.getByText('360 records will be read again.').waitFor()
    await check(opened, 'group-reset')
    await opened.close()
  })

  it('is deleted when its id was typed, and what goes was said', async (context) => {
    const opened = await open(context, '/groups/service-5')
    const { page, close } = opened
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByText('Its place in 8 partitions of 1 topic is lost.').waitFor()
    const sure = page.getByRole('button', { name: 'Delete it' })
    expect(await sure.isDisabled()).toBe(true)
    await check(opened, 'group-delete')
    await page.locator('dialog input').fill('service-5')
    await sure.click()
    await page.getByText('service-5 deleted').waitFor()
    expect(page.url()).toBe(`${broker.http}/groups`)
    const gone = await fetch(`${broker.http}/v1/groups/service-5`)
    expect(gone.status).toBe(404)
    await close()
  })

  it('has its lag drawn, and the same figures as a table', async (context) => {
    const { page, close } = await open(context, dead)
    const said = await page.locator('.chart[role=img]').getAttribute('aria-label')
    expect(said).toContain('3,640 now')
    expect(await page.locator('.chart canvas').count()).toBe(1)
    await page.getByText('Table', { exact: true }).click()
    const first = page.locator('table', { hasText: 'Partitions known' }).locator('tbody tr').first()
    expect(await first.innerText()).toMatch(/3,640\s+8 of 8/)
    await close()
  })
})

describe('the palette', () => {
  it('is opened and followed by mouse too', async (context) => {
    const { page, close } = await open(context, '/')
    await page.getByRole('button', { name: 'Go to…' }).click()
    await page.getByPlaceholder('A topic, a group').fill('rchiv')
    await page.getByRole('option', { name: DONE }).click()
    await page.getByRole('heading', { name: 'Members' }).waitFor()
    expect(page.url()).toBe(`${broker.http}/groups/${DONE}`)
    await close()
  })
})

describe('by keyboard alone', () => {
  const focused = (page: Page) => page.evaluate('document.activeElement.textContent')

  it('a group is found and reset', async (context) => {
    const { page, close } = await open(context, '/')
    await page.keyboard.press('g')
    await page.keyboard.press('g')
    await page.getByRole('heading', { name: 'Groups' }).waitFor()
    await settled(page)
    await page.keyboard.press('/')
    await page.keyboard.type('service-6')
    await expect.poll(() => names(page)).toEqual(['service-6'])
    await page.keyboard.press('Tab')
    await page.keyboard.press('j')
    expect(await focused(page)).toBe('service-6')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Members' }).waitFor()
    await settled(page)
    await page.keyboard.press('r')
    await page.getByText('records will be read again.').waitFor()
    for (let n = 0; n < 12 && !String(await focused(page)).startsWith('Reset 8'); n++) {
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.getByText('service-6 moved in 8 partitions').waitFor()
    await close()
  })

  it('anything is gone to by a part of its name', async (context) => {
    const opened = await open(context, '/cluster')
    const { page, complaints, close } = opened
    for (const [typed, name, path] of [
      ['nightly', DEAD, dead],
      [ABORTED_TRANSACTION, ABORTED_TRANSACTION, `/transactions?id=${ABORTED_TRANSACTION}`],
      [PACKAGES, PACKAGES, `/topics/${PACKAGES}`],
      ['overv', 'Overview', '/'],
    ] as const) {
      await page.keyboard.press('Control+k')
      await page.getByPlaceholder('A topic, a group').fill(typed)
      const best = page.locator('.palette-place .name').first()
      await expect.poll(() => best.textContent()).toBe(name)
      await page.keyboard.press('Enter')
      await expect.poll(() => page.url()).toBe(`${broker.http}${path}`)
      await settled(page)
    }
    expect(complaints).toEqual([])
    await close()
  })

  it('the palette and the keys are whole at each width, and Escape closes them', async (context) => {
    const opened = await open(context, '/groups')
    const { page, close } = opened
    await page.keyboard.press('Control+k')
    await page.getByPlaceholder('A topic, a group').fill('se')
    await page.getByText('service-1', { exact: true }).first().waitFor()
    await check(opened, 'palette')
    await page.getByPlaceholder('A topic, a group').fill('no such name')
    await page.getByText('Nothing has “no such name” in its name.').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({ state: 'detached' })
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.keyboard.press('?')
    await page.getByText('Go to anything by name').waitFor()
    await page.getByText('Next group').waitFor()
    await check(opened, 'keys')
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({ state: 'detached' })
    await close()
  })
})
