// Checks passwords of users for HTTP, where each request has one: what was right is known for a minute, and who guesses does
// not stand before all others. Plain data: a check under way belongs to its own request, so others look whether it has
// ended instead of waiting for its promise. Not what a password is checked against (broker/authentication.ts).

import {
  PASSWORD_CHECK_MS,
  PASSWORD_CHECKS,
  PASSWORD_WAIT_MS,
} from '../core/limits/http-security.ts'
import { RightPasswords } from '../security/passwords.ts'
import type { CheckPassword } from '../security/plain.ts'

/** Users of a tenant as one request may ask for them. */
export interface Users {
  readonly tenant: string
  /** Rises with every change of any user. @throws where nobody could say */
  version(): Promise<number>
  readonly checkPassword: CheckPassword
  /** Another one whenever the user's credentials are others; empty for a user without any. */
  stamp(user: string): Promise<string>
}

/** What a check works with. */
export interface PasswordDeps {
  now(): number
  sleep(ms: number): Promise<void>
}

const PAUSE_MS = 2

/** Of one isolate. */
export class Passwords {
  readonly #right = new RightPasswords()
  /** Since when. An entry may be left behind by a request that ended. */
  readonly #checking = new Map<string, number>()

  /** Checks; `busy`: too many are being checked. @throws where nobody could say */
  async check(
    user: string,
    password: string,
    users: Users,
    { now, sleep }: PasswordDeps,
  ): Promise<'right' | 'wrong' | 'busy'> {
    const digest = await this.#right.digest(`${users.tenant}/${user}`, password)
    const giveUpMs = now() + PASSWORD_WAIT_MS
    for (;;) {
      // Before the check: what changes during it must not be remembered as right.
      const version = await users.version()
      if (this.#right.has(digest, version, now())) return 'right'
      if (!this.#isBusy(digest, now())) {
        const isRight = await this.#checked(digest, now(), users.checkPassword(user, password))
        if (isRight) this.#right.add(digest, version, now())
        return isRight ? 'right' : 'wrong'
      }
      if (now() >= giveUpMs) return 'busy'
      await sleep(PAUSE_MS)
    }
  }

  async #checked(digest: string, nowMs: number, check: Promise<boolean>): Promise<boolean> {
    this.#checking.set(digest, nowMs)
    try {
      return await check
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
