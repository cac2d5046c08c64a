// AlterConfigs (key 33), versions 0 to 2 (replaces the whole set, KIP-133). The controller
// decides: this hands it the request.

import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../../protocol/messages/alter-configs.ts'
import { authorised } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askForConfigs, nothingLeft } from '../controller.ts'
import { changeableConfigs } from './config-denial.ts'

/** Asks the controller; errors are per resource in its answer. */
export async function alterConfigs(
  request: AlterConfigsRequest,
  call: Call,
  context: BrokerContext,
): Promise<AlterConfigsResponse> {
  const access = await authorised(context)
  const { resources } = request
  const { allowed, denied } = changeableConfigs(resources, access)
  if (nothingLeft(resources, allowed)) return { throttleTimeMs: 0, responses: denied }
  const permitted = { ...request, resources: allowed }
  const answer = await askForConfigs(context, permitted, (controller) => {
    return controller.alterConfigs(permitted, call.version)
  })
  return { ...answer, responses: [...answer.responses, ...denied] }
}
