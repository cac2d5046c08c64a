// The problem in the answer of an admin request that names one resource.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { Problem } from './problem.ts'

/** Which field of the request an error is about. */
export interface ErrorFields {
  readonly fallback: string
  readonly [error: number]: string
}

/** What every such answer has. */
export interface AdminAnswer {
  readonly errorCode: ErrorCode
  readonly errorMessage?: string | null | undefined
}

/** The problem in one answer of an admin request; null when there is none. */
export function refusal(answer: AdminAnswer | undefined, fields: ErrorFields): Problem | null {
  if (answer === undefined)
    throw new Error('an admin request answered nothing for its one resource')
  if (answer.errorCode === KafkaError.NONE) return null
  const { errorCode, errorMessage } = answer
  return new Problem(errorCode, {
    field: fields[errorCode] ?? fields.fallback,
    ...(errorMessage === null || errorMessage === undefined ? {} : { detail: errorMessage }),
  })
}
