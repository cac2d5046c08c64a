// DescribeTopicPartitions (key 75), version 0 (KIP-966): topics by name in pages of partitions, with
// a cursor. No eligible leader replicas: a partition has one replica, its leader.

import type { TopicLookupResult } from '../../cluster/contract.ts'
import { isInternalTopic } from '../../cluster/names.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { ZERO_TOPIC_ID } from '../../core/ids.ts'
import type {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
} from '../../protocol/messages/describe-topic-partitions.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, divided, operationsOn } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { partitionViews } from '../topic-view.ts'

/** Kafka's default of max.request.partition.size.limit. */
const DEFAULT_PAGE = 2_000

type TopicResponse = DescribeTopicPartitionsResponse['topics'][number]

/** A page of the topics asked (none asked: all), sorted by name, from the cursor on. */
export async function describeTopicPartitions(
  request: DescribeTopicPartitionsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeTopicPartitionsResponse> {
  const { cursor } = request
  if (!isValidCursor(request)) {
    const topics = request.topics.map(({ name }) => failure(name, KafkaError.INVALID_REQUEST))
    return { throttleTimeMs: 0, topics }
  }
  const access = await authorised(context)
  const { found, hidden } = await topicsFrom(request, access, context)
  const answer = (nextCursor?: DescribeTopicPartitionsResponse['nextCursor']) => ({
    throttleTimeMs: 0,
    topics: [...topics, ...hidden],
    ...(nextCursor === undefined ? {} : { nextCursor }),
  })
  const topics: TopicResponse[] = []
  let room = await pageSize(request, context)
  for (const { name, result } of found) {
    if (room === 0) {
      return answer({ topicName: name, partitionIndex: 0 })
    }
    const topicAuthorizedOperations = operationsOn(access, Resource.TOPIC, name)
    if (result.topic === undefined) {
      topics.push({ ...failure(name, result.error), topicAuthorizedOperations })
      continue
    }
    const from = cursor?.topicName === name ? cursor.partitionIndex : 0
    const until = Math.min(result.topic.partitions, from + room)
    topics.push({
      errorCode: KafkaError.NONE,
      name,
      topicId: result.topic.id,
      isInternal: isInternalTopic(name),
      partitions: partitionViews(result.topic, from, until).map((view) => ({
        ...view,
        eligibleLeaderReplicas: [],
        lastKnownElr: [],
      })),
      topicAuthorizedOperations,
    })
    room -= Math.max(0, until - from)
    if (until < result.topic.partitions) {
      return answer({ topicName: name, partitionIndex: until })
    }
  }
  return answer()
}

/** A cursor stands at a partition of a topic that is asked. */
function isValidCursor({ cursor, topics }: DescribeTopicPartitionsRequest): boolean {
  if (cursor === null) return true
  if (cursor.partitionIndex < 0) return false
  return topics.length === 0 || topics.some(({ name }) => name === cursor.topicName)
}

/** Partitions in this page: at least one, at most what broker and client allow. */
async function pageSize(
  { responsePartitionLimit }: DescribeTopicPartitionsRequest,
  context: BrokerContext,
): Promise<number> {
  const configured = await context.brokerConfig('max.request.partition.size.limit')
  return Math.max(1, Math.min(responsePartitionLimit, Number(configured ?? DEFAULT_PAGE)))
}

/** Those that the client may see, and, if it named them, what is said of those that it may not. */
async function topicsFrom(
  request: DescribeTopicPartitionsRequest,
  access: Access,
  context: BrokerContext,
): Promise<{
  readonly found: readonly { readonly name: string; readonly result: TopicLookupResult }[]
  readonly hidden: readonly TopicResponse[]
}> {
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  const first = request.cursor?.topicName ?? ''
  const { cluster } = context.objects
  if (request.topics.length === 0) {
    const { topics } = await context.topics.refresh(cluster, { all: true })
    const found = topics
      .map((result) => ({ name: result.topic?.name ?? '', result }))
      .filter(({ name }) => name >= first && isShown(name))
    return { found, hidden: [] }
  }
  const asked = [...new Set(request.topics.map(({ name }) => name))].filter((name) => name >= first)
  const { allowed, denied } = divided(asked, isShown)
  const names = [...allowed].sort()
  const { topics } = await context.topics.refresh(cluster, { names })
  const found = names.flatMap((name, index) => {
    const result = topics[index]
    return result === undefined ? [] : [{ name, result }]
  })
  const error = KafkaError.TOPIC_AUTHORIZATION_FAILED
  return { found, hidden: denied.map((name) => ({ ...failure(name, error), isInternal: false })) }
}

function failure(name: string, errorCode: ErrorCode): TopicResponse {
  return {
    errorCode,
    name,
    topicId: ZERO_TOPIC_ID,
    isInternal: isInternalTopic(name),
    partitions: [],
  }
}
