// DeleteGroups (key 42), versions 0 to 2 (KIP-229): groups without members, with their offsets.

import { KafkaError } from '../../core/errors.ts'
import type {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
} from '../../protocol/messages/delete-groups.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator } from './group-call.ts'

export async function deleteGroups(
  request: DeleteGroupsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DeleteGroupsResponse> {
  const results = [...new Set(request.groupsNames)].map(async (groupId) => {
    const { error: errorCode } = await askCoordinator(
      context,
      'DeleteGroups',
      () => context.objects.group(groupId).deleteGroup(groupId),
      { error: KafkaError.COORDINATOR_NOT_AVAILABLE },
    )
    return { groupId, errorCode }
  })
  return { results: await Promise.all(results) }
}
