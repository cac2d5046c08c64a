// The one alarm of an object: set as seldom as possible.

import { describe, expect, it } from 'vitest'
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
