// ListGroups (key 16), versions 0 to 5: from the controller's directory, without a call to any group.
// States (KIP-518) and types (KIP-848) are filtered in any letter case, as Kafka does.

import { KafkaError } from '../../core/errors.ts'
import type { ListGroupsRequest, ListGroupsResponse } from '../../protocol/messages/list-groups.ts'
import { Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

export async function listGroups(
  { statesFilter, typesFilter }: ListGroupsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<ListGroupsResponse> {
  const access = await authorised(context)
  const mayAll = clusterDenial(access, Operation.DESCRIBE) === KafkaError.NONE
  const mayDescribe = allowing(access, Operation.DESCRIBE, Resource.GROUP)
  try {
    const isWanted = (filter: readonly string[], value: string) =>
      filter.length === 0 || filter.some((one) => one.toLowerCase() === value.toLowerCase())
    const groups = (await context.objects.cluster.listGroups())
      .filter(({ state, type }) => isWanted(statesFilter, state) && isWanted(typesFilter, type))
      .filter(({ groupId }) => mayAll || mayDescribe(groupId))
      .map(({ groupId, protocolType, state, type }) => ({
        groupId,
        protocolType,
        groupState: state,
        groupType: type,
      }))
    return { errorCode: KafkaError.NONE, groups }
  } catch (error) {
    context.log('warn', 'groups not listed', { reason: String(error) })
    return { errorCode: KafkaError.COORDINATOR_NOT_AVAILABLE, groups: [] }
  }
}
