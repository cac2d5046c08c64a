// OffsetDelete (key 47), version 0 (KIP-496): deletes committed offsets of topics that no member of the
// group subscribes to.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { DeleteOffsetsReply } from '../../group/contract.ts'
import type {
  OffsetDeleteRequest,
  OffsetDeleteResponse,
} from '../../protocol/messages/offset-delete.ts'
import { Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, groupIdError } from './group-call.ts'

export async function offsetDelete(
  request: OffsetDeleteRequest,
  _call: Call,
  context: BrokerContext,
): Promise<OffsetDeleteResponse> {
  const { groupId } = request
  const failed = (errorCode: ErrorCode) => ({ errorCode, topics: [] })
  const access = await authorised(context)
  const wrong = denial(access, Operation.DELETE, Resource.GROUP, groupId) || groupIdError(groupId)
  if (wrong !== KafkaError.NONE) return failed(wrong)
  const names = request.topics.map(({ name }) => name)
  const found = await context.topics
    .refresh(context.objects.cluster, { names })
    .catch((error: unknown) => {
      context.log('warn', 'topic lookup failed', { reason: String(error) })
      return null
    })
  if (found === null) return failed(KafkaError.COORDINATOR_NOT_AVAILABLE)
  const mayRead = allowing(access, Operation.READ, Resource.TOPIC)
  const asked = request.topics.map(({ name, partitions }, index) => {
    const isAllowed = mayRead(name)
    const topic = isAllowed ? found.topics[index]?.topic : undefined
    const numbers = partitions.map(({ partitionIndex }) => partitionIndex)
    const exists = (partition: number) =>
      topic !== undefined && partition >= 0 && partition < topic.partitions
    const missing = isAllowed
      ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION
      : KafkaError.TOPIC_AUTHORIZATION_FAILED
    return { name, topic, numbers, exists, missing }
  })
  const reply = await askCoordinator<DeleteOffsetsReply>(
    context,
    'OffsetDelete',
    () =>
      context.objects.group(groupId).deleteOffsets({
        groupId,
        topics: asked.flatMap(({ topic, numbers, exists }) =>
          topic === undefined
            ? []
            : [{ topicId: topic.id, name: topic.name, partitions: numbers.filter(exists) }],
        ),
      }),
    failedReply,
  )
  if (reply.error !== KafkaError.NONE) return failed(reply.error)
  let next = 0
  return {
    errorCode: KafkaError.NONE,
    topics: asked.map(({ name, topic, numbers, exists, missing }) => {
      const errors = topic === undefined ? [] : (reply.topics[next++]?.errors ?? [])
      let at = 0
      return {
        name,
        partitions: numbers.map((partitionIndex) => ({
          partitionIndex,
          errorCode: exists(partitionIndex)
            ? (errors[at++] ?? KafkaError.UNKNOWN_SERVER_ERROR)
            : missing,
        })),
      }
    }),
  }
}

const failedReply: DeleteOffsetsReply = { error: KafkaError.COORDINATOR_NOT_AVAILABLE, topics: [] }
