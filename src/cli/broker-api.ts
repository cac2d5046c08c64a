// The broker's HTTP API as the commands use it: who asks, Kafka's names of errors in one line, pages, and tries
// again where that is safe. Not what is asked: that is the commands'.

import { FailedError } from './command.ts'

const RETRIABLE: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

/** What a request was answered when it was not a success. */
export class RefusedError extends FailedError {
  readonly status: number
  /** Kafka's name of the error, where the answer has one. */
  readonly code: string
  readonly isRetriable: boolean
  readonly retryAfterMs: number

  constructor(status: number, code: string, detail: string, retryAfterMs: number) {
    super(code === '' ? detail : `${code}: ${detail}`)
    this.status = status
    this.code = code
    // A conflict that says when to come back is with a request of ours that has not ended.
    const isConflict = status === 409 && retryAfterMs > 0
    this.isRetriable = RETRIABLE.has(status) || isConflict
    this.retryAfterMs = retryAfterMs
  }
}

/** Nobody answered, or the answer broke off. */
export class UnreachableError extends FailedError {}

/** A page of a list. */
interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

export interface Asking {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: Readonly<
    Record<string, string | number | boolean | readonly string[] | undefined>
  >
}

/** What is wrong is not said to who may be anybody. */
export const UNKNOWN =
  'the broker asks who you are: set OTTLA_SECRET to its secret, or to the password of --user NAME'

const PAGE_ITEMS = 1_000
const PAUSE_MIN_MS = 100
const PAUSE_MAX_MS = 10_000
const GIVE_UP_MS = 120_000

/** See the head of this file. */
export class BrokerApi {
  readonly #url: URL
  readonly #authorization: string | null
  readonly #signal: AbortSignal

  /** @param authorization as authorizationOf in command.ts */
  constructor(url: URL, authorization: string | null, signal: AbortSignal) {
    this.#url = url
    this.#authorization = authorization
    this.#signal = signal
  }

  /** The JSON of an answer; null where it has none. @throws FailedError */
  async json<Answer>(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const response = await this.send(method, path, asking)
    try {
      const text = await response.text()
      return (text === '' ? null : JSON.parse(text)) as Answer
    } catch (error) {
      throw new UnreachableError(`${this.#url.href}: the answer broke off (${reasonOf(error)})`)
    }
  }

  /** Every item of a list, page by page. @throws FailedError */
  async *items<Item>(path: string, asking: Asking = {}): AsyncGenerator<Item> {
    let after: string | undefined
    do {
      const query = { ...asking.query, limit: PAGE_ITEMS, after }
      const page = await this.json<Page<Item>>('GET', path, { ...asking, query })
      yield* page.items
      after = page.next ?? undefined
    } while (after !== undefined)
  }

  /** An answer that is a success, its body unread. @throws FailedError */
  async send(
    method: string,
    path: string,
    { body, headers, query }: Asking = {},
  ): Promise<Response> {
    const url = new URL(path.replace(/^\//, ''), this.#url)
    for (const [name, value] of Object.entries(query ?? {})) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined) url.searchParams.append(name, String(one))
      }
    }
    const isText = typeof body === 'string'
    let response: Response
    try {
      response = await fetch(url, {
        method,
        signal: this.#signal,
        headers: {
          ...(this.#authorization === null ? {} : { authorization: this.#authorization }),
          ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      })
    } catch (error) {
      throw new UnreachableError(`no broker answers at ${this.#url.href} (${reasonOf(error)})`)
    }
    if (response.ok) return response
    throw await refusal(response)
  }

  /**
   * Asks again, with growing pauses, when nobody answered or the answer says that it may help, for two minutes. For what
   * may be asked twice. @param say told once that it is tried again
   */
  async again<Answer>(ask: () => Promise<Answer>, say: (line: string) => void): Promise<Answer> {
    const untilMs = performance.now() + GIVE_UP_MS
    for (let pauseMs = PAUSE_MIN_MS, isFirst = true; ; isFirst = false) {
      try {
        return await ask()
      } catch (error) {
        const mayHelp =
          error instanceof UnreachableError || (error instanceof RefusedError && error.isRetriable)
        if (!mayHelp || this.#signal.aborted || performance.now() > untilMs) throw error
        if (isFirst) say(`${(error as Error).message}; trying again`)
        const leastMs = error instanceof RefusedError ? error.retryAfterMs : 0
        await this.pause(Math.max(leastMs, Math.random() * pauseMs))
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2)
      }
    }
  }

  /** Waits, unless we are asked to stop. */
  pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(finish, ms)
      const signal = this.#signal
      signal.addEventListener('abort', finish, { once: true })
      function finish() {
        clearTimeout(timer)
        signal.removeEventListener('abort', finish)
        done()
      }
    })
  }
}

/** A part of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text)
}

async function refusal(response: Response): Promise<RefusedError> {
  const { status, headers } = response
  const text = await response.text().catch(() => '')
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = seconds > 0 ? Math.min(seconds * 1000, PAUSE_MAX_MS) : 0
  if (status === 401) {
    return new RefusedError(status, '', UNKNOWN, 0)
  }
  try {
    const { code, detail } = JSON.parse(text) as { code?: unknown; detail?: unknown }
    if (typeof code === 'string' && typeof detail === 'string') {
      return new RefusedError(status, code, detail, retryAfterMs)
    }
  } catch {
    // It is not ours.
  }
  return new RefusedError(status, '', `status ${status}: is this a broker's address?`, retryAfterMs)
}

/** fetch hides the reason in its cause, and Node gives the error of several addresses no message. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return String(cause)
  const code: unknown = Reflect.get(cause, 'code')
  return typeof code === 'string' ? code : cause.message
}
