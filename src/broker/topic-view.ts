// How a topic looks to clients of this one-broker cluster: leader, replicas, operations. Shared by
// Metadata, DescribeTopicPartitions and DescribeCluster. Not who may do what: there is no authorizer
// yet, so everything that a resource supports is allowed.

import type { TopicState } from '../cluster/contract.ts'
import { BROKER_ID, LEADER_EPOCH } from '../core/ids.ts'

/** What *AuthorizedOperations says when the client did not ask. */
export const OPERATIONS_NOT_ASKED = -2_147_483_648

/** Bits of READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS. */
export const TOPIC_OPERATIONS = bits(3, 4, 5, 6, 7, 8, 10, 11)

/** Bits of CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE. */
export const CLUSTER_OPERATIONS = bits(5, 7, 8, 9, 10, 11, 12)

/** One partition as Metadata shows it. */
export interface PartitionView {
  readonly errorCode: 0
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly offlineReplicas: readonly number[]
}

/** Partitions `from` up to but not including `until` of a topic. */
export function partitionViews(
  topic: TopicState,
  from = 0,
  until: number = topic.partitions,
): PartitionView[] {
  const views: PartitionView[] = []
  for (let partitionIndex = from; partitionIndex < until; partitionIndex++) {
    views.push({
      errorCode: 0,
      partitionIndex,
      leaderId: BROKER_ID,
      leaderEpoch: LEADER_EPOCH,
      replicaNodes: [BROKER_ID],
      isrNodes: [BROKER_ID],
      offlineReplicas: [],
    })
  }
  return views
}

function bits(...operations: readonly number[]): number {
  return operations.reduce((mask, operation) => mask | (1 << operation), 0)
}
