// ListOffsets at the leader: by time, and the fixed points.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Codec } from '../../src/record/compression.ts'
import {
  BATCH_HEADER_BYTES,
  computeBatchCrc,
  patchLogAppendTime,
  putInt32,
} from '../../src/record/header.ts'
import { Bench, batch, TARGET } from './harness.ts'

async function lookUp(bench: Bench, timestamp: number): Promise<readonly [number, number]> {
  const reply = await bench.leader.listOffset({ ...TARGET, timestamp, readCommitted: false })
  expect(reply.error).toBe(0)
  return [reply.offset, reply.timestamp]
}

describe('listOffset', () => {
  it.each([
    ['latest', -1, [6, -1]],
    ['earliest', -2, [1, -1]],
    ['the highest time, its first record', -3, [3, 90]],
    ['earliest local', -4, [1, -1]],
    ['latest tiered', -5, [-1, -1]],
    ['a time before all', 0, [1, 20]],
    ['an exact time', 50, [2, 50]],
    ['a time between records', 51, [3, 90]],
    ['a time after all', 91, [-1, -1]],
    ['no known value', -6, [-1, -1]],
  ] as const)('answers %s', async (_, timestamp, answer) => {
    const bench = new Bench()
    await bench.appended(batch(3, { timestamps: [10, 20, 50] }))
    await bench.appended(batch(3, { timestamps: [90, 90, 60], codec: Codec.lz4 }))
    await bench.leader.deleteRecords({ ...TARGET, offset: 1 })
    expect(await lookUp(bench, timestamp)).toEqual(answer)
    bench.restart()
    expect(await lookUp(bench, timestamp)).toEqual(answer)
  })

  it('answers an empty log', async () => {
    const bench = new Bench()
    expect(await lookUp(bench, -1)).toEqual([0, -1])
    expect(await lookUp(bench, -2)).toEqual([0, -1])
    expect(await lookUp(bench, -3)).toEqual([-1, -1])
    expect(await lookUp(bench, 5)).toEqual([-1, -1])
    expect(bench.storage.tables()).toEqual([])
  })

  it('finds no record that is not durable yet', async () => {
    const bench = new Bench()
    await bench.appended(batch(1, { timestamps: [10] }))
    bench.holdSync = true
    void bench.append(batch(1, { timestamps: [99] }))
    expect(await lookUp(bench, 50)).toEqual([-1, -1])
    expect(await lookUp(bench, -3)).toEqual([0, 10])
    expect(await lookUp(bench, -1)).toEqual([1, -1])
    await bench.confirm()
    expect(await lookUp(bench, 50)).toEqual([1, 99])
  })

  it('answers a batch stamped by the broker by its header', async () => {
    const bench = new Bench()
    const stamped = batch(3, { timestamps: [1, 2, 3] })
    patchLogAppendTime(stamped, 777)
    await bench.appended(stamped)
    expect(await lookUp(bench, 5)).toEqual([0, 777])
    expect(await lookUp(bench, -3)).toEqual([0, 777])
    await bench.leader.deleteRecords({ ...TARGET, offset: 1 })
    expect(await lookUp(bench, 5)).toEqual([1, 777])
  })

  it('answers a batch whose records cannot be read by its header', async () => {
    const bench = new Bench()
    const damaged = batch(3, { timestamps: [100, 200, 300], codec: Codec.lz4 })
    damaged.fill(0xff, BATCH_HEADER_BYTES)
    putInt32(damaged, 17, computeBatchCrc(damaged))
    await bench.appended(batch(2, { timestamps: [1, 2] }))
    await bench.appended(damaged)
    expect(await lookUp(bench, 150)).toEqual([2, 300])
    expect(await lookUp(bench, -3)).toEqual([2, 300])
  })

  it('looks at few rows of many', async () => {
    const bench = new Bench()
    for (let index = 0; index < 1000; index++) {
      await bench.appended(batch(1, { timestamps: [index * 10] }))
    }
    bench.storage.countFrom()
    expect(await lookUp(bench, 7_775)).toEqual([778, 7_780])
    expect(bench.storage.statements).toBeLessThan(20)
  })

  it('agrees with a scan of all records', async () => {
    const timestamps = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(timestamps, { minLength: 1, maxLength: 12 }),
        fc.nat(60),
        fc.nat(55),
        fc.boolean(),
        async (batches, start, asked, together) => {
          const bench = new Bench()
          bench.holdCluster = together
          const replies = batches.map((each) =>
            bench.append(batch(each.length, { timestamps: each })),
          )
          await bench.answerCluster()
          await Promise.all(replies)
          const records = batches.flat().map((timestamp, at) => [at, timestamp] as const)
          const logStart = start % (records.length + 1)
          await bench.leader.deleteRecords({ ...TARGET, offset: logStart })
          const alive = records.slice(logStart)
          const highest = Math.max(...alive.map(([, timestamp]) => timestamp))
          const none = [-1, -1] as const
          expect(await lookUp(bench, asked)).toEqual(
            alive.find(([, time]) => time >= asked) ?? none,
          )
          expect(await lookUp(bench, -3)).toEqual(
            alive.find(([, time]) => time === highest) ?? none,
          )
        },
      ),
      { numRuns: 200 },
    )
  })
})
