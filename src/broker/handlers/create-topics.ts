// CreateTopics (key 19), versions 2 to 7 (KIP-464 defaults, KIP-525 configs in the answer from 5,
// ids from 7). The controller decides: this hands it the request.

import { KafkaError } from '../../core/errors.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../protocol/messages/create-topics.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController } from '../controller.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function createTopics(
  request: CreateTopicsRequest,
  call: Call,
  context: BrokerContext,
): Promise<CreateTopicsResponse> {
  return askController(
    context,
    (controller) => controller.createTopics(request, call.version),
    (notStored) => ({
      throttleTimeMs: 0,
      topics: request.topics.map(({ name }) => ({
        name,
        ...notStored,
        topicConfigErrorCode: KafkaError.NONE,
      })),
    }),
  )
}
