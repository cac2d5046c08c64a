// The same console by `wrangler dev`, which serves files as a deployment does, behind a secret: the person is
// asked for it once, comes back to where they were going, and everything is there, a filter's frame too.

import { afterAll, describe, expect, it } from 'vitest'
import { startWranglerDev, type WranglerDev } from '../clients/wrangler-dev.ts'
import { closeBrowser, openBrowser } from './chromium.ts'
import { settled } from './console.ts'

const SECRET = 'correct-horse-battery-staple'

let broker: WranglerDev | undefined

afterAll(async () => {
  await closeBrowser()
  await broker?.stop()
})

describe('the console behind a secret, by wrangler dev', () => {
  it('asks for the secret, and then shows what was asked for', async (context) => {
    const browser = await openBrowser(context)
    broker = await startWranglerDev({ OTTLA_SECRET: SECRET })
    const headers = { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' }
    const post = async (path: string, body: unknown) => {
      const url = `${broker?.http}/v1/topics${path}`
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
      expect(response.ok, await response.text()).toBe(true)
    }
    await post('', { name: 'orders', partitions: 4 })
    await post('/orders/records', {
      records: Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, value: { n } })),
    })
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await page.goto(`${broker.http}/topics/orders?js=value.n%20%3C%205`)
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('The user is not known').waitFor()
    await page.getByLabel('Password').fill(SECRET)
    await page.keyboard.press('Enter')
    complaints.length = 0
    await page.getByRole('button', { name: 'Run it' }).click()
    await page.getByText('5 matches').waitFor()
    expect(await page.locator('.message-table tbody tr').count()).toBe(5)
    await page.getByRole('link', { name: 'Overview' }).click()
    await settled(page)
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(complaints).toEqual([])
    // The cookie goes: the next thing that is asked leads to the form, and back here.
    await page.context().clearCookies()
    await page.getByRole('link', { name: 'Topics' }).click()
    await page.getByLabel('Password').fill(SECRET)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'orders' }).waitFor()
    expect(page.url()).toBe(`${broker.http}/topics`)
    await page.close()
  })
})
