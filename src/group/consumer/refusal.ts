// A request that is answered with an error: Kafka's code and, where the API carries one, its message.

import type { ErrorCode } from '../../core/errors.ts'

export interface Refusal {
  readonly errorCode: ErrorCode
  readonly message: string
}

export function refusal(errorCode: ErrorCode, message: string): Refusal {
  return { errorCode, message }
}

export function isRefusal(outcome: object): outcome is Refusal {
  return 'errorCode' in outcome && 'message' in outcome
}
