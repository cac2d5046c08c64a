// Signs what a broker gives out and believes when it comes back: HMAC-SHA-256 under a key that is derived from a secret.
// What was signed for one purpose is nothing for another. Not what is signed.

import { DEFAULT_TENANT } from '../core/ids.ts'
import { fromBase64Url, toBase64Url } from '../core/text.ts'

const ALGORITHM = { name: 'HMAC', hash: 'SHA-256' }
const encoder = new TextEncoder()
/** What the key is made from the secret by. */
const KEY_NAME = 'ottla signing key 1'

/** What signatures are for. */
export type Purpose = 'token' | 'session'

/** See the head of this file. Whoever changes the secret makes all that was signed worthless. */
export class Signer {
  readonly #secret: Uint8Array<ArrayBuffer>
  readonly #keyName: string
  #key: Promise<CryptoKey> | null = null

  /**
   * @param secret any bytes; at least as unknown as a password
   * @param tenant what is signed for one is nothing for another
   */
  constructor(secret: Uint8Array, tenant: string = DEFAULT_TENANT) {
    this.#keyName = tenant === DEFAULT_TENANT ? KEY_NAME : `${KEY_NAME} ${tenant}`
    // Web Crypto wants bytes that nobody shares.
    this.#secret = secret.slice()
  }

  /** Of a text, 43 characters of base64url. */
  async sign(purpose: Purpose, text: string): Promise<string> {
    const signature = await crypto.subtle.sign(
      ALGORITHM,
      await this.#imported(),
      said(purpose, text),
    )
    return toBase64Url(new Uint8Array(signature))
  }

  /** Compares in constant time. */
  async verify(purpose: Purpose, text: string, signature: string): Promise<boolean> {
    const bytes = fromBase64Url(signature)?.slice()
    if (bytes === undefined) return false
    return crypto.subtle.verify(ALGORITHM, await this.#imported(), bytes, said(purpose, text))
  }

  #imported(): Promise<CryptoKey> {
    this.#key ??= this.#derive()
    return this.#key
  }

  /** The secret itself is also a password: a key of its own tells nothing of it to who has many signatures. */
  async #derive(): Promise<CryptoKey> {
    const own = await crypto.subtle.importKey('raw', this.#secret, ALGORITHM, false, ['sign'])
    const derived = await crypto.subtle.sign(ALGORITHM, own, encoder.encode(this.#keyName))
    return crypto.subtle.importKey('raw', derived, ALGORITHM, false, ['sign', 'verify'])
  }
}

function said(purpose: Purpose, text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${purpose}\n${text}`) as Uint8Array<ArrayBuffer>
}
