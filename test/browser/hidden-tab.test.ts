// Tabs that are really hidden, behind another of their window: the console's live list fetches nothing; for seconds
// here, for three minutes with OTTLA_LONG=1, and then also a member in such a tab keeps its place beside one in
// Java, and goes on reading. (members.test.ts has a member whose timers are as slow as a hidden tab's.)

import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { type Broker, bootstrap, startBroker } from '../clients/broker.ts'
import { startJavaConsumer } from '../clients/java-consumer.ts'
import { call } from './console-data.ts'
import { type Tab, Tabs } from './tabs.ts'

const isLong = process.env.OTTLA_LONG === '1'
const HIDDEN_MS = isLong ? 180_000 : 3_000
const PARTITIONS = 6
const GROUP = 'tabs'
/** Records in each partition while it is hidden. */
const ROUNDS = 60

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
  for (const name of ['watched', 'shared']) {
    await call(`${broker.http}/v1/topics`, 'POST', { name, partitions: PARTITIONS })
  }
})

afterAll(() => broker.stop())

async function open(context: TestContext): Promise<Tabs> {
  const tabs = await Tabs.open(context)
  context.onTestFinished(() => tabs.close())
  return tabs
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** One record into each partition. */
async function produce(topic: string, n: number): Promise<void> {
  const records = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    value: `${partition}:${n}`,
  }))
  await call(`${broker.http}/v1/topics/${topic}/records`, 'POST', { records })
}

describe('the live list in a hidden tab', () => {
  it('fetches nothing, and goes on when it is seen again', async (context) => {
    const tabs = await open(context)
    const live = await tabs.tab(`${broker.http}/topics/watched?from=live`)
    const isLive = `document.querySelector('.live-words .pill')?.textContent === 'live'`
    const rows = `document.querySelectorAll('.message-table tbody tr').length`
    await live.until(isLive)
    await produce('watched', 0)
    await live.until(`${rows} === ${PARTITIONS}`)
    await tabs.tab('about:blank')
    await live.hidden()
    // The end of the stream that it had is the last thing there is.
    await pause(500)
    live.traffic.length = 0
    for (let n = 1; n <= 3; n++) {
      await produce('watched', n)
      await pause(HIDDEN_MS / 3)
    }
    expect(live.traffic).toEqual([])
    expect(await live.evaluate(rows)).toBe(PARTITIONS)
    await live.show()
    await live.until(isLive)
    await produce('watched', 4)
    // After minutes it begins anew, and says so.
    await live.until(`${rows} === ${(isLong ? 2 : 5) * PARTITIONS}`)
    const notice = 'document.querySelector(".notice")?.textContent ?? ""'
    expect(await live.evaluate(notice)).toMatch(isLong ? /hidden for 3 min/ : /^$/)
  }, 300_000)
})

/** A member, as a page has it: what it was given is in `got`. */
const JOIN = `import('/client.js').then(({ connect, text }) => {
  globalThis.got = []
  const ottla = connect(location.origin)
  const records = ottla.group('${GROUP}').consume(ottla.topic('shared', { value: text }))
  void (async () => {
    for await (const { value } of records) got.push(value)
  })()
})`

interface Member {
  readonly memberId: string
  readonly epoch: number | null
  readonly assigned: readonly { readonly partitions: readonly number[] }[]
}

async function members(): Promise<readonly Member[]> {
  interface Shown {
    readonly members: readonly Member[]
  }
  const { members: all } = await call<Shown>(`${broker.http}/v1/groups/${GROUP}`)
  return all
    .map(({ memberId, epoch, assigned }) => ({ memberId, epoch, assigned }))
    .toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
}

describe('a member in a hidden tab', () => {
  it.runIf(isLong)(
    'keeps its place, and reads on',
    async (context) => {
      const asked = { bootstrap: bootstrap(broker.kafka), topic: 'shared', group: GROUP }
      const java = startJavaConsumer(context, asked, ['group.protocol=consumer'])
      context.onTestFinished(() => java.stop())
      const tabs = await open(context)
      const hidden = await tabs.tab(`${broker.http}/cluster`)
      await hidden.evaluate(JOIN)
      const front = await tabs.tab(`${broker.http}/cluster`)
      await front.evaluate(JOIN)
      await hidden.hidden()
      const share = PARTITIONS / 3
      const shares = async () =>
        (await members()).map(({ assigned }) => assigned.flatMap((one) => one.partitions).length)
      await context.expect.poll(shares, { timeout: 60_000 }).toEqual([share, share, share])
      const before = await members()
      for (let n = 0; n < ROUNDS; n++) {
        await produce('shared', n)
        await pause(HIDDEN_MS / ROUNDS)
        expect(await members()).toEqual(before)
        expect(await hidden.evaluate('document.visibilityState')).toBe('hidden')
      }
      const got = async (tab: Tab) => (await tab.evaluate('got')) as string[]
      const all = async () => [await got(hidden), await got(front), [...java.seen]]
      await context.expect
        .poll(async () => (await all()).map(({ length }) => length))
        .toEqual(Array(3).fill(ROUNDS * share))
      expect(new Set((await all()).flat()).size).toBe(ROUNDS * PARTITIONS)
    },
    420_000,
  )
})
