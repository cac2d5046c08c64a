// AlterConfigs (key 33), versions 0 to 2 (replaces the whole set, KIP-133). The controller
// decides: this hands it the request.

import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../../protocol/messages/alter-configs.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askForConfigs } from '../controller.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function alterConfigs(
  request: AlterConfigsRequest,
  call: Call,
  context: BrokerContext,
): Promise<AlterConfigsResponse> {
  return askForConfigs(context, request, (controller) => {
    return controller.alterConfigs(request, call.version)
  })
}
