// JoinGroup (key 11), versions 0 to 9: parked at the group until its generation is complete, without
// holding up what follows on the connection.

import { KafkaError } from '../../core/errors.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/messages/join-group.ts'
import { Operation, Resource } from '../../security/access.ts'
import { denial, inTurn } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext, Handling } from '../context.ts'
import { askCoordinator, groupCaller, groupIdError } from './group-call.ts'

/** Before this version the name of the protocol is never null. */
const NULL_PROTOCOL_FROM = 7

/** The call leaves at once, so that calls to the group keep their order. */
export function joinGroup(
  request: JoinGroupRequest,
  call: Call,
  context: BrokerContext,
): Handling<JoinGroupResponse> {
  const joined = inTurn(context.access.ready(), () => join(request, call, context))
  return { ...joined, appends: false }
}

async function join(
  request: JoinGroupRequest,
  call: Call,
  context: BrokerContext,
): Promise<JoinGroupResponse> {
  const { groupId, memberId } = request
  const denied = denial(context.access, Operation.READ, Resource.GROUP, groupId)
  if (denied !== KafkaError.NONE) return shownTo(call, refused('', denied))
  const wrong = groupIdError(groupId)
  const answer =
    wrong === KafkaError.NONE
      ? await askCoordinator(
          context,
          'JoinGroup',
          () =>
            context.objects.group(groupId).joinGroup(owned(request), groupCaller(call, context)),
          refused(memberId, KafkaError.COORDINATOR_LOAD_IN_PROGRESS),
        )
      : refused(memberId, wrong)
  return shownTo(call, answer)
}

function shownTo({ version }: Call, answer: JoinGroupResponse): JoinGroupResponse {
  if (version >= NULL_PROTOCOL_FROM) return answer
  return { ...answer, protocolName: answer.protocolName ?? '' }
}

/** Metadata is a view of the frame, which would be sent whole. */
function owned(request: JoinGroupRequest): JoinGroupRequest {
  const protocols = request.protocols.map(({ name, metadata }) => ({
    name,
    metadata: metadata.slice(),
  }))
  return { ...request, protocols }
}

function refused(memberId: string, errorCode: number): JoinGroupResponse {
  return { errorCode, protocolName: null, leader: '', memberId, members: [] }
}
