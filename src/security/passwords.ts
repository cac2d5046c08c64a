// Passwords that were right a moment ago, so that the next request or connection with one costs no PBKDF2. Keeps no
// password: a keyed digest with a key of chance that never leaves the isolate. Not the check itself: scram.ts.

import { PASSWORD_CACHE_ENTRIES, PASSWORD_CACHE_MS } from '../core/limits/authentication.ts'
import { hmac } from './scram.ts'

interface Kept {
  readonly untilMs: number
  /** The state of all users that it was right in: any change asks again. */
  readonly usersVersion: number
}

const encoder = new TextEncoder()

/** See the head of this file. One per isolate; plain data. */
export class RightPasswords {
  readonly #key = crypto.getRandomValues(new Uint8Array(32))
  readonly #kept = new Map<string, Kept>()

  /** What stands for these two; hand it to the other methods. */
  async digest(user: string, password: string): Promise<string> {
    const mac = await hmac('SCRAM-SHA-256', this.#key, encoder.encode(`${user}\0${password}`))
    return String.fromCharCode(...mac)
  }

  /** Whether they were right within PASSWORD_CACHE_MS, and nobody's credentials have changed since. */
  has(digest: string, usersVersion: number, nowMs: number): boolean {
    const kept = this.#kept.get(digest)
    if (kept === undefined) return false
    if (kept.usersVersion === usersVersion && nowMs < kept.untilMs) return true
    this.#kept.delete(digest)
    return false
  }

  /** They were right. Wrong ones are never kept. */
  add(digest: string, usersVersion: number, nowMs: number): void {
    this.#kept.delete(digest)
    this.#kept.set(digest, { untilMs: nowMs + PASSWORD_CACHE_MS, usersVersion })
    const oldest = this.#kept.keys().next()
    if (this.#kept.size > PASSWORD_CACHE_ENTRIES && !oldest.done) this.#kept.delete(oldest.value)
  }
}
