// DeleteAcls (key 31), versions 1 to 3 (KIP-140, KIP-290). The controller decides: this hands it the filters. Without an
// authorizer (an open broker) SECURITY_DISABLED, as in Kafka. This isolate goes by the new rules at once, others within
// SECURITY_CACHE_MS.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import type { DeleteAclsRequest, DeleteAclsResponse } from '../../protocol/messages/delete-acls.ts'
import { Operation } from '../../security/access.ts'
import { checkAclCodes, NO_AUTHORIZER } from '../acl-requests.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController, type NotStored } from '../controller.ts'

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
  const ofAll = (result: Partial<NotStored> & { errorCode: number }): DeleteAclsResponse => ({
    filterResults: request.filters.map(() => ({ ...result, matchingAcls: [] })),
  })
  const access = await authorised(context)
  const denied = clusterDenial(access, Operation.ALTER)
  if (denied !== KafkaError.NONE) {
    return ofAll({ errorCode: denied, errorMessage: errorMessage(denied) })
  }
  if (access.isOpen) return ofAll(NO_AUTHORIZER)
  const response = await askController(
    context,
    (controller) => controller.deleteAcls(request),
    (notStored) => ofAll(notStored),
  )
  context.security.changed()
  return response
}
