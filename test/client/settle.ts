// Time that passes by itself: for tests with fake timers.

import { vi } from 'vitest'

/** Lets time pass until `promise` is settled. */
export async function settled<Value>(promise: Promise<Value>): Promise<Value> {
  let isOver = false
  const over = () => {
    isOver = true
  }
  promise.then(over, over)
  for (let at = 0; !isOver && at < 20_000; at++) await vi.advanceTimersByTimeAsync(10)
  if (!isOver) throw new Error('it is not settled after 200 s')
  return promise
}
