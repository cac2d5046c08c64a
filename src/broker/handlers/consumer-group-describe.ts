// ConsumerGroupDescribe (key 69), versions 0 to 1 (KIP-848; 1 tells classic members apart, KIP-1099).
// Each group is asked of its coordinator.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { COORDINATORS_AT_ONCE } from '../../core/limits/coordinators.ts'
import type { DescribedConsumerGroup } from '../../group/contract.ts'
import type {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../protocol/messages/consumer-group-describe.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { OPERATIONS_NOT_ASKED } from '../topic-view.ts'
import { askCoordinator, groupIdError } from './group-call.ts'
import { GROUP_OPERATIONS } from './group-operations.ts'

/** The groups in the order asked; an error is a group's own. */
export async function consumerGroupDescribe(
  { groupIds, includeAuthorizedOperations }: ConsumerGroupDescribeRequest,
  _call: Call,
  context: BrokerContext,
): Promise<ConsumerGroupDescribeResponse> {
  const groups: DescribedConsumerGroup[] = []
  for (let at = 0; at < groupIds.length; at += COORDINATORS_AT_ONCE) {
    const some = groupIds.slice(at, at + COORDINATORS_AT_ONCE)
    groups.push(...(await Promise.all(some.map((groupId) => describe(groupId, context)))))
  }
  if (!includeAuthorizedOperations) return { throttleTimeMs: 0, groups }
  const shown = groups.map((group) =>
    group.errorCode === KafkaError.NONE
      ? { ...group, authorizedOperations: GROUP_OPERATIONS }
      : group,
  )
  return { throttleTimeMs: 0, groups: shown }
}

function describe(groupId: string, context: BrokerContext): Promise<DescribedConsumerGroup> {
  const ask = async () => {
    const { levels } = await context.features()
    if ((levels['group.version'] ?? 0) < 1) return failed(groupId, KafkaError.UNSUPPORTED_VERSION)
    const error = groupIdError(groupId)
    if (error !== KafkaError.NONE) return failed(groupId, error)
    return context.objects.group(groupId).describeConsumer(groupId)
  }
  const otherwise = failed(groupId, KafkaError.COORDINATOR_NOT_AVAILABLE)
  return askCoordinator(context, 'ConsumerGroupDescribe', ask, otherwise)
}

function failed(groupId: string, errorCode: ErrorCode): DescribedConsumerGroup {
  return {
    errorCode,
    errorMessage: null,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  }
}
