// ListConfigResources (key 74), versions 0 and 1 (KIP-1142; 0 was for client metrics alone, KIP-714). The
// controller knows what has configurations: this hands it the request.

import type {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from '../../protocol/messages/list-config-resources.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

/** Asks the controller. */
export async function listConfigResources(
  request: ListConfigResourcesRequest,
  call: Call,
  context: BrokerContext,
): Promise<ListConfigResourcesResponse> {
  return context.objects.cluster.listConfigResources(request, call.version)
}
