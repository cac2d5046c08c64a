// What ListOffsets, a producer and a change of the topic's settings meet in a tiered log.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../src/core/errors.ts'
import { offset } from '../../../src/core/ids.ts'
import { OffsetSpec } from '../../../src/partition/times.ts'
import { sequenced, TARGET } from '../harness.ts'
import { HALF, offsetsOf, TieredBench } from './world.ts'

async function listed(bench: TieredBench, timestamp: number) {
  const query = { ...TARGET, timestamp, readCommitted: false }
  const { error, offset: found, timestamp: time } = await bench.leader.listOffset(query)
  expect(error).toBe(KafkaError.NONE)
  return [found, time]
}

describe('ListOffsets', () => {
  it('knows where the local log begins and where the tier ends', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    expect(await listed(bench, OffsetSpec.EARLIEST_LOCAL)).toEqual([0, -1])
    expect(await listed(bench, OffsetSpec.LATEST_TIERED)).toEqual([-1, -1])
    await bench.rest()
    expect(await listed(bench, OffsetSpec.EARLIEST_LOCAL)).toEqual([6, -1])
    expect(await listed(bench, OffsetSpec.LATEST_TIERED)).toEqual([5, -1])
    expect(await listed(bench, OffsetSpec.EARLIEST)).toEqual([0, -1])
    expect(await listed(bench, OffsetSpec.LATEST)).toEqual([7, -1])
  })

  it('finds a time in either part, after the log start', async () => {
    const bench = new TieredBench()
    await bench.fill(7, HALF, 1_000)
    await bench.rest()
    for (let at = 0; at < 7; at++) expect(await listed(bench, 1_000 + at)).toEqual([at, 1_000 + at])
    expect(await listed(bench, 0)).toEqual([0, 1_000])
    expect(await listed(bench, 1_007)).toEqual([-1, -1])
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(3) })
    expect(await listed(bench, 0)).toEqual([3, 1_003])
  })

  it('finds the highest time where only the tier has it, also when a higher one was deleted', async () => {
    const bench = new TieredBench()
    for (const time of [1_000, 9_000, 5_000, 2_000, 5_000, 1_500, 1_000]) {
      await bench.fill(1, HALF, time)
    }
    await bench.rest()
    expect(await listed(bench, OffsetSpec.MAX_TIMESTAMP)).toEqual([1, 9_000])
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(2) })
    expect(await listed(bench, OffsetSpec.MAX_TIMESTAMP)).toEqual([2, 5_000])
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(5) })
    expect(await listed(bench, OffsetSpec.MAX_TIMESTAMP)).toEqual([5, 1_500])
  })

  it('says -1 of the tier of a topic that is not tiered', async () => {
    const bench = new TieredBench({ remoteEnabled: false })
    await bench.fill(7)
    await bench.rest()
    expect(await listed(bench, OffsetSpec.LATEST_TIERED)).toEqual([-1, -1])
    expect(await listed(bench, OffsetSpec.EARLIEST_LOCAL)).toEqual([0, -1])
  })
})

describe('a producer', () => {
  it('is remembered when the chunks that told of it are only in the tier', async () => {
    const bench = new TieredBench()
    await bench.stored(sequenced(5, 0))
    await bench.stored(sequenced(5, 1))
    await bench.fill(7)
    await bench.rest(30_000)
    expect(bench.local[0]!.first).toBeGreaterThan(2)
    bench.restart()
    expect(await bench.append(sequenced(5, 1))).toMatchObject({ kind: 'appended', baseOffset: 1 })
    expect(await bench.append(sequenced(5, 2))).toMatchObject({ kind: 'appended', baseOffset: 9 })
    expect(await bench.append(sequenced(5, 9))).toMatchObject({
      error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    })
  })
})

describe('the settings of a tiered topic', () => {
  it('remote.log.copy.disable uploads no more; what is there is read on', async () => {
    const bench = new TieredBench()
    await bench.fill(5)
    await bench.rest()
    const before = bench.keys
    await bench.configure({ remoteCopyDisabled: true, localRetentionBytes: -1 })
    await bench.fill(4)
    await bench.rest()
    expect(bench.keys).toEqual(before)
    expect(offsetsOf((await bench.all(0)).batches)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    await bench.configure({})
    await bench.rest()
    expect(bench.segments).toHaveLength(4)
  })

  it('switched off with its data the log begins where it is local, and no object is left', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    await bench.rest()
    await bench.configure({ remoteEnabled: false, remoteDeleteOnDisable: true })
    await bench.rest()
    expect((await bench.leader.size(TARGET)).logStartOffset).toBe(6)
    expect(bench.keys).toEqual([])
    expect(offsetsOf((await bench.all(6)).batches)).toEqual([6])
    expect((await bench.read(0)).error).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
  })

  it('and switched on again begins with what there is', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    await bench.rest()
    await bench.configure({ remoteEnabled: false, remoteDeleteOnDisable: true })
    await bench.rest()
    await bench.configure({})
    await bench.fill(2)
    await bench.rest()
    expect(bench.segments.map(({ first, last }) => [first, last])).toEqual([[6, 7]])
    expect(offsetsOf((await bench.all(6)).batches)).toEqual([6, 7, 8])
  })
})
