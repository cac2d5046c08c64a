// DescribeProducers (key 61), version 0 (KIP-664): the producers that each partition remembers, with
// the start of the transaction that is open there. What kafka-transactions looks for hanging ones with.

import { topicNameFault } from '../../cluster/names.ts'
import { type ErrorCode, errorMessage, KafkaError } from '../../core/errors.ts'
import { LEADERS_AT_ONCE } from '../../core/limits/coordinators.ts'
import type {
  DescribeProducersRequest,
  DescribeProducersResponse,
} from '../../protocol/messages/describe-producers.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askLeader, byName } from '../routing.ts'

type PartitionResponse = DescribeProducersResponse['topics'][number]['partitions'][number]

/** One answer per partition asked, in the order asked. */
export async function describeProducers(
  request: DescribeProducersRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeProducersResponse> {
  const access = await authorised(context)
  const topics = []
  for (const { name, partitionIndexes } of request.topics) {
    const refused = topicError(name, access)
    const partitions =
      refused === null
        ? await describeAll(name, partitionIndexes, context)
        : partitionIndexes.map((index) => failure(index, refused.error, refused.message))
    topics.push({ name, partitions })
  }
  return { throttleTimeMs: 0, topics }
}

/** Why nothing is told of a topic: what is no name is said before what may not be read. */
function topicError(
  name: string,
  access: Access,
): { readonly error: ErrorCode; readonly message?: string } | null {
  const fault = topicNameFault(name)
  if (fault !== null) return { error: KafkaError.INVALID_TOPIC_EXCEPTION, message: fault }
  const error = denial(access, Operation.READ, Resource.TOPIC, name)
  return error === KafkaError.NONE ? null : { error }
}

async function describeAll(
  name: string,
  indexes: readonly number[],
  context: BrokerContext,
): Promise<PartitionResponse[]> {
  const partitions: PartitionResponse[] = []
  for (let at = 0; at < indexes.length; at += LEADERS_AT_ONCE) {
    const some = indexes.slice(at, at + LEADERS_AT_ONCE)
    partitions.push(...(await Promise.all(some.map((index) => describe(name, index, context)))))
  }
  return partitions
}

async function describe(
  name: string,
  partitionIndex: number,
  context: BrokerContext,
): Promise<PartitionResponse> {
  const answer = await askLeader(context, byName(name, partitionIndex), (leader, target) =>
    leader.producers(target),
  )
  if ('failed' in answer || answer.error !== KafkaError.NONE) {
    return failure(partitionIndex, answer.error)
  }
  return {
    partitionIndex,
    errorCode: KafkaError.NONE,
    errorMessage: null,
    activeProducers: answer.producers.map((producer) => ({
      producerId: BigInt(producer.producerId),
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.lastSequence,
      lastTimestamp: producer.lastTimestamp,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnStartOffset: producer.currentTransactionStartOffset,
    })),
  }
}

function failure(
  partitionIndex: number,
  errorCode: ErrorCode,
  message = errorMessage(errorCode),
): PartitionResponse {
  return {
    partitionIndex,
    errorCode,
    errorMessage: message,
    activeProducers: [],
  }
}
