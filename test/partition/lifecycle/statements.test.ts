// The statements that housekeeping lives by: that SQLite runs them as they are meant.

import { expect, it } from 'vitest'
import { MERGE_DELAY_MS } from '../../../src/core/limits/partition.ts'
import { Bench, batch, batchOfSize, SETTINGS, settled, TARGET } from '../harness.ts'

/** How SQLite runs each distinct statement of merging and retention. */
async function plans(): Promise<Map<string, string>> {
  const bench = new Bench()
  const settings = { ...SETTINGS, segmentMs: 100, retentionMs: 1_000_000, retentionCheckMs: 1 }
  bench.admission = { alive: true, name: 'topic', configVersion: 1, settings }
  for (let index = 0; index < 60; index++) {
    await bench.appended(batch(1, { timestamps: [1_000_000 + index * 5], valueBytes: 4_000 }))
  }
  await bench.appended(batchOfSize(4_000_000))
  bench.storage.countFrom()
  bench.restart()
  await bench.leader.size(TARGET)
  for (const ms of [MERGE_DELAY_MS, 1_000_000, 1_000, 1_000]) {
    bench.nowMs += ms
    bench.leader.housekeep()
    await settled()
  }
  const plan = new Map<string, string>()
  for (const query of bench.storage.queries) {
    if (/sqlite_master/.test(query)) continue
    const places = query.match(/\?/g)?.length ?? 0
    const rows = bench.storage.direct(`EXPLAIN QUERY PLAN ${query}`, ...Array(places).fill(1))
    plan.set(query.replace(/\s+/g, ' '), rows.map((row) => row.detail).join('; '))
  }
  return plan
}

it('reach chunks and segments by their offsets, and never sort', async () => {
  const all = [...(await plans())].filter(([query]) =>
    /(FROM|UPDATE) (chunk|segment)\b/.test(query),
  )
  expect(all.map(([query]) => query).join()).toMatch(/UPDATE chunk SET.*DELETE FROM segment/)
  for (const [query, plan] of all) {
    expect(plan, query).not.toContain('TEMP B-TREE')
    if (query.includes('WHERE')) expect(plan, query).toMatch(/SEARCH (chunk|segment)/)
  }
})
