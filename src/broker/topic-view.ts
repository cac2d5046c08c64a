// How a topic looks to clients of this one-broker cluster: leader and replicas. Shared by Metadata and
// DescribeTopicPartitions. Not who may see it (authorise.ts).

import type { TopicState } from '../cluster/contract.ts'
import { BROKER_ID, LEADER_EPOCH } from '../core/ids.ts'

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
