// The broker over fetch: adds the token, asks for a new one after a 401, and makes errors of answers that
// are none. No retries: who asks knows what may be asked again.

import { errorOf, networkError, OttlaError } from './errors.ts'

/** A token, or what gives one: asked again after the broker refused the last one. */
export type TokenSource = string | (() => string | Promise<string>) | undefined

/** The token in use. */
export class Tokens {
  readonly #source: TokenSource
  #asked: Promise<string> | undefined

  constructor(source: TokenSource) {
    this.#source = source
  }

  /** The token, if there are any. Rejects with what the source throws. */
  async get(): Promise<string | undefined> {
    const source = this.#source
    if (typeof source !== 'function') return source
    this.#asked ??= Promise.resolve(source())
    try {
      return await this.#asked
    } catch (error) {
      this.#asked = undefined
      throw error
    }
  }

  /** The broker refused a token. Answers whether there may be another one. */
  async refused(token: string | undefined): Promise<boolean> {
    if (typeof this.#source !== 'function') return false
    const asked = this.#asked
    if (asked !== undefined && (await asked.catch(() => token)) === token) {
      if (this.#asked === asked) this.#asked = undefined
    }
    return true
  }
}

/** What `fetch` is to this client. */
export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** Requests of one broker. */
export class Rest {
  /** Without a final slash. */
  readonly base: string
  readonly #tokens: Tokens
  readonly #fetch: Fetch

  constructor(base: string, tokens: Tokens, fetch: Fetch) {
    this.base = base
    this.#tokens = tokens
    this.#fetch = fetch
  }

  /**
   * One request. Rejects with an OttlaError for every answer that is no success, and with the signal's
   * reason after an abort.
   * @param topic named in the error
   */
  async fetch(path: string, init: RequestInit = {}, topic?: string): Promise<Response> {
    for (let again = true; ; again = false) {
      const token = await this.#tokens.get()
      const response = await this.#ask(path, init, token)
      if (response.ok) return response
      if (response.status === 401 && again && (await this.#tokens.refused(token))) {
        await response.body?.cancel()
        continue
      }
      throw await problemOf(response, topic)
    }
  }

  async #ask(path: string, init: RequestInit, token: string | undefined): Promise<Response> {
    const headers = new Headers(init.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    try {
      return await this.#fetch(this.base + path, { ...init, headers })
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason
      throw networkError(`${this.base} cannot be reached`, error)
    }
  }

  /**
   * Why the socket could not be opened; null when the broker would take it, so that it was the network.
   * Browsers do not tell.
   */
  async whyNotLive(): Promise<OttlaError | null> {
    try {
      const response = await this.fetch('/v1/live')
      await response.body?.cancel()
      return null
    } catch (error) {
      if (!(error instanceof OttlaError) || error.status === 426) return null
      return error
    }
  }
}

/** The error that an answer says, by its problem+json or by its status alone. */
async function problemOf(response: Response, topic: string | undefined): Promise<OttlaError> {
  const wait = response.headers.get('retry-after')
  const retryAfterMs = wait === null ? undefined : waitOf(wait)
  let body: unknown = null
  try {
    body = await response.json()
  } catch {
    // Not ours: a proxy's page.
  }
  const problem = typeof body === 'object' && body !== null ? body : {}
  const detail = `the broker answered ${response.status}`
  return errorOf({ detail, ...problem, status: response.status }, { retryAfterMs, topic })
}

/** Retry-After is seconds or a date. */
function waitOf(text: string): number | undefined {
  const seconds = Number(text)
  const ms = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
