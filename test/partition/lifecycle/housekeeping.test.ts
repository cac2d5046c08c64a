// When a log's chores have their turn: the alarm that is asked for, and what it does.

import { describe, expect, it } from 'vitest'
import {
  ALARM_AHEAD_MAX_MS,
  HOUSEKEEPING_PAUSE_MS,
  HOUSEKEEPING_RETRY_MS,
} from '../../../src/core/limits/partition.ts'
import { type Chore, Housekeeping } from '../../../src/partition/lifecycle/housekeeping.ts'

class World {
  nowMs = 10_000
  readonly asked: number[] = []
  readonly reported: string[] = []
  readonly steps: string[] = []
  readonly housekeeping: Housekeeping

  constructor(chores: readonly Chore[], phase = 0) {
    const host = {
      now: () => this.nowMs,
      wakeAt: (timeMs: number) => void this.asked.push(timeMs),
      report: (event: string) => void this.reported.push(event),
    }
    this.housekeeping = new Housekeeping(host, chores, phase)
  }
}

/** A chore that can be told when it is due and what its steps do. */
class FakeChore implements Chore {
  readonly failure: string
  due: number | null = null
  steps = 0
  /** What the next steps answer; an error is thrown. */
  readonly answers: (boolean | Error)[] = []
  readonly interval: number

  constructor(failure: string, interval = 1) {
    this.failure = failure
    this.interval = interval
  }

  readonly intervalMs = () => this.interval

  dueMs(): number | null {
    return this.due
  }

  step(): boolean {
    this.steps++
    const answer = this.answers.shift() ?? false
    if (answer instanceof Error) throw answer
    if (!answer) this.due = null
    return answer
  }
}

describe('the alarm', () => {
  it('is not asked for while nothing is due', () => {
    const world = new World([new FakeChore('a'), new FakeChore('b')])
    world.housekeeping.schedule()
    expect(world.housekeeping.run()).toBe(false)
    expect(world.asked).toEqual([])
  })

  it('is asked for once, and again only for something earlier', () => {
    const [one, other] = [new FakeChore('a'), new FakeChore('b')]
    const world = new World([one, other])
    one.due = 50_000
    for (let time = 0; time < 5; time++) world.housekeeping.schedule()
    other.due = 60_000
    world.housekeeping.schedule()
    expect(world.asked).toEqual([50_000])
    other.due = 20_000
    world.housekeeping.schedule()
    expect(world.asked).toEqual([50_000, 20_000])
  })

  it('leaves a pause for what is due at once or long ago', () => {
    const chore = new FakeChore('a')
    const world = new World([chore])
    chore.due = 0
    world.housekeeping.schedule()
    expect(world.asked).toEqual([10_000 + HOUSEKEEPING_PAUSE_MS])
  })

  it.each([
    [0, 61_000, 120_000],
    [0, 60_000, 60_000],
    [0.5, 61_000, 90_000],
    [0.5, 90_001, 150_000],
  ])('waits for the turn of the log: phase %d, due at %d', (phase, due, expected) => {
    const chore = new FakeChore('a', 60_000)
    const world = new World([chore], phase)
    chore.due = due
    world.housekeeping.schedule()
    expect(world.asked).toEqual([expected])
  })

  it('is asked for no further ahead than the runtime counts', () => {
    const chore = new FakeChore('a')
    const world = new World([chore])
    chore.due = Number.MAX_SAFE_INTEGER
    world.housekeeping.schedule()
    expect(world.asked).toEqual([10_000 + ALARM_AHEAD_MAX_MS])
  })

  it('is asked for again when it does not come', () => {
    const chore = new FakeChore('a')
    const world = new World([chore])
    chore.due = 11_000
    world.housekeeping.schedule()
    world.nowMs = 11_001 + HOUSEKEEPING_RETRY_MS
    world.housekeeping.schedule()
    expect(world.asked).toEqual([11_000, world.nowMs + HOUSEKEEPING_PAUSE_MS])
  })
})

describe('a run', () => {
  it('does one step of each chore that is due, and goes on after a pause with those that have more', () => {
    const [one, other, later] = [new FakeChore('a', 60_000), new FakeChore('b'), new FakeChore('c')]
    const world = new World([one, other, later])
    one.due = 9_000
    one.answers.push(true, false)
    other.due = 0
    later.due = 90_000
    expect(world.housekeeping.run()).toBe(true)
    expect([one.steps, other.steps, later.steps]).toEqual([1, 1, 0])
    expect(world.asked).toEqual([10_000 + HOUSEKEEPING_PAUSE_MS])
    world.nowMs += HOUSEKEEPING_PAUSE_MS
    world.housekeeping.run()
    expect([one.steps, other.steps, later.steps]).toEqual([2, 1, 0])
    expect(world.asked.slice(1)).toEqual([90_000])
  })

  it('whose step changed nothing waits for the next turn', () => {
    const chore = new FakeChore('a', 60_000)
    const world = new World([chore])
    const due = {
      ...chore,
      failure: 'b',
      intervalMs: () => 60_000,
      dueMs: () => 0,
      step: () => false,
    }
    const other = new World([due])
    other.nowMs = 120_000
    other.housekeeping.run()
    expect(other.asked).toEqual([180_000])
    expect(world.asked).toEqual([])
  })

  it('reports a chore that fails, tries it again later, and does the others', () => {
    const [one, other] = [new FakeChore('it failed'), new FakeChore('b')]
    const world = new World([one, other])
    one.due = 0
    one.answers.push(new Error('disk'))
    other.due = 0
    expect(world.housekeeping.run()).toBe(true)
    expect(world.reported).toEqual(['it failed'])
    expect(other.steps).toBe(1)
    expect(world.asked).toEqual([10_000 + HOUSEKEEPING_RETRY_MS])
    world.nowMs += HOUSEKEEPING_RETRY_MS
    world.housekeeping.run()
    expect(one.steps).toBe(2)
    expect(world.asked).toHaveLength(1)
  })

  it('is not broken by a chore that cannot say when it is due', () => {
    const broken: Chore = {
      failure: 'it failed',
      intervalMs: () => 1,
      dueMs: () => {
        throw new Error('disk')
      },
      step: () => false,
    }
    const world = new World([broken])
    world.housekeeping.schedule()
    world.housekeeping.run()
    // Asked for by every flush, it is not asked, and does not tell, each time.
    for (let times = 0; times < 5; times++) world.housekeeping.schedule()
    expect(world.reported).toEqual(['it failed', 'it failed'])
    expect(world.asked[0]).toBe(10_000 + HOUSEKEEPING_RETRY_MS)
    world.nowMs += HOUSEKEEPING_RETRY_MS
    world.housekeeping.schedule()
    expect(world.reported).toHaveLength(3)
  })
})
