// The simulated platform keeps its promises: what a crash loses, the order of events, the one source of
// chance.

import { describe, expect, it } from 'vitest'
import { Random } from './platform/random.ts'
import { Context, Scheduler } from './platform/scheduler.ts'
import { Storage } from './platform/storage.ts'

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
