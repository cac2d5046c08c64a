import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import type { GroupRpc } from '../../src/group/contract.ts'
import { deadGroup, unknownConsumerGroup } from '../../src/group/descriptions.ts'
import { historyAfter, type OffsetWithHistory } from '../../src/group/history.ts'
import { lagHistory, timesOf } from '../../src/http/lag-history.ts'
import { Problem } from '../../src/http/problem.ts'
import type { PartitionRpc } from '../../src/partition/contract.ts'
import { fakeContext, timers, topicState } from '../broker/fakes.ts'

const MINUTE = 60_000
const NOW = 29_000_000 * MINUTE + 20_000
const topic = topicState('orders')

/** A partition to which a record is written in the middle of every minute, and of which some are deleted. */
function log(beganMs: number, deleted: number, endedMs = NOW): Partial<PartitionRpc> {
  const times: number[] = []
  for (let at = beganMs + MINUTE / 2; at <= endedMs; at += MINUTE) times.push(at)
  const found = (at: number) => ({ error: KafkaError.NONE, offset: offset(at), timestamp: -1 })
  return {
    listOffset: async ({ timestamp }) => {
      if (timestamp === -1) return found(times.length)
      if (timestamp === -2) return found(deleted)
      const at = times.findIndex((one, index) => index >= deleted && one >= timestamp)
      return found(at)
    },
  }
}

/** An offset that was committed at these times. */
function committed(...commits: (readonly [atMs: number, offset: number])[]): OffsetWithHistory {
  let state: OffsetWithHistory | undefined
  for (const [committedMs, at] of commits) {
    state = { offset: at, committedMs, history: historyAfter(state, committedMs) }
  }
  if (state === undefined) throw new Error('no commits')
  return state
}

/** A group that has committed offsets of the topic's partitions, in their order. */
function group(offsets: readonly OffsetWithHistory[]): Partial<GroupRpc> {
  const partitions = offsets.map(({ offset: at }, partition) => {
    const plain = { leaderEpoch: -1, metadata: '', error: KafkaError.NONE }
    return { partition, offset: at, ...plain }
  })
  return {
    describeConsumer: async () => unknownConsumerGroup('g', true),
    describe: async () => ({ ...deadGroup('g', 0, true), groupState: 'Empty' }),
    fetchOffsets: async () => ({
      error: KafkaError.NONE,
      topics: [{ topicId: topic.id, name: 'orders', partitions }],
    }),
    offsetHistory: async ({ partitions: asked }) => ({
      offsets: asked.map(({ partition }) => offsets[partition] ?? null),
    }),
  }
}

function ask(
  offsets: readonly OffsetWithHistory[],
  logs: readonly Partial<PartitionRpc>[],
  query: Parameters<typeof lagHistory>[2] = {},
) {
  const context = fakeContext({
    topics: [{ ...topic, partitions: logs.length }],
    cluster: {
      lookup: async ({ ids = [], names = [] }) => ({
        clusterId: 'c',
        topics: [...names, ...ids].map(() => {
          return { error: KafkaError.NONE, topic: { ...topic, partitions: logs.length } }
        }),
      }),
    },
    partition: (_, partition) => logs[partition] ?? {},
    group: () => group(offsets),
    context: { timers: { ...timers, now: () => NOW } },
  })
  return lagHistory(context, 'g', query)
}

async function pointsOf(...asked: Parameters<typeof ask>) {
  const page = await ask(...asked)
  if (page instanceof Problem) throw new Error(JSON.stringify(page.body()))
  return page.items[0]?.points ?? []
}

describe('the lag history of a group', () => {
  it('has, for each minute, where the group was, where the partition ended, and what lay between', async () => {
    const began = NOW - 10 * MINUTE - 20_000
    // Every two minutes it commits all there is.
    const commits = [0, 2, 4, 6, 8].map(
      (minute) => [began + minute * MINUTE + 40_000, minute + 1] as const,
    )
    const points = await pointsOf([committed(...commits)], [log(began, 0)], { minutes: 5 })
    const minutes = points.map(({ time }) => (Date.parse(time) - began) / MINUTE)
    expect(minutes).toEqual([5, 6, 7, 8, 9, 10, 10 + 1 / 3])
    expect(points.map(({ committed: at }) => at)).toEqual([5, 5, 7, 7, 9, 9, 9])
    expect(points.map(({ end }) => end)).toEqual([5, 6, 7, 8, 9, 10, 10])
    expect(points.map(({ lag }) => lag)).toEqual([0, 1, 0, 1, 0, 1, 1])
  })

  it('shows how a dead group falls behind', async () => {
    const began = NOW - 360 * MINUTE - 20_000
    const dead = committed([began + 10 * MINUTE + 40_000, 11])
    const points = await pointsOf([dead], [log(began, 0)], { minutes: 360 })
    expect(points.length).toBe(62)
    expect(points[0]).toMatchObject({ committed: null, end: 0, lag: null })
    expect(points.slice(2).map(({ lag, end }) => (end ?? 0) - (lag ?? 0))).toEqual(
      Array.from({ length: 60 }, () => 11),
    )
    expect(points.at(-1)).toMatchObject({ committed: 11, end: 360, lag: 349 })
  })

  it('does not guess where a partition ended when the records that would say are deleted', async () => {
    const began = NOW - 60 * MINUTE - 20_000
    const own = committed([began + 30_000, 1])
    const points = await pointsOf([own], [log(began, 30)], { minutes: 60 })
    expect(points.slice(0, 31).every(({ end, lag }) => end === null && lag === null)).toBe(true)
    expect(points[31]).toMatchObject({ committed: 1, end: 31, lag: 30 })
  })

  it('ends where the partition does since nothing is written', async () => {
    const began = NOW - 60 * MINUTE - 20_000
    const own = committed([began + 40_000, 1])
    const points = await pointsOf([own], [log(began, 0, began + 5 * MINUTE)], { minutes: 60 })
    expect(points.at(-2)).toMatchObject({ end: 5, lag: 4 })
    expect(points[6]).toMatchObject({ end: 5, lag: 4 })
  })

  it('is of the partitions that are asked for, page by page', async () => {
    const began = NOW - 5 * MINUTE
    const own = [0, 1, 2].map((at) => committed([began, at]))
    const logs = own.map(() => log(began, 0))
    const first = await ask(own, logs, { limit: 2, points: 2 })
    expect(first).toMatchObject({ items: [{ partition: 0 }, { partition: 1 }], next: 'orders/1' })
    const rest = await ask(own, logs, { limit: 2, points: 2, after: 'orders/1' })
    expect(rest).toMatchObject({ items: [{ partition: 2 }], next: null })
    expect(await ask(own, logs, { topic: 'orders', partition: 1 })).toMatchObject({
      items: [{ partition: 1 }],
    })
    expect(await ask(own, logs, { topic: 'mail' })).toEqual({ items: [], next: null })
    expect(await ask(own, logs, { partition: 1 })).toMatchObject({
      options: { field: 'topic' },
      code: KafkaError.INVALID_REQUEST,
    })
  })

  it('says of a partition what keeps its ends from being known', async () => {
    const failing: Partial<PartitionRpc> = {
      listOffset: async () => {
        const none = { offset: offset(-1), timestamp: -1 }
        return { error: KafkaError.KAFKA_STORAGE_ERROR, ...none }
      },
    }
    const page = await ask([committed([NOW - MINUTE, 3])], [failing], { points: 2 })
    expect(page).toMatchObject({
      items: [
        { error: 'KAFKA_STORAGE_ERROR', points: [{}, { committed: 3, end: null, lag: null }] },
      ],
    })
  })
})

describe('the moments of a history', () => {
  it.each([
    [{}, 62, 60],
    [{ minutes: 360 }, 62, 360],
    [{ minutes: 360, points: 362 }, 362, 360],
    [{ minutes: 10 }, 12, 10],
    [{ minutes: 60, points: 4 }, 4, 60],
    [{ minutes: 30, points: 2 }, 2, 30],
  ])('of %j are %i, the first so many minutes ago: %i', (query, count, minutes) => {
    const times = timesOf(query, NOW)
    expect(times.length).toBe(count)
    expect(times[0]).toBe(Math.floor(NOW / MINUTE) * MINUTE - minutes * MINUTE)
    expect(times.at(-1)).toBe(NOW)
    expect(new Set(times).size).toBe(count)
    expect(times.slice(0, -1).every((time) => time % MINUTE === 0)).toBe(true)
  })
})
