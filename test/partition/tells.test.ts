// What a leader tells its Watch object, call by call; test/watch puts it among leaders and readers.

import { describe, expect, it } from 'vitest'
import {
  TELL_LOADED_MS,
  TELL_RETRY_MAX_MS,
  TELL_RETRY_MIN_MS,
} from '../../src/core/limits/watch.ts'
import { Tells } from '../../src/partition/tells.ts'
import { settled } from './harness.ts'

class Bench {
  nowMs = 0
  level = 0
  /** Levels told. */
  readonly told: number[] = []
  readonly reported: unknown[] = []
  timers: { readonly atMs: number; readonly fire: () => void }[] = []
  #calls: PromiseWithResolvers<{ readonly subscribed: boolean }>[] = []
  readonly tells = new Tells({
    tell: () => {
      this.told.push(this.level)
      const call = Promise.withResolvers<{ readonly subscribed: boolean }>()
      this.#calls.push(call)
      return call.promise
    },
    startTimer: (fire, ms) => {
      const timer = { atMs: this.nowMs + ms, fire }
      this.timers.push(timer)
      return () => {
        this.timers = this.timers.filter((each) => each !== timer)
      }
    },
    report: (_, error) => this.reported.push(error),
  })

  move(): void {
    this.level += 1
    this.tells.moved()
  }

  /** The oldest call is answered. */
  async answer(subscribed: boolean): Promise<void> {
    this.#calls.shift()!.resolve({ subscribed })
    await settled()
  }

  async fail(): Promise<void> {
    this.#calls.shift()!.reject(new Error('down'))
    await settled()
  }

  async pass(ms: number): Promise<void> {
    this.nowMs += ms
    const due = this.timers.filter(({ atMs }) => atMs <= this.nowMs)
    this.timers = this.timers.filter((timer) => !due.includes(timer))
    for (const { fire } of due) fire()
    await settled()
  }
}

describe('a leader', () => {
  it('that was just made tells of its first flush, and of no other when nobody is subscribed', async () => {
    const bench = new Bench()
    bench.move()
    await bench.answer(false)
    for (let flush = 0; flush < 100; flush++) bench.move()
    await bench.pass(60_000)
    expect(bench.told).toEqual([1])
  })

  it('tells of every flush while somebody waits for more', async () => {
    const bench = new Bench()
    for (let flush = 0; flush < 3; flush++) {
      bench.move()
      await bench.answer(true)
    }
    expect(bench.told).toEqual([1, 2, 3])
  })

  it('has one call under way, and tells afterwards what moved meanwhile, once', async () => {
    const bench = new Bench()
    for (let flush = 0; flush < 5; flush++) bench.move()
    expect(bench.told).toEqual([1])
    await bench.answer(true)
    expect(bench.told).toEqual([1, 5])
  })

  it('believes that nobody is subscribed for what moved during the call too', async () => {
    const bench = new Bench()
    bench.move()
    bench.move()
    await bench.answer(false)
    expect(bench.told).toEqual([1])
  })

  it('does not believe it when somebody came during the call', async () => {
    const bench = new Bench()
    bench.move()
    bench.tells.subscribed()
    await bench.answer(false)
    bench.move()
    expect(bench.told).toEqual([1, 2])
  })

  it('tells again from the flush after somebody subscribed', async () => {
    const bench = new Bench()
    bench.move()
    await bench.answer(false)
    bench.tells.subscribed()
    expect(bench.told).toEqual([1])
    bench.move()
    expect(bench.told).toEqual([1, 2])
  })

  it('tells again after a failure, ever later, and the newest at once', async () => {
    const bench = new Bench()
    bench.move()
    await bench.fail()
    await bench.pass(TELL_RETRY_MIN_MS - 1)
    expect(bench.told).toEqual([1])
    await bench.pass(1)
    expect(bench.told).toEqual([1, 1])
    await bench.fail()
    bench.move()
    expect(bench.told).toEqual([1, 1, 2])
    expect(bench.timers).toEqual([])
    for (let attempt = 0; attempt < 20; attempt++) {
      await bench.fail()
      await bench.pass(TELL_RETRY_MAX_MS)
    }
    expect(bench.told).toHaveLength(23)
    await bench.answer(false)
    expect(bench.timers).toEqual([])
    expect(bench.reported).toHaveLength(22)
  })

  it('that was loaded tells so, for the one before may not have', async () => {
    const bench = new Bench()
    bench.tells.loaded()
    await bench.pass(TELL_LOADED_MS)
    expect(bench.told).toEqual([0])
  })

  it('leaves that to the flush that it was loaded for', async () => {
    const bench = new Bench()
    bench.tells.loaded()
    bench.move()
    await bench.answer(true)
    await bench.pass(TELL_LOADED_MS)
    expect(bench.told).toEqual([1])
    expect(bench.timers).toEqual([])
  })
})
