// CreateAcls (key 30), versions 1 to 3 (KIP-140, KIP-290). The controller decides: this hands it the request. Without an
// authorizer (an open broker) SECURITY_DISABLED, as in Kafka. This isolate goes by the new rules at once, others within
// SECURITY_CACHE_MS.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import type { CreateAclsRequest, CreateAclsResponse } from '../../protocol/messages/create-acls.ts'
import { Operation } from '../../security/access.ts'
import { checkAclCodes, NO_AUTHORIZER } from '../acl-requests.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController } from '../controller.ts'

/** Asks the controller; errors are per rule in its answer. */
export async function createAcls(
  request: CreateAclsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<CreateAclsResponse> {
  for (const creation of request.creations) {
    checkAclCodes({ ...creation, patternType: creation.resourcePatternType })
  }
  const ofAll = (result: CreateAclsResponse['results'][number]): CreateAclsResponse => ({
    results: request.creations.map(() => result),
  })
  const access = await authorised(context)
  const denied = clusterDenial(access, Operation.ALTER)
  if (denied !== KafkaError.NONE) {
    return ofAll({ errorCode: denied, errorMessage: errorMessage(denied) })
  }
  if (access.isOpen) return ofAll(NO_AUTHORIZER)
  const response = await askController(
    context,
    (controller) => controller.createAcls(request),
    (notStored) => ofAll(notStored),
  )
  context.security.changed()
  return response
}
