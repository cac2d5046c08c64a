// Heartbeat (key 12), versions 0 to 4: a member says that it lives and learns that a rebalance is on.

import { KafkaError } from '../../core/errors.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../../protocol/messages/heartbeat.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, groupCaller, groupIdError } from './group-call.ts'

export async function heartbeat(
  request: HeartbeatRequest,
  call: Call,
  context: BrokerContext,
): Promise<HeartbeatResponse> {
  const { groupId } = request
  const access = await authorised(context)
  const wrong = denial(access, Operation.READ, Resource.GROUP, groupId) || groupIdError(groupId)
  if (wrong !== KafkaError.NONE) return { errorCode: wrong }
  return askCoordinator(
    context,
    'Heartbeat',
    () => context.objects.group(groupId).heartbeat(request, groupCaller(call, context)),
    { errorCode: KafkaError.COORDINATOR_NOT_AVAILABLE },
  )
}
