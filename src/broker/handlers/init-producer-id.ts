// InitProducerId (key 22), versions 0 to 5 (KIP-98, KIP-360, KIP-588, KIP-890). Gives idempotent
// producers an id that was never given before, at epoch 0, and asks the coordinator of a transactional
// id. Two-phase commit (KIP-939, version 6) is not served.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type {
  InitProducerIdRequest,
  InitProducerIdResponse,
} from '../../protocol/messages/init-producer-id.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { authorised, clusterDenial, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, fencedFrom } from '../transactions.ts'

const NO_ID = -1n
const NO_EPOCH = -1

/** First version that knows PRODUCER_FENCED. */
const FENCED_FROM = 4

/** A producer's id and epoch. What a producer without transactional id says of its old one does not count. */
export async function initProducerId(
  request: InitProducerIdRequest,
  call: Call,
  context: BrokerContext,
): Promise<InitProducerIdResponse> {
  const { transactionalId, producerId, producerEpoch } = request
  const denied = deniedTo(transactionalId, await authorised(context))
  if (denied !== KafkaError.NONE) return failure(denied)
  if (transactionalId === '' || (producerId === NO_ID) !== (producerEpoch === NO_EPOCH)) {
    return failure(KafkaError.INVALID_REQUEST)
  }
  if (transactionalId !== null) return transactional(request, transactionalId, call, context)
  try {
    const { first } = await context.objects.cluster.allocateProducerIds(1)
    const errorCode = KafkaError.NONE
    return { throttleTimeMs: 0, errorCode, producerId: BigInt(first), producerEpoch: 0 }
  } catch (error) {
    context.log('warn', 'no producer id allocated', { reason: String(error) })
    return failure(KafkaError.COORDINATOR_NOT_AVAILABLE)
  }
}

/** Who may write to any topic may do so idempotently. */
function deniedTo(transactionalId: string | null, access: Access): ErrorCode {
  if (transactionalId !== null) {
    return denial(access, Operation.WRITE, Resource.TRANSACTIONAL_ID, transactionalId)
  }
  const denied = clusterDenial(access, Operation.IDEMPOTENT_WRITE)
  return access.mayOnAny(Operation.WRITE, Resource.TOPIC) ? KafkaError.NONE : denied
}

/** A timeout out of bounds is said first, as Kafka does: it needs no coordinator. */
async function transactional(
  { transactionTimeoutMs, producerId, producerEpoch }: InitProducerIdRequest,
  transactionalId: string,
  { version }: Call,
  context: BrokerContext,
): Promise<InitProducerIdResponse> {
  const longest = Number(await context.brokerConfig('transaction.max.timeout.ms'))
  if (transactionTimeoutMs <= 0 || transactionTimeoutMs > longest) {
    return failure(KafkaError.INVALID_TRANSACTION_TIMEOUT)
  }
  const reply = await askCoordinator(context, transactionalId, (coordinator) =>
    coordinator.initProducerId({
      transactionalId,
      transactionTimeoutMs,
      producerId: Number(producerId),
      producerEpoch,
    }),
  )
  if (reply.error !== KafkaError.NONE || 'failed' in reply) {
    return failure(fencedFrom(FENCED_FROM, version, reply.error))
  }
  return {
    throttleTimeMs: 0,
    errorCode: KafkaError.NONE,
    producerId: BigInt(reply.producerId),
    producerEpoch: reply.producerEpoch,
  }
}

function failure(errorCode: ErrorCode): InitProducerIdResponse {
  return { throttleTimeMs: 0, errorCode, producerId: NO_ID, producerEpoch: NO_EPOCH }
}
