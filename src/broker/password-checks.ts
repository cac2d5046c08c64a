// Checks of passwords, of which each costs milliseconds of an isolate's one thread: what was right is known for a minute, and
// who guesses does not stand before all others. Plain data: a check under way belongs to its own connection or request, so
// others look whether it has ended instead of waiting for its promise. Not what a password is checked against
// (authentication.ts).

import {
  PASSWORD_CHECK_MS,
  PASSWORD_CHECKS,
  PASSWORD_WAIT_MS,
} from '../core/limits/authentication.ts'
import { RightPasswords } from '../security/passwords.ts'

/** Thrown where a password could not be checked for all the others: whoever came may come again. */
export class TooManyChecks extends Error {
  override readonly name = 'TooManyChecks'
}

/** One check: of whom, what, and how. */
export interface PasswordCheck {
  /** Another name for every user there is. */
  readonly user: string
  readonly password: string
  /** Rises with every change of any user. @throws where nobody could say */
  version(): Promise<number>
  /** Does it. */
  run(): Promise<boolean>
}

/** The time as whoever checks has it. */
export interface Waiting {
  now(): number
  sleep(ms: number): Promise<void>
}

const PAUSE_MS = 2

/** Of one isolate. */
export class PasswordChecks {
  readonly #right = new RightPasswords()
  /** Since when. An entry may be left behind by a request that ended. */
  readonly #checking = new Map<string, number>()

  /** Whether the password is right. @throws TooManyChecks, or where nobody could say */
  async isRight(check: PasswordCheck, { now, sleep }: Waiting): Promise<boolean> {
    const digest = await this.#right.digest(check.user, check.password)
    const giveUpMs = now() + PASSWORD_WAIT_MS
    for (;;) {
      // Before the check: what changes during it must not be remembered as right.
      const version = await check.version()
      if (this.#right.has(digest, version, now())) return true
      if (!this.#isBusy(digest, now())) {
        const isRight = await this.#checked(digest, now(), check)
        if (isRight) this.#right.add(digest, version, now())
        return isRight
      }
      if (now() >= giveUpMs) throw new TooManyChecks('too many passwords are being checked')
      await sleep(PAUSE_MS)
    }
  }

  async #checked(digest: string, nowMs: number, check: PasswordCheck): Promise<boolean> {
    this.#checking.set(digest, nowMs)
    try {
      return await check.run()
    } finally {
      this.#checking.delete(digest)
    }
  }

  #isBusy(digest: string, nowMs: number): boolean {
    for (const [one, sinceMs] of this.#checking) {
      if (nowMs - sinceMs >= PASSWORD_CHECK_MS) this.#checking.delete(one)
    }
    return this.#checking.has(digest) || this.#checking.size >= PASSWORD_CHECKS
  }
}
