// AlterPartitionReassignments (key 45), versions 0 and 1 (KIP-455, KIP-860). The only place a replica can
// be is the one broker, where it is: moving it there is done at once, and no other place exists.

import { assignmentFault } from '../../cluster/assignments.ts'
import { errorMessage, KafkaError } from '../../core/errors.ts'
import type {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
} from '../../protocol/messages/alter-partition-reassignments.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

type Wanted = AlterPartitionReassignmentsRequest['topics'][number]['partitions'][number]
type Result = AlterPartitionReassignmentsResponse['responses'][number]['partitions'][number]

/** Judges each partition as Kafka's controller with this one broker would. */
export async function alterPartitionReassignments(
  request: AlterPartitionReassignmentsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<AlterPartitionReassignmentsResponse> {
  const denied = clusterDenial(await authorised(context), Operation.ALTER)
  if (denied !== KafkaError.NONE) {
    const failed = { errorCode: denied, errorMessage: errorMessage(denied) }
    return {
      throttleTimeMs: 0,
      allowReplicationFactorChange: request.allowReplicationFactorChange,
      ...failed,
      responses: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...failed })),
      })),
    }
  }
  const names = request.topics.map(({ name }) => name)
  const { topics } = await context.objects.cluster.lookup({ names })
  return {
    throttleTimeMs: 0,
    allowReplicationFactorChange: request.allowReplicationFactorChange,
    errorCode: KafkaError.NONE,
    errorMessage: null,
    responses: request.topics.map(({ name, partitions }, index) => {
      const known = topics[index]?.topic?.partitions
      return { name, partitions: partitions.map((one) => judge(name, one, known)) }
    }),
  }
}

function judge(topic: string, wanted: Wanted, known: number | undefined): Result {
  const { partitionIndex, replicas } = wanted
  const answer = (errorCode: number, errorMessage: string | null = null) => ({
    partitionIndex,
    errorCode,
    errorMessage,
  })
  if (known === undefined) {
    return answer(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find a topic named ${topic}.`)
  }
  if (partitionIndex < 0 || partitionIndex >= known) {
    const missing = `Unable to find partition ${topic}:${partitionIndex}.`
    return answer(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, missing)
  }
  if (replicas === null) return answer(KafkaError.NO_REASSIGNMENT_IN_PROGRESS)
  const why = assignmentFault(replicas)
  return why === null ? answer(KafkaError.NONE) : answer(KafkaError.INVALID_REPLICA_ASSIGNMENT, why)
}
