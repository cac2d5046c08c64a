import { describe, expect, it } from 'vitest'
import * as live from '../../src/core/limits/live.ts'
import * as limits from '../../src/core/limits.ts'

describe('limits of /v1/live', () => {
  it('leave an isolate of its objects, as they are deployed, within what an isolate has', () => {
    const shared =
      limits.LARGE_FRAMES_TOTAL_BYTES +
      limits.LARGE_REPLIES_TOTAL_BYTES +
      limits.SMALL_FRAMES_TOTAL_BYTES +
      limits.SMALL_REPLIES_TOTAL_BYTES +
      limits.APPENDS_IN_FLIGHT_BYTES +
      limits.WASM_ARENA_BYTES
    const own = live.LIVE_UNCONFIRMED_TOTAL_BYTES + live.LIVE_PENDING_TOTAL_BYTES
    expect(shared + own).toBeLessThan(limits.MEMORY_TOTAL_BYTES)
  })

  it('let one message of the largest size through, and find dead clients in two minutes', () => {
    expect(live.LIVE_PENDING_BYTES).toBeGreaterThanOrEqual(live.LIVE_MESSAGE_BYTES)
    expect(live.LIVE_PENDING_TOTAL_BYTES).toBeGreaterThanOrEqual(live.LIVE_PENDING_BYTES)
    expect(live.LIVE_UNCONFIRMED_BYTES).toBeGreaterThan(live.LIVE_PIECE_BYTES)
    expect(3 * live.LIVE_SWEEP_MS).toBeLessThanOrEqual(2 * 60 * 1_000)
  })
})
