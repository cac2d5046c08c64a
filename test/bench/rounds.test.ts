import { describe, expect, it } from 'vitest'
import { byTurns, formatFigure, isMet, median, ratios } from './rounds.ts'

describe('byTurns', () => {
  it('turns the order round after every round, so that no system is always the first', async () => {
    const order: string[] = []
    const system = (name: string) => async () => order.push(name)
    const values = await byTurns(3, { a: system('a'), b: system('b') })
    expect(order.join('')).toBe('abbaab')
    expect(values).toEqual({ a: [1, 4, 5], b: [2, 3, 6] })
  })

  it('lets the machine rest before every turn', async () => {
    const order: string[] = []
    const system = (name: string) => async () => order.push(name)
    const rest = async () => order.push('-')
    await byTurns(2, { a: system('a'), b: system('b') }, Number.POSITIVE_INFINITY, rest)
    expect(order.join('')).toBe('-a-b-b-a')
  })

  it('runs two rounds at least and begins none when its time is over', async () => {
    let runs = 0
    const slow = async () => {
      runs++
      return runs
    }
    expect(await byTurns(9, { slow }, -1)).toEqual({ slow: [1, 2] })
  })
})

describe('a figure', () => {
  const figure = { name: 'a / b', values: [1, 3, 2], goal: { atLeast: 2 }, detail: '' }

  it('is compared round by round and judged by its median', () => {
    expect(ratios([2, 9], [1, 3])).toEqual([2, 3])
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(isMet(figure)).toBe(true)
    expect(isMet({ ...figure, goal: { atMost: 1.9 } })).toBe(false)
    expect(isMet({ ...figure, goal: null })).toBe(null)
  })

  it('is printed with its spread, and an absolute one with its unit', () => {
    expect(formatFigure(figure)).toContain('2.00×  (1.00×–3.00×, 3 rounds)  ≥ 2.00×  met')
    expect(formatFigure({ ...figure, unit: 'µs', goal: null })).toContain(' 2 µs ')
  })
})
