// What those who are subscribed to a partition at its Watch object are told by its leader. When it tells
// is tells.test.ts.

import { describe, expect, it } from 'vitest'
import { offset } from '../../src/core/ids.ts'
import { TELL_LOADED_MS } from '../../src/core/limits/watch.ts'
import { Bench, batch, settled, TARGET } from './harness.ts'

const TOLD = { ...TARGET, gone: false, logStartOffset: 0 }

/** A leader with three records and a subscriber. */
async function subscribed(): Promise<Bench> {
  const bench = new Bench()
  await bench.appended(batch(3))
  bench.told.length = 0
  expect(await bench.leader.subscribed(TARGET)).toEqual({
    error: 0,
    highWatermark: 3,
    lastStableOffset: 3,
    logStartOffset: 0,
  })
  return bench
}

describe('a partition that is subscribed to', () => {
  it('is told of when a flush is confirmed, not before', async () => {
    const bench = await subscribed()
    bench.holdSync = true
    const appended = bench.append(batch(2))
    await settled()
    expect(bench.told).toEqual([])
    await bench.confirm()
    expect(await appended).toMatchObject({ kind: 'appended' })
    expect(bench.told).toEqual([{ ...TOLD, highWatermark: 5 }])
  })

  it('is not told of when the flush is lost', async () => {
    const bench = await subscribed()
    bench.holdSync = true
    const appended = bench.append(batch(2))
    await settled()
    await bench.loseCommit()
    expect(await appended).toMatchObject({ kind: 'refused' })
    expect(bench.told).toEqual([])
  })

  it('answers an append without waiting for its Watch object', async () => {
    const bench = await subscribed()
    bench.tellReply = new Error('down')
    expect(await bench.append(batch(1))).toMatchObject({ kind: 'appended', baseOffset: 3 })
    expect(bench.reported).toEqual(['subscribers were not told'])
    bench.tellReply = { subscribed: false }
    await bench.pass(60_000)
    expect(bench.told).toHaveLength(2)
    expect(bench.timers).toEqual([])
  })

  it('is told of when records are deleted', async () => {
    const bench = await subscribed()
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(2) })
    expect(bench.told).toEqual([{ ...TOLD, highWatermark: 3, logStartOffset: 2 }])
  })

  it('is told of when its topic is deleted', async () => {
    const bench = await subscribed()
    await bench.leader.fence(TARGET)
    expect(bench.told).toEqual([{ ...TOLD, highWatermark: 3, gone: true }])
  })

  it('is told of by the leader that is made after its own was evicted', async () => {
    const bench = await subscribed()
    bench.restart()
    await bench.appended(batch(1))
    expect(bench.told).toEqual([{ ...TOLD, highWatermark: 4 }])
    bench.told.length = 0
    bench.restart()
    await bench.read(0)
    await bench.pass(TELL_LOADED_MS)
    expect(bench.told).toEqual([{ ...TOLD, highWatermark: 4 }])
  })

  it('costs nothing when it was never written', async () => {
    const bench = new Bench()
    await bench.read(0)
    await bench.leader.subscribed(TARGET)
    await bench.pass(60_000)
    expect([bench.told, bench.timers]).toEqual([[], []])
  })

  it('writes nothing', async () => {
    const bench = await subscribed()
    const before = bench.storage.direct('SELECT total_changes() AS n')
    await bench.leader.subscribed(TARGET)
    bench.tellReply = { subscribed: true }
    await bench.pass(60_000)
    expect(bench.storage.direct('SELECT total_changes() AS n')).toEqual(before)
  })
})

describe('a partition that nobody subscribes to', () => {
  it('is told of once by each leader, and then never', async () => {
    const bench = new Bench()
    for (let flush = 0; flush < 50; flush++) await bench.appended(batch(1))
    expect(bench.told).toEqual([{ ...TOLD, highWatermark: 1 }])
  })
})
