// Metadata (key 3), versions 0 to 13. Topic ids from 10, lookup by id from 12 (KIP-516); creates
// missing topics where client and broker allow it; cluster operations in 8 to 10 (KIP-430). One broker
// and controller. Always asks Cluster, so what it says is current, and fills the cache with it.

import type { TopicLookup, TopicLookupResult, TopicState } from '../../cluster/contract.ts'
import { isInternalTopic } from '../../cluster/names.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { BROKER_ID, ZERO_TOPIC_ID } from '../../core/ids.ts'
import type { MetadataRequest, MetadataResponse } from '../../protocol/messages/metadata.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController } from '../controller.ts'
import {
  CLUSTER_OPERATIONS,
  OPERATIONS_NOT_ASKED,
  partitionViews,
  TOPIC_OPERATIONS,
} from '../topic-view.ts'

type AskedTopic = NonNullable<MetadataRequest['topics']>[number]
type TopicResponse = MetadataResponse['topics'][number]

/** First version in which a topic may be asked by id. */
const IDS_FROM = 12

/** Brokers, controller and the topics asked: all for null (version 0: for an empty list). */
export async function metadata(
  request: MetadataRequest,
  call: Call,
  context: BrokerContext,
): Promise<MetadataResponse> {
  const all = request.topics === null || (call.version === 0 && request.topics.length === 0)
  const asked = all ? [] : distinct(request.topics ?? [])
  const isValid = asked.every(
    (topic) => call.version >= IDS_FROM || (topic.name !== null && topic.topicId === ZERO_TOPIC_ID),
  )
  const look = (autoCreate: boolean) =>
    context.topics.refresh(
      context.objects.cluster,
      all ? { all } : lookupOf(isValid ? asked : [], autoCreate),
    )
  // Those that could not be created are unknown, which clients ask about again.
  const reply = await askController(
    context,
    () => look(request.allowAutoTopicCreation),
    () => look(false),
  )
  const operations = request.includeTopicAuthorizedOperations
    ? TOPIC_OPERATIONS
    : OPERATIONS_NOT_ASKED
  const { host, port } = context.advertised
  return {
    throttleTimeMs: 0,
    brokers: [{ nodeId: BROKER_ID, host, port, rack: null }],
    clusterId: reply.clusterId,
    controllerId: BROKER_ID,
    topics: all
      ? reply.topics.flatMap(({ topic }) => (topic ? [topicView(topic, operations)] : []))
      : answersInOrder(asked, isValid ? reply.topics : [], operations, call.version),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? CLUSTER_OPERATIONS
      : OPERATIONS_NOT_ASKED,
  }
}

/** A topic asked twice is answered once. */
function distinct(topics: readonly AskedTopic[]): AskedTopic[] {
  return [...new Map(topics.map((topic) => [`${topic.topicId} ${topic.name}`, topic])).values()]
}

function isById(topic: AskedTopic): boolean {
  return topic.topicId !== ZERO_TOPIC_ID || topic.name === null
}

function lookupOf(asked: readonly AskedTopic[], autoCreate: boolean): TopicLookup {
  const names = asked.filter((topic) => !isById(topic)).map(({ name }) => name ?? '')
  const ids = asked.filter(isById).map(({ topicId }) => topicId)
  return { names, ids, autoCreate }
}

/** The lookup answers names first, then ids; the client gets them in the order asked. */
function answersInOrder(
  asked: readonly AskedTopic[],
  results: readonly TopicLookupResult[],
  operations: number,
  version: number,
): TopicResponse[] {
  let nextName = 0
  let nextId = asked.filter((topic) => !isById(topic)).length
  return asked.map((topic) => {
    const result = results[isById(topic) ? nextId++ : nextName++]
    if (result?.topic !== undefined) return topicView(result.topic, operations)
    return failure(result?.error ?? KafkaError.INVALID_REQUEST, topic, operations, version)
  })
}

function topicView(topic: TopicState, operations: number): TopicResponse {
  return {
    errorCode: KafkaError.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions: partitionViews(topic),
    topicAuthorizedOperations: operations,
  }
}

/**
 * An unknown id is echoed with a null name (none, where the version has no null), an unknown name with
 * the zero id. What may be done with a topic that is only an id is not told, as in Kafka.
 */
function failure(
  errorCode: ErrorCode,
  asked: AskedTopic,
  operations: number,
  version: number,
): TopicResponse {
  return {
    errorCode,
    name: asked.name ?? (version >= IDS_FROM ? null : ''),
    topicId: asked.topicId,
    isInternal: isInternalTopic(asked.name ?? ''),
    partitions: [],
    topicAuthorizedOperations: asked.name === null ? OPERATIONS_NOT_ASKED : operations,
  }
}
