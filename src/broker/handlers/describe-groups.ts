// DescribeGroups (key 15), versions 0 to 6: classic groups. A group of the consumer protocol is none;
// its own API is ConsumerGroupDescribe.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../protocol/messages/describe-groups.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, denial, operationsOn } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { inTurns } from '../in-turns.ts'
import { askCoordinator } from './group-call.ts'

type DescribedGroup = DescribeGroupsResponse['groups'][number]

export async function describeGroups(
  request: DescribeGroupsRequest,
  call: Call,
  context: BrokerContext,
): Promise<DescribeGroupsResponse> {
  const access = await authorised(context)
  const describe = async (groupId: string) => {
    const denied = denial(access, Operation.DESCRIBE, Resource.GROUP, groupId)
    if (denied !== KafkaError.NONE) return undescribed(groupId, denied)
    const described = await askCoordinator<DescribedGroup>(
      context,
      'DescribeGroups',
      () => context.objects.group(groupId).describe(groupId, call.version),
      undescribed(groupId, KafkaError.COORDINATOR_NOT_AVAILABLE),
    )
    const shown = request.includeAuthorizedOperations && described.errorCode === KafkaError.NONE
    if (!shown) return described
    const authorizedOperations = operationsOn(access, Resource.GROUP, groupId)
    return { ...described, authorizedOperations }
  }
  const groups = await inTurns(request.groups, describe, context.timers)
  return { groups }
}

function undescribed(groupId: string, errorCode: ErrorCode): DescribedGroup {
  return { errorCode, groupId, groupState: '', protocolType: '', protocolData: '', members: [] }
}
