// DescribeClientQuotas (key 48), versions 0 to 1 (KIP-546). The controller knows them: this hands it the filter.

import { KafkaError } from '../../core/errors.ts'
import type {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from '../../protocol/messages/describe-client-quotas.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

/** Answers the quotas of the entities that the filter means. */
export async function describeClientQuotas(
  request: DescribeClientQuotasRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeClientQuotasResponse> {
  const denied = clusterDenial(await authorised(context), Operation.DESCRIBE_CONFIGS)
  if (denied !== KafkaError.NONE) return { errorCode: denied, entries: null }
  return context.objects.cluster.describeClientQuotas(request)
}
