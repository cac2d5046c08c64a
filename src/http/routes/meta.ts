// What is neither a topic, a record nor a group: the cluster, whether it lives and is ready.

import { describeCluster } from '../../broker/handlers/describe-cluster.ts'
import { KafkaError } from '../../core/errors.ts'
import { ADMITTED } from '../access-rule.ts'
import { adminSchemas } from '../admin-schemas.ts'
import { json } from '../answer.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const DESCRIBE_CLUSTER = { version: 2, clientId: null }
const BROKER_ENDPOINTS = 1
/** Who asks whether we are ready waits less than a request would. */
const READY_WITHIN_MS = 5_000

export const metaRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/cluster',
    access: ADMITTED,
    operation: () => ({
      summary: 'Show the cluster: its id, its brokers and the features in force',
      query: schemas().noQuery,
      answers: {
        200: { description: 'The cluster', content: { [JSON_TYPE]: adminSchemas().cluster } },
      },
    }),
    handle: clusterRoute,
  },
  {
    method: 'GET',
    path: '/livez',
    access: ADMITTED,
    operation: () => ({
      summary: 'Say that this process answers; asks nobody else',
      answers: {
        200: { description: 'It does', content: { [JSON_TYPE]: adminSchemas().health } },
      },
    }),
    handle: async () => json({ status: 'ok' }),
  },
  {
    method: 'GET',
    path: '/readyz',
    access: ADMITTED,
    operation: () => ({
      summary: 'Say whether the cluster takes writes: its controller has just made one durable',
      answers: {
        200: { description: 'It does', content: { [JSON_TYPE]: adminSchemas().health } },
      },
    }),
    handle: readyRoute,
  },
]

async function clusterRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  const request = {
    includeClusterAuthorizedOperations: false,
    endpointType: BROKER_ENDPOINTS,
    includeFencedBrokers: false,
  }
  const answer = await describeCluster(request, DESCRIBE_CLUSTER, broker)
  const { clusterId, controllerId, errorCode } = answer
  if (errorCode !== KafkaError.NONE) return new Problem(errorCode)
  const { levels: features } = await broker.features()
  const brokers = answer.brokers.map(({ brokerId, host, port, rack }) => {
    return { brokerId, host, port, rack: rack ?? null }
  })
  return json({ clusterId, controllerId, brokers, features })
}

async function readyRoute({ broker }: Asked): Promise<Response | Problem> {
  let cancel = () => {}
  const late = new Promise<never>((_, reject) => {
    cancel = broker.timers.after(READY_WITHIN_MS, () => reject(new Error('no answer in time')))
  })
  try {
    await Promise.race([broker.objects.cluster.proveWritable(), late])
    return json({ status: 'ok' })
  } catch (error) {
    broker.log('warn', 'not ready', { reason: String(error) })
    const detail = 'the controller of the cluster could not write'
    return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
  } finally {
    cancel()
  }
}
