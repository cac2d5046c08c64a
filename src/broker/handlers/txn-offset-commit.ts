// TxnOffsetCommit (key 28), versions 0 to 5: offsets that count when their transaction commits
// (KIP-98, KIP-447). From version 5 on the group adds itself to the transaction (KIP-890).

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type {
  TxnOffsetCommitRequest,
  TxnOffsetCommitResponse,
} from '../../protocol/messages/txn-offset-commit.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { commitTopics, isCached, refreshTopics, refusedTopics } from './commit-topics.ts'
import { askCoordinator, groupCaller, groupIdError } from './group-call.ts'

const IMPLICIT_FROM = 5

export async function txnOffsetCommit(
  request: TxnOffsetCommitRequest,
  call: Call,
  context: BrokerContext,
): Promise<TxnOffsetCommitResponse> {
  const { groupId, transactionalId } = request
  const producerId = Number(request.producerId)
  const access = await authorised(context)
  const wrong = deniedTo(request, access) || requestError(request, producerId)
  if (wrong !== KafkaError.NONE) return { topics: refusedTopics(request.topics, wrong) }
  if (!isCached(request.topics, context)) {
    const names = request.topics.map(({ name }) => name)
    await refreshTopics(names, context)
  }
  const topics = await commitTopics(request.topics, access, context, (toCommit) =>
    askCoordinator(
      context,
      'TxnOffsetCommit',
      () =>
        context.objects.group(groupId).commitInTransaction(
          {
            groupId,
            transactionalId,
            producerId,
            producerEpoch: request.producerEpoch,
            implicit: call.version >= IMPLICIT_FROM,
            memberId: request.memberId,
            generationOrEpoch: request.generationId,
            instanceId: request.groupInstanceId,
            topics: toCommit,
          },
          groupCaller(call, context),
        ),
      {
        topics: toCommit.map(({ partitions }) => ({
          errors: partitions.map(() => KafkaError.COORDINATOR_NOT_AVAILABLE),
        })),
      },
    ),
  )
  return { topics }
}

function deniedTo({ transactionalId, groupId }: TxnOffsetCommitRequest, access: Access): ErrorCode {
  return (
    denial(access, Operation.WRITE, Resource.TRANSACTIONAL_ID, transactionalId) ||
    denial(access, Operation.READ, Resource.GROUP, groupId)
  )
}

/** An id that is not a safe whole number was never given out. */
function requestError({ groupId }: TxnOffsetCommitRequest, producerId: number): ErrorCode {
  const wrong = groupIdError(groupId)
  if (wrong !== KafkaError.NONE) return wrong
  const isId = Number.isSafeInteger(producerId) && producerId >= 0
  return isId ? KafkaError.NONE : KafkaError.INVALID_PRODUCER_ID_MAPPING
}
