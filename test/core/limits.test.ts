import { describe, expect, it } from 'vitest'
import * as limits from '../../src/core/limits.ts'

describe('limits', () => {
  it('the lines of the memory budget sum to less than the total', () => {
    const lines =
      limits.TAIL_TOTAL_BYTES +
      limits.LARGE_FRAMES_TOTAL_BYTES +
      limits.LARGE_REPLIES_TOTAL_BYTES +
      limits.SMALL_FRAMES_TOTAL_BYTES +
      limits.SMALL_REPLIES_TOTAL_BYTES +
      limits.APPENDS_IN_FLIGHT_BYTES +
      limits.WASM_ARENA_BYTES
    expect(lines).toBeLessThan(limits.MEMORY_TOTAL_BYTES)
  })
})
