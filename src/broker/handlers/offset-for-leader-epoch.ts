// OffsetForLeaderEpoch (key 23), versions 2 to 4 (KIP-320). A log here has one epoch and is never
// truncated: its end is the high watermark.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { LEADER_EPOCH } from '../../core/ids.ts'
import type {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
} from '../../protocol/messages/offset-for-leader-epoch.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, clusterDenial, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askLeader, byName } from '../routing.ts'
import { leaderEpochError } from './leader-epoch.ts'

type PartitionRequest = OffsetForLeaderEpochRequest['topics'][number]['partitions'][number]
type PartitionResponse = OffsetForLeaderEpochResponse['topics'][number]['partitions'][number]

/** The largest epoch at or below the one asked, and where it ends; (-1, -1) when there is none. */
export async function offsetForLeaderEpoch(
  request: OffsetForLeaderEpochRequest,
  _call: Call,
  context: BrokerContext,
): Promise<OffsetForLeaderEpochResponse> {
  const access = await authorised(context)
  const mayAll = clusterDenial(access, Operation.CLUSTER_ACTION) === KafkaError.NONE
  const topics = request.topics.map(async ({ topic, partitions }) => {
    const denied = mayAll
      ? KafkaError.NONE
      : denial(access, Operation.DESCRIBE, Resource.TOPIC, topic)
    const results = partitions.map((asked) =>
      denied === KafkaError.NONE
        ? endOfEpoch(topic, asked, context)
        : { errorCode: denied, partition: asked.partition },
    )
    return { topic, partitions: await Promise.all(results) }
  })
  return { throttleTimeMs: 0, topics: await Promise.all(topics) }
}

async function endOfEpoch(
  topic: string,
  asked: PartitionRequest,
  context: BrokerContext,
): Promise<PartitionResponse> {
  const { partition, leaderEpoch } = asked
  const failure = (errorCode: ErrorCode) => ({ errorCode, partition })
  const epochError = leaderEpochError(asked.currentLeaderEpoch)
  if (epochError !== KafkaError.NONE) return failure(epochError)
  const answer = await askLeader(context, byName(topic, partition), (leader, target) =>
    leader.listOffset({ ...target, timestamp: -1, readCommitted: false }),
  )
  if (answer.error !== KafkaError.NONE || 'failed' in answer) return failure(answer.error)
  if (leaderEpoch !== LEADER_EPOCH) return { errorCode: KafkaError.NONE, partition }
  return { errorCode: KafkaError.NONE, partition, leaderEpoch, endOffset: answer.offset }
}
