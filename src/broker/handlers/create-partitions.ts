// CreatePartitions (key 37), versions 0 to 3 (KIP-195). The controller decides: this hands it the
// request.

import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../../protocol/messages/create-partitions.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController } from '../controller.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function createPartitions(
  request: CreatePartitionsRequest,
  call: Call,
  context: BrokerContext,
): Promise<CreatePartitionsResponse> {
  return askController(
    context,
    (controller) => controller.createPartitions(request, call.version),
    (notStored) => ({
      throttleTimeMs: 0,
      results: request.topics.map(({ name }) => ({ name, ...notStored })),
    }),
  )
}
