// DescribeQuorum (key 55), versions 0 to 2 (KIP-595, KIP-836, KIP-853), for tools that show who leads the
// metadata. There is no metadata log: the controller is the one voter, and its offset counts the changes
// of topics. It is reached where this broker is.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import { BROKER_ID, ZERO_TOPIC_ID } from '../../core/ids.ts'
import type {
  DescribeQuorumRequest,
  DescribeQuorumResponse,
} from '../../protocol/messages/describe-quorum.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

const METADATA_TOPIC = '__cluster_metadata'

/** Epoch of a controller that was elected once and for all. */
const CONTROLLER_EPOCH = 1

/** As a quorum of one; anything but partition 0 of the metadata topic alone is unknown, as in Kafka. */
export async function describeQuorum(
  request: DescribeQuorumRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeQuorumResponse> {
  const denied = clusterDenial(await authorised(context), Operation.DESCRIBE)
  if (denied !== KafkaError.NONE) {
    return { errorCode: denied, errorMessage: errorMessage(denied), topics: [], nodes: [] }
  }
  const answer = { errorCode: KafkaError.NONE, errorMessage: '' }
  if (!isMetadata(request)) return { ...answer, topics: unknown(request), nodes: [] }
  const nothing = { names: [], ids: [], all: false }
  const { version } = await context.objects.cluster.groupMetadata(nothing)
  const nowMs = context.timers.now()
  const partition = {
    partitionIndex: 0,
    ...answer,
    leaderId: BROKER_ID,
    leaderEpoch: CONTROLLER_EPOCH,
    highWatermark: version,
    currentVoters: [
      {
        replicaId: BROKER_ID,
        replicaDirectoryId: ZERO_TOPIC_ID,
        logEndOffset: version,
        lastFetchTimestamp: nowMs,
        lastCaughtUpTimestamp: nowMs,
      },
    ],
    observers: [],
  }
  const { host, port } = context.advertised
  return {
    ...answer,
    topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
    nodes: [{ nodeId: BROKER_ID, listeners: [{ name: 'CONTROLLER', host, port }] }],
  }
}

function isMetadata({ topics }: DescribeQuorumRequest): boolean {
  const [topic, ...others] = topics
  return (
    others.length === 0 &&
    topic?.topicName === METADATA_TOPIC &&
    topic.partitions.length === 1 &&
    topic.partitions[0]?.partitionIndex === 0
  )
}

function unknown({ topics }: DescribeQuorumRequest): DescribeQuorumResponse['topics'] {
  const errorCode = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  return topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode,
      errorMessage: errorMessage(errorCode),
      leaderId: 0,
      leaderEpoch: 0,
      highWatermark: 0,
      currentVoters: [],
      observers: [],
    })),
  }))
}
