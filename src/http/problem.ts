// How an error looks over HTTP: RFC 9457 problem+json with Kafka's name of the error in `code`. The
// one mapping from Kafka's errors to HTTP's status codes. Not for bugs: those are exceptions, answered
// in app.ts.

import {
  type ErrorCode,
  type ErrorName,
  errorMessage,
  errorName,
  isRetriable,
  KafkaError,
} from '../core/errors.ts'

/** What a problem says beside its code. */
export interface ProblemOptions {
  /** HTTP status; by default the one the Kafka error maps to. */
  readonly status?: number
  /** What is wrong with this request, one sentence. By default the sentence Kafka gives. */
  readonly detail?: string
  /** The field, parameter or header at fault, such as `records[3].value`. */
  readonly field?: string
  /** More members of the body, such as `earliest` and `end`. */
  readonly members?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

const STATUS: Partial<Record<ErrorName, number>> = {
  OFFSET_OUT_OF_RANGE: 416,
  UNKNOWN_TOPIC_OR_PARTITION: 404,
  UNKNOWN_TOPIC_ID: 404,
  RESOURCE_NOT_FOUND: 404,
  TOPIC_ALREADY_EXISTS: 409,
  DUPLICATE_RESOURCE: 409,
  GROUP_ID_NOT_FOUND: 404,
  TRANSACTIONAL_ID_NOT_FOUND: 404,
  NON_EMPTY_GROUP: 409,
  INVALID_GROUP_ID: 400,
  INVALID_COMMIT_OFFSET_SIZE: 422,
  MESSAGE_TOO_LARGE: 413,
  RECORD_LIST_TOO_LARGE: 413,
  INVALID_TOPIC_EXCEPTION: 400,
  INVALID_PARTITIONS: 400,
  INVALID_REPLICATION_FACTOR: 400,
  INVALID_CONFIG: 400,
  INVALID_REQUEST: 400,
  INVALID_FETCH_SIZE: 400,
  CORRUPT_MESSAGE: 422,
  INVALID_RECORD: 422,
  INVALID_TIMESTAMP: 422,
  UNSUPPORTED_COMPRESSION_TYPE: 422,
  POLICY_VIOLATION: 422,
  TOPIC_DELETION_DISABLED: 403,
  TOPIC_AUTHORIZATION_FAILED: 403,
  GROUP_AUTHORIZATION_FAILED: 403,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 403,
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: 403,
  CLUSTER_AUTHORIZATION_FAILED: 403,
  SASL_AUTHENTICATION_FAILED: 401,
  // Rules are for a broker that asks who somebody is, and this one was started as one that does not.
  SECURITY_DISABLED: 409,
  UNACCEPTABLE_CREDENTIAL: 422,
  UNSUPPORTED_SASL_MECHANISM: 400,
  THROTTLING_QUOTA_EXCEEDED: 429,
  UNSUPPORTED_VERSION: 501,
  UNSUPPORTED_ENDPOINT_TYPE: 501,
  REQUEST_TIMED_OUT: 504,
}

/** HTTP's status for a Kafka error: the table, else 503 for what a client may retry, else 500. */
export function statusOf(code: ErrorCode): number {
  return STATUS[errorName(code)] ?? (isRetriable(code) ? 503 : 500)
}

/** An expected outcome that is not success. Routes return it, and nobody throws it. */
export class Problem {
  readonly code: ErrorCode
  readonly options: ProblemOptions

  constructor(code: ErrorCode, options: ProblemOptions = {}) {
    this.code = code
    this.options = options
  }

  get status(): number {
    return this.options.status ?? statusOf(this.code)
  }

  /** Seconds after which it may be tried again; null where nothing is said of that. */
  get retryAfterS(): number | null {
    const own = this.options.headers?.['retry-after']
    if (own !== undefined) return Number(own)
    return this.status === 503 || this.status === 429 ? 1 : null
  }

  /** The same problem with more members in its body, or another field. */
  with(more: ProblemOptions): Problem {
    const members = { ...this.options.members, ...more.members }
    return new Problem(this.code, { ...this.options, ...more, members })
  }

  /** The members of the problem+json document. */
  body(): Record<string, unknown> {
    const { detail, field, members } = this.options
    return {
      code: errorName(this.code),
      status: this.status,
      title: errorMessage(this.code),
      detail: detail ?? errorMessage(this.code),
      ...(field === undefined ? {} : { field }),
      ...members,
    }
  }

  response(): Response {
    const { retryAfterS } = this
    const retry: Record<string, string> =
      retryAfterS === null ? {} : { 'retry-after': String(retryAfterS) }
    return new Response(JSON.stringify(this.body()), {
      status: this.status,
      headers: {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        ...retry,
        ...this.options.headers,
      },
    })
  }
}

/** A request that breaks this surface's own rules: INVALID_REQUEST, 400 unless `options` says more. */
export function badRequest(field: string, detail: string, options: ProblemOptions = {}): Problem {
  return new Problem(KafkaError.INVALID_REQUEST, { field, detail, ...options })
}

/** What has to be asked for the answer does not answer: 503, and the same may be asked again. */
export function unreachable(): Problem {
  const detail = 'a part of the broker that has to be asked does not answer at the moment'
  return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
}
