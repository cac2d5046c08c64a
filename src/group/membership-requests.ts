// Requests of members, in a group of either kind: a group that is none is made of the kind that comes
// first, and a live one is turned into the other as Kafka does (KIP-848). Not the memberships' own
// rules (classic/, consumer/).

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../protocol/messages/consumer-group-heartbeat.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../protocol/messages/leave-group.ts'
import type { Ticket } from '../runtime/machine.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import { CONSUMER_PROTOCOL } from './classic/group-state.ts'
import { joinError, syncError } from './classic/replies.ts'
import type { GroupCommand } from './commands.ts'
import {
  ConsumerGroup,
  refuseConsumerHeartbeat,
  refusedConsumerHeartbeat,
} from './consumer/consumer-group.ts'
import type { GroupCaller } from './contract.ts'
import type { Converted, Surroundings } from './membership.ts'
import { type Outcome, take } from './outcome.ts'
import { isConsumer, type WholeGroup } from './whole-group.ts'

/** JoinGroup: a group that nobody is in is a classic one from then on. */
export function join(
  group: WholeGroup,
  { request, caller }: Extract<GroupCommand, { kind: 'join' }>,
  ticket: Ticket,
  out: Outcome,
  now: Surroundings,
): void {
  const { sessionTimeoutMs, memberId } = request
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = now.settings
  const refuse = (error: ErrorCode) => out.replies.push([ticket, joinError(memberId, error)])
  if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
    refuse(KafkaError.INVALID_SESSION_TIMEOUT)
    return
  }
  const membership = group.membership
  const goesOn = membership?.type === 'classic' || membership?.isEmpty === false
  if (membership !== null && goesOn) {
    take(membership.joinGroup(request, caller, ticket, now), out)
    maybeDowngrade(group, out, now)
    return
  }
  if (memberId !== '') {
    refuse(KafkaError.UNKNOWN_MEMBER_ID)
    return
  }
  const made = ClassicGroup.empty(now.nowMs)
  const step = made.joinGroup(request, caller, ticket, now)
  if (!made.isUntouched) group.become(made, out, now)
  take(step, out)
}

/** What is the business of the membership alone. */
export function askMembership(
  group: WholeGroup,
  command: Extract<GroupCommand, { kind: 'sync' | 'heartbeat' | 'leave' }>,
  ticket: Ticket,
  out: Outcome,
  now: Surroundings,
): void {
  const membership = group.membership
  const { kind, caller } = command
  if (membership === null) {
    const errorCode = KafkaError.UNKNOWN_MEMBER_ID
    const plain = { throttleTimeMs: 0, errorCode }
    const reply =
      kind === 'sync'
        ? syncError(errorCode)
        : kind === 'heartbeat'
          ? plain
          : leftNothing(command.request, errorCode)
    out.replies.push([ticket, reply])
    return
  }
  if (kind === 'sync') take(membership.syncGroup(command.request, caller, ticket, now), out)
  else if (kind === 'heartbeat') {
    take(membership.heartbeat(command.request, caller, ticket, now), out)
  } else {
    take(membership.leaveGroup(command.request, caller, ticket, now), out)
    maybeDowngrade(group, out, now)
  }
}

/** ConsumerGroupHeartbeat: turns a classic group into a consumer group with the first member of that kind. */
export function consumerHeartbeat(
  group: WholeGroup,
  { request, caller }: Extract<GroupCommand, { kind: 'consumerHeartbeat' }>,
  ticket: Ticket,
  out: Outcome,
  now: Surroundings,
): void {
  if (isConsumer(group.membership)) {
    take(group.membership.consumerHeartbeat(request, caller, ticket, now), out)
    maybeDowngrade(group, out, now)
    return
  }
  const made = startConsumerGroup(group, request, caller, now)
  if (!('membership' in made)) {
    out.replies.push([ticket, made])
    return
  }
  const { membership, changes } = made
  const step = membership.consumerHeartbeat(request, caller, ticket, now)
  // Nothing is converted for a member that is then refused, or of which more must be known first.
  const isRefused = step.replies.some(([, reply]) => reply.errorCode !== KafkaError.NONE)
  if (!isRefused) {
    if (group.membership instanceof ClassicGroup) {
      take(group.membership.releaseTickets(KafkaError.REBALANCE_IN_PROGRESS), out)
    }
    group.become(membership, out, now)
    take({ changes, replies: [] }, out)
  }
  take(isRefused ? { ...step, changes: [] } : step, out)
  if (!isRefused) maybeDowngrade(group, out, now)
}

/** The consumer group that a group which is none becomes with this heartbeat; or why it does not. */
function startConsumerGroup(
  group: WholeGroup,
  request: ConsumerGroupHeartbeatRequest,
  caller: GroupCaller,
  now: Surroundings,
): Converted<ConsumerGroup> | ConsumerGroupHeartbeatResponse {
  const { settings, groupId } = now
  const wrong = refuseConsumerHeartbeat(request, caller, settings)
  if (wrong !== undefined) return wrong
  const notFound = (message: string) =>
    refusedConsumerHeartbeat(KafkaError.GROUP_ID_NOT_FOUND, message)
  const classic = group.membership
  if (request.memberEpoch !== 0) {
    if (classic !== null) return notFound(`Group ${groupId} is not a consumer group.`)
    // Kafka looks for the group elsewhere when a member leaves, and says so.
    const kind = request.memberEpoch > 0 ? 'Consumer group' : 'Group'
    return notFound(`${kind} ${groupId} not found.`)
  }
  if (!(classic instanceof ClassicGroup) || classic.isEmpty) {
    return { membership: ConsumerGroup.empty(now.nowMs), changes: [] }
  }
  const cannot = (why: string) =>
    notFound(`Cannot upgrade classic group ${groupId} to consumer group because ${why}.`)
  const { consumerMigrationPolicy, consumerMaxSize } = settings
  if (consumerMigrationPolicy !== 'bidirectional' && consumerMigrationPolicy !== 'upgrade') {
    return cannot('online upgrade is disabled')
  }
  if (classic.protocolType !== CONSUMER_PROTOCOL) {
    return cannot('the group does not use the consumer embedded protocol')
  }
  const snapshot = classic.snapshot()
  if (snapshot.members.length > consumerMaxSize) {
    return cannot('the group size exceeds the consumer group maximum size')
  }
  return (
    ConsumerGroup.fromClassic(snapshot, now) ??
    cannot('the embedded consumer protocol is malformed')
  )
}

/** The last member of the new protocol has left: those who stay are a classic group again. */
export function maybeDowngrade(group: WholeGroup, out: Outcome, now: Surroundings): void {
  if (!isConsumer(group.membership)) return
  const { consumerMigrationPolicy, maxSize } = now.settings
  if (consumerMigrationPolicy !== 'bidirectional' && consumerMigrationPolicy !== 'downgrade') {
    return
  }
  const snapshot = group.membership.asClassic(now)
  if (snapshot === null || snapshot.members.length > maxSize) return
  const converted = ClassicGroup.fromSnapshot(snapshot, now)
  group.become(converted.membership, out, now)
  take({ changes: converted.changes, replies: [] }, out)
}

/** LeaveGroup: the error is each member's. */
function leftNothing({ members }: LeaveGroupRequest, errorCode: ErrorCode): LeaveGroupResponse {
  const answers = members.map(({ memberId, groupInstanceId }) => ({
    memberId,
    groupInstanceId,
    errorCode,
  }))
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, members: answers }
}
