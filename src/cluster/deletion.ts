// DeleteTopics: which topics go, in Kafka's words (ControllerApis of 4.1.1). A topic that goes is
// invisible with the change; object.ts then fences its written partitions before it answers, and frees
// their storage later.

import { brokerValue } from '../core/configs.ts'
import { errorMessage, KafkaError } from '../core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../core/ids.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../protocol/messages/delete-topics.ts'
import type { Change, ClusterState, Decision } from './cluster.ts'
import { topicNamed } from './cluster.ts'
import { type Fault, fault } from './topics.ts'

type Result = DeleteTopicsResponse['responses'][number]

interface Wanted {
  readonly name: string | null
  readonly topicId: TopicId
}

/** Decides DeleteTopics. Results without an error are of topics that are doomed by the changes. */
export function deleteTopics(
  state: ClusterState,
  request: DeleteTopicsRequest,
  version: number,
): Decision<DeleteTopicsResponse> {
  const wanted: Wanted[] =
    version >= 6
      ? request.topics.map(({ name, topicId }) => ({ name, topicId }))
      : request.topicNames.map((name) => ({ name, topicId: ZERO_TOPIC_ID }))
  const disabled = deletionDisabled(state, version)
  const doomed = new Set<TopicId>()
  const doom = (one: Wanted): Result => {
    const topic = one.name === null ? state.topics.get(one.topicId) : topicNamed(state, one.name)
    if (topic === undefined) return { ...one, ...unknown(one) }
    if (doomed.has(topic.id)) {
      const twice = 'The provided topic name maps to an ID that was already supplied.'
      return { ...one, ...fault('INVALID_REQUEST', twice) }
    }
    doomed.add(topic.id)
    return { name: topic.name, topicId: topic.id, errorCode: KafkaError.NONE, errorMessage: null }
  }
  const same = Map.groupBy(wanted, ({ name, topicId }) => JSON.stringify([name, topicId]))
  const responses = [...same.values()].flatMap(([one, ...others]): Result[] => {
    if (one === undefined) return []
    const invalid = disabled ?? wantedFault(one, others.length > 0)
    return [invalid === null ? doom(one) : { ...one, ...invalid }]
  })
  const changes = [...doomed].map((id): Change => ({ kind: 'doomed', id }))
  return { changes, reply: { throttleTimeMs: 0, responses } }
}

function wantedFault({ name, topicId }: Wanted, repeated: boolean): Fault | null {
  if (name === null && topicId === ZERO_TOPIC_ID) {
    return fault('INVALID_REQUEST', 'Neither topic name nor id were specified.')
  }
  if (name !== null && topicId !== ZERO_TOPIC_ID) {
    return fault('INVALID_REQUEST', 'You may not specify both topic name and topic id.')
  }
  if (!repeated) return null
  return fault('INVALID_REQUEST', `Duplicate topic ${name === null ? 'id' : 'name'}.`)
}

function unknown({ name }: Wanted): Fault {
  const error = name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  return fault(error, errorMessage(KafkaError[error]))
}

function deletionDisabled(state: ClusterState, version: number): Fault | null {
  if (brokerValue('delete.topic.enable', state.layers) === 'true') return null
  const error = version < 3 ? 'INVALID_REQUEST' : 'TOPIC_DELETION_DISABLED'
  return fault(error, 'Topic deletion is disabled.')
}
