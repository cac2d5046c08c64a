// Credentials that are in no storage: the first user's, made of the secret of this broker, and those of users who do not
// exist, so that asking for one tells nobody that they do not. Both have their salts from the secret by a slow
// derivation, for anybody may ask for a salt and try out secrets on it. The same in every isolate.

import { SALT_KEY_ITERATIONS } from '../core/limits/authentication.ts'
import { SCRAM_ITERATIONS_MIN } from '../core/limits/security.ts'
import type { ScramCredential } from './kept.ts'
import { credentialOfPassword, hmac, type ScramName, saltedPassword, saltOf } from './scram.ts'

const KEY_BYTES: Readonly<Record<ScramName, number>> = {
  'SCRAM-SHA-256': 32,
  'SCRAM-SHA-512': 64,
}
const encoder = new TextEncoder()

/** See the head of this file. One per isolate: it remembers what it has derived, and never a promise. */
export class Salts {
  readonly #secret: string
  readonly #firstUser = new Map<ScramName, ScramCredential>()
  #key: Uint8Array | null = null

  /** @param secret the broker's, or bytes of chance as text where it has none */
  constructor(secret: string) {
    this.#secret = secret
  }

  /** Of a user who does not exist: no password is right. */
  async nobody(user: string, mechanism: ScramName): Promise<ScramCredential> {
    const key = await this.#saltKey()
    const made = (use: string) =>
      hmac('SCRAM-SHA-512', key, encoder.encode(`${use} ${mechanism} ${user}`))
    const bytes = KEY_BYTES[mechanism]
    return {
      salt: saltOf(await made('salt')),
      iterations: SCRAM_ITERATIONS_MIN,
      storedKey: (await made('stored')).slice(0, bytes),
      serverKey: (await made('server')).slice(0, bytes),
    }
  }

  /** Of the user whose password the secret is. */
  async firstUser(user: string, mechanism: ScramName): Promise<ScramCredential> {
    const kept = this.#firstUser.get(mechanism)
    if (kept !== undefined) return kept
    const { salt, iterations } = await this.nobody(user, mechanism)
    const made = await credentialOfPassword(mechanism, this.#secret, iterations, salt)
    this.#firstUser.set(mechanism, made)
    return made
  }

  async #saltKey(): Promise<Uint8Array> {
    this.#key ??= await saltedPassword(
      'SCRAM-SHA-256',
      encoder.encode(this.#secret),
      encoder.encode('ottla salts 1'),
      SALT_KEY_ITERATIONS,
    )
    return this.#key
  }
}
