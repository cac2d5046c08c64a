// Connections' turns, with a loop that is driven by hand: timers fire only when it is told that all sockets were looked at.

import { describe, expect, it } from 'vitest'
import { memoryBudget } from '../../src/broker/budget.ts'
import { FrameReader } from '../../src/broker/frames.ts'
import { Line } from '../../src/broker/line.ts'
import { costOf, Turns } from '../../src/broker/turns.ts'
import {
  TURN_BYTES,
  TURN_FREE,
  TURN_FRESH_MS,
  TURN_LEAST,
  TURN_REQUESTS,
  TURN_SHARED_REQUESTS,
} from '../../src/core/limits.ts'

/** A runtime that is never idle: what is ready runs, and then `look` is called. */
class Loop {
  nowMs = 0
  #due: { readonly atMs: number; readonly fire: () => void }[] = []

  readonly sleep = (ms: number) =>
    new Promise<void>((fire) => {
      this.#due.push({ atMs: this.nowMs + ms, fire })
    })

  /** All sockets and timers, a millisecond later; resolves when what was ready has run. */
  async look(): Promise<void> {
    this.nowMs += 1
    const due = this.#due.filter(({ atMs }) => atMs <= this.nowMs)
    this.#due = this.#due.filter(({ atMs }) => atMs > this.nowMs)
    for (const { fire } of due) {
      fire()
      await ready()
    }
    await ready()
  }
}

const ready = () => new Promise<void>((done) => setImmediate(done))

/** `count` requests as they come from a socket. */
function frames(count: number, bytes = 10): Uint8Array {
  const one = new Uint8Array(4 + bytes)
  new DataView(one.buffer).setInt32(0, bytes)
  const all = new Uint8Array(count * one.length)
  for (let i = 0; i < count; i++) all.set(one, i * one.length)
  return all
}

function world(connections: number) {
  const loop = new Loop()
  const now = () => loop.nowMs
  const budget = { ...memoryBudget(), turns: new Turns(now) }
  const timers = { now, sleep: loop.sleep, after: () => () => {} }
  const begun = new Array<number>(connections).fill(0)
  const readers = begun.map(() => new FrameReader(budget, timers, 1_000_000))
  const feed = (who: number, chunk: Uint8Array) =>
    readers[who]!.feed(chunk, ({ memory }) => {
      begun[who]! += 1
      memory?.release()
      return undefined
    })
  const total = () => begun.reduce((sum, count) => sum + count, 0)
  return { loop, budget, readers, begun, feed, total }
}

describe('turns', () => {
  it('let one that is alone begin a round at once, and the rest behind a look at all sockets', async () => {
    const { loop, begun, feed } = world(1)
    const fed = feed(0, frames(1_000))
    await ready()
    expect(begun[0]).toBe(TURN_FREE + TURN_REQUESTS)
    for (let i = 0; i < 20; i++) await loop.look()
    await fed
    expect(begun[0]).toBe(1_000)
  })

  it('let no more than a round begin between two looks, however many send without end, and all get the same', async () => {
    const { loop, begun, feed, total } = world(40)
    for (let who = 0; who < 40; who++) void feed(who, frames(10_000))
    await ready()
    expect(total()).toBeLessThanOrEqual(40 * TURN_FREE + TURN_REQUESTS)
    for (let i = 0; i < 400; i++) {
      const before = total()
      await loop.look()
      expect(total() - before).toBeLessThanOrEqual(TURN_SHARED_REQUESTS)
    }
    expect(total()).toBeGreaterThan(400 * TURN_LEAST)
    expect(Math.max(...begun) - Math.min(...begun)).toBeLessThanOrEqual(2 * TURN_REQUESTS)
  })

  it('begin at once what somebody asks who had not asked for a while, beside as many as there are', async () => {
    const { loop, begun, feed } = world(41)
    for (let who = 0; who < 40; who++) void feed(who, frames(10_000))
    for (let round = 1; round <= 10; round++) {
      for (let i = 0; i < TURN_FRESH_MS + 1; i++) await loop.look()
      await feed(40, frames(TURN_FREE))
      expect(begun[40]).toBe(round * TURN_FREE)
    }
  })

  it('count a large request as many: one of 1 MB is a round while others wait', async () => {
    const { loop, begun, feed } = world(2)
    const bytes = 1_000_000
    expect(costOf(bytes)).toBe(1 + Math.floor(bytes / TURN_BYTES))
    void feed(0, frames(20, bytes))
    void feed(1, frames(20, bytes))
    await ready()
    for (let i = 0; i < 4; i++) {
      const before = begun[0]! + begun[1]!
      await loop.look()
      expect(begun[0]! + begun[1]! - before).toBeLessThanOrEqual(1)
    }
    for (let i = 0; i < 100; i++) await loop.look()
    expect(begun).toEqual([20, 20])
  })

  it('go on when one that waited for its turn is closed, or gone without a word', async () => {
    const { loop, readers, begun, feed, budget } = world(3)
    const closed = feed(0, frames(5_000))
    void feed(1, frames(5_000))
    // Its context ends with its timers.
    void budget.turns.take(1, () => new Promise(() => {}))
    await ready()
    readers[0]!.close()
    for (let i = 0; i < 1_500; i++) await loop.look()
    await closed
    expect(begun[0]).toBeLessThan(5_000)
    expect(begun[1]).toBe(5_000)
  })
})

describe('a line', () => {
  it('has the first tickets of all before the second ones of anybody', () => {
    const line = new Line(() => 0)
    const [greedy, modest] = [{}, {}]
    const many = Array.from({ length: 100 }, () => line.join(greedy))
    const one = line.join(modest)
    const other = line.join()
    expect([many[0]!, one, other, many[1]!].map((ticket) => line.place(ticket))).toEqual([
      0, 1, 2, 3,
    ])
    line.leave(many[0]!)
    expect(line.place(one)).toBe(0)
  })

  it('gives the place back to who was taken for gone', () => {
    let nowMs = 0
    const line = new Line(() => nowMs)
    const [first, second] = [line.join(), line.join()]
    nowMs = 2_000
    expect(line.place(second)).toBe(0)
    expect(line.place(first)).toBe(1)
  })
})
