// ConsumerGroupHeartbeat (key 68), versions 0 to 1 (KIP-848, KIP-1082: member ids made by the client,
// patterns). The group's coordinator decides; here only whether the protocol is switched on
// (group.version) and whether there is a group to ask.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { GroupCaller } from '../../group/contract.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../protocol/messages/consumer-group-heartbeat.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, denial, divided } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askCoordinator, groupCaller } from './group-call.ts'

/** Asks the group. After a call that failed, and may have taken effect, the member says everything. */
export function consumerGroupHeartbeat(
  request: ConsumerGroupHeartbeatRequest,
  call: Call,
  context: BrokerContext,
): Promise<ConsumerGroupHeartbeatResponse> {
  const ask = async () => {
    const access = await authorised(context)
    const { levels } = await context.features()
    if ((levels['group.version'] ?? 0) < 1) return refused(KafkaError.UNSUPPORTED_VERSION)
    const denied = deniedTo(request, access)
    if (denied !== KafkaError.NONE) return refused(denied)
    const wrong = missingId(request, call)
    if (wrong !== undefined) return refused(KafkaError.INVALID_REQUEST, wrong)
    return beat(request, groupCaller(call, context), access, context)
  }
  const failed = refused(KafkaError.COORDINATOR_NOT_AVAILABLE)
  return askCoordinator(context, 'ConsumerGroupHeartbeat', ask, failed)
}

/**
 * Of the topics that a pattern matches a member is shown those that it may describe. The group knows the topics and
 * not the rules: when it does not know of all, or not any more, it asks, once.
 */
async function beat(
  request: ConsumerGroupHeartbeatRequest,
  caller: GroupCaller,
  access: Access,
  context: BrokerContext,
): Promise<ConsumerGroupHeartbeatResponse> {
  const group = context.objects.group(request.groupId)
  if (access.isOpen) return group.consumerHeartbeat(request, caller)
  const { principal } = access
  const viewer = { principal, verdict: null }
  const { toJudge, ...response } = await group.consumerHeartbeat(request, { ...caller, viewer })
  if (toJudge === undefined) return response
  const isShown = allowing(await authorised(context), Operation.DESCRIBE, Resource.TOPIC)
  const { allowed, denied } = divided(toJudge, ({ name }) => isShown(name))
  const verdict = { shown: allowed.map(({ id }) => id), hidden: denied.map(({ id }) => id) }
  return group.consumerHeartbeat(request, { ...caller, viewer: { principal, verdict } })
}

/** A member reads as its group, and may name no topic that it may not see. */
function deniedTo(
  { groupId, subscribedTopicNames }: ConsumerGroupHeartbeatRequest,
  access: Access,
): ErrorCode {
  const denied = denial(access, Operation.READ, Resource.GROUP, groupId)
  if (denied !== KafkaError.NONE) return denied
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  return (subscribedTopicNames ?? []).every(isShown)
    ? KafkaError.NONE
    : KafkaError.TOPIC_AUTHORIZATION_FAILED
}

/** Without the id of a group there is none to ask. What Kafka looks at first is the member's. */
function missingId(
  { groupId, memberId, memberEpoch }: ConsumerGroupHeartbeatRequest,
  { version }: Call,
): string | undefined {
  if (groupId.trim() !== '') return undefined
  const named = version >= 1 || memberEpoch > 0 || memberEpoch === -1
  return named && memberId.trim() === '' ? "MemberId can't be empty." : "GroupId can't be empty."
}

function refused(
  errorCode: ErrorCode,
  errorMessage: string | null = null,
): ConsumerGroupHeartbeatResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  }
}
