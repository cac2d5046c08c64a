// DeleteAcls (key 31), versions 1 to 3 (KIP-140, KIP-290). The controller decides: this hands it the filters. Without an
// authorizer (an open broker) SECURITY_DISABLED, as in Kafka. This isolate goes by the new rules at once, others within
// SECURITY_CACHE_MS.

import type { DeleteAclsRequest, DeleteAclsResponse } from '../../protocol/messages/delete-acls.ts'
import { changeRules, checkAclCodes } from '../acl-requests.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import type { NotStored } from '../controller.ts'

/** Asks the controller; errors are per filter in its answer. */
export async function deleteAcls(
  request: DeleteAclsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DeleteAclsResponse> {
  for (const filter of request.filters) {
    const { resourceTypeFilter: resourceType, patternTypeFilter: patternType } = filter
    checkAclCodes({ ...filter, resourceType, patternType })
  }
  const ofAll = (result: NotStored): DeleteAclsResponse => ({
    filterResults: request.filters.map(() => ({ ...result, matchingAcls: [] })),
  })
  return changeRules(context, ofAll, (controller) => controller.deleteAcls(request))
}
