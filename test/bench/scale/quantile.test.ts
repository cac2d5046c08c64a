import { describe, expect, test } from 'vitest'
import { Latencies, latencyText, quantile } from './quantile.ts'

describe('A quantile', () => {
  test('is the least value that so large a share does not exceed', () => {
    const values = [5, 1, 4, 2, 3]
    expect(quantile(values, 0.5)).toBe(3)
    expect(quantile(values, 0.6)).toBe(3)
    expect(quantile(values, 0.61)).toBe(4)
    expect(quantile(values, 0)).toBe(1)
    expect(quantile(values, 1)).toBe(5)
    expect(values, 'the values stay in their order').toEqual([5, 1, 4, 2, 3])
  })

  test('of nothing is refused', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })

  test('is named in the text of latencies', () => {
    const ms = Array.from({ length: 100 }, (_, at) => at + 1)
    expect(latencyText(ms)).toBe('p50 50.0, p99 99.0, most 100.0 ms')
  })
})

describe('Counted latencies', () => {
  test('have the quantiles of the same values kept one by one, to a millisecond', () => {
    const values = Array.from({ length: 1_000 }, (_, at) => (at * 7919) % 1_009)
    const counted = new Latencies()
    for (const value of values) counted.add(value)
    expect(counted.count).toBe(1_000)
    for (const q of [0, 0.01, 0.5, 0.9, 0.99, 1]) {
      expect(counted.quantile(q), `${q}`).toBe(quantile(values, q))
    }
  })

  test('count what is before their time as none and what is too late as the latest', () => {
    const counted = new Latencies()
    counted.add(-3)
    counted.add(10_000_000)
    expect(counted.quantile(0)).toBe(0)
    expect(counted.quantile(1)).toBe(60_000)
  })

  test('are infinite where there are none', () => {
    expect(new Latencies().quantile(0.99)).toBe(Number.POSITIVE_INFINITY)
  })
})
