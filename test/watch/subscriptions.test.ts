import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import { watchShard } from '../../src/core/ids.ts'
import {
  WATCH_PARKED_MS,
  WATCH_SESSION_GRACE_MS,
  WATCH_SHARD_PARTITIONS,
  WATCH_SHARDS,
  WATCH_SWEEP_MS,
} from '../../src/core/limits/watch.ts'
import { Subscriptions } from '../../src/watch/subscriptions.ts'
import { settled } from '../partition/harness.ts'

const TOPIC = 'd2F0Y2hlZC10b3BpYy1pZA' as TopicId
const OTHER = 'b3RoZXItdG9waWMtLS1pZA' as TopicId

function bench(capacity?: number) {
  let nowMs = 0
  let timers: { readonly atMs: number; readonly fire: () => void }[] = []
  const watch = new Subscriptions({
    now: () => nowMs,
    startTimer: (fire, ms) => {
      timers.push({ atMs: nowMs + ms, fire })
      return () => {}
    },
    ...(capacity === undefined ? {} : { capacity }),
  })
  const add = (partition: number, highWatermark = 5, topicId = TOPIC) => ({
    topicId,
    partition,
    highWatermark,
    logStartOffset: 2,
  })
  return {
    watch,
    add,
    timers: () => timers.length,
    begin: (session: string, ...partitions: number[]) =>
      watch.subscribe({
        session,
        first: true,
        add: partitions.map((partition) => add(partition)),
        remove: [],
      }),
    tell: (partition: number, told: Partial<Parameters<typeof watch.tell>[0]> = {}) =>
      watch.tell({ ...add(partition), gone: false, ...told }),
    /** What the parked call of a session was answered; null while it is parked. */
    park(session: string) {
      const state: { news: readonly (readonly [TopicId, number])[] | null } = { news: null }
      void watch.news(session, WATCH_PARKED_MS).then(({ news }) => {
        state.news = news.map(({ topicId, partition }) => [topicId, partition] as const)
      })
      return state
    },
    async pass(ms: number) {
      const endMs = nowMs + ms
      for (let next = timers[0]; next !== undefined && next.atMs <= endMs; next = timers[0]) {
        timers = timers.slice(1)
        nowMs = next.atMs
        next.fire()
        await settled()
      }
      nowMs = endMs
    },
  }
}

describe('a subscription', () => {
  it('is good for one message of a level above its own', async () => {
    const { begin, tell, park } = bench()
    expect(begin('a', 3)).toEqual({ known: true, full: false })
    const parked = park('a')
    expect(tell(3)).toEqual({ subscribed: true })
    expect(tell(3, { highWatermark: 4 })).toEqual({ subscribed: true })
    expect(tell(3, { highWatermark: 6 })).toEqual({ subscribed: false })
    await settled()
    expect(parked.news).toEqual([[TOPIC, 3]])
    const again = park('a')
    expect(tell(3, { highWatermark: 7 })).toEqual({ subscribed: false })
    await settled()
    expect(again.news).toBeNull()
  })

  it.each([
    ['the log start moved', { logStartOffset: 3 }],
    ['the topic is deleted', { gone: true }],
  ])('hears that %s', async (_, told) => {
    const { begin, tell, park } = bench()
    begin('a', 3)
    const parked = park('a')
    expect(tell(3, told)).toEqual({ subscribed: false })
    await settled()
    expect(parked.news).toEqual([[TOPIC, 3]])
  })

  it('hears that its topic is deleted although its partition was never written', async () => {
    const { watch, add, begin, park } = bench()
    begin('a', 3)
    watch.subscribe({ session: 'a', first: false, add: [add(0, 0, OTHER)], remove: [] })
    const parked = park('a')
    watch.gone([OTHER])
    await settled()
    expect(parked.news).toEqual([[OTHER, 0]])
    expect(watch.size).toBe(1)
  })

  it('of each session is its own: one that is further waits on', async () => {
    const { watch, add, begin, tell, park } = bench()
    begin('a', 3)
    watch.subscribe({ session: 'b', first: true, add: [add(3, 9)], remove: [] })
    const [a, b] = [park('a'), park('b')]
    expect(tell(3, { highWatermark: 9 })).toEqual({ subscribed: true })
    await settled()
    expect([a.news, b.news]).toEqual([[[TOPIC, 3]], null])
  })

  it('is removed, or its level changed, by a later change', async () => {
    const { watch, add, begin, tell, park } = bench()
    begin('a', 1, 2)
    const remove = [{ topicId: TOPIC, partition: 1 }]
    watch.subscribe({ session: 'a', first: false, add: [add(2, 8)], remove })
    expect(watch.size).toBe(1)
    const parked = park('a')
    expect(tell(1, { highWatermark: 9 })).toEqual({ subscribed: false })
    expect(tell(2, { highWatermark: 8 })).toEqual({ subscribed: true })
    await settled()
    expect(parked.news).toBeNull()
  })

  it('too many are refused, and what there is stays', () => {
    const { watch, add, begin } = bench(2)
    begin('a', 1, 2)
    const remove = [{ topicId: TOPIC, partition: 1 }]
    const change = { session: 'a', first: false, add: [add(3), add(4)], remove }
    expect(watch.subscribe(change)).toEqual({ known: true, full: true })
    expect(watch.size).toBe(1)
    expect(watch.subscribe({ ...change, add: [add(3)], remove: [] })).toEqual({
      known: true,
      full: false,
    })
  })
})

describe('a session', () => {
  it('gets with its next call what came while none was parked', async () => {
    const { begin, tell, park } = bench()
    begin('a', 1, 2)
    tell(1, { highWatermark: 6 })
    tell(2, { highWatermark: 6 })
    const parked = park('a')
    await settled()
    expect(parked.news).toEqual([
      [TOPIC, 1],
      [TOPIC, 2],
    ])
  })

  it('that is not known is told so, and not made by a later change or a call', async () => {
    const { watch, add } = bench()
    const change = { session: 'lost', first: false, add: [add(1)], remove: [] }
    expect(watch.subscribe(change)).toMatchObject({ known: false })
    expect(await watch.news('lost', 1_000)).toMatchObject({ known: false, news: [] })
    expect([watch.size, watch.sessions]).toEqual([0, 0])
  })

  it('has its call answered in time, and is forgotten when no other comes', async () => {
    const { watch, begin, park, pass, timers } = bench()
    begin('a', 1)
    const parked = park('a')
    await pass(WATCH_PARKED_MS - WATCH_SWEEP_MS)
    expect(parked.news).toBeNull()
    await pass(2 * WATCH_SWEEP_MS)
    expect(parked.news).toEqual([])
    const again = park('a')
    await pass(WATCH_PARKED_MS + WATCH_SWEEP_MS)
    expect([again.news, watch.sessions]).toEqual([[], 1])
    await pass(WATCH_SESSION_GRACE_MS + 2 * WATCH_SWEEP_MS)
    expect([watch.sessions, watch.size]).toEqual([0, 0])
    // Nothing keeps the object awake.
    expect(timers()).toBe(0)
  })

  it('has one call parked: an earlier one is answered', async () => {
    const { begin, park } = bench()
    begin('a', 1)
    const [first, second] = [park('a'), park('a')]
    await settled()
    expect([first.news, second.news]).toEqual([[], null])
  })
})

describe('shards', () => {
  it('are shared by neighbouring partitions, and used alike', () => {
    const topics = Array.from({ length: 1_000 }, (_, index) =>
      Buffer.from(`topic ${index}`.padEnd(16)).toString('base64url'),
    ) as TopicId[]
    const used = Array.from({ length: WATCH_SHARDS }, () => 0)
    for (const topic of topics) {
      const shard = watchShard(topic, 0)
      expect(watchShard(topic, WATCH_SHARD_PARTITIONS - 1)).toBe(shard)
      used[shard]! += 1
    }
    const all = new Set(
      Array.from({ length: 100 }, (_, group) => watchShard(TOPIC, group * WATCH_SHARD_PARTITIONS)),
    )
    expect(all.size).toBe(WATCH_SHARDS)
    for (const count of used) expect(count).toBeGreaterThan(topics.length / WATCH_SHARDS / 2)
  })
})
