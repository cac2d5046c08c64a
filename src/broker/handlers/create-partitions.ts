// CreatePartitions (key 37), versions 0 to 3 (KIP-195). The controller decides: this hands it the
// request.

import { KafkaError } from '../../core/errors.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../../protocol/messages/create-partitions.ts'
import { Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, divided } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController, namedTwice, nothingLeft } from '../controller.ts'
import { growWithinQuota } from '../mutations.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function createPartitions(
  request: CreatePartitionsRequest,
  call: Call,
  context: BrokerContext,
): Promise<CreatePartitionsResponse> {
  const mayAlter = allowing(await authorised(context), Operation.ALTER, Resource.TOPIC)
  const isDouble = namedTwice(request.topics.map(({ name }) => name))
  const { allowed, denied } = divided(
    request.topics,
    ({ name }) => isDouble(name) || mayAlter(name),
  )
  const errorCode = KafkaError.TOPIC_AUTHORIZATION_FAILED
  const refused = denied.map(({ name }) => ({ name, errorCode }))
  if (nothingLeft(request.topics, allowed)) return { throttleTimeMs: 0, results: refused }
  const permitted = { ...request, topics: allowed }
  const answer = await growWithinQuota(permitted, call, context, (within) =>
    askController<CreatePartitionsResponse>(
      context,
      (controller) => controller.createPartitions(within, call.version),
      (notStored) => ({
        throttleTimeMs: 0,
        results: within.topics.map(({ name }) => ({ name, ...notStored })),
      }),
    ),
  )
  return { ...answer, results: [...answer.results, ...refused] }
}
