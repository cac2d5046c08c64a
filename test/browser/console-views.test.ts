// Each view of topics and each state, at three widths, light and dark: nothing serious from axe-core, no
// complaint of the browser, nothing clipped, no NaN; its URL reloads to the same. Leaves pictures.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from '../clients/broker.ts'
import { closeBrowser } from './chromium.ts'
import { check, openConsole, settled, shiftsOf } from './console.ts'
import { EMPTY_TOPIC, fill, LONG_TOPIC, ODD_TOPIC, TOPIC } from './console-data.ts'

const REQUESTS_MAX = 6

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
  await fill(broker.http)
})

afterAll(async () => {
  await closeBrowser()
  await broker.stop()
})

const topic = `/topics/${TOPIC}`
const filter = encodeURIComponent('value.total > 900')

/** Name of the picture, path, and what is there when the view is. */
const VIEWS: readonly (readonly [string, string, string])[] = [
  ['overview', '/', 'Overview'],
  ['topics', '/topics', 'service-7.events'],
  ['topics-sorted', '/topics?sort=-partitions', TOPIC],
  ['topics-search', '/topics?q=service-1', 'service-1.events'],
  ['topics-no-match', '/topics?q=zzz', 'No topic'],
  ['topic', topic, 'customer-39'],
  ['topic-oldest', `${topic}?from=oldest`, 'customer-0'],
  ['topic-offset', `${topic}?from=offset&offset=10&partition=3`, 'oldest first'],
  ['topic-time', `${topic}?from=time&time=2020-01-01T00:00:00.000Z`, 'oldest first'],
  ['topic-key', `${topic}?key=customer-7`, 'customer-7'],
  ['topic-text', `${topic}?text=needle`, 'matches'],
  ['topic-no-match', `${topic}?text=nowhere`, 'No message matches'],
  ['topic-filter-asks', `${topic}?js=${filter}`, 'This link has a filter'],
  ['topic-live', `${topic}?from=live`, 'Waiting for records'],
  ['topic-empty', `/topics/${EMPTY_TOPIC}`, 'This topic has no messages'],
  ['topic-odd', `/topics/${ODD_TOPIC}`, 'tombstone'],
  ['topic-long', `/topics/${LONG_TOPIC}`, 'Messages'],
  ['topic-gone', '/topics/never-was', 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['message', `${topic}?at=3:5`, 'Send again'],
  ['message-json', `/topics/${ODD_TOPIC}?from=oldest&at=0:0`, 'Send again'],
  ['message-gone', `${topic}?at=3:999999`, 'not there'],
  ['produce', `${topic}?tab=produce`, 'With a key'],
  ['partitions', `${topic}?tab=partitions`, '8 partitions'],
  ['config', `${topic}?tab=config`, 'cleanup.policy'],
  ['config-changed', `${topic}?tab=config&show=changed`, 'retention.ms'],
  ['config-no-match', `${topic}?tab=config&q=zzz`, 'No configuration matches'],
  ['groups-none', `${topic}?tab=groups`, 'No group reads this topic'],
]

describe('each view', () => {
  for (const [name, path, words] of VIEWS) {
    it(`is whole at every width, light and dark: ${name}`, async (context) => {
      const opened = await openConsole(context, `${broker.http}${path}`)
      await opened.page.getByText(words).first().waitFor({ state: 'attached' })
      // What is not there is a 404 or 416, and the browser says so.
      if (name.endsWith('-gone')) opened.complaints.length = 0
      await check(opened, name)
      await opened.close()
    })
  }

  it('takes at most six requests, all to this broker, and nothing moves', async (context) => {
    for (const path of [
      '/',
      '/topics',
      topic,
      `${topic}?at=3:5`,
      `${topic}?tab=config`,
      `${topic}?tab=partitions`,
    ]) {
      const { page, requests, close } = await openConsole(context, `${broker.http}${path}`)
      await page.waitForTimeout(500)
      expect(requests.length, `${path}: ${requests.join(' ')}`).toBeLessThanOrEqual(REQUESTS_MAX)
      expect(requests.filter((url) => !url.startsWith(broker.http))).toEqual([])
      expect(await shiftsOf(page), path).toBe(0)
      await close()
    }
  })

  it('shows the same again when it is reloaded', async (context) => {
    for (const path of [`${topic}?key=customer-7&at=3:5`, '/topics?q=service-1&sort=-partitions']) {
      const { page, close } = await openConsole(context, `${broker.http}${path}`)
      const rows = () => page.locator('tbody tr td:nth-child(3)').allInnerTexts()
      const before = await rows()
      await page.reload()
      await settled(page)
      expect(await rows()).toEqual(before)
      expect(page.url()).toBe(`${broker.http}${path}`)
      await close()
    }
  })

  it('shows at least twenty topics at 1440 × 900', async (context) => {
    const { page, close } = await openConsole(context, `${broker.http}/topics`)
    const inSight = await page.evaluate(
      `[...document.querySelectorAll('tbody tr')].filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length`,
    )
    expect(inSight).toBeGreaterThanOrEqual(20)
    await close()
  })

  it('needs no sideways scroll at 200 % zoom', async (context) => {
    for (const path of ['/', '/topics', topic, `${topic}?at=3:5`, `${topic}?tab=config`]) {
      // 1280 pixels at 200 % are 640 of CSS, with text of twice the size.
      const { page, close } = await openConsole(context, `${broker.http}${path}`, { width: 640 })
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      await close()
    }
  })
})
