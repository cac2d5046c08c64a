import { describe, expect, it } from 'vitest'
import { BytePool } from '../../src/broker/budget.ts'
import type { Timers } from '../../src/broker/context.ts'
import { heldJson } from '../../src/http/answer.ts'
import { timers } from '../broker/fakes.ts'

/** Timers whose time passes by hand. */
class Clock implements Timers {
  #nowMs = 0
  readonly #due: { readonly atMs: number; readonly callback: () => void }[] = []
  now = () => this.#nowMs
  sleep = timers.sleep
  after(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, callback }
    this.#due.push(timer)
    return () => this.#due.splice(this.#due.indexOf(timer), 1)
  }
  pass(ms: number): void {
    this.#nowMs += ms
    for (const timer of this.#due.filter(({ atMs }) => atMs <= this.#nowMs)) {
      this.#due.splice(this.#due.indexOf(timer), 1)
      timer.callback()
    }
  }
}

function held(parts: readonly string[]) {
  const clock = new Clock()
  const pool = new BytePool(1000)
  const memory = pool.tryReserve(1000)
  let kept: Promise<unknown> | null = null
  const response = heldJson(parts, {
    timers: clock,
    pool,
    release: () => memory?.release(),
    keepAlive: (work) => {
      kept = work
    },
  })
  return { response, clock, pool, kept: () => kept }
}

const LONG = Array.from({ length: 50 }, (_, at) => `${at}`.padStart(10_000, 'x'))

describe('an answer that holds memory', () => {
  it('gives it back at once when it is short', async () => {
    const { response, pool, kept } = held(['{"a":', '1}'])
    expect(pool.used).toBe(0)
    expect(kept()).toBeNull()
    expect(await response.text()).toBe('{"a":1}')
  })

  it('gives it back when the last piece was taken, and keeps its context until then', async () => {
    const { response, pool, kept } = held(LONG)
    expect(pool.used).toBe(1000)
    expect(await response.text()).toBe(LONG.join(''))
    expect(pool.used).toBe(0)
    await kept()
  })

  it('gives it back when the client goes', async () => {
    const { response, pool, kept } = held(LONG)
    const reader = response.body!.getReader()
    await reader.read()
    expect(pool.used).toBe(1000)
    await reader.cancel()
    expect(pool.used).toBe(0)
    await kept()
  })

  it('waits for a slow client while nobody needs the memory', async () => {
    const { response, pool, clock } = held(LONG)
    clock.pass(5_000)
    clock.pass(60_000)
    expect(pool.used).toBe(1000)
    expect(await response.text()).toBe(LONG.join(''))
  })

  it('breaks off when the client takes nothing for 5 s and others wait', async () => {
    const { response, pool, clock } = held(LONG)
    const waiting = pool.reserve(10, timers.sleep)
    clock.pass(4_999)
    expect(pool.used).toBe(1000)
    clock.pass(1)
    await waiting
    expect(pool.used).toBe(10)
    await expect(response.text()).rejects.toThrow()
  })
})
