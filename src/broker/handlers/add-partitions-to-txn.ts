// AddPartitionsToTxn (key 24), versions 0 to 5 (KIP-98, KIP-588, KIP-890). Partitions become part of a
// transaction, all or none: where one does not exist, the others are OPERATION_NOT_ATTEMPTED. Versions 4
// and 5 are the batched form of Kafka's brokers, for whoever may act for the cluster; `verifyOnly` answers
// for each partition whether it takes part, and adds none.

import type { TopicState } from '../../cluster/contract.ts'
import { isInternalTopic } from '../../cluster/names.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { VERIFICATIONS_AT_ONCE } from '../../core/limits/coordinators.ts'
import type {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnResponse,
} from '../../protocol/messages/add-partitions-to-txn.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import type { Participant } from '../../transaction/contract.ts'
import { authorised, clusterDenial, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, fencedFrom } from '../transactions.ts'

type AskedTopics = NonNullable<AddPartitionsToTxnRequest['v3AndBelowTopics']>
type TopicResults = NonNullable<AddPartitionsToTxnResponse['resultsByTopicV3AndBelow']>

/** First version of the batched form. */
const BATCHED_FROM = 4
/** First version that knows PRODUCER_FENCED. */
const FENCED_FROM = 2

/** What one transaction asks, in either form. */
interface Asked {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly verifyOnly: boolean
  readonly topics: AskedTopics
}

/** The partitions of one transaction, or in the batched form of several. */
export async function addPartitionsToTxn(
  request: AddPartitionsToTxnRequest,
  call: Call,
  context: BrokerContext,
): Promise<AddPartitionsToTxnResponse> {
  const access = await authorised(context)
  const answer = { throttleTimeMs: 0, errorCode: KafkaError.NONE }
  if (call.version < BATCHED_FROM) {
    const asked = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: request.v3AndBelowTopics,
    }
    const denied = denials(asked, access)
    const resultsByTopicV3AndBelow = denied ?? (await resultsOf(asked, call, context))
    return { ...answer, resultsByTransaction: [], resultsByTopicV3AndBelow }
  }
  const errorCode = clusterDenial(access, Operation.CLUSTER_ACTION)
  if (errorCode !== KafkaError.NONE) {
    return { ...answer, errorCode, resultsByTransaction: [], resultsByTopicV3AndBelow: [] }
  }
  const resultsByTransaction = []
  for (const asked of request.transactions) {
    const { transactionalId } = asked
    const topicResults = await resultsOf(asked, call, context)
    resultsByTransaction.push({ transactionalId, topicResults })
  }
  return { ...answer, resultsByTransaction, resultsByTopicV3AndBelow: [] }
}

/** Why a client may not add these; null where it may. Internal topics are no client's, as in Kafka. */
function denials(asked: Asked, access: Access): TopicResults | null {
  const { WRITE } = Operation
  const denied = denial(access, WRITE, Resource.TRANSACTIONAL_ID, asked.transactionalId)
  if (denied !== KafkaError.NONE) return everywhere(asked, denied)
  const errors = new Map(
    asked.topics.map(({ name }) => [
      name,
      isInternalTopic(name)
        ? KafkaError.TOPIC_AUTHORIZATION_FAILED
        : denial(access, WRITE, Resource.TOPIC, name),
    ]),
  )
  if ([...errors.values()].every((error) => error === KafkaError.NONE)) return null
  return results(asked, (name) => errors.get(name) || KafkaError.OPERATION_NOT_ATTEMPTED)
}

async function resultsOf(asked: Asked, call: Call, context: BrokerContext): Promise<TopicResults> {
  const found = await find(asked.topics, context)
  if (found === null) return everywhere(asked, KafkaError.COORDINATOR_NOT_AVAILABLE)
  const participant = (name: string, partition: number) => participantOf(found, name, partition)
  const unknown = asked.topics.some(({ name, partitions }) =>
    partitions.some((partition) => participant(name, partition) === undefined),
  )
  if (unknown) {
    return results(asked, (name, partition) =>
      participant(name, partition) === undefined
        ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION
        : KafkaError.OPERATION_NOT_ATTEMPTED,
    )
  }
  const participants = asked.topics.flatMap(({ name, partitions }) =>
    partitions.flatMap((partition) => participant(name, partition) ?? []),
  )
  const { transactionalId, producerEpoch } = asked
  const producer = { transactionalId, producerId: Number(asked.producerId), producerEpoch }
  if (asked.verifyOnly) return verified(asked, producer, participants, context)
  const { error } = await askCoordinator(context, transactionalId, (coordinator) =>
    coordinator.add({ ...producer, participants }),
  )
  return everywhere(asked, fencedFrom(FENCED_FROM, call.version, error))
}

/** Each partition for itself, some at a time; in the order asked. */
async function verified(
  asked: Asked,
  producer: { transactionalId: string; producerId: number; producerEpoch: number },
  participants: readonly Participant[],
  context: BrokerContext,
): Promise<TopicResults> {
  const errors: ErrorCode[] = []
  for (let at = 0; at < participants.length; at += VERIFICATIONS_AT_ONCE) {
    const some = participants.slice(at, at + VERIFICATIONS_AT_ONCE).map(async (participant) => {
      const request = { ...producer, participant, verifyOnly: true }
      const reply = await askCoordinator(context, producer.transactionalId, (coordinator) =>
        coordinator.enlist(request),
      )
      return reply.error
    })
    errors.push(...(await Promise.all(some)))
  }
  return results(asked, () => errors.shift() ?? KafkaError.UNKNOWN_SERVER_ERROR)
}

/** The topics by name; null when Cluster could not be asked. What the cache lacks is asked at once. */
async function find(
  topics: AskedTopics,
  context: BrokerContext,
): Promise<ReadonlyMap<string, TopicState> | null> {
  const stale = topics.flatMap(({ name, partitions }) => {
    const known = context.topics.byName(name)
    return known === undefined || partitions.some((one) => one >= known.partitions) ? [name] : []
  })
  try {
    if (stale.length > 0) await context.topics.refresh(context.objects.cluster, { names: stale })
  } catch (error) {
    context.log('warn', 'topic lookup failed', { reason: String(error) })
    return null
  }
  return new Map(
    topics.flatMap(({ name }) => {
      const topic = context.topics.byName(name)
      return topic === undefined ? [] : [[name, topic]]
    }),
  )
}

function participantOf(
  found: ReadonlyMap<string, TopicState>,
  name: string,
  partition: number,
): Participant | undefined {
  const topic = found.get(name)
  if (topic === undefined || partition < 0 || partition >= topic.partitions) return undefined
  return { kind: 'partition', topicId: topic.id, topic: name, partition }
}

function everywhere(asked: Asked, error: ErrorCode): TopicResults {
  return results(asked, () => error)
}

function results(
  { topics }: Asked,
  error: (name: string, partition: number) => ErrorCode,
): TopicResults {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: error(name, partitionIndex),
    })),
  }))
}
