// InitProducerId (key 22), versions 0 to 5 (KIP-98, KIP-360). Gives idempotent producers an id that
// was never given before, at epoch 0. There is no transaction coordinator yet: a transactional id is
// answered COORDINATOR_NOT_AVAILABLE.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type {
  InitProducerIdRequest,
  InitProducerIdResponse,
} from '../../protocol/messages/init-producer-id.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

const NO_ID = -1n
const NO_EPOCH = -1

/** A fresh producer id. What a producer without transactional id says of its old one does not count. */
export async function initProducerId(
  request: InitProducerIdRequest,
  _call: Call,
  context: BrokerContext,
): Promise<InitProducerIdResponse> {
  const { transactionalId, producerId, producerEpoch } = request
  if (transactionalId === '' || (producerId === NO_ID) !== (producerEpoch === NO_EPOCH)) {
    return failure(KafkaError.INVALID_REQUEST)
  }
  if (transactionalId !== null) return failure(await transactionalError(request, context))
  try {
    const { first } = await context.objects.cluster.allocateProducerIds(1)
    const errorCode = KafkaError.NONE
    return { throttleTimeMs: 0, errorCode, producerId: BigInt(first), producerEpoch: 0 }
  } catch (error) {
    context.log('warn', 'no producer id allocated', { reason: String(error) })
    return failure(KafkaError.COORDINATOR_NOT_AVAILABLE)
  }
}

/** A timeout out of bounds is said first, as Kafka does: it needs no coordinator. */
async function transactionalError(
  { transactionTimeoutMs }: InitProducerIdRequest,
  context: BrokerContext,
): Promise<ErrorCode> {
  const longest = Number(await context.brokerConfig('transaction.max.timeout.ms'))
  return transactionTimeoutMs <= 0 || transactionTimeoutMs > longest
    ? KafkaError.INVALID_TRANSACTION_TIMEOUT
    : KafkaError.COORDINATOR_NOT_AVAILABLE
}

function failure(errorCode: ErrorCode): InitProducerIdResponse {
  return { throttleTimeMs: 0, errorCode, producerId: NO_ID, producerEpoch: NO_EPOCH }
}
