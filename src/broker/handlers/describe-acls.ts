// DescribeAcls (key 29), versions 1 to 3 (KIP-140, KIP-290). The controller knows the rules: this hands it the filter.
// Without an authorizer (an open broker) SECURITY_DISABLED, as in Kafka.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import type {
  DescribeAclsRequest,
  DescribeAclsResponse,
} from '../../protocol/messages/describe-acls.ts'
import { Operation } from '../../security/access.ts'
import { checkAclCodes } from '../acl-requests.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

/** Answers the rules that the filter means. */
export async function describeAcls(
  request: DescribeAclsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeAclsResponse> {
  checkAclCodes({
    ...request,
    resourceType: request.resourceTypeFilter,
    patternType: request.patternTypeFilter,
  })
  const access = await authorised(context)
  const denied = clusterDenial(access, Operation.DESCRIBE)
  if (denied !== KafkaError.NONE) {
    return { errorCode: denied, errorMessage: errorMessage(denied), resources: [] }
  }
  if (access.isOpen) {
    const errorMessage = 'No Authorizer is configured on the broker'
    return { errorCode: KafkaError.SECURITY_DISABLED, errorMessage, resources: [] }
  }
  return context.objects.cluster.describeAcls(request)
}
