// UpdateFeatures (key 57), versions 0 to 2 (KIP-584, KIP-778, KIP-1022). The controller decides: this
// hands it the request. This isolate advertises the new levels at once, others within seconds.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import type {
  UpdateFeaturesRequest,
  UpdateFeaturesResponse,
} from '../../protocol/messages/update-features.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController } from '../controller.ts'

/** Asks the controller; all updates are made or none. */
export async function updateFeatures(
  request: UpdateFeaturesRequest,
  call: Call,
  context: BrokerContext,
): Promise<UpdateFeaturesResponse> {
  const denied = clusterDenial(await authorised(context), Operation.ALTER)
  if (denied !== KafkaError.NONE) {
    const failed = { errorCode: denied, errorMessage: errorMessage(denied) }
    return { throttleTimeMs: 0, ...failed, results: [] }
  }
  const response = await askController(
    context,
    (controller) => controller.updateFeatures(request, call.version),
    (notStored) => ({
      throttleTimeMs: 0,
      ...notStored,
      results: request.featureUpdates.map(({ feature }) => ({ feature, ...notStored })),
    }),
  )
  context.forgetFeatures()
  return response
}
