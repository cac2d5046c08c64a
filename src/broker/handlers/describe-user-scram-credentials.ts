// DescribeUserScramCredentials (key 50), version 0 (KIP-554). The controller knows them: this hands it the request.

import { KafkaError } from '../../core/errors.ts'
import type {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../../protocol/messages/describe-user-scram-credentials.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

/** Answers which users have which credentials; what is kept of a password is told nobody. */
export async function describeUserScramCredentials(
  request: DescribeUserScramCredentialsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeUserScramCredentialsResponse> {
  const denied = clusterDenial(await authorised(context), Operation.DESCRIBE)
  // As Kafka, which answers about nobody too.
  if (denied !== KafkaError.NONE) {
    return { errorCode: denied, results: [{ user: '', errorCode: denied, credentialInfos: [] }] }
  }
  return context.objects.cluster.describeScramCredentials(request)
}
