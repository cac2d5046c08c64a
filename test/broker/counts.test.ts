import { describe, expect, it } from 'vitest'
import { Counts } from '../../src/broker/counts.ts'
import { STATISTICS_ALIVE_MS, STATISTICS_COUNTERS } from '../../src/core/limits/statistics.ts'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import type { BrokerReport, Report } from '../../src/statistics/contract.ts'

function statistics() {
  const told: BrokerReport[] = []
  return {
    told,
    fails: false,
    async report(report: Report): Promise<void> {
      if (this.fails) throw new Error('unreachable')
      if (report.kind === 'broker') told.push(report)
    },
  }
}

const at = (nowMs: number) => ({ nowMs, isAlone: true })

describe('what an isolate counts', () => {
  it('is told every ten seconds at most, and only when something is new', async () => {
    const counts = new Counts()
    const to = statistics()
    await counts.tell(to, at(0))
    expect(to.told).toEqual([])
    counts.add('requests|Fetch')
    await counts.tell(to, at(1))
    counts.add('requests|Fetch', 2)
    await counts.tell(to, at(10_000))
    await counts.tell(to, at(10_001))
    await counts.tell(to, at(60_000))
    expect(to.told.map(({ totals, isKnown }) => [totals, isKnown])).toEqual([
      [{ 'requests|Fetch': 1 }, false],
      [{ 'requests|Fetch': 3 }, true],
    ])
  })

  it('is told once by whoever comes first', async () => {
    const counts = new Counts()
    const to = statistics()
    counts.add('a')
    await Promise.all([counts.tell(to, at(5)), counts.tell(to, at(5)), counts.tellNow(to, at(5))])
    expect(to.told.length).toBe(1)
  })

  it('is told at once to who is about to look', async () => {
    const counts = new Counts()
    const to = statistics()
    counts.add('a')
    await counts.tell(to, at(0))
    counts.add('a')
    await counts.tellNow(to, at(1))
    await counts.tellNow(to, at(2))
    expect(to.told.map(({ totals }) => totals.a)).toEqual([1, 2])
  })

  it('is told with what comes next when it could not be told', async () => {
    const counts = new Counts()
    const to = statistics()
    counts.add('a')
    to.fails = true
    await counts.tell(to, at(0))
    to.fails = false
    await counts.tell(to, at(5_000))
    expect(to.told).toEqual([])
    await counts.tell(to, at(10_000))
    expect(to.told[0]).toMatchObject({ totals: { a: 1 }, isKnown: false })
  })

  it('has the connections that are open, and says now and then that they are', async () => {
    const counts = new Counts()
    const to = statistics()
    const end = counts.opened('tcp')
    counts.opened('tunnel')
    await counts.tell(to, at(0))
    await counts.tell(to, at(STATISTICS_ALIVE_MS - 1))
    await counts.tell(to, at(STATISTICS_ALIVE_MS))
    end()
    end()
    await counts.tell(to, at(2 * STATISTICS_ALIVE_MS))
    expect(to.told.map(({ connections }) => connections)).toEqual([
      { tcp: 1, tunnel: 1 },
      { tcp: 1, tunnel: 1 },
      { tcp: 0, tunnel: 1 },
    ])
    expect(to.told.at(-1)?.totals).toEqual({ 'connections|tcp': 1, 'connections|tunnel': 1 })
  })

  it('has the connections of objects, which say how many they have', async () => {
    const counts = new Counts()
    const to = statistics()
    counts.hold('tunnel', 'main/tunnel/1', 3)
    counts.hold('tunnel', 'main/tunnel/2', 1)
    counts.hold('live', 'main/live/1', 2)
    await counts.tell(to, at(0))
    counts.hold('tunnel', 'main/tunnel/1', 2)
    counts.hold('tunnel', 'main/tunnel/2', 0)
    counts.hold('live', 'main/live/1', 2)
    await counts.tell(to, at(10_000))
    expect(to.told.map(({ connections }) => connections)).toEqual([
      { tunnel: 4, live: 2 },
      { tunnel: 2, live: 2 },
    ])
    expect(to.told.at(-1)?.totals).toEqual({ 'connections|tunnel': 4, 'connections|live': 2 })
  })

  it('has requests by API', async () => {
    const counts = new Counts()
    const to = statistics()
    for (const api of ['Fetch', 'Produce', 'Fetch']) counts.addRequest(api)
    await counts.tell(to, at(0))
    expect(to.told[0]?.totals).toEqual({ 'requests|Fetch': 2, 'requests|Produce': 1 })
  })

  it('has the errors of an answer, of its topics and of their partitions', async () => {
    const counts = new Counts()
    const to = statistics()
    const partitions = [{ errorCode: 0 }, { errorCode: 3, records: [new Uint8Array(1)] }]
    counts.addErrors(Fetch, { errorCode: 0, responses: [{ topic: 't', partitions }] })
    counts.addErrors(FindCoordinator, { errorCode: 15, coordinators: [] })
    counts.addErrors(DeleteTopics, { responses: [{ errorCode: 3 }, { errorCode: 0 }] })
    await counts.tell(to, at(0))
    expect(to.told[0]?.totals).toEqual({
      'errors|Fetch|UNKNOWN_TOPIC_OR_PARTITION': 1,
      'errors|FindCoordinator|COORDINATOR_NOT_AVAILABLE': 1,
      'errors|DeleteTopics|UNKNOWN_TOPIC_OR_PARTITION': 1,
    })
  })

  it('has no more counters than there is room for', async () => {
    const counts = new Counts()
    const to = statistics()
    for (let one = 0; one < STATISTICS_COUNTERS + 10; one++) counts.add(`http|GET|/${one}|200`)
    await counts.tell(to, at(0))
    expect(Object.keys(to.told[0]?.totals ?? {}).length).toBe(STATISTICS_COUNTERS)
  })
})
