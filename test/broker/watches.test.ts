// What a connection waits for, call by call; test/watch puts it among leaders and Watch objects.

import { describe, expect, it } from 'vitest'
import { Watches } from '../../src/broker/watches.ts'
import { offset, type TopicId } from '../../src/core/ids.ts'
import { REREAD_IDLE_MS } from '../../src/core/limits/watch.ts'
import type { PartitionRpc } from '../../src/partition/contract.ts'
import type { SubscribeRequest, WatchRpc } from '../../src/watch/contract.ts'
import { settled } from '../partition/harness.ts'
import { partial } from './fakes.ts'

const TOPIC = 'd2F0Y2hlZC10b3BpYy1pZA' as TopicId
const TARGET = { topicId: TOPIC, partition: 0 }

/** Idle with three records, of which one belongs to an open transaction. */
const AT = { highWatermark: offset(3), lastStableOffset: offset(2), logStartOffset: offset(1) }
const NOT_MOVED = { error: 0, ...AT }

type Standing = Awaited<ReturnType<PartitionRpc['subscribed']>>

function bench(reply = { known: true, full: false }) {
  const calls: string[] = []
  const changes: SubscribeRequest[] = []
  const clock = { nowMs: 1_000 }
  const later: { readonly atMs: number; readonly run: () => void }[] = []
  let watched = Promise.withResolvers<Standing>()
  let standing: () => Promise<Standing> = async () => NOT_MOVED
  const news: PromiseWithResolvers<Awaited<ReturnType<WatchRpc['news']>>>[] = []
  const leader = partial<PartitionRpc>(
    {
      watch: () => {
        calls.push('watch')
        watched = Promise.withResolvers()
        return watched.promise
      },
      subscribed: () => {
        calls.push('subscribed')
        return standing()
      },
    },
    'leader',
  )
  const watch = partial<WatchRpc>(
    {
      subscribe: async (request) => {
        calls.push('subscribe')
        changes.push(request)
        return reply
      },
      news: () => {
        calls.push('news')
        const call = Promise.withResolvers<Awaited<ReturnType<WatchRpc['news']>>>()
        news.push(call)
        return call.promise
      },
    },
    'watch',
  )
  const timers = {
    now: () => clock.nowMs,
    after: (ms: number, run: () => void) => {
      later.push({ atMs: clock.nowMs + ms, run })
      return () => {}
    },
    sleep: () => new Promise<void>(() => {}),
  }
  const watches = new Watches(timers, () => watch)
  let fired = 0
  const listen = () =>
    void watches.news(1_000).then(() => {
      fired += 1
      listen()
    })
  listen()
  return {
    watches,
    calls,
    changes,
    pass(ms: number) {
      clock.nowMs += ms
      for (const { atMs, run } of later) if (atMs <= clock.nowMs) run()
    },
    fired: () => fired,
    idleAt: (position: number) => watches.idleAt(TOPIC, 0, position),
    arm: (at: typeof AT = AT) => watches.arm(leader, TARGET, at),
    stand: (next: () => Promise<Standing>) => {
      standing = next
    },
    /** The call parked at the leader is answered. */
    async answer(next: Standing | Error = NOT_MOVED) {
      if (next instanceof Error) watched.reject(next)
      else watched.resolve(next)
      await settled()
    },
    /** The call parked at the Watch object is answered. */
    async told(next: Awaited<ReturnType<WatchRpc['news']>> | Error) {
      const call = news.shift()!
      if (next instanceof Error) call.reject(next)
      else call.resolve(next)
      await settled()
    },
  }
}

describe('a partition that was idle when it was read', () => {
  it('is idle for every reader at one of its ends, whoever read it', () => {
    const { arm, idleAt, calls } = bench()
    arm()
    // Of committed records, between the ends, and of all.
    expect([idleAt(2), idleAt(3)]).toEqual([AT, AT])
    // Deleted, readable, and beyond the end: to be read, or refused.
    expect([idleAt(0), idleAt(1), idleAt(4)]).toEqual([undefined, undefined, undefined])
    for (let poll = 0; poll < 10; poll++) arm()
    expect(calls).toEqual(['watch'])
  })

  it('is read again when the call at its leader brings news, or fails', async () => {
    for (const news of [
      { ...NOT_MOVED, highWatermark: offset(4) },
      { ...NOT_MOVED, error: 100 },
    ]) {
      const { arm, idleAt, answer, fired } = bench()
      arm()
      await answer(news)
      expect([idleAt(3), fired()]).toEqual([undefined, 1])
    }
    const { arm, idleAt, answer, fired } = bench()
    arm()
    await answer(new Error('gone'))
    expect([idleAt(3), fired()]).toEqual([undefined, 1])
  })

  it('is subscribed to when nothing happened at its leader for a while, which is then asked once more', async () => {
    const { arm, idleAt, answer, calls, changes, watches, fired } = bench()
    arm()
    await answer()
    expect(calls.toSorted()).toEqual(['news', 'subscribe', 'subscribed', 'watch'])
    expect(changes).toMatchObject([
      { first: true, remove: [], add: [{ ...TARGET, highWatermark: 3, logStartOffset: 1 }] },
    ])
    expect([idleAt(3), watches.subscribed, fired()]).toEqual([AT, 1, 0])
  })

  it.each([
    ['has moved', async () => ({ ...NOT_MOVED, highWatermark: offset(4) })],
    ['has ended a transaction', async () => ({ ...NOT_MOVED, lastStableOffset: offset(3) })],
    ['has deleted records', async () => ({ ...NOT_MOVED, logStartOffset: offset(2) })],
    ['is deleted', async () => ({ ...NOT_MOVED, error: 100 })],
    ['does not answer', () => Promise.reject(new Error('gone'))],
  ])('is read again when its leader %s meanwhile', async (_, standing) => {
    const { arm, idleAt, answer, stand, fired } = bench()
    stand(standing)
    arm()
    await answer()
    expect([idleAt(3), fired()]).toEqual([undefined, 1])
  })

  it('is read again when it is told of, and only then', async () => {
    const { arm, idleAt, answer, told, fired, calls } = bench()
    arm()
    await answer()
    await told({ known: true, news: [] })
    await told({ known: true, news: [{ topicId: TOPIC, partition: 1 }] })
    expect([idleAt(3), fired()]).toEqual([AT, 0])
    await told({ known: true, news: [TARGET] })
    expect([idleAt(3), fired()]).toEqual([undefined, 1])
    // Nothing is left to wait for.
    expect(calls.filter((call) => call === 'news')).toHaveLength(3)
  })

  it.each([
    ['is not known there any more', { known: false, news: [] }],
    ['cannot be reached', new Error('gone')],
  ])('is read again when its session %s', async (_, reply) => {
    const { arm, idleAt, answer, told, fired, changes } = bench()
    arm()
    await answer()
    await told(reply)
    expect([idleAt(3), fired()]).toEqual([undefined, 1])
    arm()
    await answer()
    expect(changes.map(({ first }) => first)).toEqual([true, true])
    expect(changes[0]?.session).not.toBe(changes[1]?.session)
  })

  it('is read every half minute when the Watch object is full', async () => {
    const { arm, idleAt, answer, pass, watches } = bench({ known: true, full: true })
    arm()
    await answer()
    expect(idleAt(3)).toEqual(AT)
    pass(REREAD_IDLE_MS)
    expect([idleAt(3), watches.size]).toEqual([undefined, 0])
    arm()
    expect(idleAt(3)).toEqual(AT)
  })

  it('keeps what a later read said when an earlier answer comes after it', async () => {
    const { arm, idleAt } = bench()
    const later = { ...AT, highWatermark: offset(5), lastStableOffset: offset(5) }
    arm(later)
    arm()
    expect([idleAt(5), idleAt(3)]).toEqual([later, undefined])
  })
})
