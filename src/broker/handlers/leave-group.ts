// LeaveGroup (key 13), versions 0 to 5: one member leaves, or from version 3 on several are removed,
// static ones by their instance (KIP-345).

import { KafkaError } from '../../core/errors.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../../protocol/messages/leave-group.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, groupCaller, groupIdError } from './group-call.ts'

/** From this version on there is a list of members, each with its own error. */
const MEMBERS_FROM = 3

export async function leaveGroup(
  request: LeaveGroupRequest,
  call: Call,
  context: BrokerContext,
): Promise<LeaveGroupResponse> {
  const { groupId, memberId } = request
  const access = await authorised(context)
  const wrong = denial(access, Operation.READ, Resource.GROUP, groupId) || groupIdError(groupId)
  if (wrong !== KafkaError.NONE) return { errorCode: wrong }
  const isList = call.version >= MEMBERS_FROM
  const members = isList ? request.members : [{ memberId, groupInstanceId: null, reason: null }]
  const answer: LeaveGroupResponse = await askCoordinator<LeaveGroupResponse>(
    context,
    'LeaveGroup',
    () =>
      context.objects
        .group(groupId)
        .leaveGroup({ ...request, members }, groupCaller(call, context)),
    { errorCode: KafkaError.COORDINATOR_NOT_AVAILABLE },
  )
  if (isList) return answer
  const own = answer.members?.[0]?.errorCode ?? KafkaError.NONE
  return { errorCode: answer.errorCode === KafkaError.NONE ? own : answer.errorCode }
}
