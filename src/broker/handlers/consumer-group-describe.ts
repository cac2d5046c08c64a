// ConsumerGroupDescribe (key 69), versions 0 to 1 (KIP-848; 1 tells classic members apart, KIP-1099).
// Each group is asked of its coordinator.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { DescribedConsumerGroup } from '../../group/contract.ts'
import type {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../protocol/messages/consumer-group-describe.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, denial, OPERATIONS_NOT_ASKED, operationsOn } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { inTurns } from '../in-turns.ts'
import { askCoordinator, groupIdError } from './group-call.ts'

/** The groups in the order asked; an error is a group's own. */
export async function consumerGroupDescribe(
  { groupIds, includeAuthorizedOperations }: ConsumerGroupDescribeRequest,
  _call: Call,
  context: BrokerContext,
): Promise<ConsumerGroupDescribeResponse> {
  const access = await authorised(context)
  const ask = (groupId: string) => describe(groupId, access, context)
  const groups = await inTurns(groupIds, ask, context.timers)
  if (!includeAuthorizedOperations) return { throttleTimeMs: 0, groups }
  const shown = groups.map((group) =>
    group.errorCode === KafkaError.NONE
      ? { ...group, authorizedOperations: operationsOn(access, Resource.GROUP, group.groupId) }
      : group,
  )
  return { throttleTimeMs: 0, groups: shown }
}

function describe(
  groupId: string,
  access: Access,
  context: BrokerContext,
): Promise<DescribedConsumerGroup> {
  const ask = async () => {
    const { levels } = await context.features()
    if ((levels['group.version'] ?? 0) < 1) return failed(groupId, KafkaError.UNSUPPORTED_VERSION)
    const error =
      denial(access, Operation.DESCRIBE, Resource.GROUP, groupId) || groupIdError(groupId)
    if (error !== KafkaError.NONE) return failed(groupId, error)
    return shown(await context.objects.group(groupId).describeConsumer(groupId), access)
  }
  const otherwise = failed(groupId, KafkaError.COORDINATOR_NOT_AVAILABLE)
  return askCoordinator(context, 'ConsumerGroupDescribe', ask, otherwise)
}

/** A group with a topic that the client may not see is not shown at all. */
function shown(group: DescribedConsumerGroup, access: Access): DescribedConsumerGroup {
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  const isWhole = group.members.every(({ assignment, targetAssignment }) =>
    [assignment, targetAssignment].every(({ topicPartitions }) =>
      topicPartitions.every(({ topicName }) => isShown(topicName)),
    ),
  )
  if (isWhole) return group
  return failed(group.groupId, KafkaError.TOPIC_AUTHORIZATION_FAILED, HIDDEN_TOPICS)
}

const HIDDEN_TOPICS =
  'The group has described topic(s) that the client is not authorized to describe.'

function failed(
  groupId: string,
  errorCode: ErrorCode,
  errorMessage: string | null = null,
): DescribedConsumerGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  }
}
