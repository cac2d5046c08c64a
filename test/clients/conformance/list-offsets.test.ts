// ListOffsets and OffsetForLeaderEpoch: where a log begins and ends, and which offset belongs to a
// time or an epoch. KIP-79, KIP-207, KIP-320, KIP-396, KIP-734, KIP-405 (local and tiered).

import { describe, expect } from 'vitest'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { OffsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { Random } from '../../simulation/platform/random.ts'
import { batch } from '../batches.ts'
import { createTopic, listOffsets, produce } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('list-offsets')
const BASE = Date.now() - 1_000_000

/** Six records in three batches, at BASE + 0, 10 | 40, 30 | 20, 50 ms. */
async function timed(wire: Wire): Promise<string> {
  const name = topic()
  await createTopic(wire, name)
  for (const [first, second] of [
    [0, 10],
    [40, 30],
    [20, 50],
  ] as const) {
    const records = [{ value: 'a' }, { value: 'b', timestampDelta: second - first }]
    const got = await produce(wire, name, 0, batch({ records, timestamp: BASE + first }))
    expect(got.errorCode).toBe(0)
  }
  return name
}

async function at(wire: Wire, name: string, timestamp: number, version = 10) {
  return (await listOffsets(wire, name, [0], timestamp, version)).topics[0]!.partitions[0]!
}

describe('ListOffsets', () => {
  // biome-ignore format: a table reads best with a row a line
  const SPECIAL: readonly (readonly [title: string, timestamp: number, from: number, offset: number, time: number])[] = [
    ['the latest', -1, 1, 6, -1],
    ['the earliest', -2, 1, 0, -1],
    ['the largest timestamp', -3, 7, 5, BASE + 50],
    ['the earliest local', -4, 8, 0, -1],
    ['the latest tiered, of which there is none', -5, 9, -1, -1],
  ]
  for (const [title, timestamp, from, offset, time] of SPECIAL) {
    for (let version = from; version <= 10; version += 1) {
      scenario(`gives ${title} in version ${version}`, async () => {
        const wire = await connect()
        const got = await at(wire, await timed(wire), timestamp, version)
        expect(got).toMatchObject({ errorCode: 0, offset, timestamp: time })
        expect(got.leaderEpoch).toBe(version >= 4 && offset >= 0 ? 0 : -1)
      })
    }
  }

  for (const [timestamp, version] of [
    [-3, 6],
    [-4, 7],
    [-5, 8],
    [-6, 10],
    [-100, 10],
  ] as const) {
    scenario(`of ${timestamp} in version ${version} gets UNSUPPORTED_VERSION`, async () => {
      const wire = await connect()
      expect(await at(wire, await timed(wire), timestamp, version)).toMatchObject({
        errorCode: 35,
        offset: -1,
      })
    })
  }

  // biome-ignore format: a table reads best with a row a line
  const TIMES: readonly (readonly [ms: number, offset: number, time: number])[] = [
    [-1_000, 0, 0], [0, 0, 0], [1, 1, 10], [10, 1, 10], [11, 2, 40], [30, 2, 40], [40, 2, 40], [41, 5, 50], [50, 5, 50],
  ]
  for (const [ms, offset, time] of TIMES) {
    scenario(`gives the first record at or after +${ms} ms`, async () => {
      const wire = await connect()
      const got = await at(wire, await timed(wire), BASE + ms)
      expect(got).toMatchObject({ errorCode: 0, offset, timestamp: BASE + time, leaderEpoch: 0 })
    })
  }

  for (const seed of [1, 2, 3]) {
    scenario(
      `gives what a scan finds, of random times over many segments (seed ${seed})`,
      async () => {
        const random = new Random(seed)
        const wire = await connect()
        const name = topic()
        await createTopic(wire, name, 1, { 'segment.ms': '400' })
        const times: number[] = []
        for (let index = 0; index < 30; index++) {
          // Forward as a rule, with some that are late or early.
          const start = 50 * index + random.between(-300, 300)
          const deltas = Array.from({ length: random.between(1, 4) }, () => random.between(0, 90))
          const records = deltas.map((timestampDelta) => ({ value: 'v', timestampDelta }))
          const codec = random.pick([0, 1])
          const got = await produce(
            wire,
            name,
            0,
            batch({ records, timestamp: BASE + start, codec }),
          )
          expect(got.errorCode).toBe(0)
          times.push(...deltas.map((delta) => start + delta))
        }
        const largest = Math.max(...times)
        expect(await at(wire, name, -3)).toMatchObject({
          offset: times.indexOf(largest),
          timestamp: BASE + largest,
        })
        for (let index = 0; index < 25; index++) {
          const wanted = random.between(-400, largest + 20)
          const offset = times.findIndex((time) => time >= wanted)
          const timestamp = offset < 0 ? -1 : BASE + times[offset]!
          expect(await at(wire, name, BASE + wanted), `+${wanted}`).toMatchObject({
            offset,
            timestamp,
          })
        }
      },
    )
  }

  scenario('goes by the time of the append where the broker sets it', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { 'message.timestamp.type': 'LogAppendTime' })
    const appended: number[] = []
    for (const claimed of [BASE, BASE - 500_000, BASE + 500_000]) {
      const records = [{ value: 'a' }, { value: 'b', timestampDelta: 700 }]
      const got = await produce(wire, name, 0, batch({ records, timestamp: claimed }))
      expect(got.errorCode).toBe(0)
      appended.push(Number(got.logAppendTimeMs))
      await new Promise((done) => setTimeout(done, 10))
    }
    for (const [index, timestamp] of appended.entries()) {
      expect(await at(wire, name, timestamp)).toMatchObject({ offset: 2 * index, timestamp })
    }
    const last = { offset: 4, timestamp: appended[2] }
    expect(await at(wire, name, appended[1]! + 1)).toMatchObject(last)
    expect(await at(wire, name, -3)).toMatchObject(last)
    expect(await at(wire, name, appended[2]! + 1)).toMatchObject({ offset: -1, timestamp: -1 })
  })

  scenario('gives none for a time after the last record', async () => {
    const wire = await connect()
    const got = await at(wire, await timed(wire), BASE + 51)
    expect(got).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1, leaderEpoch: -1 })
  })

  scenario('looks into compressed batches for a time', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const records = [
      { value: 'a' },
      { value: 'b', timestampDelta: 10 },
      { value: 'c', timestampDelta: 20 },
    ]
    await produce(wire, name, 0, batch({ records, timestamp: BASE, codec: 1 }))
    expect(await at(wire, name, BASE + 5)).toMatchObject({ offset: 1, timestamp: BASE + 10 })
  })

  scenario('of an empty partition gives 0, 0 and none', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    expect(await at(wire, name, -1)).toMatchObject({ errorCode: 0, offset: 0 })
    expect(await at(wire, name, -2)).toMatchObject({ errorCode: 0, offset: 0 })
    expect(await at(wire, name, -3)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 })
    expect(await at(wire, name, 0)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 })
  })

  scenario('starts at the log start after DeleteRecords', async () => {
    const wire = await connect()
    const name = await timed(wire)
    const topics = [{ name, partitions: [{ partitionIndex: 0, offset: 3 }] }]
    await wire.call(DeleteRecords, 2, { topics, timeoutMs: 5_000 })
    expect(await at(wire, name, -2)).toMatchObject({ errorCode: 0, offset: 3 })
    expect((await at(wire, name, BASE)).offset).toBeGreaterThanOrEqual(3)
  })

  scenario('of an unknown topic or partition gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    const name = await timed(wire)
    const got = await listOffsets(wire, name, [0, 1], -1)
    const answers = got.topics[0]!.partitions.map((one) => [one.partitionIndex, one.errorCode])
    expect(answers.toSorted()).toEqual([
      [0, 0],
      [1, 3],
    ])
    expect(await at(wire, `${name}-not`, -1)).toMatchObject({ errorCode: 3, offset: -1 })
  })

  scenario('with a newer leader epoch gets UNKNOWN_LEADER_EPOCH', async () => {
    const wire = await connect()
    const name = await timed(wire)
    for (const [currentLeaderEpoch, errorCode] of [
      [-1, 0],
      [0, 0],
      [1, 75],
    ] as const) {
      const partitions = [{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch }]
      const got = await wire.call(ListOffsets, 7, { replicaId: -1, topics: [{ name, partitions }] })
      expect(got.topics[0]!.partitions[0]!.errorCode).toBe(errorCode)
    }
  })
})

describe('OffsetForLeaderEpoch', () => {
  for (const version of [2, 3, 4]) {
    scenario(
      `in version ${version} ends epoch 0 at the log end and knows no later epoch`,
      async () => {
        const wire = await connect()
        const name = await timed(wire)
        const cases = [
          {
            leaderEpoch: 0,
            currentLeaderEpoch: -1,
            answer: { errorCode: 0, leaderEpoch: 0, endOffset: 6 },
          },
          {
            leaderEpoch: 5,
            currentLeaderEpoch: 0,
            answer: { errorCode: 0, leaderEpoch: -1, endOffset: -1 },
          },
          {
            leaderEpoch: 0,
            currentLeaderEpoch: 3,
            answer: { errorCode: 75, leaderEpoch: -1, endOffset: -1 },
          },
        ]
        for (const { leaderEpoch, currentLeaderEpoch, answer } of cases) {
          const partitions = [{ partition: 0, currentLeaderEpoch, leaderEpoch }]
          const got = await wire.call(OffsetForLeaderEpoch, version, {
            replicaId: -1,
            topics: [{ topic: name, partitions }],
          })
          expect(got.topics[0]!.partitions[0]).toMatchObject({ partition: 0, ...answer })
        }
      },
    )
  }

  scenario('of an unknown partition gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    const partitions = [{ partition: 9, leaderEpoch: 0 }]
    const topics = [{ topic: await timed(wire), partitions }]
    const got = await wire.call(OffsetForLeaderEpoch, 4, { replicaId: -1, topics })
    expect(got.topics[0]!.partitions[0]).toMatchObject({ errorCode: 3, endOffset: -1 })
  })
})
