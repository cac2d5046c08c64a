// The machine stops at each call to the object store in turn: before it takes effect, after it, or with what is
// written from then on lost. Opened again the log is whole, and what nobody knows of is gone.

import { describe, expect, it } from 'vitest'
import { offset } from '../../../src/core/ids.ts'
import { TIER_LATE_PUT_MS, TIER_SWEEP_MS } from '../../../src/core/limits/tier.ts'
import type { Operation } from '../../tier/memory-store.ts'
import { settled, TARGET } from '../harness.ts'
import { offsetsOf, PREFIX, TieredBench } from './world.ts'

type Mode = 'before' | 'after' | 'unconfirmed'

/** Stops the machine at the call of this number: nothing of it happens any more. */
class Killer {
  calls: Operation[] = []
  isDead = false
  readonly #bench: TieredBench
  readonly #at: number
  readonly #mode: Mode

  constructor(bench: TieredBench, at: number, mode: Mode) {
    this.#bench = bench
    this.#at = at
    this.#mode = mode
    bench.objects.before = (operation, key) => this.#before(operation, key)
  }

  async #before(operation: Operation, key: string): Promise<void> {
    if (this.isDead && this.#mode !== 'unconfirmed') await never()
    const number = this.calls.push(operation) - 1
    if (number !== this.#at) return
    this.isDead = true
    // What is written from here on is lost.
    this.#bench.holdSync = true
    if (this.#mode === 'unconfirmed') return
    if (this.#mode === 'after' && operation === 'put') {
      this.#bench.objects.objects.set(key, this.body)
    }
    if (this.#mode === 'after' && operation === 'delete') this.#bench.objects.objects.delete(key)
    await never()
  }

  /** The bytes of an upload are not known here: any object stands for it. */
  readonly body = new Uint8Array(1_000)

  /** The machine starts again. */
  revive(): void {
    this.#bench.objects.before = () => {}
    this.#bench.holdSync = false
    this.#bench.crash()
  }
}

function never(): Promise<never> {
  return new Promise(() => {})
}

/** Two segments of the log are closed, the rest is the active one. */
async function filled(): Promise<TieredBench> {
  const bench = new TieredBench()
  await bench.fill(5)
  return bench
}

const CALLS = 5

describe.each<Mode>(['before', 'after', 'unconfirmed'])(
  'a machine that stops %s a call to the store',
  (mode) => {
    it.each(Array.from({ length: CALLS }, (_, at) => at))(
      'while it uploads: call %i',
      async (at) => {
        const bench = await filled()
        const { batches } = await bench.all(0)
        const killer = new Killer(bench, at, mode)
        await bench.rest(1_000)
        // Two objects are put and read back; then there is a sweep.
        expect(killer.calls.length).toBeGreaterThan(at)
        killer.revive()
        expect((await bench.all(0)).batches).toEqual(batches)
        await bench.rest()
        expect((await bench.all(0)).batches).toEqual(batches)
        expect(bench.segments.map(({ first, last }) => [first, last])).toEqual([
          [0, 1],
          [2, 3],
        ])
        expect(bench.local).toEqual([{ first: 4, last: 4 }])
        bench.nowMs += TIER_LATE_PUT_MS
        await bench.rest()
        expect(bench.keys).toEqual(bench.segments.map(({ key }) => key))
        expect(bench.storage.direct('SELECT * FROM tier_garbage')).toEqual([])
      },
    )

    it.each([0, 1])('while it deletes: call %i', async (at) => {
      const bench = await filled()
      await bench.rest()
      const killer = new Killer(bench, at, mode)
      await bench.leader.deleteRecords({ ...TARGET, offset: offset(4) })
      await bench.rest(1_000)
      expect(killer.calls.length).toBeGreaterThan(at)
      killer.revive()
      expect(offsetsOf((await bench.all(4)).batches)).toEqual([4])
      await bench.rest()
      expect(bench.keys).toEqual([])
      expect(bench.segments).toEqual([])
      expect(bench.storage.direct('SELECT * FROM tier_garbage')).toEqual([])
    })

    it.each([0, 1, 2])('while it deletes the topic: call %i', async (at) => {
      const bench = await filled()
      await bench.rest()
      const killer = new Killer(bench, at, mode)
      await bench.leader.fence(TARGET)
      void bench.leader.free(TARGET).catch(() => {})
      await settled()
      expect(killer.calls.length).toBeGreaterThan(0)
      killer.revive()
      while ((await bench.leader.free(TARGET)) !== 'freed') await bench.pass(10)
      expect(bench.keys).toEqual([])
    })
  },
)

describe('an upload that was given up on', () => {
  it('is deleted when it takes effect all the same', async () => {
    const bench = await filled()
    const killer = new Killer(bench, 0, 'before')
    await bench.rest(1_000)
    const [late] = bench.storage.direct('SELECT key FROM tier_garbage')
    killer.revive()
    await bench.all(0)
    await bench.rest()
    const key = String(late!.key)
    bench.objects.objects.set(key, killer.body)
    expect(bench.segments.map((segment) => segment.key)).not.toContain(key)
    bench.nowMs += TIER_LATE_PUT_MS
    await bench.rest()
    expect(bench.keys).toEqual(bench.segments.map((segment) => segment.key))
  })

  it('keeps a deleted topic from going before it can take effect no more', async () => {
    const bench = await filled()
    const killer = new Killer(bench, 0, 'before')
    await bench.rest(1_000)
    const [late] = bench.storage.direct('SELECT key FROM tier_garbage')
    killer.revive()
    await bench.leader.fence(TARGET)
    while ((await bench.leader.free(TARGET)) === 'more') await bench.pass(10)
    bench.objects.objects.set(String(late!.key), killer.body)
    expect(await bench.leader.free(TARGET)).toBe('later')
    bench.objects.objects.set(String(late!.key), killer.body)
    bench.nowMs += TIER_LATE_PUT_MS
    while ((await bench.leader.free(TARGET)) !== 'freed') await bench.pass(10)
    expect(bench.keys).toEqual([])
  })

  it('or nobody knows of is found by a sweep', async () => {
    const bench = await filled()
    await bench.rest()
    const stray = `${PREFIX}00000000000000000000-stray`
    bench.objects.objects.set(stray, new Uint8Array(10))
    bench.objects.objects.set('another-topic/0/00000000000000000000-x', new Uint8Array(10))
    bench.nowMs += TIER_SWEEP_MS
    await bench.fill(2)
    await bench.rest()
    expect(bench.keys.filter((key) => key.startsWith(PREFIX))).toEqual(
      bench.segments.map(({ key }) => key),
    )
    expect(bench.keys).toContain('another-topic/0/00000000000000000000-x')
  })
})
