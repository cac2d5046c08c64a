// ElectLeaders (key 43), versions 0 to 2 (KIP-183, KIP-460). The one broker leads every partition and is
// its preferred replica, so no election is ever needed, clean or not.

import { type ErrorCode, errorMessage, KafkaError } from '../../core/errors.ts'
import type {
  ElectLeadersRequest,
  ElectLeadersResponse,
} from '../../protocol/messages/elect-leaders.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

type Results = ElectLeadersResponse['replicaElectionResults']
type PartitionResult = Results[number]['partitionResult'][number]

/** Kafka's numbers: preferred and unclean. */
const ELECTION_TYPES = 2

/** ELECTION_NOT_NEEDED for what exists. Null for all topics answers each without its partitions. */
export async function electLeaders(
  request: ElectLeadersRequest,
  _call: Call,
  context: BrokerContext,
): Promise<ElectLeadersResponse> {
  const { electionType, topicPartitions } = request
  const denied = clusterDenial(await authorised(context), Operation.ALTER)
  if (denied !== KafkaError.NONE) return refused(topicPartitions, denied)
  if (electionType < 0 || electionType >= ELECTION_TYPES) {
    const message = `Unknown election type ${electionType}`
    return refused(topicPartitions, KafkaError.INVALID_REQUEST, message)
  }
  const replicaElectionResults =
    topicPartitions === null ? await all(context) : await some(topicPartitions, context)
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, replicaElectionResults }
}

function refused(
  wanted: ElectLeadersRequest['topicPartitions'],
  errorCode: ErrorCode,
  message?: string,
): ElectLeadersResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    replicaElectionResults: (wanted ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partition) => result(partition, errorCode, message)),
    })),
  }
}

async function all({ objects }: BrokerContext): Promise<Results> {
  const { topics } = await objects.cluster.lookup({ all: true })
  return topics.flatMap(({ topic }) =>
    topic === undefined ? [] : [{ topic: topic.name, partitionResult: [] }],
  )
}

async function some(
  wanted: NonNullable<ElectLeadersRequest['topicPartitions']>,
  { objects }: BrokerContext,
): Promise<Results> {
  const { topics } = await objects.cluster.lookup({ names: wanted.map(({ topic }) => topic) })
  return wanted.map(({ topic, partitions }, index) => {
    const known = topics[index]?.topic?.partitions
    return { topic, partitionResult: partitions.map((one) => judge(topic, one, known)) }
  })
}

function judge(topic: string, partition: number, known: number | undefined): PartitionResult {
  if (known !== undefined && partition >= 0 && partition < known) {
    return result(partition, KafkaError.ELECTION_NOT_NEEDED)
  }
  const what = known === undefined ? `topic as ${topic}` : `partition as ${topic}-${partition}`
  return result(partition, KafkaError.UNKNOWN_TOPIC_OR_PARTITION, `No such ${what}`)
}

function result(
  partitionId: number,
  errorCode: number,
  message = errorMessage(errorCode),
): PartitionResult {
  return { partitionId, errorCode, errorMessage: message }
}
