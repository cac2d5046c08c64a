// The statements a partition lives by: that SQLite runs them as they are meant.

import { describe, expect, it } from 'vitest'
import { Bench, batch, batchOfSize, sequenced, TARGET } from './harness.ts'

/** How SQLite runs each distinct statement of a typical life. */
async function plans(): Promise<Map<string, string>> {
  const bench = new Bench()
  bench.storage.countFrom()
  for (let index = 0; index < 30; index++) await bench.appended(sequenced(1, index))
  await bench.appended(batchOfSize(4_000_000))
  bench.restart()
  await bench.read(3)
  await bench.read(30)
  for (const timestamp of [5, -3]) {
    await bench.leader.listOffset({ ...TARGET, timestamp, readCommitted: false })
  }
  await bench.leader.deleteRecords({ ...TARGET, offset: 12 })
  const plan = new Map<string, string>()
  for (const query of bench.storage.queries) {
    if (/^\s*CREATE|sqlite_master/.test(query)) continue
    const places = query.match(/\?/g)?.length ?? 0
    const rows = bench.storage.direct(`EXPLAIN QUERY PLAN ${query}`, ...Array(places).fill(1))
    plan.set(query.replace(/\s+/g, ' '), rows.map((row) => row.detail).join('; '))
  }
  return plan
}

describe('the statements of a partition', () => {
  it('reach chunks by their offset and never sort', async () => {
    const all = await plans()
    const chunkQueries = [...all].filter(([query]) => /(FROM|INTO) chunk/.test(query))
    expect(chunkQueries.length).toBeGreaterThan(8)
    for (const [query, plan] of chunkQueries) {
      expect(plan, query).not.toContain('TEMP B-TREE')
      if (query.includes('WHERE')) expect(plan, query).toMatch(/SEARCH chunk/)
    }
  })

  it('write one row per flush', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    for (let index = 0; index < 20; index++) {
      const before = bench.storage.rowsWritten
      bench.storage.countFrom()
      await bench.appended(index % 2 === 0 ? batch(3) : sequenced(4, (index - 1) / 2))
      expect(bench.storage.rowsWritten - before).toBe(1)
      expect(bench.storage.statements).toBe(1)
    }
  })

  it('read no batch when a log is loaded', async () => {
    const bench = new Bench()
    for (let index = 0; index < 5; index++) await bench.appended(sequenced(1, index))
    bench.storage.countFrom()
    bench.restart()
    await bench.leader.size(TARGET)
    const ofChunks = bench.storage.queries.filter((query) => query.includes('FROM chunk'))
    expect(ofChunks).toHaveLength(5)
    for (const query of ofChunks) expect(query).not.toMatch(/\bdata\b/)
  })
})
