// A log that moves to the tier: what is uploaded and given up when, and that nobody who reads sees it.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../src/core/errors.ts'
import { offset } from '../../../src/core/ids.ts'
import { SCHEMA_VERSION } from '../../../src/partition/schema.ts'
import { batch, batchOfSize, settled, TARGET } from '../harness.ts'
import { toLayout3 } from '../layouts.ts'
import { HALF, offsetsOf, PREFIX, TieredBench } from './world.ts'

describe('a tiered log', () => {
  it('uploads closed segments and gives them up locally; the active one stays', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    await bench.rest()
    expect(bench.segments.map(({ first, last }) => [first, last])).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ])
    expect(bench.keys).toEqual(bench.segments.map(({ key }) => key))
    expect(bench.keys.every((key) => key.startsWith(PREFIX))).toBe(true)
    expect(bench.local).toEqual([{ first: 6, last: 6 }])
    expect(bench.reported).toEqual([])
  })

  it('is read as if it were local, from every offset and after a restart', async () => {
    const bench = new TieredBench()
    await bench.fill(3)
    for (let small = 0; small < 9; small++) await bench.stored(batch(3, { valueBytes: 25_000 }))
    await bench.fill(4)
    const before = await bench.all(0)
    await bench.rest()
    expect(bench.local.length).toBeLessThan(4)
    expect(await bench.all(0)).toEqual(before)
    bench.restart()
    expect(await bench.all(0)).toEqual(before)
    for (const from of [1, 4, 7, 11, 20, 27]) {
      for (const maxBytes of [1, 150_000, 3_000_000]) {
        const { batches } = await bench.all(from, false, maxBytes)
        const expected = before.batches.filter((one) => offsetsOf([one])[0]! + 2 >= from)
        expect(offsetsOf(batches).at(-1)).toBe(offsetsOf(expected).at(-1))
        expect(batches.length).toBeGreaterThanOrEqual(expected.length - 2)
      }
    }
  })

  it('reads a batch larger than a row in its pieces', async () => {
    const bench = new TieredBench({ maxMessageBytes: 8_000_000 })
    const large = batchOfSize(4_000_000)
    await bench.fill(2)
    await bench.stored(large)
    await bench.fill(4)
    const before = await bench.all(0)
    await bench.rest()
    bench.restart()
    expect(bench.local[0]!.first).toBeGreaterThan(2)
    expect(await bench.all(0)).toEqual(before)
  }, 30_000)

  it('gives nothing up when the store may lose what it confirmed, unless that is wanted', async () => {
    const bench = new TieredBench({}, false)
    await bench.fill(7)
    await bench.rest()
    expect(bench.segments).toHaveLength(3)
    expect(bench.local).toHaveLength(7)
    await bench.configure({ tierUnsynced: true })
    await bench.rest()
    expect(bench.local).toEqual([{ first: 6, last: 6 }])
  })

  it('deletes objects when the log start moves past them', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    await bench.rest()
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(3) })
    await bench.rest()
    expect(bench.segments.map(({ first }) => first)).toEqual([2, 4])
    expect(bench.keys).toEqual(bench.segments.map(({ key }) => key))
    expect((await bench.read(2)).error).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
    expect(offsetsOf((await bench.all(3)).batches)).toEqual([3, 4, 5, 6])
  })

  it('tells who reads what is deleted meanwhile that it is out of range, and of no damage', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    await bench.rest()
    bench.restart()
    let goOn = () => {}
    bench.objects.before = (operation) =>
      operation === 'get'
        ? new Promise((resolve) => {
            goOn = resolve
          })
        : undefined
    const reading = bench.read(0)
    await settled()
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(4) })
    await bench.rest()
    bench.objects.before = () => {}
    goOn()
    expect((await reading).error).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
    expect(bench.reported).toEqual([])
  })

  it('of an older layout, which knew no tier, is opened', async () => {
    const bench = new TieredBench({ remoteEnabled: false })
    await bench.fill(7)
    const before = await bench.all(0)
    toLayout3(bench.storage)
    bench.restart()
    expect(await bench.all(0)).toEqual(before)
    expect(bench.storage.direct('SELECT version FROM schema_version')).toEqual([
      { version: SCHEMA_VERSION },
    ])
    await bench.configure({})
    await bench.rest()
    expect(bench.segments).toHaveLength(3)
    expect(await bench.all(0)).toEqual(before)
  })

  it('leaves no object behind when the topic is deleted', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    await bench.rest()
    bench.objects.objects.set(`${PREFIX}00000000000000000002-left-over`, new Uint8Array(10))
    await bench.leader.fence(TARGET)
    while ((await bench.leader.free(TARGET)) !== 'freed') await bench.pass(10)
    expect(bench.keys).toEqual([])
  })

  it('goes by retention.bytes over both parts', async () => {
    const bench = new TieredBench()
    await bench.fill(9)
    await bench.rest()
    expect(bench.segments).toHaveLength(4)
    await bench.configure({ retentionBytes: 4 * HALF })
    await bench.rest()
    expect(bench.segments.map(({ first }) => first)).toEqual([4, 6])
    expect(bench.keys).toHaveLength(2)
    expect((await bench.leader.size(TARGET)).logStartOffset).toBe(4)
  })

  it('gives up the segment that the log start cuts as any other', async () => {
    const bench = new TieredBench({ localRetentionMs: 60_000, localRetentionBytes: -1 })
    await bench.fill(3, HALF, bench.nowMs)
    await bench.rest()
    await bench.leader.deleteRecords({ ...TARGET, offset: 1 })
    bench.nowMs += 60_000
    await bench.rest()
    expect(bench.local).toEqual([{ first: 2, last: 2 }])
  })

  it('goes by retention.ms over both parts', async () => {
    const bench = new TieredBench()
    const begunMs = bench.nowMs
    await bench.fill(4, HALF, begunMs)
    await bench.fill(5, HALF, begunMs + 60_000)
    await bench.rest()
    expect(bench.segments).toHaveLength(4)
    await bench.configure({ retentionMs: 120_000 })
    bench.nowMs = begunMs + 119_000
    await bench.rest(500)
    expect((await bench.leader.size(TARGET)).logStartOffset).toBe(0)
    bench.nowMs = begunMs + 121_000
    await bench.rest()
    expect((await bench.leader.size(TARGET)).logStartOffset).toBe(4)
    expect(bench.segments.map(({ first }) => first)).toEqual([4, 6])
    expect(bench.keys).toHaveLength(2)
    expect(offsetsOf((await bench.all(4)).batches)).toEqual([4, 5, 6, 7, 8])
  })

  it('may be larger than what the object may hold', async () => {
    const bench = new TieredBench()
    bench.maxBytes = 1_500_000
    bench.restart()
    for (let turn = 0; turn < 8; turn++) {
      await bench.fill(5)
      await bench.rest()
    }
    const { batches } = await bench.all(0)
    expect(batches).toHaveLength(40)
    expect(batches.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(2 * bench.maxBytes)
    const full = new TieredBench({ remoteEnabled: false })
    full.maxBytes = bench.maxBytes
    full.restart()
    await expect(full.fill(40)).rejects.toThrow(`"error":${KafkaError.KAFKA_STORAGE_ERROR}`)
  })

  it('keeps locally what local.retention.bytes says, also while the active segment grows', async () => {
    const bench = new TieredBench({ localRetentionBytes: 5 * HALF + HALF / 2 })
    await bench.fill(7)
    await bench.rest()
    expect(bench.segments).toHaveLength(3)
    expect(bench.local).toHaveLength(7)
    await bench.fill(1)
    await bench.rest()
    expect(bench.segments).toHaveLength(3)
    expect(bench.local.map(({ first }) => first)).toEqual([2, 3, 4, 5, 6, 7])
  })

  it('keeps locally what local.retention.ms says', async () => {
    const bench = new TieredBench({ localRetentionMs: 60_000, localRetentionBytes: -1 })
    await bench.fill(7, HALF, bench.nowMs)
    await bench.rest()
    expect(bench.segments).toHaveLength(3)
    expect(bench.local).toHaveLength(7)
    bench.nowMs += 60_000
    await bench.rest()
    expect(bench.local).toEqual([{ first: 6, last: 6 }])
  })

  it('costs no statement more for a topic that is not tiered', async () => {
    const bench = new TieredBench({ remoteEnabled: false })
    await bench.fill(7)
    await bench.rest()
    bench.storage.countFrom()
    await bench.read(0)
    expect(bench.storage.queries.filter((query) => /tier/.test(query))).toEqual([])
    expect(bench.keys).toEqual([])
  })
})
