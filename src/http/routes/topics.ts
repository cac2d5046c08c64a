// /v1/topics and /v1/topics/{topic}: creating, listing, showing, changing and deleting. Kafka's own
// admin requests through the broker's handlers; nothing is decided here but the form.

import type { BrokerContext } from '../../broker/context.ts'
import { createTopics } from '../../broker/handlers/create-topics.ts'
import { deleteTopics } from '../../broker/handlers/delete-topics.ts'
import { describeConfigs } from '../../broker/handlers/describe-configs.ts'
import { metadata } from '../../broker/handlers/metadata.ts'
import type { TopicState } from '../../cluster/contract.ts'
import { KafkaError } from '../../core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../../core/ids.ts'
import { Operation, Resource } from '../../security/access.ts'
import { explained, onCluster, onTopic } from '../access-rule.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { alterConfigs } from '../configs.ts'
import { pageOf } from '../page.ts'
import { addPartitions } from '../partitions.ts'
import { badRequest, Problem } from '../problem.ts'
import { type ErrorFields, refusal } from '../refusal.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { ifKnown, isoTime } from '../statistics.ts'
import { topicStatus } from '../topic-status.ts'
import { freshTopic, topicProblem } from '../topics.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const TIMEOUT_MS = 30_000
/** Kafka's numbers for a resource that is a topic, and for a setting of a topic's own. */
const TOPIC_RESOURCE = 2
const TOPIC_CONFIG_SOURCE = 1
/** Leaves the number of partitions or replicas to the broker's defaults (KIP-464). */
const BROKER_DEFAULT = -1

const CREATE_TOPICS = { version: 7, clientId: null }
const DELETE_TOPICS = { version: 6, clientId: null }
const DESCRIBE_CONFIGS = { version: 4, clientId: null }
const METADATA = { version: 13, clientId: null }

export const topicRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/topics',
    access: { needs: [], shows: { operation: 'DESCRIBE', resource: 'TOPIC' } },
    operation: () => ({
      summary: 'List the topics',
      query: schemas().topicsQuery,
      example: { query: { q: 'ord', limit: '10' } },
      answers: {
        200: { description: 'By name', content: { [JSON_TYPE]: schemas().topicList } },
      },
    }),
    handle: listRoute,
  },
  {
    method: 'POST',
    path: '/v1/topics',
    access: {
      needs: [],
      handlers: [
        onCluster('CREATE'),
        { ...onTopic('CREATE'), name: { in: 'body', parameter: 'name' } },
      ],
    },
    operation: () => ({
      summary: 'Create a topic',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: schemas().newTopic },
      example: {
        body: { name: 'invoices', partitions: 3, configs: { 'retention.ms': 86_400_000 } },
      },
      answers: { 201: { description: 'Created', content: { [JSON_TYPE]: schemas().topic } } },
    }),
    handle: createRoute,
  },
  {
    method: 'GET',
    path: '/v1/topics/{topic}',
    access: { needs: [onTopic('DESCRIBE')] },
    operation: () => ({
      summary: 'Show a topic and its configuration',
      query: schemas().noQuery,
      answers: { 200: { description: 'The topic', content: { [JSON_TYPE]: schemas().topic } } },
    }),
    handle: showRoute,
  },
  {
    method: 'PATCH',
    path: '/v1/topics/{topic}',
    access: {
      needs: [onTopic('DESCRIBE')],
      handlers: [onTopic('ALTER'), onTopic('ALTER_CONFIGS')],
    },
    operation: () => ({
      summary: 'Change configurations or add partitions',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: schemas().topicChange },
      example: { body: { partitions: 6, configs: { 'retention.ms': null } } },
      answers: { 200: { description: 'The topic', content: { [JSON_TYPE]: schemas().topic } } },
    }),
    handle: changeRoute,
  },
  {
    method: 'DELETE',
    path: '/v1/topics/{topic}',
    access: { needs: [onTopic('DELETE')] },
    operation: () => ({
      summary: 'Delete a topic with all its records',
      query: schemas().noQuery,
      answers: { 204: { description: 'Deleted; nothing can be stored in it any more' } },
    }),
    handle: deleteRoute,
  },
]

async function listRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().topicsQuery, query)
  if (checked instanceof Problem) return checked
  const request = {
    topics: null,
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  }
  const response = await metadata(request, METADATA, broker)
  const failure = response.errorCode ?? KafkaError.NONE
  if (failure !== KafkaError.NONE) return new Problem(failure)
  const topics = response.topics.map(({ name, topicId, partitions }) => {
    return { name: name ?? '', id: topicId, partitions: partitions.length }
  })
  const { items, next } = pageOf(topics, ({ name }) => name, checked)
  return json({ items: await withFigures(broker, items), next })
}

/** What leaders last reported of them; no topic is woken. */
async function withFigures(
  broker: BrokerContext,
  topics: readonly { readonly id: TopicId | undefined }[],
): Promise<object[]> {
  const ids = topics.map(({ id }) => id ?? ZERO_TOPIC_ID)
  const known = ids.length === 0 ? null : await ifKnown(broker, (known) => known.topics(ids))
  return topics.map((topic, at) => {
    const figures = known?.topics[at]
    return {
      ...topic,
      records: figures?.records ?? null,
      sizeBytes: figures?.sizeBytes ?? null,
      recordsPerSecond: figures?.recordsPerSecond ?? null,
      bytesPerSecond: figures?.bytesPerSecond ?? null,
      worstGroup: figures?.worstGroup == null ? null : shownGroup(broker, figures.worstGroup),
      reported: figures == null || figures.reportedMs === null ? null : isoTime(figures.reportedMs),
    }
  })
}

/** A group is nobody's business who may not describe it. */
function shownGroup<Group extends { readonly groupId: string }>(
  { access }: BrokerContext,
  group: Group,
): Group | null {
  return access.may(Operation.DESCRIBE, Resource.GROUP, group.groupId) ? group : null
}

async function createRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, schemas().newTopic)
  if (body instanceof Problem) return body
  const { name, partitions = BROKER_DEFAULT, configs = {} } = body
  const request = {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: BROKER_DEFAULT,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({
          name: key,
          value: String(value),
        })),
      },
    ],
    timeoutMs: TIMEOUT_MS,
    validateOnly: false,
  }
  const response = await createTopics(request, CREATE_TOPICS, asked.broker)
  const answer = response.topics[0]
  const problem = refusal(answer, FIELDS)
  const { access } = asked.broker
  if (problem !== null) return explained(problem, access, CREATE, name)
  const topic = await describe(asked.broker, {
    name,
    id: answer?.topicId ?? ZERO_TOPIC_ID,
    partitions: answer?.numPartitions ?? 0,
  })
  const location = `/v1/topics/${encodeURIComponent(name)}`
  return topic instanceof Problem ? topic : json(topic, 201, { location })
}

async function showRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  const topic = await freshTopic(broker, param('topic'))
  if (topic instanceof Problem) return topic
  const shown = await describe(broker, topic)
  return shown instanceof Problem ? shown : json(shown)
}

/** Both changes are checked before either is made; what is left can only fail for the other's reasons. */
async function changeRoute(asked: Asked): Promise<Response | Problem> {
  const { broker, param } = asked
  const body = await checkedBody(asked, schemas().topicChange)
  if (body instanceof Problem) return body
  if (body.partitions === undefined && body.configs === undefined) {
    return badRequest('', 'the body names nothing to change: partitions, configs or both')
  }
  const topic = await freshTopic(broker, param('topic'))
  if (topic instanceof Problem) return topic
  const count = body.partitions ?? topic.partitions
  if (count !== topic.partitions) {
    const problem = await addPartitions(broker, topic.name, count, true, FIELDS)
    if (problem !== null) return explained(problem, broker.access, ALTER, topic.name)
  }
  if (body.configs !== undefined) {
    const resource = { kind: 'topic', name: topic.name } as const
    const problem = await alterConfigs(broker, resource, body.configs, FIELDS)
    if (problem !== null) return explained(problem, broker.access, CHANGE, topic.name)
  }
  if (count !== topic.partitions) {
    const problem = await addPartitions(broker, topic.name, count, false, FIELDS)
    if (problem !== null) return explained(problem, broker.access, ALTER, topic.name)
  }
  return showRoute({ ...asked, query: new URLSearchParams() })
}

async function deleteRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  const name = param('topic')
  const request = {
    topics: [{ name, topicId: ZERO_TOPIC_ID }],
    topicNames: [],
    timeoutMs: TIMEOUT_MS,
  }
  const response = await deleteTopics(request, DELETE_TOPICS, broker)
  const answer = response.responses[0]
  if (answer?.errorCode === KafkaError.UNKNOWN_TOPIC_OR_PARTITION) {
    return topicProblem(answer.errorCode, name)
  }
  return refusal(answer, { fallback: 'topic' }) ?? new Response(null, { status: 204 })
}

async function describe(
  broker: BrokerContext,
  topic: Pick<TopicState, 'name' | 'id' | 'partitions'>,
): Promise<object | Problem> {
  const resource = {
    resourceType: TOPIC_RESOURCE,
    resourceName: topic.name,
    configurationKeys: null,
  }
  const request = { resources: [resource], includeSynonyms: false, includeDocumentation: false }
  const response = await describeConfigs(request, DESCRIBE_CONFIGS, broker)
  const answer = response.results[0]
  if (answer?.errorCode === KafkaError.TOPIC_AUTHORIZATION_FAILED) {
    // That there is the topic, and what it is like, may be all that one may know.
    return { name: topic.name, id: topic.id, partitions: topic.partitions, ...NOT_SHOWN }
  }
  const problem = refusal(answer, { fallback: 'topic' })
  if (problem !== null) return problem
  const configs: Record<string, string | null> = {}
  const effectiveConfigs: Record<string, string | null> = {}
  for (const { name, value, configSource } of answer?.configs ?? []) {
    effectiveConfigs[name] = value
    if (configSource === TOPIC_CONFIG_SOURCE) configs[name] = value
  }
  const { name, id, partitions } = topic
  const shown = { name, id, partitions, configs, effectiveConfigs }
  if (effectiveConfigs['remote.storage.enable'] !== 'true') return shown
  return { ...shown, status: await topicStatus(broker, topic) }
}

/** What handlers ask, as a refusal says it. */
const CREATE = { operation: 'CREATE', resource: 'TOPIC' } as const
const ALTER = { operation: 'ALTER', resource: 'TOPIC' } as const
const CHANGE = { operation: 'ALTER_CONFIGS', resource: 'TOPIC' } as const

const NOT_SHOWN = { configs: null, effectiveConfigs: null }

const FIELDS: ErrorFields = {
  fallback: 'name',
  [KafkaError.INVALID_PARTITIONS]: 'partitions',
  [KafkaError.INVALID_CONFIG]: 'configs',
}
