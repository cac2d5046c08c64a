// Metadata (key 3), versions 0 to 13. Topic ids from 10, lookup by id from 12 (KIP-516); creates
// missing topics where client and broker allow it; cluster operations in 8 to 10 (KIP-430). One broker
// and controller. Always asks Cluster, so what it says is current, and fills the cache with it.

import type {
  TopicLookup,
  TopicLookupReply,
  TopicLookupResult,
  TopicState,
} from '../../cluster/contract.ts'
import { isInternalTopic } from '../../cluster/names.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { BROKER_ID, type TopicId, ZERO_TOPIC_ID } from '../../core/ids.ts'
import type { MetadataRequest, MetadataResponse } from '../../protocol/messages/metadata.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import {
  allowing,
  authorised,
  clusterDenial,
  clusterOperations,
  divided,
  OPERATIONS_NOT_ASKED,
  operationsOn,
} from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController } from '../controller.ts'
import { partitionViews } from '../topic-view.ts'

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
  const access = await authorised(context)
  const all = request.topics === null || (call.version === 0 && request.topics.length === 0)
  const asked = all ? [] : distinct(request.topics ?? [])
  const isValid = asked.every(
    (topic) => call.version >= IDS_FROM || (topic.name !== null && topic.topicId === ZERO_TOPIC_ID),
  )
  const operations = (name: string | null) =>
    request.includeTopicAuthorizedOperations && name !== null
      ? operationsOn(access, Resource.TOPIC, name)
      : OPERATIONS_NOT_ASKED
  const { host, port } = context.advertised
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  const answer = {
    throttleTimeMs: 0,
    brokers: [{ nodeId: BROKER_ID, host, port, rack: null }],
    controllerId: BROKER_ID,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations(access)
      : OPERATIONS_NOT_ASKED,
  }
  if (all) {
    const { clusterId, topics } = await look(context, { all })
    const shown = topics.flatMap(({ topic }) => (topic && isShown(topic.name) ? [topic] : []))
    return { ...answer, clusterId, topics: shown.map((topic) => topicView(topic, operations)) }
  }
  const create = request.allowAutoTopicCreation
  const { clusterId, results } = await lookUp(isValid ? asked : [], { create, access, context })
  const topics = asked.map((topic) => {
    const result = results.get(topic)
    if (result?.topic !== undefined) return topicView(result.topic, operations)
    return failure(result?.error ?? KafkaError.INVALID_REQUEST, topic, operations, call.version)
  })
  return { ...answer, clusterId, topics }
}

function look(context: BrokerContext, lookup: TopicLookup): Promise<TopicLookupReply> {
  return context.topics.refresh(context.objects.cluster, lookup)
}

/** What there is of each topic asked, or why the client is not told. Nothing is asked about a name that it may not see. */
async function lookUp(
  asked: readonly AskedTopic[],
  by: { readonly create: boolean; readonly access: Access; readonly context: BrokerContext },
): Promise<{
  readonly clusterId: string
  readonly results: ReadonlyMap<AskedTopic, TopicLookupResult>
}> {
  const isShown = allowing(by.access, Operation.DESCRIBE, Resource.TOPIC)
  const byName = asked.filter((topic) => !isById(topic))
  const { allowed, denied } = divided(byName, ({ name }) => isShown(name ?? ''))
  const byId = asked.filter(isById)
  const ids = byId.map(({ topicId }) => topicId)
  const names = allowed.map(({ name }) => name ?? '')
  const { clusterId, topics } = await found(names, ids, by)
  const results = new Map<AskedTopic, TopicLookupResult>()
  for (const [index, topic] of [...allowed, ...byId].entries()) {
    const result = topics[index]
    const isHidden = result?.topic !== undefined && !isShown(result.topic.name)
    if (result !== undefined) results.set(topic, isHidden ? NOT_ALLOWED : result)
  }
  for (const topic of denied) results.set(topic, NOT_ALLOWED)
  return { clusterId, results }
}

const NOT_ALLOWED = { error: KafkaError.TOPIC_AUTHORIZATION_FAILED }

/**
 * Looks up names and ids, and creates the names that are missing where the client may; of the others it is told that
 * it may not, if they would have been created.
 */
async function found(
  names: readonly string[],
  ids: readonly TopicId[],
  { create, access, context }: Parameters<typeof lookUp>[1],
): Promise<TopicLookupReply> {
  // Those that could not be created are unknown, which clients ask about again.
  const ask = (lookup: TopicLookup) =>
    askController(
      context,
      () => look(context, lookup),
      () => look(context, { ...lookup, autoCreate: false }),
    )
  const mayAll = clusterDenial(access, Operation.CREATE) === KafkaError.NONE
  const mayOne = allowing(access, Operation.CREATE, Resource.TOPIC)
  const mayCreate = (name: string) => mayAll || mayOne(name)
  if (!create || names.every(mayCreate)) return ask({ names, ids, autoCreate: create })
  const reply = await look(context, { names, ids })
  const missing = names.filter((_, index) => isUnknown(reply.topics[index]))
  if (missing.length === 0) return reply
  const { allowed, denied } = divided(missing, mayCreate)
  const made = await ask({ names: allowed, autoCreate: true })
  const later = new Map(allowed.map((name, index) => [name, made.topics[index]]))
  const isCreating = (await context.brokerConfig('auto.create.topics.enable')) !== 'false'
  if (isCreating) for (const name of denied) later.set(name, NOT_ALLOWED)
  const topics = reply.topics.map((result, index) => later.get(names[index] ?? '') ?? result)
  return { ...reply, topics }
}

function isUnknown(result: TopicLookupResult | undefined): boolean {
  return result?.error === KafkaError.UNKNOWN_TOPIC_OR_PARTITION
}

/** A topic asked twice is answered once. */
function distinct(topics: readonly AskedTopic[]): AskedTopic[] {
  return [...new Map(topics.map((topic) => [`${topic.topicId} ${topic.name}`, topic])).values()]
}

function isById(topic: AskedTopic): boolean {
  return topic.topicId !== ZERO_TOPIC_ID || topic.name === null
}

/** What may be done with a topic of this name, if it was asked; null is one that is only an id. */
type OperationsOn = (name: string | null) => number

function topicView(topic: TopicState, operations: OperationsOn): TopicResponse {
  return {
    errorCode: KafkaError.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions: partitionViews(topic),
    topicAuthorizedOperations: operations(topic.name),
  }
}

/**
 * An unknown id is echoed with a null name (none, where the version has no null), an unknown name with
 * the zero id, and so are those that the client may not see. What may be done with a topic that is only an id is not
 * told, as in Kafka.
 */
function failure(
  errorCode: ErrorCode,
  asked: AskedTopic,
  operations: OperationsOn,
  version: number,
): TopicResponse {
  const isHidden = errorCode === KafkaError.TOPIC_AUTHORIZATION_FAILED
  return {
    errorCode,
    name: asked.name ?? (version >= IDS_FROM ? null : ''),
    topicId: asked.topicId,
    isInternal: !isHidden && isInternalTopic(asked.name ?? ''),
    partitions: [],
    topicAuthorizedOperations: isHidden ? OPERATIONS_NOT_ASKED : operations(asked.name),
  }
}
