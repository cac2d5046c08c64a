// DeleteTopics (key 20), versions 1 to 6 (by id from 6, KIP-516). The controller decides: this
// hands it the request.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../../core/ids.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../../protocol/messages/delete-topics.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, clusterDenial, divided } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController, namedTwice, nothingLeft } from '../controller.ts'
import { deleteWithinQuota } from '../mutations.ts'

type Result = DeleteTopicsResponse['responses'][number]
type Asked = Pick<DeleteTopicsRequest, 'topics' | 'topicNames'>

/** Asks the controller; errors are per resource in its answer. */
export async function deleteTopics(
  request: DeleteTopicsRequest,
  call: Call,
  context: BrokerContext,
): Promise<DeleteTopicsResponse> {
  const access = await authorised(context)
  const isAll = clusterDenial(access, Operation.DELETE) === KafkaError.NONE
  const { permitted, refused } = isAll
    ? { permitted: request, refused: [] }
    : await deletable(request, access, context)
  const asked = [...request.topics, ...request.topicNames]
  const left = [...permitted.topics, ...permitted.topicNames]
  if (nothingLeft(asked, left)) return { throttleTimeMs: 0, responses: refused }
  const response = await deleteWithinQuota({ ...request, ...permitted }, call, context, (within) =>
    askController<DeleteTopicsResponse>(
      context,
      (controller) => controller.deleteTopics(within, call.version),
      (notStored) => ({
        throttleTimeMs: 0,
        responses: [
          ...within.topics.map(({ name, topicId }) => ({ name, topicId, ...notStored })),
          ...within.topicNames.map((name) => ({ name, ...notStored })),
        ],
      }),
    ),
  )
  for (const { errorCode, topicId } of response.responses) {
    const gone = errorCode === KafkaError.NONE || errorCode === KafkaError.REQUEST_TIMED_OUT
    if (gone && topicId !== undefined) context.topics.forget(topicId)
  }
  return { ...response, responses: [...response.responses, ...refused] }
}

/**
 * What of the request the client may delete, and the answers about the rest. That a topic exists is told only to who
 * may describe it: by its name nothing is told of any other, by its id not the name. The controller refuses what is
 * named twice or wrongly.
 */
async function deletable(
  { topics, topicNames }: Asked,
  access: Access,
  context: BrokerContext,
): Promise<{ readonly permitted: Asked; readonly refused: readonly Result[] }> {
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  const mayDelete = allowing(access, Operation.DELETE, Resource.TOPIC)
  // One with an id beside its name is none of these: the controller refuses it by itself.
  const alone = topics.filter(({ topicId }) => topicId === ZERO_TOPIC_ID)
  const isDouble = namedTwice([...alone.flatMap(({ name }) => name ?? []), ...topicNames])
  const isLeft = (name: string) => isDouble(name) || (isShown(name) && mayDelete(name))
  const isId = ({ name, topicId }: Asked['topics'][number]) =>
    name === null && topicId !== ZERO_TOPIC_ID
  const ofNames = divided(topicNames, isLeft)
  const ofTopics = divided(
    topics,
    ({ name, topicId }) => name === null || topicId !== ZERO_TOPIC_ID || isLeft(name),
  )
  const names = [...ofNames.denied, ...ofTopics.denied.flatMap(({ name }) => name ?? [])]
  const ids = topics.filter(isId).map(({ topicId }) => topicId)
  const found = await context.objects.cluster.lookup({ names, ids })
  const denied = names.map((name, index): Result => {
    // Of one that is not there this is told, where it may be told.
    const isMissing = isShown(name) && found.topics[index]?.topic === undefined
    const errorCode = isMissing
      ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION
      : KafkaError.TOPIC_AUTHORIZATION_FAILED
    return { name, errorCode, errorMessage: errorMessage(errorCode) }
  })
  const hidden = new Map<TopicId, Result>()
  for (const [index, topicId] of ids.entries()) {
    const name = found.topics[names.length + index]?.topic?.name
    if (name === undefined || mayDelete(name)) continue
    const errorCode = KafkaError.TOPIC_AUTHORIZATION_FAILED
    hidden.set(topicId, {
      name: isShown(name) ? name : null,
      topicId,
      errorCode,
      errorMessage: errorMessage(errorCode),
    })
  }
  return {
    permitted: {
      topics: ofTopics.allowed.filter((topic) => !isId(topic) || !hidden.has(topic.topicId)),
      topicNames: ofNames.allowed,
    },
    refused: [...denied, ...hidden.values()],
  }
}
