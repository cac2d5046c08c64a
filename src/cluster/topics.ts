// CreateTopics and auto-creation: what a topic may be, in Kafka's order of checks and words
// (ReplicationControlManager of 4.1.1). One broker holds every partition once: a higher replication
// factor is taken as 1 unless ottla.strict.replication is on. KIP-464 defaults, KIP-525 configs shown.

import {
  brokerValue,
  type Checked,
  ConfigSource,
  checkTopicConfigs,
  effectiveTopicConfig,
} from '../core/configs.ts'
import { KafkaError } from '../core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../core/ids.ts'
import { PARTITIONS_PER_CLUSTER, PARTITIONS_PER_TOPIC, TOPICS_PER_CLUSTER } from '../core/limits.ts'
import { TOPIC_CONFIGS } from '../core/topic-configs.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../protocol/messages/create-topics.ts'
import { assignmentFault } from './assignments.ts'
import {
  type Change,
  type ClusterState,
  collisionsOf,
  type Decision,
  type Topic,
} from './cluster.ts'
import { collisionKey, METADATA_TOPIC, topicNameFault } from './names.ts'

type Creatable = CreateTopicsRequest['topics'][number]
type Result = CreateTopicsResponse['topics'][number]
type ShownConfig = NonNullable<Result['configs']>[number]

/** A topic that the same command makes. */
export type NewTopic = Extract<Change, { kind: 'topic' }>

/** An error of one topic, partition or resource, as its answer carries it. */
export interface Fault {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Makes a new topic id. */
export type NewTopicId = () => TopicId

const DEFAULT = -1

/** Decides CreateTopics. Names are checked against the topics before the request, as Kafka does. */
export function createTopics(
  state: ClusterState,
  request: CreateTopicsRequest,
  newId: NewTopicId,
): Decision<CreateTopicsResponse> {
  const changes: NewTopic[] = []
  const defaults = defaultConfigs(state)
  const excess = totalPartitions(state, request) > PARTITIONS_PER_TOPIC
  const byName = Map.groupBy(request.topics, (topic) => topic.name)
  const topics = [...byName].map(([name, [wanted, ...others]]): Result => {
    if (wanted === undefined || others.length > 0) {
      return failed(name, fault('INVALID_REQUEST', 'Duplicate topic name.'))
    }
    if (excess) return failed(name, fault('POLICY_VIOLATION', TOO_MANY_PARTITIONS))
    const made = makeTopic(state, wanted, newId, changes)
    if ('errorCode' in made) return failed(name, made)
    if (!request.validateOnly) changes.push({ kind: 'topic', topic: made })
    return created(made, defaults)
  })
  return { changes, reply: { throttleTimeMs: 0, topics } }
}

/**
 * Decides the automatic creation of a topic that Metadata named: the broker's default partitions.
 * Unlike Kafka, which creates later and says UNKNOWN_TOPIC_OR_PARTITION first, the topic is there at
 * once, and a name that collides is INVALID_TOPIC_EXCEPTION and not retried for ever.
 */
export function autoCreateTopic(
  state: ClusterState,
  name: string,
  newId: NewTopicId,
  before: readonly NewTopic[],
): Topic | Fault {
  const wanted = {
    name,
    numPartitions: DEFAULT,
    replicationFactor: DEFAULT,
    assignments: [],
    configs: [],
  }
  return makeTopic(state, wanted, newId, before)
}

/** An error with Kafka's sentence or ours. */
export function fault(error: keyof typeof KafkaError, message: string | null = null): Fault {
  return { errorCode: KafkaError[error], errorMessage: message }
}

const TOO_MANY_PARTITIONS = 'Excessively large number of partitions per request.'

function totalPartitions(state: ClusterState, request: CreateTopicsRequest): number {
  const one = ({ assignments, numPartitions }: Creatable) => {
    if (assignments.length > 0) return assignments.length
    return numPartitions === DEFAULT ? defaultPartitions(state) : numPartitions
  }
  return request.topics.reduce((total, topic) => total + Math.max(0, one(topic)), 0)
}

function makeTopic(
  state: ClusterState,
  wanted: Creatable,
  newId: NewTopicId,
  before: readonly NewTopic[],
): Topic | Fault {
  const { name } = wanted
  const nameFault = newNameFault(state, name)
  if (nameFault !== null) return nameFault
  const checked = ownConfigs(state, wanted)
  if ('error' in checked) return fault('INVALID_CONFIG', checked.error)
  const partitions = wanted.assignments.length > 0 ? assigned(wanted) : numbered(state, wanted)
  if (typeof partitions !== 'number') return partitions
  const full = capacityFault(state, partitions, before)
  if (full !== null) return full
  return { id: newId(), name, partitions, configs: checked.configs, version: 1 }
}

/** Refuses what would take the cluster over its limits, counting the topics before in this request. */
function capacityFault(
  state: ClusterState,
  partitions: number,
  before: readonly NewTopic[],
): Fault | null {
  if (state.topics.size + before.length >= TOPICS_PER_CLUSTER) {
    return fault('POLICY_VIOLATION', `A cluster has at most ${TOPICS_PER_CLUSTER} topics.`)
  }
  const added = before.reduce((total, { topic }) => total + topic.partitions, partitions)
  if (state.partitions + added <= PARTITIONS_PER_CLUSTER) return null
  return fault('POLICY_VIOLATION', `A cluster has at most ${PARTITIONS_PER_CLUSTER} partitions.`)
}

function newNameFault(state: ClusterState, name: string): Fault | null {
  if (name === METADATA_TOPIC) {
    return fault('INVALID_REQUEST', `Creation of internal topic ${name} is prohibited.`)
  }
  const invalid = topicNameFault(name)
  if (invalid !== null) return fault('INVALID_TOPIC_EXCEPTION', invalid)
  if (state.names.has(name)) {
    return fault('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  }
  const [collision] = collisionsOf(state, collisionKey(name))
  if (collision === undefined) return null
  return fault(
    'INVALID_TOPIC_EXCEPTION',
    `Topic '${name}' collides with existing topic: ${collision}`,
  )
}

function ownConfigs(state: ClusterState, wanted: Creatable): Checked {
  const own: [string, string][] = []
  for (const { name, value } of wanted.configs) {
    if (value === null) return { error: `Null value not supported for topic configs: ${name}` }
    own.push([name, value])
  }
  return checkTopicConfigs(Object.fromEntries(own), state.layers)
}

/** Partitions of a topic with manual assignments. */
function assigned(wanted: Creatable): number | Fault {
  const manual = 'A manual partition assignment was specified, but'
  if (wanted.replicationFactor !== DEFAULT) {
    return fault('INVALID_REQUEST', `${manual} replication factor was not set to -1.`)
  }
  if (wanted.numPartitions !== DEFAULT) {
    return fault('INVALID_REQUEST', `${manual} numPartitions was not set to -1.`)
  }
  const seen = new Set<number>()
  for (const { partitionIndex, brokerIds } of wanted.assignments) {
    if (seen.has(partitionIndex)) {
      return fault(
        'INVALID_REPLICA_ASSIGNMENT',
        `Found multiple manual partition assignments for partition ${partitionIndex}`,
      )
    }
    seen.add(partitionIndex)
    const invalid = assignmentFault(brokerIds)
    if (invalid !== null) return fault('INVALID_REPLICA_ASSIGNMENT', invalid)
  }
  const consecutive = wanted.assignments.every((_, index) => seen.has(index))
  if (consecutive) return seen.size
  return fault(
    'INVALID_REPLICA_ASSIGNMENT',
    'partitions should be a consecutive 0-based integer sequence',
  )
}

/** Partitions of a topic asked for by number. */
function numbered(state: ClusterState, wanted: Creatable): number | Fault {
  const { numPartitions, replicationFactor } = wanted
  if (replicationFactor < DEFAULT || replicationFactor === 0) {
    return fault(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  }
  if (numPartitions < DEFAULT || numPartitions === 0) {
    return fault(
      'INVALID_PARTITIONS',
      'Number of partitions was set to an invalid non-positive value.',
    )
  }
  const factor =
    replicationFactor === DEFAULT
      ? Number(brokerValue('default.replication.factor', state.layers))
      : replicationFactor
  if (factor > 1 && brokerValue('ottla.strict.replication', state.layers) === 'true') {
    return fault(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${factor} time(s): The target replication factor of ${factor} cannot be reached because only 1 broker(s) are registered.`,
    )
  }
  return numPartitions === DEFAULT ? defaultPartitions(state) : numPartitions
}

function defaultPartitions(state: ClusterState): number {
  return Number(brokerValue('num.partitions', state.layers))
}

function created(topic: Topic, defaults: readonly ShownConfig[]): Result {
  return {
    name: topic.name,
    topicId: topic.id,
    errorCode: KafkaError.NONE,
    errorMessage: null,
    topicConfigErrorCode: KafkaError.NONE,
    numPartitions: topic.partitions,
    replicationFactor: 1,
    configs: defaults.map((shown) => {
      const value = topic.configs[shown.name]
      return value === undefined ? shown : { ...shown, value, configSource: ConfigSource.TOPIC }
    }),
  }
}

/** What a topic without own configurations shows; the entries are shared by all answers of a request. */
function defaultConfigs(state: ClusterState): ShownConfig[] {
  return TOPIC_CONFIGS.map((config) => {
    const { value, source } = effectiveTopicConfig(config, {}, state.layers)
    return { name: config.name, value, readOnly: false, configSource: source, isSensitive: false }
  })
}

function failed(name: string, { errorCode, errorMessage }: Fault): Result {
  return {
    name,
    topicId: ZERO_TOPIC_ID,
    errorCode,
    errorMessage,
    topicConfigErrorCode: KafkaError.NONE,
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  }
}
