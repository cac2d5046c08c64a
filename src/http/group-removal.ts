// Deleting a group, and, where that is asked for, its members first: as an administrator removes them (KIP-345), and by the
// leaving of each in the protocol of KIP-848, which has no request for it. Who is alive joins again: a new group.

import type { BrokerContext } from '../broker/context.ts'
import { consumerGroupHeartbeat } from '../broker/handlers/consumer-group-heartbeat.ts'
import { deleteGroups } from '../broker/handlers/delete-groups.ts'
import { leaveGroup } from '../broker/handlers/leave-group.ts'
import { KafkaError } from '../core/errors.ts'
import { groupProblem, type Member, type ShownGroup, showGroup } from './groups.ts'
import { inTurns } from './in-turns.ts'
import { Problem } from './problem.ts'

const DELETE_GROUPS = { version: 2, clientId: null }
const HEARTBEAT = { version: 1, clientId: null }
const LEAVE_GROUP = { version: 5, clientId: null }
/** Members may come while others are removed. */
const TRIES = 3
const LEAVES_FOR_GOOD = -1

/** Deletes a group. Null when it is gone; NON_EMPTY_GROUP when it has members, or they keep coming. */
export async function deleteGroup(
  context: BrokerContext,
  groupId: string,
  { removesMembers }: { readonly removesMembers: boolean },
): Promise<Problem | null> {
  for (let tries = removesMembers ? TRIES : 1; ; tries--) {
    if (removesMembers) {
      const group = await showGroup(context, groupId)
      if (group instanceof Problem) return group
      await removeMembers(context, group)
    }
    const { results } = await deleteGroups({ groupsNames: [groupId] }, DELETE_GROUPS, context)
    const code = results[0]?.errorCode ?? KafkaError.UNKNOWN_SERVER_ERROR
    if (code === KafkaError.NONE) return null
    if (code !== KafkaError.NON_EMPTY_GROUP || tries === 1) return groupProblem(code, groupId)
  }
}

async function removeMembers(
  context: BrokerContext,
  { groupId, members }: ShownGroup,
): Promise<void> {
  const { classic = [], consumer = [] } = Object.groupBy(members, ({ memberType }) => memberType)
  if (classic.length > 0) {
    const request = { groupId, memberId: '', members: classic.map(leaving) }
    await leaveGroup(request, LEAVE_GROUP, context)
  }
  await inTurns(consumer, ({ memberId, instanceId }) => {
    const about = { groupId, memberId, instanceId, memberEpoch: LEAVES_FOR_GOOD }
    return consumerGroupHeartbeat({ ...about, ...UNCHANGED }, HEARTBEAT, context)
  })
}

const UNCHANGED = {
  rackId: null,
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: null,
  subscribedTopicRegex: null,
  serverAssignor: null,
  topicPartitions: null,
}

function leaving({ memberId, instanceId }: Member) {
  return { memberId, groupInstanceId: instanceId, reason: 'the group is deleted' }
}
