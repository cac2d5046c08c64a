import { describe, expect, it } from 'vitest'
import { plotOf, timesGoal } from './plot-svg.ts'
import type { Result, Results } from './results.ts'

function figure(name: string, median: number, goal: Result['goal']): Result {
  return { group: 'g', name, values: [median], goal, detail: '', median, met: null }
}

function results(figures: readonly Result[], more: Partial<Results> = {}): Results {
  const machine = {
    processor: 'Some <CPU>',
    cores: 2,
    memoryBytes: 1,
    system: 'Linux 6',
    disk: 'ext4',
    node: 'v24.0.0',
    date: '2026-11-26',
  }
  return { machine, mode: 'full', skipped: [], failed: [], systems: [], figures, ...more }
}

/** Left end and width of each bar. */
function bars(svg: string): { readonly x: number; readonly width: number }[] {
  return [...svg.matchAll(/<rect class="\w+" x="([\d.]+)" y="\d+" width="([\d.]+)"/g)].map(
    ([, x, width]) => ({ x: Number(x), width: Number(width) }),
  )
}

describe('the distance from a goal', () => {
  it('is above 1 on the good side of either kind of goal', () => {
    expect(timesGoal(8, { atLeast: 4 })).toBe(2)
    expect(timesGoal(2, { atLeast: 4 })).toBe(0.5)
    expect(timesGoal(2, { atMost: 4 })).toBe(2)
    expect(timesGoal(8, { atMost: 4 })).toBe(0.5)
  })
})

describe('the plot', () => {
  it('draws twice as good as far to the right as half as good to the left', () => {
    const [good, bad] = bars(
      plotOf(results([figure('a', 2, { atLeast: 1 }), figure('b', 2, { atMost: 1 })])),
    )
    expect(good!.width).toBeCloseTo(bad!.width, 0)
    expect(bad!.x + bad!.width).toBeCloseTo(good!.x, 0)
  })

  it('ends a bar at the axis and prints its number all the same', () => {
    const svg = plotOf(results([figure('a', 500, { atLeast: 1 }), figure('b', 8, { atLeast: 1 })]))
    const [far, near] = bars(svg)
    expect(far).toEqual(near)
    expect(svg).toContain('>500.00×<')
    expect(svg).toContain('>≥ 1.00×<')
  })

  it('leaves out what has no goal', () => {
    const svg = plotOf(results([figure('floor: echo', 500, null), figure('b', 1, { atLeast: 1 })]))
    expect(bars(svg)).toHaveLength(1)
    expect(svg).not.toContain('echo')
  })

  it('says machine and date, and what could not be measured', () => {
    const svg = plotOf(
      results([], {
        systems: [
          { name: 'NATS', missing: 'no go' },
          { name: 'Redis', version: '7', settings: '' },
        ],
        failed: [{ group: 'http', why: 'closed' }],
      }),
    )
    expect(svg).toContain(
      'Some &lt;CPU&gt;, 2 cores, Linux 6, ext4, Node v24.0.0; 2026-11-26, full run',
    )
    expect(svg).toContain('Not measured: NATS, http.')
  })
})
