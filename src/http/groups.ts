// A group of either kind as HTTP shows it, by the broker's own describe handlers: ConsumerGroupDescribe,
// and DescribeGroups where that knows no such group. Not its offsets (group-offsets.ts).

import type { BrokerContext } from '../broker/context.ts'
import { consumerGroupDescribe } from '../broker/handlers/consumer-group-describe.ts'
import { describeGroups } from '../broker/handlers/describe-groups.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import {
  CONSUMER_PROTOCOL,
  type NamedPartitions,
  readAssignment,
  readSubscription,
} from '../group/consumer/consumer-protocol.ts'
import type { ConsumerGroupDescribeResponse } from '../protocol/messages/consumer-group-describe.ts'
import type { DescribeGroupsResponse } from '../protocol/messages/describe-groups.ts'
import { Problem } from './problem.ts'

const CONSUMER_GROUP_DESCRIBE = { version: 1, clientId: null }
/** The first version to which an unknown group is an error. */
const DESCRIBE_GROUPS = { version: 6, clientId: null }
/** `memberType` of ConsumerGroupDescribe (KIP-1099). */
const CLASSIC_MEMBER = 0

/** A member; `epoch` is null in the classic protocol, and `pattern` where none is subscribed to. */
export interface Member {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** By which protocol it speaks to its coordinator: a group of the consumer protocol takes both. */
  readonly memberType: 'classic' | 'consumer'
  readonly epoch: number | null
  readonly subscribed: readonly string[]
  readonly pattern: string | null
  readonly assigned: readonly NamedPartitions[]
}

/** A group without its offsets. */
export interface ShownGroup {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  /** Kafka's name. */
  readonly state: string
  readonly protocolType: string
  readonly assignor: string
  readonly epoch: number | null
  readonly members: readonly Member[]
}

/** The group of this id; 404 when there is none. */
export async function showGroup(
  context: BrokerContext,
  groupId: string,
): Promise<ShownGroup | Problem> {
  const request = { groupIds: [groupId], includeAuthorizedOperations: false }
  const { groups } = await consumerGroupDescribe(request, CONSUMER_GROUP_DESCRIBE, context)
  const [modern] = groups
  if (modern === undefined) throw new Error('ConsumerGroupDescribe answered no group')
  if (modern.errorCode === KafkaError.NONE) return consumerGroup(modern)
  const isElsewhere =
    modern.errorCode === KafkaError.GROUP_ID_NOT_FOUND ||
    modern.errorCode === KafkaError.UNSUPPORTED_VERSION
  return isElsewhere ? showClassicGroup(context, groupId) : groupProblem(modern.errorCode, groupId)
}

async function showClassicGroup(
  context: BrokerContext,
  groupId: string,
): Promise<ShownGroup | Problem> {
  const request = { groups: [groupId], includeAuthorizedOperations: false }
  const { groups } = await describeGroups(request, DESCRIBE_GROUPS, context)
  const [classic] = groups
  if (classic === undefined) throw new Error('DescribeGroups answered no group')
  return classic.errorCode === KafkaError.NONE
    ? classicGroup(classic)
    : groupProblem(classic.errorCode, groupId)
}

/** A Kafka error about a group, naming it. */
export function groupProblem(code: ErrorCode, groupId: string): Problem {
  const isUnknown = code === KafkaError.GROUP_ID_NOT_FOUND
  return new Problem(code, {
    field: 'group',
    ...(isUnknown ? { detail: `there is no group ${groupId}` } : {}),
  })
}

/** Only who is gone for good may be changed from outside. */
export function isEmpty({ state }: ShownGroup): boolean {
  return state === 'Empty' || state === 'Dead'
}

/** 409: what is asked for would be undone by the members, or would undo their work. */
export function liveMembers({ groupId, state, members }: ShownGroup): Problem {
  const { length } = members
  const who = length === 1 ? '1 member: stop it first' : `${length} members: stop them first`
  const detail = `group ${groupId} is ${state} with ${who}`
  return new Problem(KafkaError.NON_EMPTY_GROUP, { field: 'group', detail })
}

function consumerGroup(group: ConsumerGroupDescribeResponse['groups'][number]): ShownGroup {
  return {
    groupId: group.groupId,
    type: 'consumer',
    state: group.groupState,
    protocolType: CONSUMER_PROTOCOL,
    assignor: group.assignorName,
    epoch: group.groupEpoch,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId ?? null,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberType: member.memberType === CLASSIC_MEMBER ? 'classic' : 'consumer',
      epoch: member.memberEpoch,
      subscribed: member.subscribedTopicNames,
      pattern: member.subscribedTopicRegex || null,
      assigned: member.assignment.topicPartitions.map(({ topicName, partitions }) => {
        return { topic: topicName, partitions }
      }),
    })),
  }
}

function classicGroup(group: DescribeGroupsResponse['groups'][number]): ShownGroup {
  const isOfConsumers = group.protocolType === CONSUMER_PROTOCOL
  return {
    groupId: group.groupId,
    type: 'classic',
    state: group.groupState,
    protocolType: group.protocolType,
    assignor: group.protocolData,
    epoch: null,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId ?? null,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberType: 'classic',
      epoch: null,
      subscribed: isOfConsumers ? (readSubscription(member.memberMetadata)?.topics ?? []) : [],
      pattern: null,
      assigned: isOfConsumers ? (readAssignment(member.memberAssignment) ?? []) : [],
    })),
  }
}
