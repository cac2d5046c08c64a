// What a fetch waits for when commits take long, as deployed ones do: never for one that began after it.

import { describe, expect, test } from 'vitest'
import { offset } from '../../src/core/ids.ts'
import { Bench, batch, settled, TARGET } from './harness.ts'

/** A leader with one record, whose further commits wait for the test. */
async function slowDisk(): Promise<Bench> {
  const bench = new Bench()
  await bench.appended(batch(1))
  bench.holdSync = true
  return bench
}

/** A long poll from an offset: the offset behind what it got, once it got something. */
async function fetchFrom(bench: Bench, from: number): Promise<number> {
  for (;;) {
    const { pieces, highWatermark } = await bench.read(from)
    if (pieces.length > 0) return highWatermark
    await bench.leader.watch(TARGET, offset(highWatermark), 60_000)
  }
}

/** What a promise came to, as far as that is known now. */
function outcomeOf<T>(promise: Promise<T>): { value?: T } {
  const outcome: { value?: T } = {}
  void promise.then((value) => {
    outcome.value = value
  })
  return outcome
}

describe('A fetch while a commit is under way', () => {
  test('gets what was committed before without waiting', async () => {
    const bench = await slowDisk()
    void bench.append(batch(1))
    const { pieces, highWatermark } = await bench.read(0)
    expect(pieces).toHaveLength(1)
    expect(highWatermark).toBe(1)
    expect(bench.syncsWaiting).toBe(1)
  })

  test('at the end of the log waits for that commit and not for the one that follows', async () => {
    const bench = await slowDisk()
    void bench.append(batch(1))
    void bench.append(batch(1))
    const fetched = outcomeOf(fetchFrom(bench, 1))
    await settled()
    expect(fetched.value).toBeUndefined()
    await bench.confirm()
    expect(fetched.value).toBe(2)
    expect(bench.syncsWaiting, 'the second commit is still under way').toBe(1)
  })

  test('is answered with all that the commit holds, however many appends were joined in it', async () => {
    const bench = await slowDisk()
    void bench.append(batch(1))
    for (let each = 0; each < 5; each++) void bench.append(batch(2))
    await bench.confirm()
    const fetched = outcomeOf(fetchFrom(bench, 2))
    await bench.confirm()
    expect(fetched.value).toBe(12)
  })

  test('waits for one commit at most, whenever it comes', async () => {
    const bench = await slowDisk()
    // A fixed sequence that appends, fetches and confirms in every order (a linear congruential one).
    let seed = 42
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * below)
    }
    let confirmed = 0
    const waits: number[] = []
    const fetches: Promise<void>[] = []
    for (let step = 0; step < 400; step++) {
      const action = next(3)
      if (action === 0) void bench.append(batch(1 + next(3)))
      else if (action === 1) {
        const { highWatermark } = await bench.read(0)
        // With nothing under way it waits for whatever comes; that is not for a commit before it.
        if (bench.syncsWaiting === 0) continue
        const before = confirmed
        const fetch = fetchFrom(bench, highWatermark)
        fetches.push(fetch.then(() => void waits.push(confirmed - before)))
      } else if (bench.syncsWaiting > 0) {
        confirmed++
        await bench.confirm()
      }
      await settled()
    }
    while (bench.syncsWaiting > 0) {
      confirmed++
      await bench.confirm()
    }
    await Promise.all(fetches)
    expect(waits.length).toBeGreaterThan(50)
    expect(new Set(waits)).toEqual(new Set([1]))
  })
})
