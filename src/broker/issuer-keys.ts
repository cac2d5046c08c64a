// The keys of the issuer of tokens: as they were given at the start, or read from the issuer's address and kept for a
// while. One per isolate, plain data: a reading belongs to the connection or request that needs it, so others look whether
// it has ended instead of waiting for its promise. Not the check of a token: security/jwt.ts.

import { joinBytes } from '../core/bytes.ts'
import {
  JWKS_AGAIN_MS,
  JWKS_BYTES,
  JWKS_FETCH_MS,
  JWKS_FIRST_AGAIN_MS,
  JWKS_KEYS,
} from '../core/limits/authentication.ts'
import { textOf } from '../core/text.ts'
import { type JsonWebKeySet, type VerifiedToken, verifyJwt } from '../security/jwt.ts'
import type { OauthSettings } from '../security/sasl-settings.ts'

/** The way to the issuer: of an isolate's own fetch, or of the one network that leads there. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** The world as whoever presents a token reaches it. */
export interface IssuerReach {
  readonly fetch: Fetch
  now(): number
  sleep(ms: number): Promise<void>
}

/** Thrown when no token can be judged: it may be over soon. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable'
}

/** See the head of this file. */
export class IssuerKeys {
  readonly #settings: OauthSettings
  #set: JsonWebKeySet | null
  #readAtMs = Number.NEGATIVE_INFINITY
  #triedAtMs = Number.NEGATIVE_INFINITY
  /** Since when somebody reads them; left behind by a request that was ended meanwhile. */
  #readingSinceMs: number | null = null

  constructor(settings: OauthSettings) {
    this.#settings = settings
    this.#set = settings.keys.kind === 'given' ? settings.keys.set : null
  }

  /**
   * Checks a token. A key that is not known, and a set that has grown old, are looked for at the issuer, not more often
   * than JWKS_AGAIN_MS; as long as the issuer does not answer the keys there are stay good, as in Kafka.
   * @throws KeysUnavailable when there are no keys to judge by
   */
  async check(token: string, reach: IssuerReach): Promise<VerifiedToken> {
    const { jwt, keys } = this.#settings
    if (keys.kind === 'read') await this.#refresh(keys, reach)
    if (this.#set === null) throw new KeysUnavailable("the issuer's keys cannot be read")
    const verified = await verifyJwt(token, jwt, this.#set, reach.now())
    const isKeyUnknown = verified.kind === 'refused' && verified.isKeyUnknown === true
    if (!isKeyUnknown || keys.kind === 'given') return verified
    const before = this.#set
    await this.#renew(keys.url, reach)
    return this.#set === before ? verified : verifyJwt(token, jwt, this.#set, reach.now())
  }

  /** Nobody waits for another's reading while there are keys, if old ones. */
  async #refresh(
    { url, refreshMs }: { readonly url: string; readonly refreshMs: number },
    reach: IssuerReach,
  ): Promise<void> {
    const now = reach.now()
    if (now - this.#readAtMs < refreshMs) return
    if (this.#set === null || !this.#isBeingRead(now)) await this.#renew(url, reach)
  }

  /** Reads them, or waits until whoever reads them has. */
  async #renew(url: string, reach: IssuerReach): Promise<void> {
    const giveUpMs = reach.now() + JWKS_FETCH_MS
    const readBeforeMs = this.#readAtMs
    while (this.#isBeingRead(reach.now())) {
      if (reach.now() >= giveUpMs) return
      await reach.sleep(PAUSE_MS)
    }
    if (this.#readAtMs === readBeforeMs && this.#mayTry(reach.now())) await this.#read(url, reach)
  }

  #isBeingRead(now: number): boolean {
    return this.#readingSinceMs !== null && now - this.#readingSinceMs < JWKS_FETCH_MS
  }

  /** At once, where a reading was left behind; nobody gets in before the first one. */
  #mayTry(now: number): boolean {
    const againMs = this.#set === null ? JWKS_FIRST_AGAIN_MS : JWKS_AGAIN_MS
    return this.#readingSinceMs !== null || now - this.#triedAtMs >= againMs
  }

  async #read(url: string, reach: IssuerReach): Promise<void> {
    const began = reach.now()
    this.#triedAtMs = began
    this.#readingSinceMs = began
    const set = await readKeySet(url, reach.fetch).catch(() => null)
    // Another may have begun since: it is over when that is.
    if (this.#readingSinceMs === began) this.#readingSinceMs = null
    if (set === null) return
    this.#set = set
    this.#readAtMs = began
  }
}

/** How often it is looked whether another's reading is over, in milliseconds. */
const PAUSE_MS = 10

/** The key set at an address; null when there is none. Goes nowhere else: a redirect is no answer. */
async function readKeySet(url: string, fetch: Fetch): Promise<JsonWebKeySet | null> {
  const answer = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.timeout(JWKS_FETCH_MS),
  })
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel()
    return null
  }
  const bytes = await upTo(answer.body, JWKS_BYTES)
  return bytes === null ? null : parseKeySet(textOf(bytes) ?? '')
}

async function upTo(
  body: ReadableStream<Uint8Array>,
  mostBytes: number,
): Promise<Uint8Array | null> {
  const reader = body.getReader()
  const pieces: Uint8Array[] = []
  for (let bytes = 0; ; ) {
    const { value, done } = await reader.read()
    if (done) return joinBytes(pieces)
    bytes += value.length
    pieces.push(value)
    if (bytes > mostBytes) {
      await reader.cancel()
      return null
    }
  }
}

/** A key set as text; null when it is none. */
export function parseKeySet(text: string): JsonWebKeySet | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const keys: unknown = typeof value === 'object' && value !== null && Reflect.get(value, 'keys')
  const isSet =
    Array.isArray(keys) &&
    keys.length <= JWKS_KEYS &&
    keys.every((key) => typeof key === 'object' && key !== null && !Array.isArray(key))
  return isSet ? { keys } : null
}
