// DeleteTopics (key 20), versions 1 to 6 (by id from 6, KIP-516). The controller decides: this
// hands it the request.

import { KafkaError } from '../../core/errors.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../../protocol/messages/delete-topics.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController } from '../controller.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function deleteTopics(
  request: DeleteTopicsRequest,
  call: Call,
  context: BrokerContext,
): Promise<DeleteTopicsResponse> {
  const response = await askController(
    context,
    (controller) => controller.deleteTopics(request, call.version),
    (notStored) => ({
      throttleTimeMs: 0,
      responses: [
        ...request.topics.map(({ name, topicId }) => ({ name, topicId, ...notStored })),
        ...request.topicNames.map((name) => ({ name, ...notStored })),
      ],
    }),
  )
  for (const { errorCode, topicId } of response.responses) {
    const gone = errorCode === KafkaError.NONE || errorCode === KafkaError.REQUEST_TIMED_OUT
    if (gone && topicId !== undefined) context.topics.forget(topicId)
  }
  return response
}
