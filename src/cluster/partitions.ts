// CreatePartitions, and what a partition is told on first touch. The count asked for is the new total;
// partitions are never taken away. Errors in Kafka 4.1.1's order and words.

import { KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import { PARTITIONS_PER_CLUSTER, PARTITIONS_PER_TOPIC } from '../core/limits.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../protocol/messages/create-partitions.ts'
import { assignmentFault } from './assignments.ts'
import {
  type Change,
  type ClusterState,
  configVersion,
  type Decision,
  settingsOf,
  type Topic,
  topicNamed,
} from './cluster.ts'
import type { PartitionAdmission } from './contract.ts'
import { type Fault, fault } from './topics.ts'

type Wanted = CreatePartitionsRequest['topics'][number]

/** Decides CreatePartitions. */
export function createPartitions(
  state: ClusterState,
  request: CreatePartitionsRequest,
): Decision<CreatePartitionsResponse> {
  const changes: Change[] = []
  let room = PARTITIONS_PER_CLUSTER - state.partitions
  const byName = Map.groupBy(request.topics, (topic) => topic.name)
  const results = [...byName].map(([name, [wanted, ...others]]) => {
    if (wanted === undefined || others.length > 0) {
      return { name, ...fault('INVALID_REQUEST', 'Duplicate topic name.') }
    }
    const topic = topicNamed(state, name)
    if (topic === undefined) return { name, ...fault('UNKNOWN_TOPIC_OR_PARTITION') }
    const invalid = increaseFault(topic, wanted, room)
    if (invalid !== null) return { name, ...invalid }
    if (!request.validateOnly) {
      room -= wanted.count - topic.partitions
      changes.push({ kind: 'topic', topic: { ...topic, partitions: wanted.count } })
    }
    return { name, errorCode: KafkaError.NONE, errorMessage: null }
  })
  return { changes, reply: { throttleTimeMs: 0, results } }
}

/** Decides the first touch of a partition; with `writing` it is recorded as ever written. */
export function admit(
  state: ClusterState,
  id: TopicId,
  partition: number,
  writing: boolean,
): Decision<PartitionAdmission> {
  const topic = state.topics.get(id)
  if (topic === undefined || partition < 0 || partition >= topic.partitions) {
    return { changes: [], reply: { alive: false } }
  }
  const known = state.written.get(id)?.has(partition) === true
  return {
    changes: writing && !known ? [{ kind: 'written', id, partition }] : [],
    reply: {
      alive: true,
      name: topic.name,
      configVersion: configVersion(state, topic),
      settings: settingsOf(state, topic),
    },
  }
}

function increaseFault(topic: Topic, wanted: Wanted, room: number): Fault | null {
  const { name, count, assignments } = wanted
  if (count === topic.partitions) {
    return fault('INVALID_PARTITIONS', `Topic already has ${count} partition(s).`)
  }
  if (count < topic.partitions) {
    const now = `The topic ${name} currently has ${topic.partitions} partition(s)`
    return fault('INVALID_PARTITIONS', `${now}; ${count} would not be an increase.`)
  }
  if (count > PARTITIONS_PER_TOPIC) {
    return fault('POLICY_VIOLATION', `A topic has at most ${PARTITIONS_PER_TOPIC} partitions.`)
  }
  const added = count - topic.partitions
  if (added > room) {
    return fault('POLICY_VIOLATION', `A cluster has at most ${PARTITIONS_PER_CLUSTER} partitions.`)
  }
  if (assignments === null) return null
  if (assignments.length !== added) {
    return fault(
      'INVALID_REPLICA_ASSIGNMENT',
      `Attempted to add ${added} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    )
  }
  for (const { brokerIds } of assignments) {
    const invalid = assignmentFault(brokerIds)
    if (invalid !== null) return fault('INVALID_REPLICA_ASSIGNMENT', invalid)
  }
  return null
}
