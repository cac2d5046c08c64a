// Rows of segments that are not as they were written: what would be decided by them is not done and told, and the
// records are read and written as ever. (Of the segment that is written to the log is not served: integrity.test.ts.)

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../src/core/errors.ts'
import { HOUSEKEEPING_RETRY_MS } from '../../../src/core/limits/partition.ts'
import { Bench, batch, batchesOf, SETTINGS, TARGET } from '../harness.ts'

const HOUR = 60 * 60 * 1000

/** Six segments of a record each, all of them expired but the last; the one at 2 is damaged. */
async function damaged(): Promise<Bench> {
  const bench = new Bench()
  const settings = {
    ...SETTINGS,
    segmentBytes: 100,
    retentionMs: HOUR,
    retentionCheckMs: 1,
    cleanupDelete: true,
  }
  bench.admission = { alive: true, name: 'topic', configVersion: 1, settings }
  for (let at = 0; at < 5; at++) {
    await bench.appended(batch(1, { timestamps: [bench.nowMs], valueBytes: 100 }))
  }
  bench.nowMs += 2 * HOUR
  await bench.appended(batch(1, { timestamps: [bench.nowMs], valueBytes: 100 }))
  bench.storage.direct('UPDATE segment SET first_timestamp = 1 WHERE base_offset = 2')
  bench.restart()
  return bench
}

async function logStart(bench: Bench): Promise<number> {
  return (await bench.leader.size(TARGET)).logStartOffset
}

describe('a damaged row of a segment', () => {
  it('lets nothing expire, and is told', async () => {
    const bench = await damaged()
    expect(await logStart(bench)).toBe(0)
    bench.leader.housekeep()
    expect(await logStart(bench)).toBe(0)
    expect(bench.reported).toContain('expired records were not deleted')
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 6 }])
  })

  it('keeps no record from being read or written', async () => {
    const bench = await damaged()
    for (let at = 0; at < 6; at++) expect(batchesOf(await bench.read(at))[0]).toBeDefined()
    expect(await bench.append(batch(1))).toMatchObject({ kind: 'appended', baseOffset: 6 })
    expect((await bench.read(6)).error).toBe(KafkaError.NONE)
  })

  it('is told once in a while, however much is written', async () => {
    const bench = await damaged()
    // The first segment is not known any more: it is looked up, with the damaged one behind it.
    bench.storage.direct('UPDATE segment SET first_timestamp = 1 WHERE base_offset = 1')
    for (let at = 0; at < 10; at++) await bench.appended(batch(1))
    const told = () => bench.reported.filter((event) => event.startsWith('expired')).length
    expect(told()).toBe(1)
    bench.nowMs += HOUSEKEEPING_RETRY_MS
    for (let at = 0; at < 10; at++) await bench.appended(batch(1))
    expect(told()).toBe(2)
  })

  it('is of no account once its records are deleted', async () => {
    const bench = await damaged()
    const { error } = await bench.leader.deleteRecords({ ...TARGET, offset: 3 as never })
    expect(error).toBe(KafkaError.NONE)
    bench.reported.length = 0
    bench.nowMs += HOUSEKEEPING_RETRY_MS
    bench.leader.housekeep()
    expect(bench.reported).toEqual([])
    expect(await logStart(bench)).toBe(5)
  })
})
