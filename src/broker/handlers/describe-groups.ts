// DescribeGroups (key 15), versions 0 to 6: classic groups. A group of the consumer protocol is none;
// its own API is ConsumerGroupDescribe.

import { KafkaError } from '../../core/errors.ts'
import type {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../protocol/messages/describe-groups.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator } from './group-call.ts'
import { GROUP_OPERATIONS } from './group-operations.ts'

type DescribedGroup = DescribeGroupsResponse['groups'][number]

export async function describeGroups(
  request: DescribeGroupsRequest,
  call: Call,
  context: BrokerContext,
): Promise<DescribeGroupsResponse> {
  const groups = request.groups.map(async (groupId) => {
    const described = await askCoordinator<DescribedGroup>(
      context,
      'DescribeGroups',
      () => context.objects.group(groupId).describe(groupId, call.version),
      {
        errorCode: KafkaError.COORDINATOR_NOT_AVAILABLE,
        groupId,
        groupState: '',
        protocolType: '',
        protocolData: '',
        members: [],
      },
    )
    const shown = request.includeAuthorizedOperations && described.errorCode === KafkaError.NONE
    return shown ? { ...described, authorizedOperations: GROUP_OPERATIONS } : described
  })
  return { groups: await Promise.all(groups) }
}
