// Compaction in a leader: when it begins, what it leaves alone, what it writes, and what others do meanwhile.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../src/core/errors.ts'
import { offset } from '../../../src/core/ids.ts'
import { COMPACTION_IDLE_MS, ROW_BYTES } from '../../../src/core/limits/partition.ts'
import { CompactionSlot } from '../../../src/partition/compaction/slot.ts'
import { OffsetSpec } from '../../../src/partition/times.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { readBatchHeader } from '../../../src/record/header.ts'
import { settled, TARGET } from '../harness.ts'
import { World } from './world.ts'

const text = new TextEncoder()
const LARGE = 'x'.repeat(150)

/** A record a batch, and as many segments. */
async function fill(world: World, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await world.produce({ records: [{ key, value: `${LARGE}${world.written.length}` }] })
  }
}

async function keysOf(world: World): Promise<string> {
  return (await world.seen()).map(({ key }) => key).join('')
}

async function lookUp(world: World, timestamp: number) {
  const reply = await world.bench.leader.listOffset({ ...TARGET, timestamp, readCommitted: false })
  return [reply.offset, reply.timestamp]
}

describe('compaction begins', () => {
  it('when a segment is closed, and leaves the active one alone', async () => {
    const world = new World()
    await fill(world, 'a')
    await world.compacted()
    await fill(world, 'a')
    await world.compacted()
    expect(await keysOf(world)).toBe('aa')
    await fill(world, 'a', 'b', 'a')
    await world.compacted()
    expect(await keysOf(world)).toBe('aba')
    expect(world.cleanEnd).toBe(world.activeFrom)
  })

  it('when the dirty part is more than its share of the whole', async () => {
    const world = new World({ minCleanableDirtyRatio: 0.5 })
    await fill(world, 'a', 'b', 'c', 'd', 'e', 'f')
    await world.compacted()
    const { cleanEnd } = world
    expect(cleanEnd).toBe(world.activeFrom)
    await fill(world, 'a', 'b', 'c')
    await world.compacted()
    expect(world.cleanEnd).toBe(cleanEnd)
    await fill(world, 'a', 'b', 'c')
    await world.compacted()
    expect(world.cleanEnd).toBe(world.activeFrom)
    await world.verifyClean()
  })

  it('whatever the share when a record has been dirty for max.compaction.lag.ms', async () => {
    const world = new World({ minCleanableDirtyRatio: 0.9, maxCompactionLagMs: 5_000 })
    await fill(world, 'a', 'b', 'c', 'd', 'e', 'f', 'a')
    world.bench.nowMs += 5_001
    await world.compacted()
    expect(world.cleanEnd).toBe(world.activeFrom)
    // What was in the active segment is as old.
    await fill(world, 'b')
    await world.compacted()
    const { cleanEnd } = world
    expect(cleanEnd).toBe(world.activeFrom)
    await fill(world, 'c', 'd')
    await world.compacted()
    expect(world.cleanEnd).toBe(cleanEnd)
    // Woken by the alarm that was asked for.
    world.bench.nowMs += 4_000
    await world.compacted()
    expect(world.cleanEnd).toBe(cleanEnd)
    world.bench.nowMs += 1_100
    await world.compacted()
    expect(world.cleanEnd).toBe(world.activeFrom)
    await world.verifyClean()
  })

  it('for each record min.compaction.lag.ms after its time, woken by the alarm', async () => {
    const world = new World({ minCompactionLagMs: 5_000 })
    await fill(world, 'a', 'a')
    world.bench.nowMs += 3_000
    await fill(world, 'a', 'a')
    await world.compacted()
    expect(await keysOf(world)).toBe('aaaa')
    world.bench.nowMs += 2_000
    await fill(world, 'z')
    await world.compacted()
    expect(await keysOf(world)).toBe('aaaz')
    world.bench.nowMs += 3_000
    await world.compacted()
    expect(await keysOf(world)).toBe('az')
  })

  it('not where the topic is not compacted, or the broker’s cleaner is off', async () => {
    for (const settings of [
      { cleanupCompact: false, cleanupDelete: true },
      { cleanerEnabled: false },
    ]) {
      const world = new World(settings)
      await fill(world, 'a', 'a', 'a')
      await world.compacted()
      expect(await keysOf(world)).toBe('aaa')
    }
  })

  it('when the isolate’s other partition has made its last step, or was not heard of for long', () => {
    const slot = new CompactionSlot()
    const [one, other] = [{}, {}]
    expect(slot.take(one, 0)).toBe(true)
    expect(slot.take(other, 10)).toBe(false)
    expect(slot.take(one, 20)).toBe(true)
    slot.release(other)
    expect(slot.take(other, COMPACTION_IDLE_MS)).toBe(false)
    expect(slot.take(other, 20 + COMPACTION_IDLE_MS)).toBe(true)
    expect(slot.take(one, 20 + COMPACTION_IDLE_MS)).toBe(false)
    slot.release(other)
    expect(slot.take(one, 20 + COMPACTION_IDLE_MS)).toBe(true)
  })
})

describe('what compaction writes', () => {
  it('is no more rows than there were chunks, and one for the pass and one for the producers', async () => {
    const world = new World({ segmentBytes: 100_000 }, 1 << 20, { bytes: 1 << 20, ms: 1e9 })
    const { storage } = world.bench
    for (let index = 0; index < 600; index++) {
      const records = [{ key: `k${index % 40}`, value: `${index}`.padEnd(400, '.') }]
      await world.produce({ records, producerId: 7 })
    }
    const chunks = Number(storage.direct('SELECT count(*) AS n FROM chunk')[0]?.n)
    const before = storage.rowsWritten
    await world.compacted()
    // Where the pass is is kept after every two rows here, and after a hundred otherwise.
    const saved = storage.queries.filter((query) => query.includes('INTO compaction')).length
    expect(storage.rowsWritten - before - saved).toBeLessThanOrEqual(chunks + 1)
    const left = Number(storage.direct('SELECT count(*) AS n FROM chunk')[0]?.n)
    expect(left).toBeLessThan(chunks / 3)
    await world.verifyClean()
  })

  it('is a delete horizon for every tombstone that it meets first', async () => {
    const world = new World()
    await fill(world, 'a', 'b')
    await world.produce({ records: [{ key: 'a', value: null }] })
    await fill(world, 'c', 'd')
    await world.compacted()
    const horizons = (await world.headers()).filter(({ deleteHorizon }) => deleteHorizon)
    expect(horizons.map(({ baseOffset }) => baseOffset)).toEqual([2])
    world.bench.nowMs += world.settings.deleteRetentionMs
    await fill(world, 'c', 'd')
    await world.compacted()
    expect((await keysOf(world)).includes('a')).toBe(false)
  })

  it('never joins two segments in one chunk', async () => {
    const world = new World({ segmentBytes: 700 }, 1 << 20, { bytes: 1 << 20, ms: 1e9 })
    for (let index = 0; index < 60; index++) await fill(world, `k${index % 7}`, `m${index % 23}`)
    await world.compacted()
    const { storage } = world.bench
    const across = storage.direct(
      `SELECT count(*) AS n FROM chunk JOIN segment
        ON base_offset > first_offset AND base_offset <= last_offset`,
    )
    expect(across).toEqual([{ n: 0 }])
    await world.verifyClean()
  })

  it('joins segments of which little is left, and never the active one', async () => {
    const world = new World({ segmentBytes: 700 }, 1 << 20, { bytes: 1 << 20, ms: 1e9 })
    const { storage } = world.bench
    const segments = () =>
      storage.direct('SELECT base_offset AS n FROM segment ORDER BY 1').map(({ n }) => Number(n))
    for (let index = 0; index < 60; index++) await fill(world, `k${index % 5}`)
    const before = segments()
    await world.compacted()
    const after = segments()
    expect(before.length).toBeGreaterThan(15)
    expect(after.length).toBeLessThan(6)
    expect(before).toEqual(expect.arrayContaining(after))
    expect(after[0]).toBe(before[0])
    expect(after.at(-1)).toBe(before.at(-1))
    await fill(world, 'k1', 'k2')
    await world.verifyClean()
  })
})

describe('the statements of compaction', () => {
  it('reach rows by their keys and never sort', async () => {
    const world = new World()
    const { storage } = world.bench
    for (const committed of [false, true]) {
      await world.produce({
        records: [{ key: 'a', value: LARGE }],
        producerId: 10,
        transactional: true,
      })
      await world.end(10, committed)
    }
    await fill(world, 'a', 'b', 'a', 'z')
    storage.countFrom()
    await world.compacted()
    const queries = new Set(storage.queries.filter((query) => /FROM|UPDATE/.test(query)))
    expect(queries.size).toBeGreaterThan(8)
    for (const query of queries) {
      const places = query.match(/\?/g)?.length ?? 0
      const rows = storage.direct(`EXPLAIN QUERY PLAN ${query}`, ...Array(places).fill(1))
      const plan = rows.map(({ detail }) => detail).join('; ')
      expect(plan, query).not.toContain('TEMP B-TREE')
      if (query.includes('WHERE')) expect(plan, query).not.toContain('SCAN chunk')
    }
  })
})

describe('a batch larger than a row', () => {
  const value = (length: number, byte: string) => byte.repeat(length)

  it('becomes a small one, and its pieces go', async () => {
    const world = new World()
    const { storage } = world.bench
    await world.produce({
      records: [
        { key: 'a', value: value(ROW_BYTES, 'x') },
        { key: 'b', value: 'stays' },
        { key: 'a', value: value(ROW_BYTES, 'y') },
      ],
    })
    expect(storage.direct('SELECT count(*) AS n FROM chunk_part')).toEqual([{ n: 2 }])
    await fill(world, 'a', 'z')
    await world.compacted()
    expect(storage.direct('SELECT count(*) AS n FROM chunk_part')).toEqual([{ n: 0 }])
    expect(await keysOf(world)).toBe('baz')
    await world.verifyClean()
  })

  it('that was replaced between two of its pieces is not given in parts of both', async () => {
    const world = new World()
    const { leader } = world.bench
    await world.produce({
      records: [
        { key: 'a', value: value(1_000, 'x') },
        { key: 'b', value: value(ROW_BYTES, 'y') },
        { key: 'c', value: value(ROW_BYTES, 'z') },
      ],
    })
    await fill(world, 'a', 'z')
    const range = { offset: offset(0), maxBytes: 1, atLeastOneBatch: true, readCommitted: false }
    const { pieces, laterPieces } = await leader.read({ ...TARGET, ...range })
    expect(laterPieces).toBe(2)
    const { baseOffset, crc } = readBatchHeader(pieces[0]!)
    const wanted = { ...TARGET, baseOffset: offset(baseOffset), crc }
    expect((await leader.readPiece({ ...wanted, piece: 1 })).bytes).not.toBe(null)
    await world.compacted()
    expect(await leader.readPiece({ ...wanted, piece: 2 })).toEqual({ bytes: null })
    world.restart()
    expect(await world.bench.leader.readPiece({ ...wanted, piece: 2 })).toEqual({ bytes: null })
    expect(await keysOf(world)).toBe('bcaz')
    await world.verifyClean()
  })
})

describe('what cannot be read', () => {
  it('in a sound batch stays as it is, is reported once, and takes nothing from others', async () => {
    const world = new World()
    await fill(world, 'a', 'b')
    const records = [
      { timestamp: world.bench.nowMs, key: text.encode('a'), value: text.encode('?') },
    ]
    const made = buildBatch({ records })
    // It says gzip and is not.
    const { writeBatchHeader, readBatchHeader: read } = await import(
      '../../../src/record/header.ts'
    )
    writeBatchHeader(made, { ...read(made), attributes: 1 })
    expect((await world.bench.append(made)).kind).toBe('appended')
    await settled()
    await fill(world, 'b', 'c')
    for (let pass = 0; pass < 3; pass++) {
      await fill(world, 'd', 'e')
      await world.compacted()
    }
    const offsets = (await world.headers()).map(({ baseOffset }) => baseOffset)
    expect(offsets.slice(0, 4)).toEqual([0, 2, 3, 4])
    expect(world.bench.reported).toEqual(['records from offset 2 on were not compacted'])
  })

  it('because its row is damaged is left out, and the rest is compacted', async () => {
    const world = new World({ segmentBytes: 100_000 })
    await fill(world, 'a', 'b', 'a', 'c', 'b', 'd', 'a')
    await world.produce({ records: [{ key: 'roll', value: 'r'.repeat(100_000) }] })
    await fill(world, 'z')
    const { storage } = world.bench
    storage.direct('UPDATE chunk SET data = zeroblob(length(data)) WHERE first_offset = 3')
    world.restart()
    await world.compacted()
    const left = storage.direct('SELECT first_offset AS n FROM chunk ORDER BY 1').map(({ n }) => n)
    expect(left).toContain(3)
    expect(world.cleanEnd).toBe(world.activeFrom)
    expect(world.bench.reported.join()).toContain('records from offset 3 on were not compacted')
    const kept = await world.seen(true, 4)
    expect(kept.map(({ offset }) => offset)).toEqual([4, 5, 6, 7, 8])
    expect(left[0]).toBe(3)
  })
})

describe('while a pass is under way', () => {
  it('records may be deleted at any step', async () => {
    for (let steps = 0; steps < 24; steps++) {
      const world = new World({ cleanupDelete: true, segmentBytes: 1_000 })
      for (let index = 0; index < 16; index++) await fill(world, `k${index % 5}`)
      for (let step = 0; step < steps; step++) await world.step()
      const to = 9
      const reply = await world.bench.leader.deleteRecords({ ...TARGET, offset: to })
      expect(reply.error).toBe(KafkaError.NONE)
      await world.compacted()
      await fill(world, 'k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6')
      world.bench.nowMs += 1_000
      await world.compacted()
      expect(world.cleanEnd).toBe(world.activeFrom)
      const seen = await world.seen(true, to)
      const expected = new Map(
        world.written.filter(({ offset }) => offset >= to).map((one) => [one.key, one.offset]),
      )
      const cleaned = seen.filter(({ offset }) => offset < world.cleanEnd).map(({ key }) => key)
      expect(new Set(cleaned).size).toBe(cleaned.length)
      expect(new Map(seen.map(({ key, offset }) => [key, offset]))).toEqual(expected)
      const { sizeBytes } = await world.bench.leader.size(TARGET)
      expect(sizeBytes).toBe(world.storedBytes)
    }
  })

  it('chunks may be merged at any step', async () => {
    for (let steps = 1; steps < 30; steps++) {
      const world = new World({ segmentBytes: 3_000 })
      for (let index = 0; index < 24; index++) await fill(world, `k${index % 5}`)
      for (let step = 0; step < steps; step++) await world.step()
      const { storage } = world.bench
      // As merging does: two neighbours become one, with the checksum of an older layout.
      const [first, second] = storage.direct(
        `SELECT * FROM chunk WHERE first_offset < 12 AND first_offset > 2
          ORDER BY first_offset LIMIT 2`,
      )
      if (first === undefined || second === undefined) continue
      const data = Buffer.concat([first.data as Uint8Array, second.data as Uint8Array])
      storage.direct('DELETE FROM chunk WHERE first_offset = ?', Number(second.first_offset))
      storage.direct(
        'UPDATE chunk SET data = ?, size = ?, last_offset = ?, checksum = NULL WHERE first_offset = ?',
        new Uint8Array(data),
        data.length,
        Number(second.last_offset),
        Number(first.first_offset),
      )
      await world.verify()
      await world.compacted()
      await world.verifyClean()
    }
  })

  it('a topic that is deleted ends it', async () => {
    const world = new World()
    await fill(world, 'a', 'a', 'a', 'b')
    await world.step()
    await world.bench.leader.fence(TARGET)
    await world.compacted()
    expect(world.bench.reported).toEqual([])
    expect(world.bench.timers).toEqual([])
  })
})

describe('offsets by time in a compacted log', () => {
  it('are those of records that are left', async () => {
    const world = new World()
    const { bench } = world
    const start = bench.nowMs
    for (const key of ['a', 'b', 'a', 'c', 'a', 'z']) {
      await fill(world, key)
      bench.nowMs += 1_000
    }
    await world.compacted()
    expect(await keysOf(world)).toBe('bcaz')
    expect(await lookUp(world, start)).toEqual([1, start + 1_000])
    expect(await lookUp(world, start + 1_001)).toEqual([3, start + 3_000])
    expect(await lookUp(world, start + 5_001)).toEqual([-1, -1])
    expect(await lookUp(world, OffsetSpec.EARLIEST)).toEqual([0, -1])
  })

  it('never are those of a batch that was emptied', async () => {
    const world = new World()
    const { bench } = world
    const start = bench.nowMs
    bench.nowMs = start + 50_000
    await world.produce({ records: [{ key: 'a', value: LARGE }], producerId: 3 })
    bench.nowMs = start
    await fill(world, 'a', 'b', 'c')
    await world.compacted()
    expect((await world.headers())[0]).toMatchObject({ recordCount: 0, baseOffset: 0 })
    expect(await lookUp(world, OffsetSpec.MAX_TIMESTAMP)).toEqual([1, start])
    expect(await lookUp(world, start + 1)).toEqual([-1, -1])
  })

  it('are those of the first record left where the broker gave the time', async () => {
    const world = new World()
    const { patchLogAppendTime } = await import('../../../src/record/header.ts')
    const key = (name: string) => ({
      timestamp: 1,
      key: text.encode(name),
      value: text.encode(LARGE),
    })
    const made = buildBatch({ records: [key('a'), key('b')] })
    patchLogAppendTime(made, 7_000)
    await world.bench.append(made)
    await settled()
    await fill(world, 'a', 'c', 'd')
    await world.compacted()
    expect(await lookUp(world, 7_000)).toEqual([1, 7_000])
  })
})
