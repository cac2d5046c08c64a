// The one alarm of an object: set as seldom as possible.

import { describe, expect, it, vi } from 'vitest'
import { ALARM_LATEST_MS, ALARM_RETRY_MS } from '../../src/core/limits.ts'
import { OneAlarm } from '../../src/runtime/alarm.ts'

function bench(due: number | null) {
  const set: number[] = []
  const errors: unknown[] = []
  let fails = false
  const alarm = new OneAlarm(
    {
      getAlarm: async () => due,
      setAlarm: async (timeMs) => {
        if (fails) throw new Error('no')
        set.push(timeMs)
      },
    },
    (error) => errors.push(error),
  )
  const settle = () => new Promise((resolve) => setTimeout(resolve))
  return { alarm, set, errors, settle, fail: (value: boolean) => (fails = value) }
}

describe('OneAlarm', () => {
  it('is set once while none is due earlier', async () => {
    const { alarm, set, settle } = bench(null)
    alarm.wakeAt(500)
    await settle()
    alarm.wakeAt(600)
    alarm.wakeAt(500)
    expect(set).toEqual([500])
    alarm.wakeAt(400)
    expect(set).toEqual([500, 400])
  })

  it('is left alone when an earlier object has set one that is due earlier', async () => {
    const { alarm, set, settle } = bench(100)
    alarm.wakeAt(500)
    await settle()
    expect(set).toEqual([])
    alarm.fired()
    alarm.wakeAt(500)
    expect(set).toEqual([500])
  })

  it('is set to the last moment the runtime takes for what is due later', async () => {
    const { alarm, set, settle } = bench(null)
    alarm.wakeAt(Number.MAX_SAFE_INTEGER)
    await settle()
    alarm.wakeAt(2 ** 52)
    expect(set).toEqual([ALARM_LATEST_MS])
    alarm.wakeAt(700)
    expect(set).toEqual([ALARM_LATEST_MS, 700])
  })

  it('is set again when it could not be, though nobody asks', async () => {
    vi.useFakeTimers()
    try {
      const { alarm, set, errors, fail } = bench(null)
      fail(true)
      alarm.wakeAt(700)
      await vi.advanceTimersByTimeAsync(0)
      alarm.wakeAt(500)
      await vi.advanceTimersByTimeAsync(ALARM_RETRY_MS)
      expect([errors.length, set]).toEqual([3, []])
      fail(false)
      await vi.advanceTimersByTimeAsync(ALARM_RETRY_MS)
      expect(set).toEqual([500])
    } finally {
      vi.useRealTimers()
    }
  })

  it('lets who answers the alarm wait until the next is set, and fail when it was not', async () => {
    vi.useFakeTimers()
    try {
      const { alarm, set, fail } = bench(null)
      alarm.fired()
      await alarm.settled()
      fail(true)
      alarm.wakeAt(700)
      await expect(alarm.settled()).rejects.toThrow('could not be set')
      fail(false)
      await vi.advanceTimersByTimeAsync(ALARM_RETRY_MS)
      await alarm.settled()
      expect(set).toEqual([700])
    } finally {
      vi.useRealTimers()
    }
  })

  it('tells when it could not be set, and looks again', async () => {
    const { alarm, set, errors, settle, fail } = bench(null)
    fail(true)
    alarm.wakeAt(500)
    await settle()
    expect(errors).toHaveLength(1)
    fail(false)
    alarm.wakeAt(900)
    await settle()
    expect(set).toEqual([900])
  })
})
