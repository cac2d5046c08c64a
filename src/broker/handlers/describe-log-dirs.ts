// DescribeLogDirs (key 35), versions 1 to 4 (KIP-113, KIP-827). There is one log directory, which
// stands for the Durable Objects' storage; its total and usable bytes are not known (-1).

import { KafkaError } from '../../core/errors.ts'
import type {
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
} from '../../protocol/messages/describe-log-dirs.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askLeader, byName, type Route } from '../routing.ts'

type TopicSizes = DescribeLogDirsResponse['results'][number]['topics'][number]
type PartitionSizes = TopicSizes['partitions'][number]

/** The name of the one directory. */
export const LOG_DIR = '/ottla'

/** Bytes kept per partition: of the topics asked, or of all (null). Unknown ones are left out. */
export async function describeLogDirs(
  request: DescribeLogDirsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeLogDirsResponse> {
  const denied = clusterDenial(await authorised(context), Operation.DESCRIBE)
  if (denied !== KafkaError.NONE) return { throttleTimeMs: 0, errorCode: denied, results: [] }
  const asked = request.topics ?? (await allTopics(context))
  const topics = await Promise.all(
    asked.map(async ({ topic, partitions }) => {
      const sizes = await Promise.all(
        partitions.map((partition) => sizeOf(byName(topic, partition), context)),
      )
      return { name: topic, partitions: sizes.filter((size) => size !== null) }
    }),
  )
  const results = [
    {
      errorCode: KafkaError.NONE,
      logDir: LOG_DIR,
      topics: topics.filter(({ partitions }) => partitions.length > 0),
    },
  ]
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, results }
}

async function allTopics(
  context: BrokerContext,
): Promise<{ readonly topic: string; readonly partitions: readonly number[] }[]> {
  const { topics } = await context.topics.refresh(context.objects.cluster, { all: true })
  return topics.flatMap(({ topic }) =>
    topic === undefined
      ? []
      : [{ topic: topic.name, partitions: [...Array(topic.partitions).keys()] }],
  )
}

async function sizeOf(route: Route, context: BrokerContext): Promise<PartitionSizes | null> {
  const answer = await askLeader(context, route, (leader, target) => leader.size(target))
  if (answer.error !== KafkaError.NONE || 'failed' in answer) return null
  return {
    partitionIndex: route.partition,
    partitionSize: answer.sizeBytes,
    offsetLag: 0,
    isFutureKey: false,
  }
}
