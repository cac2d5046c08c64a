// SyncGroup (key 14), versions 0 to 5: parked at the group until its leader has assigned, without
// holding up what follows on the connection.

import { KafkaError } from '../../core/errors.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/messages/sync-group.ts'
import { Operation, Resource } from '../../security/access.ts'
import { denial, inTurn } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext, Handling } from '../context.ts'
import { askCoordinator, groupCaller, groupIdError } from './group-call.ts'

/** From this version on the member must say which protocol it goes by. */
const PROTOCOL_FROM = 5

/** The call leaves at once, so that calls to the group keep their order. */
export function syncGroup(
  request: SyncGroupRequest,
  call: Call,
  context: BrokerContext,
): Handling<SyncGroupResponse> {
  const synced = inTurn(context.access.ready(), () => sync(request, call, context))
  return { ...synced, appends: false }
}

async function sync(
  request: SyncGroupRequest,
  call: Call,
  context: BrokerContext,
): Promise<SyncGroupResponse> {
  const { groupId, protocolType, protocolName } = request
  const isSilent = protocolType === null || protocolName === null
  if (call.version >= PROTOCOL_FROM && isSilent) {
    return refused(KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  }
  const wrong =
    denial(context.access, Operation.READ, Resource.GROUP, groupId) || groupIdError(groupId)
  if (wrong !== KafkaError.NONE) return refused(wrong)
  return askCoordinator(
    context,
    'SyncGroup',
    () => context.objects.group(groupId).syncGroup(owned(request), groupCaller(call, context)),
    // The rebalance is lost with its parked calls: the member is to join again, which this code says.
    refused(KafkaError.REBALANCE_IN_PROGRESS),
  )
}

/** Assignments are views of the frame, which would be sent whole. */
function owned(request: SyncGroupRequest): SyncGroupRequest {
  const assignments = request.assignments.map(({ memberId, assignment }) => ({
    memberId,
    assignment: assignment.slice(),
  }))
  return { ...request, assignments }
}

function refused(errorCode: number): SyncGroupResponse {
  return { errorCode, assignment: new Uint8Array(0) }
}
