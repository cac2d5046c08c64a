// What a ConsumerGroupHeartbeat must be by itself, whatever the group is, in Kafka 4.1's order and words.

import { KafkaError } from '../../core/errors.ts'
import type { ConsumerGroupHeartbeatRequest } from '../../protocol/messages/consumer-group-heartbeat.ts'
import type { GroupSettings } from '../settings.ts'
import { supportedAssignors } from './assignor.ts'
import { JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH } from './member.ts'
import { type Refusal, refusal } from './refusal.ts'

/** Undefined when the request may go on to its group. */
export function checkHeartbeat(
  request: ConsumerGroupHeartbeatRequest,
  version: number,
  settings: GroupSettings,
): Refusal | undefined {
  const text = wrongText(request, version) ?? wrongEpoch(request)
  if (text !== undefined) return refusal(KafkaError.INVALID_REQUEST, text)
  const supported = supportedAssignors(settings.consumerAssignors)
  const { serverAssignor } = request
  if (serverAssignor === null || supported.includes(serverAssignor)) return undefined
  return refusal(
    KafkaError.UNSUPPORTED_ASSIGNOR,
    `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${supported.join(', ')}.`,
  )
}

function wrongText(
  { memberEpoch, memberId, groupId, instanceId, rackId }: ConsumerGroupHeartbeatRequest,
  version: number,
): string | undefined {
  // From version 1 on the client makes its member id; before, the coordinator makes it.
  const named = version >= 1 || memberEpoch > JOIN_EPOCH || memberEpoch === LEAVE_EPOCH
  if (named && isBlank(memberId)) return "MemberId can't be empty."
  if (isBlank(groupId)) return "GroupId can't be empty."
  if (isBlank(instanceId)) return "InstanceId can't be empty."
  if (isBlank(rackId)) return "RackId can't be empty."
  return undefined
}

function wrongEpoch(request: ConsumerGroupHeartbeatRequest): string | undefined {
  const { memberEpoch, topicPartitions } = request
  if (memberEpoch < STATIC_LEAVE_EPOCH) return 'MemberEpoch is invalid.'
  if (memberEpoch === STATIC_LEAVE_EPOCH) {
    return request.instanceId === null ? "InstanceId can't be null." : undefined
  }
  if (memberEpoch !== JOIN_EPOCH) return undefined
  if (request.rebalanceTimeoutMs === -1) {
    return 'RebalanceTimeoutMs must be provided in first request.'
  }
  if (topicPartitions === null || topicPartitions.length > 0) {
    return 'TopicPartitions must be empty when (re-)joining.'
  }
  if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
    return 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.'
  }
  return undefined
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === ''
}
