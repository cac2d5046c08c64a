// Figures, times and files as people get them.

import { describe, expect, it, vi } from 'vitest'
import { ago, bytes, count, counted, perSecond, span } from '../../web/parts/format.ts'

vi.stubGlobal('sessionStorage', { getItem: () => null, setItem: () => {} })

describe('figures', () => {
  it('have their digits in groups, and units', () => {
    expect(count(1_234_567)).toBe('1,234,567')
    expect([0, 1023, 1024, 1536, 5 * 1024 ** 3, 999 * 1024 ** 2].map(bytes)).toEqual([
      '0 B',
      '1,023 B',
      '1 KiB',
      '1.5 KiB',
      '5 GiB',
      '999 MiB',
    ])
    expect([0, 0.04, 0.5, 12.34, 4999.6].map(perSecond)).toEqual([
      '0/s',
      '< 0.1/s',
      '0.5/s',
      '12.3/s',
      '5,000/s',
    ])
    expect(counted(1, 'record')).toBe('1 record')
    expect(counted(2, 'match', 'matches')).toBe('2 matches')
  })

  it('of time are in words', () => {
    const hour = 3_600_000
    expect([0, 900, 1500, 61_000, hour + 120_000, 7 * 24 * hour].map(span)).toEqual([
      '0 ms',
      '900 ms',
      '1.5 s',
      '1 min 1 s',
      '1 h 2 min',
      '7 d',
    ])
    expect([0, 59_999, 60_000, 26 * hour, -5 * hour].map((ms) => ago(0, ms))).toEqual([
      'just now',
      '59 s ago',
      '1 min ago',
      '1 d ago',
      'in 5 h',
    ])
  })
})
