// The judge of long runs tells a leak from noise.

import { describe, expect, test } from 'vitest'
import { Random } from '../../simulation/platform/random.ts'
import { bars, drawing, growthOf, type Sample } from './samples.ts'

const MB = 1_000_000

/** A run of 400 s; what is added to 100 MB at each second. */
function run(extraBytes: (second: number) => number): Sample[] {
  return Array.from({ length: 400 }, (_, seconds) => {
    const bytes = 100 * MB + extraBytes(seconds)
    return { seconds, memoryBytes: bytes, fileBytes: bytes, acknowledged: seconds }
  })
}

const random = new Random(5)

describe('A long run', () => {
  test.each([
    ['that does not change', () => 0],
    ['that goes up and down', () => random.between(-20, 20) * MB],
    ['that grows while it is warming up', (second: number) => Math.min(second, 100) * MB],
    ['with a peak', (second: number) => (second === 390 ? 500 * MB : 0)],
  ])('is flat: one %s', (_, extra) => {
    expect(growthOf(run(extra), 'memoryBytes').isFlat).toBe(true)
  })

  test.each([
    ['that grows by 100 kB a second', (second: number) => second * 0.1 * MB],
    ['that grows in steps', (second: number) => Math.floor(second / 90) * 12 * MB],
    ['that grows under noise', (second: number) => second * 0.15 * MB + random.between(-5, 5) * MB],
  ])('is not flat: one %s', (_, extra) => {
    expect(growthOf(run(extra), 'fileBytes').isFlat).toBe(false)
  })

  test('is drawn', () => {
    expect(bars([0, 4, 8])).toBe(' ▄█')
    expect(bars(Array.from({ length: 1_000 }, () => 1))).toBe('█'.repeat(72))
    expect(drawing(run(() => 0))).toMatch(/^<svg.*100\.0 MB.*<\/svg>\n$/s)
  })
})
