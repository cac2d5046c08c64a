// A digest of what is kept of a user's passwords: what was given out for one (a cookie, a token, an open stream) ends when
// it is another one. Remembered while no user changes, because every request of a browser asks.

import type { SecurityRpc } from '../cluster/contract.ts'
import { STAMPS_REMEMBERED } from '../core/limits/http-security.ts'
import { toBase64Url } from '../core/text.ts'
import { SCRAM_MECHANISMS, type ScramCredential } from '../security/kept.ts'

/** What an isolate remembers: plain data. */
export class Stamps {
  readonly #known = new Map<string, string>()
  #version = -1

  /** Of a user at this version of all users; empty where they have no password. @throws where nobody could say */
  async of(
    user: string,
    usersVersion: number,
    cluster: Pick<SecurityRpc, 'scramCredential'>,
  ): Promise<string> {
    if (usersVersion !== this.#version) this.#known.clear()
    this.#version = usersVersion
    const known = this.#known.get(user)
    if (known !== undefined) return known
    const mechanisms = [...SCRAM_MECHANISMS.values()]
    const kept = await Promise.all(mechanisms.map((one) => cluster.scramCredential(user, one)))
    const stamp = await digestOf(kept)
    // Users may have changed meanwhile: then it is for this request alone.
    if (this.#version === usersVersion) {
      if (this.#known.size >= STAMPS_REMEMBERED) this.#known.clear()
      this.#known.set(user, stamp)
    }
    return stamp
  }
}

async function digestOf(kept: readonly (ScramCredential | null)[]): Promise<string> {
  if (kept.every((one) => one === null)) return ''
  const parts = kept.map((one) =>
    one === null ? '-' : `${toBase64Url(one.salt)}.${toBase64Url(one.storedKey)}`,
  )
  const bytes = new TextEncoder().encode(parts.join(' '))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return toBase64Url(digest.subarray(0, STAMP_BYTES))
}

/** It is signed along with what it stands in: nobody can look for another credential that has the same. */
const STAMP_BYTES = 12
