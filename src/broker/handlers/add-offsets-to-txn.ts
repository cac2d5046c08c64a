// AddOffsetsToTxn (key 25), versions 0 to 4 (KIP-98, KIP-588). A group becomes part of a transaction, so
// that it hears of its end. Kafka adds the partition of __consumer_offsets that the group is kept in;
// here the group itself takes part.

import { KafkaError } from '../../core/errors.ts'
import type {
  AddOffsetsToTxnRequest,
  AddOffsetsToTxnResponse,
} from '../../protocol/messages/add-offsets-to-txn.ts'
import { Operation, Resource } from '../../security/access.ts'
import type { Participant } from '../../transaction/contract.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, fencedFrom } from '../transactions.ts'

/** First version that knows PRODUCER_FENCED. */
const FENCED_FROM = 2

/** Adds a group to a transaction, beginning it where none is open. */
export async function addOffsetsToTxn(
  request: AddOffsetsToTxnRequest,
  { version }: Call,
  context: BrokerContext,
): Promise<AddOffsetsToTxnResponse> {
  const { transactionalId, groupId, producerEpoch } = request
  const access = await authorised(context)
  const denied =
    denial(access, Operation.WRITE, Resource.TRANSACTIONAL_ID, transactionalId) ||
    denial(access, Operation.READ, Resource.GROUP, groupId)
  if (denied !== KafkaError.NONE) return { throttleTimeMs: 0, errorCode: denied }
  const producerId = Number(request.producerId)
  // Nobody can commit offsets to the empty group, so it need not hear of the end.
  const participants: Participant[] = groupId === '' ? [] : [{ kind: 'group', groupId }]
  const { error } = await askCoordinator(context, transactionalId, (coordinator) =>
    coordinator.add({ transactionalId, producerId, producerEpoch, participants }),
  )
  return { throttleTimeMs: 0, errorCode: fencedFrom(FENCED_FROM, version, error) }
}
