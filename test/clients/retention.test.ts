// A real consumer meets a log start that has moved: kcat below it follows its reset policy. And the
// launched broker deletes what expires by itself: after kill -9, with nobody calling, on its own disk, whose
// pages it fills again.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { DescribeLogDirs } from '../../src/protocol/messages/describe-log-dirs.ts'
import { batch, batchOfSize } from './batches.ts'
import { bootstrap, startBroker } from './broker.ts'
import { createTopic, EARLIEST, listOffsets, produce, until } from './calls.ts'
import { suite } from './target.ts'
import { needs, run } from './tools.ts'
import { Wire } from './wire.ts'

const shared = suite('retention-clients', {
  set: { 'log.retention.check.interval.ms': '200' },
  oracle: { 'log.initial.task.delay.ms': '100' },
})
const { scenario, connect, topic } = shared
const HOUR = 3_600_000

async function logStart(wire: Wire, name: string): Promise<number> {
  const { topics } = await listOffsets(wire, name, [0], EARLIEST)
  return Number(topics[0]!.partitions[0]!.offset)
}

describe('kcat below the log start', () => {
  for (const [policy, records] of [
    ['earliest', ['new-0', 'new-1', 'new-2']],
    ['latest', []],
    ['error', null],
  ] as const) {
    scenario(`follows its reset policy: ${policy}`, async (context) => {
      needs(context, 'kcat')
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { 'segment.ms': '1000', 'retention.ms': `${HOUR}` })
      const old = {
        records: [{ value: 'old-0' }, { value: 'old-1' }],
        timestamp: Date.now() - 2 * HOUR,
      }
      await produce(wire, name, 0, batch(old))
      const values = ['new-0', 'new-1', 'new-2'].map((value) => ({ value }))
      await produce(wire, name, 0, batch({ records: values, timestamp: Date.now() }))
      await until(async () => (await logStart(wire, name)) === 2)
      const args = ['-b', bootstrap(shared.target.kafka), '-C', '-t', name, '-p', '0', '-o', '0']
      const reset = ['-X', `topic.auto.offset.reset=${policy}`, '-e', '-q']
      const consumed = run('kcat', [...args, ...reset])
      if (records === null) await expect(consumed).rejects.toThrow(/out of range/i)
      else expect((await consumed).toString('utf8').split('\n').filter(Boolean)).toEqual(records)
    })
  }
})

const PAGE_BYTES = 4_096
const MiB = 1024 * 1024

/** What a partition's records take. */
async function retainedBytes(wire: Wire, name: string): Promise<number> {
  const topics = [{ topic: name, partitions: [0] }]
  const { results } = await wire.call(DescribeLogDirs, 4, { topics })
  return Number(results[0]!.topics[0]!.partitions[0]!.partitionSize)
}

/** Of each partition on disk: rows, and pages of which so many are free. */
function partitions(dataDir: string): { rows: number; pages: number; free: number }[] {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.sqlite'))
    .flatMap((file) => {
      const database = new DatabaseSync(join(dataDir, file), { readOnly: true })
      try {
        const number = (query: string) => Number(Object.values(database.prepare(query).get()!)[0])
        const tables = "SELECT count(*) FROM sqlite_master WHERE name = 'chunk'"
        if (number(tables) === 0) return []
        const [pages, free] = [number('PRAGMA page_count'), number('PRAGMA freelist_count')]
        return [{ rows: number('SELECT count(*) FROM chunk'), pages, free }]
      } finally {
        database.close()
      }
    })
}

describe('the launched broker', () => {
  test('deletes what expires after kill -9, though nobody calls, and fills the same pages again', async () => {
    let broker = await startBroker({ args: ['--set', 'log.retention.check.interval.ms=200'] })
    try {
      const fill = async (name: string) => {
        const wire = await Wire.open(broker.kafka)
        for (let index = 0; index < 20; index++) {
          const { errorCode } = await produce(
            wire,
            name,
            0,
            batchOfSize(500_000, { timestamp: Date.now() }),
          )
          expect(errorCode).toBe(0)
        }
        wire.close()
      }
      const wire = await Wire.open(broker.kafka)
      await createTopic(wire, 'short', 1, { 'retention.ms': '4000' })
      wire.close()
      await fill('short')
      await broker.kill()
      expect(partitions(broker.dataDir)).toMatchObject([{ rows: 20 }])
      broker = await broker.restart()
      await sleep(7_000)
      await broker.kill()
      const [emptied] = partitions(broker.dataDir)
      expect(emptied!.rows).toBe(0)
      expect(emptied!.pages - emptied!.free).toBeLessThan(20)
      broker = await broker.restart()
      const again = await Wire.open(broker.kafka)
      expect(await logStart(again, 'short')).toBe(20)
      again.close()
      await fill('short')
      await broker.kill()
      const [filled] = partitions(broker.dataDir)
      expect(filled!.pages).toBeLessThanOrEqual(emptied!.pages * 1.1)
    } finally {
      await broker.stop()
    }
  })

  test('keeps in a file of little more than the most that was retained just what is retained', async () => {
    const RETAINED = 12 * MiB
    const broker = await startBroker({ args: ['--set', 'log.retention.check.interval.ms=100'] })
    try {
      const wire = await Wire.open(broker.kafka)
      const limits = { 'retention.bytes': `${RETAINED}`, 'segment.bytes': `${MiB}` }
      await createTopic(wire, 'limited', 1, limits)
      let peak = 0
      let retained = 0
      for (let written = 0, index = 0; written < 3 * RETAINED; index++) {
        const bytes = [90_000, 2_300, 700_000, 12_000, 260_000][index % 5]!
        const made = batchOfSize(bytes, { timestamp: Date.now() })
        expect(await produce(wire, 'limited', 0, made)).toMatchObject({ errorCode: 0 })
        written += bytes
        retained = await retainedBytes(wire, 'limited')
        peak = Math.max(peak, retained)
      }
      await until(async () => {
        retained = await retainedBytes(wire, 'limited')
        return retained < RETAINED + 2 * MiB
      })
      // Chunks are freed behind the log start, in steps of their own.
      await sleep(2_000)
      retained = await retainedBytes(wire, 'limited')
      expect(retained).toBeGreaterThanOrEqual(RETAINED)
      wire.close()
      await broker.kill()
      const [file] = partitions(broker.dataDir)
      const used = (file!.pages - file!.free) * PAGE_BYTES
      console.log(
        `${(retained / MiB).toFixed(1)} MiB retained, ${(peak / MiB).toFixed(1)} at most; ` +
          `${(used / MiB).toFixed(1)} used of a file of ${((file!.pages * PAGE_BYTES) / MiB).toFixed(1)}`,
      )
      expect(used / retained).toBeLessThan(1.1)
      expect((file!.pages * PAGE_BYTES) / peak).toBeLessThan(1.1)
    } finally {
      await broker.stop()
      rmSync(broker.dataDir, { recursive: true, force: true })
    }
  })
})
