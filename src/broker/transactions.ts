// From a transactional id to its coordinator, and what the older versions of the transaction APIs call
// the same errors. One implementation for the handlers of those APIs. Not a coordinator (../transaction).

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { TransactionRpc } from '../transaction/contract.ts'
import type { BrokerContext } from './context.ts'

/** A coordinator's answer, or only why there is none. */
export type CoordinatorAnswer<Answer> =
  | Answer
  | { readonly error: ErrorCode; readonly failed: true }

/**
 * Asks the coordinator of a transactional id. INVALID_REQUEST for the empty one;
 * COORDINATOR_NOT_AVAILABLE, on which every client asks again, for a call whose outcome is unknown:
 * all of a coordinator's methods may be repeated.
 */
export async function askCoordinator<Answer extends { readonly error: ErrorCode }>(
  context: BrokerContext,
  transactionalId: string,
  ask: (coordinator: TransactionRpc) => Promise<Answer>,
): Promise<CoordinatorAnswer<Answer>> {
  if (transactionalId === '') return { error: KafkaError.INVALID_REQUEST, failed: true }
  try {
    return await ask(context.objects.transaction(transactionalId))
  } catch (error) {
    context.log('warn', 'call to a transaction coordinator failed', { reason: String(error) })
    return { error: KafkaError.COORDINATOR_NOT_AVAILABLE, failed: true }
  }
}

/** PRODUCER_FENCED from the version that knows it (KIP-588), INVALID_PRODUCER_EPOCH before. */
export function fencedFrom(firstVersion: number, version: number, error: ErrorCode): ErrorCode {
  return error === KafkaError.PRODUCER_FENCED && version < firstVersion
    ? KafkaError.INVALID_PRODUCER_EPOCH
    : error
}
