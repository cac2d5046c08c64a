// ListConfigResources (key 74), versions 0 and 1 (KIP-1142; 0 was for client metrics alone, KIP-714). The
// controller knows what has configurations: this hands it the request.

import { KafkaError } from '../../core/errors.ts'
import type {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from '../../protocol/messages/list-config-resources.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

/** Asks the controller. */
export async function listConfigResources(
  request: ListConfigResourcesRequest,
  call: Call,
  context: BrokerContext,
): Promise<ListConfigResourcesResponse> {
  const denied = clusterDenial(await authorised(context), Operation.DESCRIBE_CONFIGS)
  if (denied !== KafkaError.NONE) {
    return { throttleTimeMs: 0, errorCode: denied, configResources: [] }
  }
  return context.objects.cluster.listConfigResources(request, call.version)
}
