// OffsetCommit (key 8), versions 2 to 9. Commits of one connection do not wait for each other to be
// durable: calls to one group arrive in the order they were made. What is no commit, Produce or Fetch waits.

import { KafkaError } from '../../core/errors.ts'
import type {
  OffsetCommitRequest,
  OffsetCommitResponse,
} from '../../protocol/messages/offset-commit.ts'
import { Operation, Resource } from '../../security/access.ts'
import { denial, inTurn } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext, Handling } from '../context.ts'
import { commitTopics, isCached, refreshTopics, refusedTopics } from './commit-topics.ts'
import { askCoordinator, groupCaller } from './group-call.ts'

/** Has taken effect when its call has left, which is at once if the topics and the rules are known. */
export function offsetCommit(
  request: OffsetCommitRequest,
  call: Call,
  context: BrokerContext,
): Handling<OffsetCommitResponse> {
  const { topics } = request
  const looking = () =>
    isCached(topics, context)
      ? undefined
      : refreshTopics(
          topics.map(({ name }) => name),
          context,
        )
  const reading = context.access.ready()
  const known = reading === undefined ? looking() : reading.then(looking)
  return { ...inTurn(known, () => commit(request, call, context)), appends: true }
}

async function commit(
  request: OffsetCommitRequest,
  call: Call,
  context: BrokerContext,
): Promise<OffsetCommitResponse> {
  const { groupId, memberId, groupInstanceId, retentionTimeMs } = request
  const { access } = context
  const denied = denial(access, Operation.READ, Resource.GROUP, groupId)
  if (denied !== KafkaError.NONE) {
    return { throttleTimeMs: 0, topics: refusedTopics(request.topics, denied) }
  }
  const topics = await commitTopics(request.topics, access, context, (toCommit) =>
    askCoordinator(
      context,
      'OffsetCommit',
      () =>
        context.objects.group(groupId).commitOffsets(
          {
            groupId,
            memberId,
            generationOrEpoch: request.generationIdOrMemberEpoch,
            instanceId: groupInstanceId,
            retentionTimeMs,
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
  return { throttleTimeMs: 0, topics }
}
