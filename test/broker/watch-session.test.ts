// What one connection says to one Watch object.

import { describe, expect, it } from 'vitest'
import { WatchSession } from '../../src/broker/watch-session.ts'
import type { TopicId } from '../../src/core/ids.ts'
import { WATCH_CHANGES_PER_CALL } from '../../src/core/limits/watch.ts'
import type { NewsReply, SubscribeReply, SubscribeRequest } from '../../src/watch/contract.ts'
import { settled } from '../partition/harness.ts'

const TOPIC = 'd2F0Y2hlZC10b3BpYy1pZA' as TopicId

function bench() {
  const changes: (PromiseWithResolvers<SubscribeReply> & { readonly request: SubscribeRequest })[] =
    []
  const news: (PromiseWithResolvers<NewsReply> & { readonly session: string })[] = []
  const fired: number[][] = []
  const wanted = new Set<number>()
  let sessions = 0
  const session = new WatchSession({
    watch: {
      subscribe(request) {
        const call = { ...Promise.withResolvers<SubscribeReply>(), request }
        changes.push(call)
        return call.promise
      },
      news(id) {
        const call = { ...Promise.withResolvers<NewsReply>(), session: id }
        news.push(call)
        return call.promise
      },
      tell: async () => ({ subscribed: false }),
      gone: async () => {},
    },
    newId: () => `session ${++sessions}`,
    fired: (targets) => fired.push(targets.map(({ partition }) => partition)),
    isWanted: ({ partition }) => wanted.has(partition),
  })
  return {
    session,
    changes,
    news,
    fired,
    wanted,
    join(partition: number) {
      const state = { joined: '' }
      const level = { highWatermark: 0, logStartOffset: 0 }
      void session.join({ topicId: TOPIC, partition, ...level }).then((joined) => {
        state.joined = joined
      })
      return state
    },
    /** The change under way is answered. */
    async take(reply: SubscribeReply | Error = { known: true, full: false }) {
      const call = changes.at(-1)!
      if (reply instanceof Error) call.reject(reply)
      else call.resolve(reply)
      await settled()
    },
  }
}

function added({ request }: { readonly request: SubscribeRequest }): number[] {
  return request.add.map(({ partition }) => partition)
}

describe('a session with a Watch object', () => {
  it('sends a change at once, and what comes while it is under way with the next', async () => {
    const { join, take, changes, news } = bench()
    const states = [1, 2, 3, 4].map(join)
    expect(changes.map(added)).toEqual([[1]])
    await take()
    expect(changes.map(added)).toEqual([[1], [2, 3, 4]])
    expect(states.map(({ joined }) => joined)).toEqual(['joined', '', '', ''])
    await take()
    expect(states.map(({ joined }) => joined)).toEqual(Array.from({ length: 4 }, () => 'joined'))
    expect(changes.map(({ request }) => request.first)).toEqual([true, false])
    // One call is parked, whatever is subscribed to.
    expect(news).toHaveLength(1)
  })

  it('sends many in several calls', async () => {
    const { join, take, changes } = bench()
    for (let partition = 0; partition < WATCH_CHANGES_PER_CALL + 11; partition++) join(partition)
    for (let call = 0; call < 3; call++) await take()
    expect(changes.map((change) => added(change).length)).toEqual([1, WATCH_CHANGES_PER_CALL, 10])
  })

  it('takes back what is not wanted any more when a call ends without news, in one change', async () => {
    const { join, take, changes, news, wanted, session } = bench()
    for (const partition of [1, 2, 3]) join(partition)
    await take()
    await take()
    wanted.add(2)
    news[0]!.resolve({ known: true, news: [] })
    await settled()
    expect(changes.at(-1)?.request).toMatchObject({ first: false, add: [] })
    expect(changes.at(-1)?.request.remove.map(({ partition }) => partition)).toEqual([1, 3])
    expect([session.size, news.length]).toEqual([1, 2])
  })

  it('ends when nothing is left, and another begins when something comes', async () => {
    const { join, take, changes, news } = bench()
    join(1)
    await take()
    news[0]!.resolve({ known: true, news: [{ topicId: TOPIC, partition: 1 }] })
    await settled()
    expect(news).toHaveLength(1)
    join(2)
    await take()
    expect(changes.map(({ request }) => [request.session, request.first])).toEqual([
      ['session 1', true],
      ['session 2', true],
    ])
    expect(news.at(-1)?.session).toBe('session 2')
  })

  it('that is lost with a change under way loses that too', async () => {
    const { join, take, news, fired } = bench()
    const first = join(1)
    await take()
    const second = join(2)
    news[0]!.reject(new Error('gone'))
    await settled()
    expect(fired).toEqual([[1, 2]])
    // The object may have taken it: nobody would hear.
    await take()
    expect([first.joined, second.joined]).toEqual(['joined', 'lost'])
  })

  it('is lost when a change of it fails, or is not known there', async () => {
    for (const reply of [new Error('gone'), { known: false, full: false }]) {
      const { join, take, fired } = bench()
      join(1)
      await take()
      const second = join(2)
      await take(reply)
      expect(second.joined).toBe('lost')
      expect(fired).toEqual([[1, 2]])
    }
  })

  it('whose object is full keeps what it has', async () => {
    const { join, take, session, fired } = bench()
    join(1)
    await take()
    const second = join(2)
    await take({ known: true, full: true })
    expect([second.joined, session.size, fired]).toEqual(['full', 1, []])
  })
})
