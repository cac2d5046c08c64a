// DeleteGroups (key 42), versions 0 to 2 (KIP-229): groups without members, with their offsets.

import { KafkaError } from '../../core/errors.ts'
import type {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
} from '../../protocol/messages/delete-groups.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { inTurns } from '../in-turns.ts'
import { askCoordinator } from './group-call.ts'

export async function deleteGroups(
  request: DeleteGroupsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DeleteGroupsResponse> {
  const access = await authorised(context)
  const remove = async (groupId: string) => {
    const denied = denial(access, Operation.DELETE, Resource.GROUP, groupId)
    if (denied !== KafkaError.NONE) return { groupId, errorCode: denied }
    const { error: errorCode } = await askCoordinator(
      context,
      'DeleteGroups',
      () => context.objects.group(groupId).deleteGroup(groupId),
      { error: KafkaError.COORDINATOR_NOT_AVAILABLE },
    )
    return { groupId, errorCode }
  }
  const results = await inTurns([...new Set(request.groupsNames)], remove, context.timers)
  return { results }
}
