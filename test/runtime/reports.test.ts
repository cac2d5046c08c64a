import { describe, expect, it } from 'vitest'
import { STATISTICS_DELAY_MS, STATISTICS_INTERVAL_MS } from '../../src/core/limits/statistics.ts'
import { Reports } from '../../src/runtime/reports.ts'

/** A clock that is moved by hand, and the reports that were made. */
class Timeline {
  nowMs = 1_000_000
  readonly sent: { readonly atMs: number; readonly elapsedMs: number }[] = []
  readonly failures: string[] = []
  fails = false
  #timers: { readonly atMs: number; readonly fire: () => void }[] = []
  readonly reports = new Reports({
    now: () => this.nowMs,
    startTimer: (fire, ms) => {
      this.#timers.push({ atMs: this.nowMs + ms, fire })
      return () => {}
    },
    send: async (elapsedMs) => {
      if (this.fails) throw new Error('unreachable')
      this.sent.push({ atMs: this.nowMs, elapsedMs })
    },
    report: (event) => this.failures.push(event),
  })

  /** Timers that keep the object awake. */
  get pending(): number {
    return this.#timers.length
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    for (;;) {
      const next = this.#timers
        .filter(({ atMs }) => atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((one) => one !== next)
      this.nowMs = next.atMs
      next.fire()
      await Promise.resolve()
      await Promise.resolve()
    }
    this.nowMs = endMs
  }
}

describe('an object that reports', () => {
  it('says nothing, and has no timer, while nothing changes', async () => {
    const time = new Timeline()
    await time.pass(10 * STATISTICS_INTERVAL_MS)
    expect(time.sent).toEqual([])
    expect(time.pending).toBe(0)
  })

  it('tells of a change once, a moment later, and then has nothing that keeps it awake', async () => {
    const time = new Timeline()
    for (let count = 0; count < 100; count++) time.reports.changed()
    expect(time.sent).toEqual([])
    expect(time.pending).toBe(1)
    await time.pass(10 * STATISTICS_INTERVAL_MS)
    expect(time.sent).toEqual([
      { atMs: 1_000_000 + STATISTICS_DELAY_MS, elapsedMs: STATISTICS_DELAY_MS },
    ])
    expect(time.pending).toBe(0)
  })

  it('tells of changes that do not end every ten seconds at most, and of the last of them', async () => {
    const time = new Timeline()
    const beganMs = time.nowMs
    for (let passed = 0; passed < 60_000; passed += 100) {
      time.reports.changed()
      await time.pass(100)
    }
    const between = time.sent.slice(1).map(({ atMs }, at) => atMs - (time.sent[at]?.atMs ?? 0))
    expect(time.sent[0]?.atMs).toBe(beganMs + STATISTICS_DELAY_MS)
    expect(Math.min(...between)).toBeGreaterThanOrEqual(STATISTICS_INTERVAL_MS)
    expect(time.sent.slice(1).every(({ elapsedMs }, at) => elapsedMs <= (between[at] ?? 0))).toBe(
      true,
    )
    const count = time.sent.length
    await time.pass(60_000)
    expect(time.sent.length).toBe(count + 1)
    expect(time.pending).toBe(0)
  })

  it('does not try again by itself when it was not heard, and does with the next change', async () => {
    const time = new Timeline()
    time.fails = true
    time.reports.changed()
    await time.pass(60_000)
    expect(time.failures).toEqual(['figures were not reported'])
    expect(time.pending).toBe(0)
    time.fails = false
    time.reports.changed()
    await time.pass(60_000)
    expect(time.sent.length).toBe(1)
  })
})
