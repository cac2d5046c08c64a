// Asking the broker that served this page, by the client's own requests: JSON in, JSON out, failures as one
// error class, and whether anybody answers at all. What keeps answers is reading.ts, what reads streams
// events.ts.

import { signal } from '@preact/signals'
import { OttlaError } from '../../src/client/errors.ts'
import { Rest, Tokens } from '../../src/client/rest.ts'

/** Of where the page is from, signed in by cookie: a page holds no token. */
const rest = new Rest('', new Tokens(undefined), (input, init) => fetch(input, init))

/** A failure as the broker tells it (problem+json), or DISCONNECTED when nobody answered. */
export class BrokerError extends Error {
  /** Kafka's name of the error, or DISCONNECTED. */
  readonly code: string
  /** HTTP status; 0 when nobody answered. */
  readonly status: number
  /** The field, parameter or header at fault. */
  readonly field: string | undefined
  /** Other members of the problem, such as `earliest` and `end`. */
  readonly members: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    status: number,
    detail: string,
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail)
    this.name = 'BrokerError'
    this.code = code
    this.status = status
    this.field = typeof members.field === 'string' ? members.field : undefined
    this.members = members
  }
}

export const DISCONNECTED = 'DISCONNECTED'

/** When the broker last answered anything (ms since the epoch), and since when it does not. */
export const lastAnswerAt = signal(0)
export const disconnectedSince = signal<number | null>(null)

/** True when the broker wants its secret: the shell goes to where it is asked for. */
export const isSignedOut = signal(false)

/** What a request may say. */
export interface Request {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks and gives the answer's JSON (undefined when there is none). Throws BrokerError, or the signal's
 * reason. A 401 has the shell go to the sign-in page.
 */
export async function ask<Answer>(path: string, request: Request = {}): Promise<Answer> {
  const response = await send(path, request)
  if (response.status === 204) return undefined as Answer
  const text = await response.text().catch((error: unknown) => {
    throw request.signal?.aborted ? request.signal.reason : unreachable(error)
  })
  return JSON.parse(text) as Answer
}

/** As `ask`, with the response of a success unread. */
export async function send(path: string, request: Request = {}): Promise<Response> {
  const { method = 'GET', body, signal: until } = request
  const json: Record<string, string> =
    body === undefined ? {} : { 'content-type': 'application/json' }
  try {
    const response = await rest.fetch(path, {
      method,
      headers: { ...json, ...request.headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(until === undefined ? {} : { signal: until }),
    })
    heard()
    return response
  } catch (error) {
    if (until?.aborted) throw until.reason
    if (!(error instanceof OttlaError) || error.status === 0) throw unreachable(error)
    heard()
    if (error.status === 401) isSignedOut.value = true
    throw new BrokerError(error.code, error.status, error.message, error.problem)
  }
}

/** Somebody answers. */
export function heard(): void {
  lastAnswerAt.value = Date.now()
  disconnectedSince.value = null
}

function unreachable(error: unknown): BrokerError {
  disconnectedSince.value ??= Date.now()
  const { cause } = error instanceof Error ? error : {}
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return new BrokerError(DISCONNECTED, 0, `The broker does not answer${why}.`)
}

/** A path of segments and a query; what is undefined or empty is left out. */
export function pathOf(
  segments: readonly (string | number)[],
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const path = segments.map((segment) => encodeURIComponent(segment)).join('/')
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  return `/v1/${path}${parameters.size === 0 ? '' : `?${parameters}`}`
}

/** Follows `next` until the last page, or until there are `most` items. */
export async function everyPage<Item>(
  segments: readonly (string | number)[],
  { most, signal: until }: { readonly most: number; readonly signal?: AbortSignal | undefined },
): Promise<Item[]> {
  const items: Item[] = []
  let after: string | undefined
  for (;;) {
    const page = await ask<{ items: Item[]; next: string | null }>(
      pathOf(segments, { limit: 1000, after }),
      { signal: until },
    )
    items.push(...page.items)
    if (page.next === null || items.length >= most) return items
    after = page.next
  }
}
