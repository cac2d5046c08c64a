import { describe, expect, it, vi } from 'vitest'
import { PasswordChecks, TooManyChecks } from '../../src/broker/password-checks.ts'
import {
  PASSWORD_CACHE_MS,
  PASSWORD_CHECKS,
  PASSWORD_WAIT_MS,
} from '../../src/core/limits/authentication.ts'

/** Waits take no time but for the clock. */
function clock(nowMs = 0) {
  const waiting = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms
    },
  }
  return waiting
}

const check = (password: string, run: () => Promise<boolean>) => ({
  user: 'main/u',
  password,
  version: async () => 1,
  run,
})
const never = () => new Promise<boolean>(() => {})

describe('checks of passwords', () => {
  it('are some at a time: who comes then waits, and is told to come again', async () => {
    const run = vi.fn(never)
    const checks = new PasswordChecks()
    // Those under way have just begun, whenever one looks.
    const begun = { now: () => 10 * PASSWORD_WAIT_MS, sleep: async () => {} }
    for (let at = 0; at < PASSWORD_CHECKS; at++) void checks.isRight(check(`p${at}`, run), begun)
    await vi.waitFor(() => expect(run).toHaveBeenCalledTimes(PASSWORD_CHECKS), 5_000)
    await expect(checks.isRight(check('one more', run), clock())).rejects.toThrow(TooManyChecks)
    expect(run).toHaveBeenCalledTimes(PASSWORD_CHECKS)
  })

  it('are not held up for ever by one whose request has ended', async () => {
    const run = vi.fn(never)
    const checks = new PasswordChecks()
    void checks.isRight(check('p', run), clock())
    await vi.waitFor(() => expect(run).toHaveBeenCalled(), 5_000)
    expect(
      await checks.isRight(
        check('p', async () => true),
        clock(),
      ),
    ).toBe(true)
  })

  it('that were right are known to be for a minute, and no longer', async () => {
    const checks = new PasswordChecks()
    const run = vi.fn(async () => true)
    for (const atMs of [0, PASSWORD_CACHE_MS - 1]) {
      expect(await checks.isRight(check('p', run), clock(atMs))).toBe(true)
    }
    expect(run).toHaveBeenCalledTimes(1)
    expect(
      await checks.isRight(
        check('p', async () => false),
        clock(PASSWORD_CACHE_MS),
      ),
    ).toBe(false)
  })
})
