// IncrementalAlterConfigs (key 44), versions 0 to 1 (KIP-339). The controller decides: this hands
// it the request.

import type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../../protocol/messages/incremental-alter-configs.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askForConfigs } from '../controller.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function incrementalAlterConfigs(
  request: IncrementalAlterConfigsRequest,
  call: Call,
  context: BrokerContext,
): Promise<IncrementalAlterConfigsResponse> {
  return askForConfigs(context, request, (controller) => {
    return controller.incrementalAlterConfigs(request, call.version)
  })
}
