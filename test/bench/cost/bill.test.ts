import { describe, expect, test } from 'vitest'
import {
  arithmetic,
  dollarsOf,
  linesOf,
  managedGb,
  managedMonth,
  monthOf,
  queuesGb,
  times,
  type Usage,
} from './bill.ts'

const NOTHING: Usage = { requests: 0, rowsRead: 0, rowsWritten: 0, objectSeconds: 0, cpuMs: 0 }
const dollars = (usage: Partial<Usage>) => dollarsOf(linesOf({ ...NOTHING, ...usage }))

describe('A bill of Cloudflare', () => {
  test('has the published price of each unit', () => {
    expect(dollars({ requests: 1e6 })).toBeCloseTo(0.15, 10)
    expect(dollars({ rowsWritten: 1e6 })).toBeCloseTo(1, 10)
    expect(dollars({ rowsRead: 1e6 })).toBeCloseTo(0.001, 10)
    expect(dollars({ cpuMs: 1e6 })).toBeCloseTo(0.02, 10)
    expect(dollars({})).toBe(0)
  })

  test('has $4.15 for an object that waits a month', () => {
    const month = monthOf({ ...NOTHING, objectSeconds: 20 }, 20)
    expect(month.objectSeconds).toBe(2_592_000)
    expect(dollars(month)).toBeCloseTo(4.147, 3)
  })

  test('grows with the use', () => {
    const usage = { requests: 1, rowsRead: 2, rowsWritten: 3, objectSeconds: 4, cpuMs: 5 }
    const tenfold = { requests: 10, rowsRead: 20, rowsWritten: 30, objectSeconds: 40, cpuMs: 50 }
    expect(times(usage, 10)).toEqual(tenfold)
    expect(dollars(tenfold)).toBeCloseTo(10 * dollars(usage), 12)
  })

  test('shows its arithmetic, and only the lines that come to something', () => {
    const lines = linesOf({ ...NOTHING, requests: 15_259, rowsWritten: 1_000 })
    expect(arithmetic(lines)).toBe(
      '15300 requests × $0.15/M = $0.00229 + 1000 rows written × $1/M = $0.001',
    )
    expect(arithmetic(linesOf(NOTHING))).toBe('nothing is billed')
  })
})

describe('The peers', () => {
  test('Queues bills a message three times, and once more for each further 64 KB', () => {
    expect(queuesGb(1_000).dollars).toBeCloseTo(1e6 * 3 * 0.4e-6, 10)
    expect(queuesGb(65_536).dollars).toBeCloseTo((1e9 / 65_536) * 3 * 0.4e-6, 10)
    expect(queuesGb(65_537).dollars).toBeCloseTo((1e9 / 65_537) * 6 * 0.4e-6, 10)
  })

  test('a managed Kafka bills binary gigabytes in and out, and the hours of its partitions', () => {
    expect(managedGb().dollars).toBeCloseTo(0.1397, 4)
    expect(managedMonth(0).dollars).toBeCloseTo(540, 6)
    expect(managedMonth(500).dollars).toBeCloseTo(540 + 540, 6)
  })
})
