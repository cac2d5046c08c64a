// Looking topics up by name, by id or all of them, with automatic creation where it is asked for and
// allowed. Answers are what a broker caches; "unknown" is an answer for one request only.

import { brokerValue } from '../core/configs.ts'
import { KafkaError } from '../core/errors.ts'
import { type ClusterState, type Decision, makeView, topicNamed, viewOf } from './cluster.ts'
import type { TopicLookup, TopicLookupReply, TopicLookupResult, TopicState } from './contract.ts'
import { isInternalTopic, topicNameFault } from './names.ts'
import { autoCreateTopic, type NewTopic, type NewTopicId } from './topics.ts'

/** Decides a look-up: results per name, then per id, in the order asked; all topics by name. */
export function lookup(
  state: ClusterState,
  request: TopicLookup,
  newId: NewTopicId,
): Decision<TopicLookupReply> {
  const changes: NewTopic[] = []
  const made = new Map<string, TopicState>()
  const byName = (name: string): TopicLookupResult => {
    const topic = topicNamed(state, name)
    if (topic !== undefined) return { error: 0, topic: viewOf(state, topic) }
    const already = made.get(name)
    if (already !== undefined) return { error: 0, topic: already }
    const invalid = topicNameFault(name)
    if (invalid !== null) return { error: KafkaError.INVALID_TOPIC_EXCEPTION, message: invalid }
    if (!mayCreate(state, request, name)) return { error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION }
    const created = autoCreateTopic(state, name, newId, changes)
    if ('errorCode' in created) {
      return { error: created.errorCode, message: created.errorMessage ?? '' }
    }
    changes.push({ kind: 'topic', topic: created })
    const view = makeView(state, created)
    made.set(name, view)
    return { error: 0, topic: view }
  }
  const topics = request.all === true ? everyTopic(state) : (request.names ?? []).map(byName)
  const ids = request.all === true ? [] : (request.ids ?? [])
  for (const id of ids) {
    const topic = state.topics.get(id)
    topics.push(
      topic === undefined
        ? { error: KafkaError.UNKNOWN_TOPIC_ID }
        : { error: 0, topic: viewOf(state, topic) },
    )
  }
  return { changes, reply: { clusterId: state.clusterId, topics } }
}

/** Kafka's own topics are never made by naming them: their state lives elsewhere here. */
function mayCreate(state: ClusterState, request: TopicLookup, name: string): boolean {
  if (request.autoCreate !== true || isInternalTopic(name)) return false
  return brokerValue('auto.create.topics.enable', state.layers) === 'true'
}

function everyTopic(state: ClusterState): TopicLookupResult[] {
  return [...state.names.keys()].sort().flatMap((name) => {
    const topic = topicNamed(state, name)
    return topic === undefined ? [] : [{ error: 0, topic: viewOf(state, topic) } as const]
  })
}
