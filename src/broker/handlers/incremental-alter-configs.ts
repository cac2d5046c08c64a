// IncrementalAlterConfigs (key 44), versions 0 to 1 (KIP-339). The controller decides: this hands
// it the request.

import type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../../protocol/messages/incremental-alter-configs.ts'
import { authorised } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askForConfigs, nothingLeft } from '../controller.ts'
import { changeableConfigs } from './config-denial.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function incrementalAlterConfigs(
  request: IncrementalAlterConfigsRequest,
  call: Call,
  context: BrokerContext,
): Promise<IncrementalAlterConfigsResponse> {
  const access = await authorised(context)
  const { resources } = request
  const { allowed, denied } = changeableConfigs(resources, access)
  if (nothingLeft(resources, allowed)) return { throttleTimeMs: 0, responses: denied }
  const permitted = { ...request, resources: allowed }
  const answer = await askForConfigs(context, permitted, (controller) => {
    return controller.incrementalAlterConfigs(permitted, call.version)
  })
  return { ...answer, responses: [...answer.responses, ...denied] }
}
