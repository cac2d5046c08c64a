// Credentials that are in no storage: the first user's, made of the secret of this broker, and those of users who do not
// exist, so that asking for one tells nobody that they do not. Both have as many iterations as some user has, and their salts
// from the secret and the cluster's id, by a slow derivation: anybody may ask for a salt, and must not try out secrets on it.
// The same in every isolate, as long as users are the same.

import { SALT_KEY_ITERATIONS } from '../core/limits/authentication.ts'
import { SCRAM_ITERATIONS_MIN } from '../core/limits/security.ts'
import { type ScramCredential, type ScramLikeness, ScramMechanism } from './kept.ts'
import { credentialOfPassword, hmac, type ScramName, saltedPassword, saltOf } from './scram.ts'

const KEY_BYTES: Readonly<Record<ScramName, number>> = {
  'SCRAM-SHA-256': 32,
  'SCRAM-SHA-512': 64,
}
const CODES: Readonly<Record<ScramName, ScramMechanism>> = {
  'SCRAM-SHA-256': ScramMechanism.SCRAM_SHA_256,
  'SCRAM-SHA-512': ScramMechanism.SCRAM_SHA_512,
}
const KEY_OF_CHANCE_BYTES = 32
const encoder = new TextEncoder()

/** See the head of this file. One per isolate: it remembers what it has derived, and never a promise. */
export class Salts {
  readonly #secret: string
  /** By cluster and mechanism. */
  readonly #firstUser = new Map<string, ScramCredential>()
  /** By cluster. */
  readonly #keys = new Map<string, Uint8Array>()
  readonly #chance = crypto.getRandomValues(new Uint8Array(KEY_OF_CHANCE_BYTES))

  /** @param secret the broker's, or bytes of chance as text where it has none */
  constructor(secret: string) {
    this.#secret = secret
  }

  /**
   * Of a user who does not exist: no password is right.
   * @param likeness null where nobody could say: then it is of chance, for the secret alone makes no salt
   */
  async nobody(
    user: string,
    mechanism: ScramName,
    likeness: ScramLikeness | null,
  ): Promise<ScramCredential> {
    const key = likeness === null ? this.#chance : await this.#keyOf(likeness.clusterId)
    const made = (use: string) =>
      hmac('SCRAM-SHA-512', key, encoder.encode(`${use} ${mechanism} ${user}`))
    const bytes = KEY_BYTES[mechanism]
    const inUse = likeness?.iterations[CODES[mechanism]] ?? []
    const iterations = someOf(inUse, await made('iterations'))
    return {
      // Another one with other iterations: as of a user who was given another password.
      salt: saltOf(await made(`salt ${iterations}`)),
      iterations,
      storedKey: (await made('stored')).slice(0, bytes),
      serverKey: (await made('server')).slice(0, bytes),
    }
  }

  /** Of the user whose password the secret is. */
  async firstUser(
    user: string,
    mechanism: ScramName,
    likeness: ScramLikeness | null,
  ): Promise<ScramCredential> {
    const { salt, iterations } = await this.nobody(user, mechanism, likeness)
    const place = `${likeness?.clusterId ?? ''} ${mechanism}`
    const kept = this.#firstUser.get(place)
    if (kept !== undefined && kept.iterations === iterations) return kept
    const made = await credentialOfPassword(mechanism, this.#secret, iterations, salt)
    this.#firstUser.set(place, made)
    return made
  }

  async #keyOf(clusterId: string): Promise<Uint8Array> {
    let key = this.#keys.get(clusterId)
    if (key === undefined) {
      key = await saltedPassword(
        'SCRAM-SHA-256',
        encoder.encode(this.#secret),
        encoder.encode(`ottla salts 2 ${clusterId}`),
        SALT_KEY_ITERATIONS,
      )
      this.#keys.set(clusterId, key)
    }
    return key
  }
}

type InUse = ScramLikeness['iterations'][ScramMechanism]

/** As often each as users have it. @param chance bytes that are always the same for a name */
function someOf(inUse: InUse, chance: Uint8Array): number {
  const users = inUse.reduce((sum, [, count]) => sum + count, 0)
  const { buffer, byteOffset } = chance
  let at = (new DataView(buffer, byteOffset).getUint32(0) / 2 ** 32) * users
  for (const [iterations, count] of inUse) {
    at -= count
    if (at < 0) return iterations
  }
  return SCRAM_ITERATIONS_MIN
}
