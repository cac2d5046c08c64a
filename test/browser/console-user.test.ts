// The console of a broker that asks who somebody is: a user who may only read is shown everything they may see and no
// control that would be refused; whoever may change things has all of them. What others have stored is shown as text.

import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from '../clients/broker.ts'
import { closeBrowser, openBrowser } from './chromium.ts'
import { quiet, settled } from './console.ts'
import { REQUESTS_MAX } from './console-views.ts'

const OTTLA_SECRET = 'correct-horse-battery-staple'
const MARKUP = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>'

let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ env: { OTTLA_SECRET } })
  const send = async (path: string, body: unknown) => {
    const response = await fetch(`${broker.http}/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OTTLA_SECRET}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(response.ok, await response.text()).toBe(true)
  }
  await send('/topics', { name: 'orders' })
  await send('/topics/orders/records', { key: MARKUP, value: MARKUP })
  await send('/groups/billing/reset', { to: 'earliest', topic: 'orders' })
  await send('/users', { name: 'reader', password: 'of the reader' })
  const rule = (resourceType: string, resourceName: string, operation: string) => {
    const pattern = { patternType: 'LITERAL', host: '*', permissionType: 'ALLOW' }
    return { resourceType, resourceName, operation, principal: 'User:reader', ...pattern }
  }
  await send('/acls', {
    acls: [
      rule('TOPIC', 'orders', 'READ'),
      rule('TOPIC', 'orders', 'DESCRIBE_CONFIGS'),
      rule('GROUP', 'billing', 'DESCRIBE'),
    ],
  })
})

afterAll(async () => {
  await closeBrowser()
  await broker?.stop()
})

/** Views, and what they show of the one topic and group that there are. */
const VIEWS = [
  ['/', 'billing'],
  ['/topics', 'orders'],
  ['/topics/orders', 'onerror'],
  ['/topics/orders?at=0:0', 'Send again'],
  ['/topics/orders?from=live', 'Waiting for records'],
  ['/topics/orders?tab=produce', 'With a key'],
  ['/topics/orders?tab=partitions', '1 partition'],
  ['/topics/orders?tab=config', 'cleanup.policy'],
  ['/topics/orders?tab=groups', 'billing'],
  ['/groups', 'billing'],
  ['/groups/billing', 'Members'],
  ['/transactions', 'There is no transactional id yet'],
  ['/cluster', 'transaction.version'],
] as const

/** What each view has for who may change something. */
const CONTROLS = [
  ['/topics', ['Create topic', 'Actions of orders']],
  ['/topics/orders', ['Produce']],
  ['/topics/orders?tab=partitions', ['Add partitions']],
  ['/topics/orders?tab=config', ['Change retention.ms']],
  ['/groups/billing', ['Delete…', 'Reset…']],
] as const

describe('the console', () => {
  it.for([
    ['reader', 'of the reader', 0],
    ['admin', OTTLA_SECRET, 1],
  ] as const)('shows %s what they may see and do', async ([user, password, each], test) => {
    const browser = await openBrowser(test)
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await page.goto(`${broker.http}/topics`)
    await page.getByLabel('User').fill(user)
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'orders' }).waitFor()
    complaints.length = 0
    await page.getByTitle(`Signed in as ${user}`).waitFor()
    for (const [path, names] of CONTROLS) {
      await page.goto(broker.http + path)
      await page.getByTitle(`Signed in as ${user}`).waitFor()
      await settled(page)
      for (const name of names) {
        const control = page.locator('main').getByRole('button', { name })
        const link = page.locator('main').getByRole('link', { name, exact: true })
        await expect.poll(async () => (await control.count()) + (await link.count())).toBe(each)
      }
    }
    if (user === 'admin') await countRequests(context)
    await page.goto(`${broker.http}/topics/orders`)
    await page.getByText('onerror').first().waitFor()
    expect(await page.title()).toBe('orders · Ottla')
    expect(complaints).toEqual([])
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Password').waitFor()
    expect((await context.cookies()).map(({ name }) => name)).toEqual([])
    await context.close()
  })
})

/** As somebody who comes to each view for the first time, signed in. */
async function countRequests(context: BrowserContext): Promise<void> {
  const state = await context.storageState()
  for (const [path, words] of VIEWS) {
    const fresh = await (context.browser() as Browser).newContext({ storageState: state })
    const page = await fresh.newPage()
    const requests: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(broker.http + path)
    await page.getByText(words).first().waitFor({ state: 'attached' })
    await quiet(page)
    expect(requests.length, requests.join(' ')).toBeLessThanOrEqual(REQUESTS_MAX)
    await fresh.close()
  }
}
