// What goes wrong, as errors that programs can tell apart: OttlaError carries Kafka's name of the error as
// the broker's problem+json does, SchemaError what a schema said. Aborts are neither: they reject with the
// signal's own reason.

import type { SchemaIssue } from './standard-schema.ts'

/** What an OttlaError says beside its message. */
export interface OttlaErrorDetails {
  /** Kafka's name of the error, such as `UNKNOWN_TOPIC_OR_PARTITION`. */
  readonly code: string
  /** HTTP's status; 0 when there was no answer. */
  readonly status: number
  readonly retriable: boolean
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  readonly offset?: number | undefined
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
  /** Every member of the problem+json document. */
  readonly problem?: Readonly<Record<string, unknown>> | undefined
}

/** What the broker refused, or what could not be asked of it. */
export class OttlaError extends Error {
  override readonly name = 'OttlaError'
  /** Kafka's name of the error; `NETWORK_EXCEPTION` when there was no answer. */
  readonly code: string
  /** HTTP's status; 0 when there was no answer. */
  readonly status: number
  /** True when the same request may work later. What is retriable has been retried already. */
  readonly retriable: boolean
  // Declared, so that what is not known is not there.
  declare readonly topic?: string
  declare readonly partition?: number
  declare readonly offset?: number
  /** How long the broker asks to wait, in milliseconds. */
  declare readonly retryAfterMs?: number
  /** Every member of the broker's problem+json document. */
  declare readonly problem?: Readonly<Record<string, unknown>>

  constructor(message: string, details: OttlaErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = details.code
    this.status = details.status
    this.retriable = details.retriable
    if (details.topic !== undefined) this.topic = details.topic
    if (details.partition !== undefined) this.partition = details.partition
    if (details.offset !== undefined) this.offset = details.offset
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs
    if (details.problem !== undefined) this.problem = details.problem
  }
}

/** Where a record that does not fit its schema is, or was to go; offsets are absent before sending. */
export interface InvalidRecord {
  readonly topic: string
  readonly partition?: number
  readonly offset?: number
  readonly key?: string | Uint8Array | null
  /** As given to `produce`, or as stored: text, or bytes that are not UTF-8. */
  readonly value: unknown
  /** Of a record that was tailed: `from` this, the next one follows. */
  readonly position?: string
}

/** A value that does not fit the topic's schema, before it is sent or when it is read. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly issues: readonly SchemaIssue[]
  readonly record: InvalidRecord

  constructor(issues: readonly SchemaIssue[], record: InvalidRecord) {
    const where = record.offset === undefined ? '' : ` at ${record.partition}:${record.offset}`
    const what = issues.map(({ message, path }) => pathText(path) + message).join('; ')
    super(`a value of topic ${record.topic}${where} does not fit: ${what}`)
    this.issues = issues
    this.record = record
  }
}

function pathText(path: SchemaIssue['path']): string {
  if (path === undefined || path.length === 0) return ''
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
  return `${keys.join('.')}: `
}

const RETRIABLE_STATUS = [408, 425, 429, 502, 503, 504]
const CONFLICT = 409

/** The error that a problem+json document says. Anything else of that status says it less well. */
export function errorOf(
  problem: Readonly<Record<string, unknown>>,
  where: { readonly topic?: string | undefined; readonly retryAfterMs?: number | undefined } = {},
): OttlaError {
  const { code, detail, retriable, partition, offset, retryAfterMs } = problem
  const status = typeof problem.status === 'number' ? problem.status : 0
  const waitMs = numberOf(retryAfterMs) ?? where.retryAfterMs
  const name = typeof code === 'string' ? code : 'UNKNOWN_SERVER_ERROR'
  return new OttlaError(typeof detail === 'string' ? detail : `${name} (${status})`, {
    code: name,
    status,
    retriable: isRetriable(status, retriable, waitMs),
    topic: typeof problem.topic === 'string' ? problem.topic : where.topic,
    partition: numberOf(partition),
    offset: numberOf(offset),
    retryAfterMs: waitMs,
    problem,
  })
}

/**
 * Kafka's clients ask again for a topic that is not there, in case it will be; here somebody waits for the answer, and
 * what is wrong with a request stays wrong. A conflict with a time to come again is the same request, still under way.
 */
function isRetriable(status: number, said: unknown, waitMs: number | undefined): boolean {
  if (RETRIABLE_STATUS.includes(status)) return said !== false
  if (status === CONFLICT) return waitMs !== undefined || said === true
  return said === true && (status === 0 || status >= 500)
}

/** There was no answer, so nobody knows whether it was done. */
export function networkError(message: string, cause?: unknown): OttlaError {
  return new OttlaError(message, { code: 'NETWORK_EXCEPTION', status: 0, retriable: true, cause })
}

/** Nobody may use what was closed. */
export function closedError(): OttlaError {
  return new OttlaError('the client is closed', {
    code: 'CLIENT_CLOSED',
    status: 0,
    retriable: false,
  })
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** This runtime has no WebSocket, and none was given. */
export function noWebSocket(): OttlaError {
  const message = 'this runtime has no WebSocket: give one, connect(url, { WebSocket })'
  return new OttlaError(message, {
    code: 'UNSUPPORTED_ENDPOINT_TYPE',
    status: 0,
    retriable: false,
  })
}
