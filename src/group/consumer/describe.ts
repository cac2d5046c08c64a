// How a consumer group looks in ConsumerGroupDescribe (key 69). Topics that are gone are left out of
// assignments, as in Kafka.

import { KafkaError } from '../../core/errors.ts'
import type { TopicId } from '../../core/ids.ts'
import type { DescribedConsumerGroup, DescribedGroup } from '../contract.ts'
import type { Surroundings } from '../membership.ts'
import { supportedAssignors } from './assignor.ts'
import type { GroupState } from './group-state.ts'
import type { ConsumerMember } from './member.ts'
import type { Partitions } from './partitions.ts'

/** Of *AuthorizedOperations: not asked for. The broker fills it in. */
const OPERATIONS_NOT_ASKED = -2_147_483_648
const CLASSIC = 0
const CONSUMER = 1

export function describeConsumerGroup(
  state: GroupState,
  groupId: string,
  { settings, metadata }: Surroundings,
): DescribedConsumerGroup {
  const { roster } = state
  const names = new Map(metadata.topics.map(({ id, name }) => [id, name]))
  return {
    errorCode: KafkaError.NONE,
    errorMessage: null,
    groupId,
    groupState: state.name,
    groupEpoch: state.epoch,
    assignmentEpoch: state.targetEpoch,
    assignorName:
      roster.preferredAssignor() ?? supportedAssignors(settings.consumerAssignors)[0] ?? '',
    members: [...roster.all()].map((member) => describeMember(member, names)),
    authorizedOperations: OPERATIONS_NOT_ASKED,
  }
}

function describeMember(
  member: ConsumerMember,
  names: ReadonlyMap<TopicId, string>,
): DescribedConsumerGroup['members'][number] {
  return {
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.epoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: member.topicNames,
    subscribedTopicRegex: member.pattern,
    assignment: named(member.assigned, names),
    targetAssignment: named(member.target, names),
    memberType: member.classic === null ? CONSUMER : CLASSIC,
  }
}

function named(partitions: Partitions, names: ReadonlyMap<TopicId, string>) {
  return {
    topicPartitions: [...partitions].flatMap(([topicId, list]) => {
      const topicName = names.get(topicId)
      return topicName === undefined ? [] : [{ topicId, topicName, partitions: list }]
    }),
  }
}

/** DescribeGroups (key 15) knows classic groups only. Before version 6 it has no such error. */
export function describeAsClassic(groupId: string): DescribedGroup {
  return {
    errorCode: KafkaError.GROUP_ID_NOT_FOUND,
    errorMessage: `Group ${groupId} is not a classic group.`,
    groupId,
    groupState: 'Dead',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  }
}
