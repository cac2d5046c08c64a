// DescribeCluster (key 60), versions 0 to 2 (KIP-700; endpoint types KIP-919; fenced brokers
// KIP-1073). Only broker endpoints exist: controllers are not addressed from outside.

import { KafkaError } from '../../core/errors.ts'
import { BROKER_ID } from '../../core/ids.ts'
import type {
  DescribeClusterRequest,
  DescribeClusterResponse,
} from '../../protocol/messages/describe-cluster.ts'
import { authorised, clusterOperations, OPERATIONS_NOT_ASKED } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

const BROKERS = 1
const CONTROLLERS = 2

const CONTROLLER_WANTED =
  'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'

/** This cluster of one broker, at the address that this client was told. */
export async function describeCluster(
  request: DescribeClusterRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeClusterResponse> {
  const { endpointType } = request
  if (endpointType !== BROKERS) {
    const refused =
      endpointType === CONTROLLERS
        ? { errorCode: KafkaError.MISMATCHED_ENDPOINT_TYPE, errorMessage: CONTROLLER_WANTED }
        : {
            errorCode: KafkaError.UNSUPPORTED_ENDPOINT_TYPE,
            errorMessage: `Unsupported endpoint type ${endpointType}`,
          }
    return { ...refused, clusterId: '', brokers: [] }
  }
  const access = await authorised(context)
  const { host, port } = context.advertised
  return {
    throttleTimeMs: 0,
    errorCode: KafkaError.NONE,
    endpointType: BROKERS,
    clusterId: await context.objects.cluster.clusterId(),
    controllerId: BROKER_ID,
    brokers: [{ brokerId: BROKER_ID, host, port, rack: null, isFenced: false }],
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations(access)
      : OPERATIONS_NOT_ASKED,
  }
}
