// What is neither a topic nor a record: the cluster, and the place
// where the Kafka byte stream will be.

import { describeCluster } from '../../broker/handlers/describe-cluster.ts'
import { KafkaError } from '../../core/errors.ts'
import { json } from '../answer.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'

const DESCRIBE_CLUSTER = { version: 2, clientId: null }
const BROKER_ENDPOINTS = 1

export const metaRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/cluster',
    operation: () => ({
      summary: "Show the cluster's id and its controller",
      answers: {
        200: { description: 'The cluster', content: { 'application/json': schemas().cluster } },
      },
    }),
    handle: clusterRoute,
  },
  {
    method: 'GET',
    path: '/kafka',
    operation: () => ({
      summary: 'The Kafka byte stream over a WebSocket; not served yet',
      answers: {},
    }),
    handle: async () =>
      new Problem(KafkaError.UNSUPPORTED_ENDPOINT_TYPE, {
        detail: 'the Kafka protocol over WebSocket is not served yet: use TCP',
      }),
  },
]

async function clusterRoute({ broker }: Asked): Promise<Response | Problem> {
  const request = {
    includeClusterAuthorizedOperations: false,
    endpointType: BROKER_ENDPOINTS,
    includeFencedBrokers: false,
  }
  const answer = await describeCluster(request, DESCRIBE_CLUSTER, broker)
  const { clusterId, controllerId, errorCode } = answer
  return errorCode === KafkaError.NONE ? json({ clusterId, controllerId }) : new Problem(errorCode)
}
