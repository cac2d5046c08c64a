// The file of a log: it holds little more than the log, and never becomes much larger than the log was.
// There is no VACUUM in an object, so a page once taken is used again or wasted.

import { describe, expect, it } from 'vitest'
import { MERGE_DELAY_MS } from '../../../src/core/limits/partition.ts'
import { Bench, batch, SETTINGS, settled, TARGET } from '../harness.ts'

const PAGE = 4_096
const MiB = 1024 * 1024

/** Sizes of the flushes of a topic, by their number, and how much of it is retained. */
const TOPICS: readonly (readonly [
  what: string,
  retained: number,
  size: (index: number) => number,
])[] = [
  ['tiny rows', 2 * MiB, (index) => 10 + ((index * 7_919) % 300)],
  ['rows a little over half a page', 8 * MiB, () => 2_030],
  ['rows of a few pages', 12 * MiB, (index) => 4_000 + ((index * 7_919) % 12_000)],
  ['rows of about 64 KiB', 24 * MiB, (index) => 40_000 + ((index * 7_919) % 50_000)],
  ['large rows', 24 * MiB, (index) => 200_000 + ((index * 7_919) % 800_000)],
  ['batches of several rows', 24 * MiB, () => 3_000_000],
  ['rows of all sizes', 24 * MiB, (index) => [12, 2_300, 700_000, 5_000, 90_000][index % 5] ?? 0],
]

/** The alarm comes until all is done that is due. */
async function alarms(bench: Bench): Promise<void> {
  for (;;) {
    const next = Math.min(...bench.wakeUps)
    if (next > bench.nowMs) return
    bench.wakeUps.length = 0
    bench.leader.housekeep()
    await settled()
  }
}

describe('the file of a log', () => {
  it.each(TOPICS)(
    'of %s, %d bytes retained, follows that within 10 %%',
    async (_, retained, size) => {
      const bench = new Bench()
      bench.storage.keepsJournal = false
      const settings = {
        ...SETTINGS,
        segmentBytes: MiB,
        retentionMs: -1,
        retentionBytes: retained,
        retentionCheckMs: 1,
      }
      bench.admission = { alive: true, name: 'topic', configVersion: 1, settings }
      let peak = 0
      let file = 0
      for (let written = 0, index = 0; written < 3 * retained; index++) {
        const made = batch(1, { valueBytes: size(index) })
        const bytes = made.length
        await bench.appended(made)
        written += bytes
        bench.nowMs += 20
        await alarms(bench)
        if (index % 50 === 0 || bytes > 100_000) {
          peak = Math.max(peak, (await bench.leader.size(TARGET)).sizeBytes)
          file = Math.max(file, bench.storage.pages().all * PAGE)
        }
      }
      for (let turn = 0; turn < 400; turn++) {
        bench.nowMs += MERGE_DELAY_MS / 100
        await alarms(bench)
      }
      const { sizeBytes, logStartOffset } = await bench.leader.size(TARGET)
      const { all, free } = bench.storage.pages()
      expect(logStartOffset).toBeGreaterThan(0)
      expect(sizeBytes).toBeGreaterThanOrEqual(retained)
      expect(((all - free) * PAGE) / sizeBytes).toBeLessThan(1.1)
      expect(file / peak).toBeLessThan(1.1)
      // Less is retained: the pages are given back to the log, not to the disk.
      const less = { ...settings, retentionBytes: 2 * MiB }
      await bench.leader.configure(TARGET, 2, less)
      for (let turn = 0; turn < 100; turn++) {
        bench.nowMs += 100
        await alarms(bench)
      }
      const left = (await bench.leader.size(TARGET)).sizeBytes
      const pages = bench.storage.pages()
      expect(left).toBeLessThan(7 * MiB)
      expect(((pages.all - pages.free) * PAGE) / left).toBeLessThan(1.1)
      expect(pages.all).toBe(all)
    },
    120_000,
  )
})
