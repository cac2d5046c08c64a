// Keyed requests in a partition: what is remembered of them, for how long, and what becomes of it when their
// chunks are merged, compacted, deleted or given up to the tier.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { MERGE_DELAY_MS, PRODUCER_SNAPSHOT_CHUNKS } from '../../src/core/limits/partition.ts'
import {
  REQUEST_CLAIM_MS,
  REQUEST_KEPT_MS,
  REQUESTS_PER_PARTITION,
  REQUESTS_PER_PARTITION_BYTES,
} from '../../src/core/limits/requests.ts'
import type { AppendReply } from '../../src/partition/contract.ts'
import { type PartPlace, RequestTable } from '../../src/partition/requests.ts'
import { RequestClaims } from '../../src/partition/requests-claims.ts'
import {
  encodeRequestEvents,
  type RequestEvent,
  readRequestEvents,
} from '../../src/partition/requests-codec.ts'
import type { RequestPart } from '../../src/partition/requests-contract.ts'
import { KeptRequests, RequestMemory } from '../../src/partition/requests-kept.ts'
import { SCHEMA_VERSION } from '../../src/partition/schema.ts'
import { buildBatch } from '../../src/record/build.ts'
import { World } from './compaction/world.ts'
import { Bench, batch, batchesOf, SETTINGS, settled, TARGET } from './harness.ts'
import { toLayout4 } from './layouts.ts'
import { TieredBench } from './tiering/world.ts'

const hex = (number: number) => number.toString(16).padStart(32, '0')
const NOW = 1_000_000

/** A part of the request of this number: records [start, start + count), whose digests are their numbers. */
function part(id: number, start = 0, count = 1, more: Partial<RequestPart> = {}): RequestPart {
  const body = hex(0xb0d1)
  const digests = { before: hex(start), after: hex(start + count) }
  return {
    id: hex(id),
    body,
    isStream: false,
    partitions: 3,
    total: 0,
    start,
    count,
    ...digests,
    timeMs: 5,
    ...more,
  }
}

function place(firstOffset: number, count = 1, nowMs = NOW): PartPlace {
  return { firstOffset, lastOffset: firstOffset + count - 1, appendTimeMs: null, nowMs }
}

/** Stores the parts as one flush. */
function stored(table: RequestTable, ...parts: readonly (readonly [RequestPart, PartPlace])[]) {
  const changes = table.begin(parts[0]![1].nowMs)
  for (const [one, at] of parts) {
    expect(changes.check(one).kind).toBe('next')
    changes.accept(one, at)
  }
  const bytes = changes.encode()
  table.commit(changes)
  return bytes!
}

const verdict = (table: RequestTable, one: RequestPart, nowMs = NOW) =>
  table.begin(nowMs).check(one)

describe('a table of requests', () => {
  it('knows a batch again, wherever it is cut, and others not', () => {
    const table = new RequestTable()
    stored(table, [part(1, 0, 3), place(10, 3)])
    stored(table, [part(1, 3, 2), place(20, 2)])
    const spans = [
      { start: 0, count: 3, firstOffset: 10, lastOffset: 12, timeMs: 5, isAppendTime: false },
      { start: 3, count: 2, firstOffset: 20, lastOffset: 21, timeMs: 5, isAppendTime: false },
    ]
    const known = { count: 5, digest: hex(5), spans }
    for (const [start, count] of [
      [0, 3],
      [0, 5],
      [0, 9],
      [2, 1],
      [3, 2],
      [4, 7],
    ] as const) {
      expect(verdict(table, part(1, start, count))).toEqual({ kind: 'known', known })
    }
    expect(verdict(table, part(1, 5, 2))).toEqual({ kind: 'next' })
    expect(verdict(table, part(1, 5, 2, { before: hex(99) }))).toEqual({ kind: 'other' })
    expect(verdict(table, part(1, 6, 2))).toEqual({ kind: 'other' })
    expect(verdict(table, part(1, 0, 3, { body: hex(2) }))).toEqual({ kind: 'other' })
    expect(verdict(table, part(1, 0, 3, { isStream: true }))).toEqual({ kind: 'other' })
    expect(verdict(table, part(2, 0, 3))).toEqual({ kind: 'next' })
  })

  it('takes one batch of a request into a flush, and none again if that is not written', () => {
    const table = new RequestTable()
    const changes = table.begin(NOW)
    changes.accept(part(1), place(0))
    expect(changes.check(part(1))).toEqual({ kind: 'running' })
    expect(changes.check(part(2))).toEqual({ kind: 'next' })
    expect(verdict(table, part(1))).toEqual({ kind: 'next' })
  })

  it('joins what lies side by side, and of a stream all', () => {
    const table = new RequestTable()
    stored(table, [part(1, 0, 3), place(10, 3)], [part(2, 0, 1, { isStream: true }), place(13)])
    stored(table, [part(2, 1, 1, { isStream: true }), place(40)])
    stored(table, [part(1, 3, 2), place(13, 2)])
    expect(verdict(table, part(1))).toMatchObject({
      known: { spans: [{ start: 0, count: 5, firstOffset: 10, lastOffset: 14 }] },
    })
    expect(verdict(table, part(2, 0, 1, { isStream: true }))).toMatchObject({
      known: { spans: [{ start: 0, count: 2, firstOffset: 13, lastOffset: 40 }] },
    })
  })

  it('forgets what was not heard of for a day, and no sooner', () => {
    const table = new RequestTable()
    stored(table, [part(1), place(0)])
    stored(table, [part(2), place(1, 1, NOW + 1)])
    stored(table, [part(1, 1), place(2, 1, NOW + 2)])
    expect(verdict(table, part(2), NOW + REQUEST_KEPT_MS).kind).toBe('known')
    expect(verdict(table, part(2), NOW + 1 + REQUEST_KEPT_MS).kind).toBe('next')
    expect(verdict(table, part(1), NOW + 1 + REQUEST_KEPT_MS).kind).toBe('known')
    expect(verdict(table, part(1), NOW + 2 + REQUEST_KEPT_MS).kind).toBe('next')
    expect(table.size).toBe(0)
  })

  it('keeps so many requests, and so many bytes of them: the oldest go', () => {
    const table = new RequestTable()
    for (let id = 0; id < REQUESTS_PER_PARTITION + 3; id++) stored(table, [part(id), place(id)])
    expect(table.size).toBe(REQUESTS_PER_PARTITION)
    expect(verdict(table, part(2)).kind).toBe('next')
    expect(verdict(table, part(3)).kind).toBe('known')
    expect(table.snapshot(NOW).length).toBeLessThan(REQUESTS_PER_PARTITION_BYTES)
    // Spread over many places they are larger.
    const wide = new RequestTable()
    for (let id = 0; id < 40; id++) {
      for (let at = 0; at < 900; at++) stored(wide, [part(id, at), place(1_000_000 * id + 2 * at)])
    }
    expect(wide.snapshot(NOW).length).toBeLessThanOrEqual(REQUESTS_PER_PARTITION_BYTES)
    expect(wide.size).toBeGreaterThan(10)
    expect(wide.size).toBeLessThan(40)
    expect(verdict(wide, part(39)).kind).toBe('known')
  })

  it('remembers what a key was claimed for, and lets go of it when nothing was stored', () => {
    const table = new RequestTable()
    const claim = part(1)
    expect(table.claim(claim, NOW)).toBe(true)
    expect(table.claim(claim, NOW)).toBe(true)
    expect(table.claim({ ...claim, body: hex(7) }, NOW)).toBe(false)
    expect(table.identityOf(hex(1))).toMatchObject({ partitions: 3 })
    expect(verdict(table, part(1, 0, 1, { body: hex(7) })).kind).toBe('other')
    table.forget(hex(1))
    expect(table.claim({ ...claim, body: hex(7) }, NOW)).toBe(true)
    stored(table, [part(1, 0, 1, { body: hex(7) }), place(0)])
    table.forget(hex(1))
    expect(verdict(table, part(1, 0, 1, { body: hex(7) })).kind).toBe('known')
  })

  it('is the same from its snapshot, or from what each flush added, replayed once or more', () => {
    const step = fc.record({
      id: fc.integer({ min: 1, max: 4 }),
      count: fc.integer({ min: 1, max: 3 }),
      gap: fc.integer({ min: 0, max: 2 }),
      claims: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(), (steps, cut) => {
        const table = new RequestTable()
        const counts = new Map<number, number>()
        const rows: Uint8Array[] = []
        const snapshots: Uint8Array[] = []
        let offset = 0
        for (const [at, { id, count, gap, claims }] of steps.entries()) {
          snapshots.push(table.snapshot(NOW + at))
          if (claims) table.claim(part(id), NOW + at)
          offset += gap
          const start = counts.get(id) ?? 0
          rows.push(stored(table, [part(id, start, count), place(offset, count, NOW + at)]))
          counts.set(id, start + count)
          offset += count
        }
        const from = steps.length === 0 ? 0 : cut % steps.length
        const replays = [rows, [...rows, ...rows], [snapshots[from], ...rows.slice(from)]]
        for (const replay of replays) {
          const again = new RequestTable()
          for (const bytes of replay) if (bytes !== undefined) again.replay(bytes)
          expect(again.size).toBe(table.size)
          for (const id of counts.keys()) {
            expect(verdict(again, part(id))).toEqual(verdict(table, part(id)))
          }
        }
      }),
    )
  })
})

describe('entries of requests', () => {
  it('are read as they were written', () => {
    const digest = fc.stringMatching(/^[0-9a-f]{32}$/)
    const count = fc.nat({ max: Number.MAX_SAFE_INTEGER })
    const identity = {
      id: digest,
      body: digest,
      isStream: fc.boolean(),
      partitions: fc.nat({ max: 1000 }),
      total: count,
      atMs: count,
    }
    const claim = fc.record({ kind: fc.constant('claim' as const), ...identity })
    const stored = fc.record({
      kind: fc.constant('part' as const),
      ...identity,
      start: count,
      count: fc.nat({ max: 2 ** 31 - 1 }),
      firstOffset: count,
      lastOffset: count,
      timeMs: count,
      isAppendTime: fc.boolean(),
      after: digest,
    })
    fc.assert(
      fc.property(fc.array(fc.oneof(claim, stored)), (events: RequestEvent[]) => {
        expect(readRequestEvents(encodeRequestEvents(events))).toEqual(events)
      }),
    )
  })

  it('that are cut, or none, are an error', () => {
    const bytes = encodeRequestEvents([
      {
        kind: 'claim',
        id: hex(1),
        body: hex(2),
        isStream: true,
        partitions: 1,
        total: 0,
        atMs: NOW,
      },
    ])
    expect(() => readRequestEvents(bytes.subarray(0, -1))).toThrow('no keyed request')
    expect(() => readRequestEvents(new Uint8Array(50))).toThrow('no keyed request')
  })
})

describe('a claim', () => {
  it('keeps others away until it ends, or nothing was heard of it for long', () => {
    const claims = new RequestClaims()
    expect(claims.begin('a', 'one', 0)).toBe(true)
    expect(claims.begin('a', 'two', REQUEST_CLAIM_MS - 1)).toBe(false)
    expect(claims.begin('a', 'one', REQUEST_CLAIM_MS - 1)).toBe(true)
    expect(claims.begin('a', 'two', REQUEST_CLAIM_MS)).toBe(false)
    expect(claims.end('a', 'two')).toBe(false)
    expect(claims.begin('b', 'two', 0)).toBe(true)
    expect(claims.end('a', 'one')).toBe(true)
    expect(claims.begin('a', 'two', 0)).toBe(true)
    expect(claims.begin('a', 'three', REQUEST_CLAIM_MS)).toBe(true)
    expect(claims.end('a', 'two')).toBe(false)
  })

  it('is one of so many', () => {
    const claims = new RequestClaims()
    for (let at = 0; at <= REQUESTS_PER_PARTITION; at++) claims.begin(`${at}`, 'one', 0)
    expect(claims.begin('0', 'two', 0)).toBe(true)
    expect(claims.begin(`${REQUESTS_PER_PARTITION}`, 'two', 0)).toBe(false)
  })
})

describe('tables in memory', () => {
  it('are read when asked for, and dropped when others are and all are too many', () => {
    const reads: string[] = []
    const memory = new RequestMemory(5)
    const kept = (name: string, size: number) => {
      const table = new RequestTable()
      const rows = Array.from({ length: size }, (_, id) => stored(table, [part(id), place(id)]))
      return new KeptRequests(
        {
          requests: () => {
            reads.push(name)
            return rows
          },
        },
        memory,
      )
    }
    const [a, b, large] = [kept('a', 3), kept('b', 2), kept('large', 9)]
    expect(a.size).toBe(0)
    expect(a.table().size).toBe(3)
    expect(b.table().size).toBe(2)
    a.table()
    expect(reads).toEqual(['a', 'b'])
    expect(large.table().size).toBe(9)
    expect([a.size, b.size, large.size]).toEqual([0, 0, 9])
    expect(a.table().size).toBe(3)
    expect(large.size).toBe(0)
    expect(reads).toEqual(['a', 'b', 'large', 'a'])
  })
})

/** A leader's answer to the same batch, as a retry sends it. */
async function append(
  bench: Bench,
  one: RequestPart,
  key: string | null = null,
): Promise<AppendReply> {
  const bytes = key === null ? null : Buffer.from(key)
  const record = { timestamp: bench.nowMs, key: bytes, value: Buffer.from('v'.repeat(30)) }
  const data = buildBatch({ records: Array(one.count).fill(record) })
  const request = { ...TARGET, configVersion: 1, batch: data, part: one }
  const reply = await bench.leader.append(request)
  await settled()
  return reply
}

const isKnown = (reply: AppendReply) =>
  reply.kind === 'refused' && reply.error === KafkaError.DUPLICATE_SEQUENCE_NUMBER

const requestRows = (bench: Bench) =>
  bench.storage.direct('SELECT first_offset FROM chunk WHERE requests IS NOT NULL').length

describe('a leader', () => {
  it('writes nothing about requests that have no key, and nothing beside the chunk of one that has', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    const written = async (act: () => Promise<unknown>) => {
      const before = bench.storage.rowsWritten
      await act()
      await settled()
      return bench.storage.rowsWritten - before
    }
    const plain = await written(() => bench.append(batch(1)))
    expect(requestRows(bench)).toBe(0)
    expect(await written(() => append(bench, part(1)))).toBe(plain)
    expect(requestRows(bench)).toBe(1)
    expect(bench.storage.tables()).not.toContain('request_snapshot')
    expect(await written(() => append(bench, part(1)))).toBe(0)
  })

  it('knows what it has stored, and not what it has lost', async () => {
    const bench = new Bench()
    await append(bench, part(1, 0, 2))
    expect(await append(bench, part(1, 0, 2))).toMatchObject({
      known: { count: 2, spans: [{ firstOffset: 0, lastOffset: 1 }] },
    })
    bench.restart()
    expect(isKnown(await append(bench, part(1, 0, 2)))).toBe(true)
    bench.holdSync = true
    void bench.leader.append({ ...TARGET, configVersion: 1, batch: batch(1), part: part(2) })
    await settled()
    bench.holdSync = false
    bench.crash()
    expect(await append(bench, part(2))).toMatchObject({ kind: 'appended', baseOffset: 2 })
  })

  it('knows nothing of a batch whose flush failed', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    // The first statement reads what is known, the last one writes.
    for (let statement = 1; statement < 6; statement++) {
      bench.restart()
      await bench.leader.size(TARGET)
      bench.storage.countFrom()
      bench.storage.failAt = statement
      expect(await append(bench, part(1))).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    }
    expect(bench.aborted).toBeNull()
    expect(await append(bench, part(1))).toMatchObject({ kind: 'appended', baseOffset: 1 })
  })

  it('writes down with its next chunk what a key was claimed for', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    const claim = (body: string, act: 'begin' | 'end' = 'begin') =>
      bench.leader.claim({ ...TARGET, ...part(1), body, owner: 'me', act })
    expect(await claim(hex(1))).toEqual({ error: 0, verdict: 'free', partitions: 3, total: 0 })
    await claim(hex(1), 'end')
    await bench.appended(batch(1))
    expect(requestRows(bench)).toBe(1)
    bench.restart()
    expect(await claim(hex(2))).toMatchObject({ verdict: 'other' })
    expect(await claim(hex(1))).toMatchObject({ verdict: 'free' })
    await bench.appended(batch(1))
    expect(requestRows(bench)).toBe(1)
  })

  it('writes down with its next chunk that a stream was received whole', async () => {
    const bench = new Bench()
    const stream = { ...part(1), isStream: true, owner: 'me' }
    await bench.leader.claim({ ...TARGET, ...stream, act: 'begin' })
    await append(bench, part(1, 0, 2, { isStream: true }))
    await bench.leader.claim({ ...TARGET, ...stream, total: 7, act: 'end' })
    expect(requestRows(bench)).toBe(1)
    await bench.appended(batch(1))
    expect(requestRows(bench)).toBe(2)
    bench.restart()
    const reply = await bench.leader.claim({ ...TARGET, ...stream, act: 'begin' })
    expect(reply).toMatchObject({ verdict: 'free', total: 7 })
    expect(await append(bench, part(1, 0, 2, { isStream: true }))).toMatchObject({
      known: { count: 2, spans: [{ start: 0, count: 2, firstOffset: 0, lastOffset: 1 }] },
    })
  })

  it('writes that down where the stream has no records too, in one chunk or in two', async () => {
    for (const between of [false, true]) {
      const bench = new Bench()
      const stream = { ...part(1), isStream: true, owner: 'me' }
      await bench.leader.claim({ ...TARGET, ...stream, act: 'begin' })
      if (between) await bench.appended(batch(1))
      await bench.leader.claim({ ...TARGET, ...stream, total: 7, act: 'end' })
      await bench.appended(batch(1))
      bench.restart()
      const reply = await bench.leader.claim({ ...TARGET, ...stream, act: 'begin' })
      expect(reply).toMatchObject({ verdict: 'free', total: 7 })
    }
  })

  it('answers a claim of a partition that is gone, or never was, as any other call', async () => {
    const bench = new Bench()
    bench.admission = { alive: false }
    const claim = { ...TARGET, ...part(1), owner: 'me', act: 'begin' } as const
    expect(await bench.leader.claim(claim)).toMatchObject({ error: KafkaError.UNKNOWN_TOPIC_ID })
    expect(bench.storage.tables()).toEqual([])
  })

  it('reads no more than its snapshot and the chunks behind it, however many there were', async () => {
    const bench = new Bench()
    const total = 2 * PRODUCER_SNAPSHOT_CHUNKS + 10
    for (let id = 0; id < total; id++) await append(bench, part(id))
    expect(bench.storage.tables()).toContain('request_snapshot')
    bench.restart()
    for (const id of [0, 1, PRODUCER_SNAPSHOT_CHUNKS, total - 1]) {
      expect(isKnown(await append(bench, part(id))), `${id}`).toBe(true)
    }
    const deltas = bench.storage.direct(
      'SELECT count(*) AS n FROM chunk WHERE first_offset >= (SELECT next_offset FROM producer_snapshot)',
    )
    expect(Number(deltas[0]!.n)).toBeLessThan(PRODUCER_SNAPSHOT_CHUNKS)
  }, 30_000)

  it('serves nothing on a guess when what it kept of requests is damaged', async () => {
    const bench = new Bench()
    await append(bench, part(1))
    await bench.leader.deleteRecords({ ...TARGET, offset: -1 as never })
    bench.storage.direct('UPDATE request_snapshot SET data = zeroblob(106)')
    bench.restart()
    const claim = { ...TARGET, ...part(1), owner: 'me', act: 'begin' } as const
    expect(await bench.leader.claim(claim)).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    expect(bench.reported).toContain('keyed requests were not read')
  })
})

describe('what a chunk says of requests', () => {
  it('is part of the row and of its checksum', async () => {
    const bench = new Bench()
    await append(bench, part(1))
    bench.restart()
    expect((await bench.read(0)).error).toBe(KafkaError.NONE)
    for (const damage of ['zeroblob(106)', "x'6f6e'", "x''", 'NULL']) {
      bench.storage.direct(`UPDATE chunk SET requests = ${damage}`)
      bench.restart()
      expect((await bench.read(0)).error, damage).toBe(KafkaError.CORRUPT_MESSAGE)
    }
  })

  it('is nothing in a log of the layout before, which is brought up to this one with its records', async () => {
    const bench = new Bench()
    const settings = { ...SETTINGS, segmentBytes: 100 }
    bench.admission = { alive: true, name: 'topic', configVersion: 1, settings }
    const batches = Array.from({ length: 4 }, () => batch(1, { valueBytes: 100 }))
    for (const one of batches) await bench.appended(one)
    const segments = bench.storage.direct('SELECT * FROM segment')
    expect(segments).toHaveLength(4)
    toLayout4(bench.storage)
    bench.restart()
    expect(batchesOf(await bench.read(0))).toEqual(batches)
    expect(bench.storage.direct('SELECT * FROM segment')).toEqual(segments)
    expect(bench.storage.direct('SELECT version FROM schema_version')).toEqual([
      { version: SCHEMA_VERSION },
    ])
    await append(bench, part(1))
    bench.restart()
    expect(isKnown(await append(bench, part(1)))).toBe(true)
    expect(batchesOf(await bench.read(4))).toHaveLength(1)
  })
})

describe('a request is known for its time, though its chunk was', () => {
  it('merged', async () => {
    const bench = new Bench()
    const count = 400
    for (let id = 0; id < count; id++) await append(bench, part(id, 0, 3))
    await bench.pass(MERGE_DELAY_MS)
    for (let turn = 0; turn < 20; turn++) {
      bench.leader.housekeep()
      await bench.pass(1_000)
    }
    expect(bench.storage.direct('SELECT first_offset FROM chunk').length).toBeLessThan(count / 4)
    bench.restart()
    for (let id = 0; id < count; id++) {
      expect(await append(bench, part(id, 0, 3))).toMatchObject({
        known: { spans: [{ firstOffset: 3 * id, lastOffset: 3 * id + 2 }] },
      })
    }
    expect((await bench.read(0)).error).toBe(0)
  })

  it('compacted away', async () => {
    const world = new World()
    const { bench } = world
    await append(bench, part(1), 'a')
    for (let at = 0; at < 6; at++) {
      await world.produce({ records: [{ key: 'a', value: `${'x'.repeat(150)}${at}` }] })
    }
    await world.compacted()
    expect(requestRows(bench)).toBe(0)
    bench.restart()
    expect(isKnown(await append(bench, part(1)))).toBe(true)
  })

  it('deleted with its records', async () => {
    const bench = new Bench()
    await append(bench, part(1))
    await bench.leader.deleteRecords({ ...TARGET, offset: -1 as never })
    for (let turn = 0; turn < 5; turn++) {
      bench.leader.housekeep()
      await bench.pass(1_000)
    }
    expect(bench.storage.direct('SELECT first_offset FROM chunk')).toEqual([])
    bench.restart()
    expect(isKnown(await append(bench, part(1)))).toBe(true)
  })

  it('expired', async () => {
    const bench = new Bench()
    const settings = { ...SETTINGS, retentionMs: 1_000, retentionCheckMs: 1, segmentMs: 1 }
    bench.admission = { alive: true, name: 'topic', configVersion: 1, settings }
    bench.restart()
    await append(bench, part(1))
    await bench.pass(10_000)
    for (let turn = 0; turn < 20; turn++) {
      bench.leader.housekeep()
      await bench.pass(1_000)
    }
    expect(bench.storage.direct('SELECT first_offset FROM chunk')).toEqual([])
    bench.restart()
    expect(isKnown(await append(bench, part(1)))).toBe(true)
  })

  it('given up to the tier', async () => {
    const bench = new TieredBench()
    await append(bench, part(1))
    await bench.fill(7)
    await bench.rest()
    expect(requestRows(bench)).toBe(0)
    expect(bench.local[0]!.first).toBeGreaterThan(0)
    bench.restart()
    expect(isKnown(await append(bench, part(1)))).toBe(true)
  })
})
