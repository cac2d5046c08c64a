// The simulated platform keeps its promises: what a crash loses, the order of events, the one source of
// chance.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { edited } from './hooks.ts'
import { SEAMS, settable } from './limits.ts'
import { type BucketProfile, HEALTHY_BUCKET, SimulatedBucket } from './platform/bucket.ts'
import { Random } from './platform/random.ts'
import { Context, Scheduler, settled } from './platform/scheduler.ts'
import { Storage } from './platform/storage.ts'
import { Trace } from './platform/trace.ts'

describe('storage', () => {
  function numbers(storage: Storage): unknown[] {
    return storage.exec('SELECT n FROM t ORDER BY n', []).map(({ n }) => n)
  }

  it('loses what comes behind the cut, and the alarm with it', () => {
    const storage = new Storage()
    storage.exec('CREATE TABLE t (n INTEGER)', [])
    storage.transactionSync(() => {
      storage.exec('INSERT INTO t VALUES (?)', [1])
      storage.exec('INSERT INTO t VALUES (?)', [2])
    })
    storage.setAlarm(5)
    storage.confirm(storage.position)
    storage.exec('INSERT INTO t VALUES (?)', [3])
    storage.setAlarm(9)
    expect([numbers(storage), storage.unconfirmed, storage.alarmMs]).toEqual([[1, 2, 3], 2, 9])
    storage.cut(storage.confirmed)
    expect([numbers(storage), storage.unconfirmed, storage.alarmMs]).toEqual([[1, 2], 0, 5])
  })

  it('undoes a transaction that throws', () => {
    const storage = new Storage()
    storage.exec('CREATE TABLE t (n INTEGER)', [])
    const fail = () =>
      storage.transactionSync(() => {
        storage.exec('INSERT INTO t VALUES (?)', [1])
        throw new Error('no')
      })
    expect(fail).toThrow('no')
    expect([numbers(storage), storage.position]).toEqual([[], 1])
  })
})

describe('storage that fails', () => {
  it('keeps nothing of a transaction in which a statement, or its end, fails', () => {
    const fill = (storage: Storage) =>
      storage.transactionSync(() => {
        storage.exec('INSERT INTO t VALUES (?)', [1])
        storage.exec('INSERT INTO t VALUES (?)', [2])
      })
    for (const failing of [1, 2, 3]) {
      const storage = new Storage()
      storage.exec('CREATE TABLE t (n INTEGER)', [])
      let statements = 0
      storage.fails = () => ++statements === failing
      expect(() => fill(storage)).toThrow('SQLITE_IOERR')
      storage.fails = null
      expect([storage.look('SELECT n FROM t'), storage.position]).toEqual([[], 1])
      fill(storage)
      expect(storage.look('SELECT n FROM t')).toEqual([{ n: 1 }, { n: 2 }])
    }
  })

  it('tells its witness what was written, and what a crash has lost', () => {
    const storage = new Storage()
    const heard: (string | number)[] = []
    storage.witness = {
      wrote: (statements, position) => heard.push(`${statements.length} to ${position}`),
      cut: (position) => heard.push(position),
    }
    storage.exec('CREATE TABLE t (n INTEGER)', [])
    storage.exec('INSERT INTO t VALUES (?)', [1])
    storage.exec('SELECT n FROM t', [])
    storage.cut(1)
    expect(heard).toEqual(['1 to 1', '1 to 2', 1])
  })
})

describe('the bucket', () => {
  async function outcome(profile: Partial<BucketProfile>) {
    const scheduler = new Scheduler()
    const trace = new Trace(() => 0, false)
    const random = new Random(1)
    const bucket = new SimulatedBucket(
      { ...HEALTHY_BUCKET, ...profile },
      { scheduler, trace, random },
    )
    const seen: (string | boolean)[] = []
    const put = bucket.binding().put('a', Uint8Array.of(7))
    put.then(
      () => seen.push('confirmed', bucket.objects.has('a')),
      () => seen.push('failed', bucket.objects.has('a')),
    )
    while (scheduler.step()) await settled()
    return [...seen, bucket.objects.has('a')]
  }

  it.each([
    ['has what it confirmed', {}, [['confirmed', true, true]]],
    ['fails and has nothing', { fails: 1 }, [['failed', false, false]]],
    ['loses its answer, not the object', { answerLost: 1 }, [['failed', true, true], [true]]],
    ['is late', { late: 1, lateMs: 60_000 }, [['failed', false, true], [true]]],
  ])('%s', async (_, profile, outcomes) => {
    expect(outcomes).toContainEqual(await outcome(profile))
  })
})

describe('limits', () => {
  it('become what a world may set, wherever they are written', () => {
    const source = 'const KiB = 1024\nexport const A_BYTES = 2 * KiB\n'
    const set = settable(source)
    expect(set).toContain('export let A_BYTES = 2 * KiB')
    expect(set).toContain("case 'A_BYTES': A_BYTES = value; break")
    expect(set).toContain('const KiB = 1024')
  })

  it.each(SEAMS)('has a seam in $file', (seam) => {
    const source = readFileSync(join(import.meta.dirname, '../../src', seam.file), 'utf8')
    expect(edited('seam', seam, source)).toContain(seam.to)
  })
})

describe('the scheduler', () => {
  it('fires by time, then in the order made, later for who is stalled, never for the dead', () => {
    const scheduler = new Scheduler()
    const startMs = scheduler.nowMs
    const [stalled, dead] = [new Context('stalled'), new Context('dead')]
    const fired: string[] = []
    const note = (what: string) => () => fired.push(`${what} ${scheduler.nowMs - startMs}`)
    scheduler.after(2, null, note('c'))
    scheduler.after(1, stalled, note('s'))
    scheduler.after(1, null, note('a'))
    scheduler.after(1, dead, note('d'))
    scheduler.after(1, null, note('b'))
    scheduler.after(1, null, note('cancelled'))()
    stalled.stalledUntilMs = startMs + 5
    dead.kill()
    while (scheduler.step());
    expect(fired).toEqual(['a 1', 'b 1', 'c 2', 's 5'])
  })
})

describe('chance', () => {
  it('is the same for the same seed, and spread over what is asked', () => {
    const draw = (seed: number) => {
      const random = new Random(seed)
      return Array.from({ length: 2_000 }, () => random.between(1, 6))
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    for (const face of [1, 2, 3, 4, 5, 6]) {
      const share = draw(7).filter((one) => one === face).length / 2_000
      expect(Math.abs(share - 1 / 6)).toBeLessThan(0.03)
    }
  })
})
