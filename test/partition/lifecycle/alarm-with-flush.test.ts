// The alarm for what a flush makes due is asked for in the turn that writes the flush, so that it is in its commit: a
// leader that dies behind it would not wake again by itself. And only what it is asked for is: nothing is done or seen
// of the flush before it is confirmed.

import { describe, expect, it } from 'vitest'
import type { TopicSettings } from '../../../src/core/configs.ts'
import { Bench, batch, SETTINGS, sequenced, settled, TARGET } from '../harness.ts'
import { HALF, TieredBench } from '../tiering/world.ts'

const HOUR = 60 * 60 * 1000

/** A log of which a flush is on its way to the disk. */
async function flushing(settings: Partial<TopicSettings>, appends: () => Uint8Array) {
  const bench = new Bench()
  const all = { ...SETTINGS, retentionCheckMs: 1, ...settings }
  bench.admission = { alive: true, name: 'topic', configVersion: 1, settings: all }
  bench.holdSync = true
  const reply = bench.append(appends())
  // Cluster is asked first.
  while (bench.syncsWaiting === 0) await Promise.resolve()
  return { bench, reply }
}

describe('the alarm', () => {
  it('for the first records’ retention is asked for before they are confirmed', async () => {
    const { bench, reply } = await flushing({ retentionMs: HOUR }, () =>
      batch(1, { timestamps: [1_000_000] }),
    )
    const { nowMs } = bench
    expect(bench.wakeUps).toEqual([nowMs + HOUR + 1])
    const reading = await bench.read(0)
    expect(reading).toMatchObject({ highWatermark: 0, lastStableOffset: 0, pieces: [] })
    await bench.confirm()
    expect(await reply).toMatchObject({ kind: 'appended' })
    expect(bench.wakeUps).toHaveLength(1)
  })

  it('is asked for no record that never goes', async () => {
    const { bench } = await flushing({ retentionMs: -1, retentionBytes: -1 }, () => batch(1))
    await bench.confirm()
    expect(bench.wakeUps).toEqual([])
  })

  it('for a segment that is to be tiered is asked for with the flush that closes it', async () => {
    const bench = new TieredBench()
    await bench.fill(2)
    await bench.rest()
    bench.wakeUps.length = 0
    bench.holdSync = true
    const last = bench.append(batch(1, { valueBytes: HALF }), bench.version)
    while (bench.syncsWaiting === 0) await Promise.resolve()
    expect(bench.wakeUps).toHaveLength(1)
    expect((await bench.leader.size(TARGET)).highWatermark).toBe(2)
    bench.holdSync = false
    await bench.confirm()
    expect(await last).toMatchObject({ kind: 'appended', baseOffset: 2 })
    await bench.rest()
    expect(bench.segments.map(({ first }) => first)).toEqual([0])
  })

  it('is not asked for by a flush that was not written', async () => {
    const bench = new Bench()
    const settings = { ...SETTINGS, retentionMs: HOUR, retentionCheckMs: 1 }
    bench.admission = { alive: true, name: 'topic', configVersion: 1, settings }
    await bench.leader.size(TARGET)
    bench.storage.countFrom()
    bench.storage.failAt = 1
    const refused = bench.append(sequenced(1, 0))
    await settled()
    expect(await refused).toMatchObject({ kind: 'refused' })
    expect(bench.wakeUps).toEqual([])
  })
})
