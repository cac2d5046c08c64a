// EndTxn (key 26), versions 0 to 5 (KIP-98, KIP-588, KIP-890). Commits or aborts a transaction: answered
// when that is decided for good, while the partitions and groups that take part are told of it. From
// version 5 on the answer has the id and epoch for the next transaction.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { EndTxnRequest, EndTxnResponse } from '../../protocol/messages/end-txn.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, fencedFrom } from '../transactions.ts'

/** First version that knows PRODUCER_FENCED. */
const FENCED_FROM = 2

/** Ends a transaction. */
export async function endTxn(
  request: EndTxnRequest,
  { version }: Call,
  context: BrokerContext,
): Promise<EndTxnResponse> {
  const { transactionalId, producerEpoch, committed } = request
  const access = await authorised(context)
  const denied = denial(access, Operation.WRITE, Resource.TRANSACTIONAL_ID, transactionalId)
  if (denied !== KafkaError.NONE) return failure(denied)
  const producerId = Number(request.producerId)
  const reply = await askCoordinator(context, transactionalId, (coordinator) =>
    coordinator.endTransaction({ transactionalId, producerId, producerEpoch, committed, version }),
  )
  const errorCode = fencedFrom(FENCED_FROM, version, reply.error)
  if (errorCode !== KafkaError.NONE || 'failed' in reply) {
    return failure(errorCode)
  }
  return {
    throttleTimeMs: 0,
    errorCode,
    producerId: BigInt(reply.producerId),
    producerEpoch: reply.producerEpoch,
  }
}

function failure(errorCode: ErrorCode): EndTxnResponse {
  return { throttleTimeMs: 0, errorCode, producerId: -1n, producerEpoch: -1 }
}
