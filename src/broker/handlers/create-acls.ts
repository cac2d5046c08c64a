// CreateAcls (key 30), versions 1 to 3 (KIP-140, KIP-290). The controller decides: this hands it the request. Without an
// authorizer (an open broker) SECURITY_DISABLED, as in Kafka. This isolate goes by the new rules at once, others within
// SECURITY_CACHE_MS.

import type { CreateAclsRequest, CreateAclsResponse } from '../../protocol/messages/create-acls.ts'
import { changeRules, checkAclCodes } from '../acl-requests.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import type { NotStored } from '../controller.ts'

/** Asks the controller; errors are per rule in its answer. */
export async function createAcls(
  request: CreateAclsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<CreateAclsResponse> {
  for (const creation of request.creations) {
    checkAclCodes({ ...creation, patternType: creation.resourcePatternType })
  }
  const ofAll = (result: NotStored): CreateAclsResponse => ({
    results: request.creations.map(() => result),
  })
  return changeRules(context, ofAll, (controller) => controller.createAcls(request))
}
