// The header Idempotency-Key: what is a key, what a request with one is called, and where all requests of a key
// meet. As the IETF's draft of the header has it (httpapi-idempotency-key-header), without its quotes: whatever
// visible ASCII comes is the key. Not what is remembered of it: partition/requests.ts.

import { KafkaError } from '../core/errors.ts'
import { IDEMPOTENCY_KEY_CHARACTERS, REQUEST_CLAIM_MS } from '../core/limits/requests.ts'
import type { RequestId } from '../partition/requests-contract.ts'
import { ANONYMOUS, type Principal } from '../security/principal.ts'
import { badRequest, Problem } from './problem.ts'

export const IDEMPOTENCY_KEY = 'Idempotency-Key'

/** The answer is that of an earlier try: nothing was stored for this one. */
export const REPLAYED: Readonly<Record<string, string>> = { 'idempotent-replayed': 'true' }

const KEY = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_CHARACTERS}}$`)

/** The key of a request; null when it has none. */
export function idempotencyKey(headers: Headers): string | null | Problem {
  const key = headers.get(IDEMPOTENCY_KEY)
  return key === null ? null : checkedKey(key)
}

/** The same text, if it can be a key. A header that was sent twice arrives as one with a blank in it. */
export function checkedKey(key: string): string | Problem {
  if (KEY.test(key)) return key
  const detail = `${IDEMPOTENCY_KEY} must be 1 to ${IDEMPOTENCY_KEY_CHARACTERS} visible ASCII characters, without blanks`
  return badRequest(IDEMPOTENCY_KEY, detail)
}

/**
 * What partitions know a request by: 128 bits of SHA-256, so that two keys never meet. A key is its principal's: nobody is
 * answered for what another has sent, nor kept from their own by it.
 */
export async function requestId(key: string, principal: Principal): Promise<RequestId> {
  // What is remembered of before there were users is of nobody in particular.
  const whose = principal === ANONYMOUS ? 'anonymous' : principal
  const text = new TextEncoder().encode(`${whose}\0${key}`)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text))
  return [...digest.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The partition where requests of a key meet, and where those of its records go that have no key. */
export function homeOf(id: RequestId, partitions: number): number {
  return Number.parseInt(id.slice(0, 8), 16) % partitions
}

/** 422: the key was used for something else. */
export function reusedKey(
  detail = `this ${IDEMPOTENCY_KEY} was used for another body: a new request needs a new key`,
): Problem {
  return new Problem(KafkaError.INVALID_REQUEST, { status: 422, field: IDEMPOTENCY_KEY, detail })
}

/** 409: the first request with this key has not ended. */
export function stillRunning(): Problem {
  const detail = `a request with this ${IDEMPOTENCY_KEY} is still running`
  return new Problem(KafkaError.CONCURRENT_TRANSACTIONS, {
    status: 409,
    field: IDEMPOTENCY_KEY,
    detail,
    headers: { 'retry-after': String(Math.ceil(REQUEST_CLAIM_MS / 10_000)) },
  })
}
