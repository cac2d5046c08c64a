// ConsumerGroupHeartbeat in a group (KIP-848): who the member is, whether it may go on at its epoch,
// what it says that is new, and what it is told. Static members: KIP-345's rules in the new protocol.

import { KafkaError } from '../../core/errors.ts'
import { CONSUMER_MEMBER_CHARACTERS } from '../../core/limits/coordinators.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../protocol/messages/consumer-group-heartbeat.ts'
import type { HeartbeatCaller, HeartbeatReply, TopicToJudge } from '../contract.ts'
import type { Surroundings } from '../membership.ts'
import type { GroupState } from './group-state.ts'
import { look } from './look.ts'
import {
  type ConsumerMember,
  isReconciled,
  JOIN_EPOCH,
  LEAVE_EPOCH,
  newMember,
  STATIC_LEAVE_EPOCH,
  sameMember,
  sameNames,
  sortedNames,
  weight,
} from './member.ts'
import { goesOnAsClassic } from './migration.ts'
import {
  isPart,
  listPartitions,
  NO_PARTITIONS,
  type Partitions,
  partitionsOf,
  samePartitions,
} from './partitions.ts'
import { isRefusal, type Refusal, refusal } from './refusal.ts'

type Request = ConsumerGroupHeartbeatRequest

/** Takes a checked request (heartbeat-checks.ts). */
export function heartbeat(
  state: GroupState,
  request: Request,
  caller: HeartbeatCaller,
  now: Surroundings,
): HeartbeatReply {
  const leaves = request.memberEpoch === LEAVE_EPOCH || request.memberEpoch === STATIC_LEAVE_EPOCH
  const outcome = leaves ? leave(state, request, now) : beat(state, request, caller, now)
  return isRefusal(outcome) ? refused(outcome) : outcome
}

/** The answer to a request that is refused. */
export function refused({ errorCode, message }: Refusal): ConsumerGroupHeartbeatResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    errorMessage: message,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  }
}

/** How a request is taken: as this member, which may take another's place. */
interface Identity {
  readonly member: ConsumerMember
  /** A static member that came back under another id. */
  readonly instead: ConsumerMember | undefined
}

function beat(
  state: GroupState,
  request: Request,
  caller: HeartbeatCaller,
  now: Surroundings,
): HeartbeatReply | Refusal {
  const memberId = request.memberId === '' ? now.newId() : request.memberId
  const owned = request.topicPartitions === null ? null : partitionsOf(request.topicPartitions)
  const full = refuseFull(state, memberId, now.settings.consumerMaxSize)
  if (full !== undefined) return full
  const identity = identify(state, { ...request, memberId }, owned, now.groupId)
  if (isRefusal(identity)) return identity
  const { member, instead } = identity
  const updated = updatedBy(state, member, request, caller)
  if (member !== state.roster.get(memberId) || !sameMember(member, updated)) {
    const wrong = refusePattern(state, member, updated) ?? refuseSize(state, updated, instead)
    if (wrong !== undefined) return wrong
  }
  const view = look(state.subscriptions, updated, caller, now.nowMs)
  if (isRefusal(view)) return view
  if (view.toJudge.length > 0) return askedFirst(view.toJudge)

  if (instead !== undefined) state.remove([instead.memberId], false, now)
  if (member.classic !== null) state.timers.remove(memberId)
  const settled = goOn(state, { member, updated, owned, isSeenAnew: view.isChanged }, now)
  state.timers.set(memberId, 'session', now.nowMs + now.settings.consumerSessionTimeoutMs)
  const told = isFull(request) || !samePartitions(member.assigned, settled.assigned)
  return {
    throttleTimeMs: 0,
    errorCode: KafkaError.NONE,
    errorMessage: null,
    memberId,
    memberEpoch: settled.epoch,
    heartbeatIntervalMs: now.settings.consumerHeartbeatIntervalMs,
    assignment: told ? { topicPartitions: listPartitions(settled.assigned) } : null,
  }
}

/** The broker's question. A client that is told it, by mistake, tries again. */
function askedFirst(toJudge: readonly TopicToJudge[]): HeartbeatReply {
  const message = 'It must be known first which topics the member may see.'
  return { ...refused(refusal(KafkaError.COORDINATOR_NOT_AVAILABLE, message)), toJudge }
}

interface Progress {
  readonly member: ConsumerMember
  readonly updated: ConsumerMember
  readonly owned: Partitions | null
  readonly isSeenAnew: boolean
}

/** A heartbeat that says nothing new in a group at rest ends here, whatever the size of the group. */
function goOn(
  state: GroupState,
  { member, updated, owned, isSeenAnew }: Progress,
  now: Surroundings,
): ConsumerMember {
  const { epoch, targetEpoch } = state
  const isAtRest = epoch === targetEpoch && isReconciled(member, targetEpoch)
  if (isAtRest && !isSeenAnew && sameMember(member, updated)) return member
  const bump =
    epoch === 0 ||
    isSeenAnew ||
    member.viewer !== updated.viewer ||
    member.pattern !== updated.pattern ||
    !sameNames(member.topicNames, updated.topicNames)
  return state.settle(updated, { bump, owned }, now)
}

/** A member that lost its answer says everything again, and so is told everything. */
function isFull(request: Request): boolean {
  const { memberEpoch, rebalanceTimeoutMs, topicPartitions } = request
  const subscribes = request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null
  return (
    memberEpoch === JOIN_EPOCH ||
    (rebalanceTimeoutMs !== -1 && subscribes && topicPartitions !== null)
  )
}

function updatedBy(
  state: GroupState,
  member: ConsumerMember,
  request: Request,
  { clientId, clientHost, viewer }: HeartbeatCaller,
): ConsumerMember {
  const { subscribedTopicNames, subscribedTopicRegex, rebalanceTimeoutMs } = request
  const pattern = subscribedTopicRegex ?? member.pattern
  return {
    ...member,
    clientId,
    clientHost,
    classic: null,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: request.rackId ?? member.rackId,
    assignor: request.serverAssignor ?? member.assignor,
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : rebalanceTimeoutMs,
    topicNames:
      subscribedTopicNames === null
        ? member.topicNames
        : state.shared(sortedNames(subscribedTopicNames)),
    pattern,
    viewer: pattern === '' ? '' : (viewer?.principal ?? ''),
  }
}

function identify(
  state: GroupState,
  request: Request,
  owned: Partitions | null,
  groupId: string,
): Identity | Refusal {
  const { memberId, memberEpoch, instanceId } = request
  if (instanceId !== null) return identifyStatic(state, { ...request, instanceId }, owned)
  const known = state.roster.get(memberId)
  if (known === undefined) {
    if (memberEpoch === JOIN_EPOCH) return { member: newMember(memberId), instead: undefined }
    return unknownMember(memberId, groupId)
  }
  return fencedEpoch(known, memberEpoch, owned) ?? { member: known, instead: undefined }
}

function identifyStatic(
  state: GroupState,
  { memberId, memberEpoch, instanceId }: Request & { readonly instanceId: string },
  owned: Partitions | null,
): Identity | Refusal {
  const holder = state.roster.byInstance(instanceId)
  if (memberEpoch !== JOIN_EPOCH) {
    if (holder === undefined) return unknownInstance(instanceId)
    return (
      fencedInstance(holder, memberId, instanceId) ??
      fencedEpoch(holder, memberEpoch, owned) ?? { member: holder, instead: undefined }
    )
  }
  if (holder === undefined) {
    return { member: state.roster.get(memberId) ?? newMember(memberId), instead: undefined }
  }
  if (holder.classic === null && holder.epoch !== STATIC_LEAVE_EPOCH) {
    return refusal(
      KafkaError.UNRELEASED_INSTANCE_ID,
      `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${holder.memberId} member.`,
    )
  }
  return { member: inPlaceOf(holder, memberId), instead: holder }
}

/** The same static member under its new id, to be reconciled from the start. */
export function inPlaceOf(holder: ConsumerMember, memberId: string): ConsumerMember {
  return { ...holder, memberId, epoch: JOIN_EPOCH, previousEpoch: JOIN_EPOCH }
}

/**
 * A member goes on at its epoch, or at the one before when the answer that moved it was lost: then what
 * it has is part of what it was given.
 */
function fencedEpoch(
  { epoch, previousEpoch, assigned }: ConsumerMember,
  received: number,
  owned: Partitions | null,
): Refusal | undefined {
  if (received === epoch) return undefined
  const lost = received === previousEpoch && owned !== null && isPart(owned, assigned)
  if (received < epoch && lost) return undefined
  const relation = received > epoch ? 'greater' : 'smaller'
  return refusal(
    KafkaError.FENCED_MEMBER_EPOCH,
    `The consumer group member has a ${relation} member epoch (${received}) than the one known by the group coordinator (${epoch}). The member must abandon all its partitions and rejoin.`,
  )
}

function refusePattern(
  state: GroupState,
  member: ConsumerMember,
  { pattern }: ConsumerMember,
): Refusal | undefined {
  if (pattern === '' || pattern === member.pattern) return undefined
  const wrong = state.subscriptions.refusePattern(pattern)
  if (wrong === undefined) return undefined
  return refusal(
    KafkaError.INVALID_REGULAR_EXPRESSION,
    `SubscribedTopicRegex \`${pattern}\` is not a valid regular expression: ${wrong}.`,
  )
}

/** What cannot be kept must not be taken: Kafka says so of a record that is too large. */
export function refuseSize(
  state: GroupState,
  member: ConsumerMember,
  instead: ConsumerMember | undefined,
): Refusal | undefined {
  if (weight(member) > CONSUMER_MEMBER_CHARACTERS) {
    return refusal(KafkaError.UNKNOWN_SERVER_ERROR, 'The subscription is too large to be kept.')
  }
  if (state.roster.fits(member, instead ?? state.roster.get(member.memberId))) return undefined
  return refusal(KafkaError.GROUP_MAX_SIZE_REACHED, 'The consumer group is too large.')
}

export function refuseFull(
  { roster }: GroupState,
  memberId: string,
  maxSize: number,
): Refusal | undefined {
  if (roster.size < maxSize || roster.get(memberId) !== undefined) return undefined
  return refusal(
    KafkaError.GROUP_MAX_SIZE_REACHED,
    `The consumer group has reached its maximum capacity of ${maxSize} members.`,
  )
}

export function unknownMember(memberId: string, groupId: string): Refusal {
  return refusal(
    KafkaError.UNKNOWN_MEMBER_ID,
    `Member ${memberId} is not a member of group ${groupId}.`,
  )
}

export function unknownInstance(instanceId: string): Refusal {
  return refusal(KafkaError.UNKNOWN_MEMBER_ID, `Instance id ${instanceId} is unknown.`)
}

export function fencedInstance(
  holder: ConsumerMember,
  memberId: string,
  instanceId: string,
): Refusal | undefined {
  if (holder.memberId === memberId) return undefined
  return refusal(
    KafkaError.FENCED_INSTANCE_ID,
    `Static member ${memberId} with instance id ${instanceId} was fenced by member ${holder.memberId}.`,
  )
}

function leave(
  state: GroupState,
  { memberId, memberEpoch, instanceId }: Request,
  now: Surroundings,
): ConsumerGroupHeartbeatResponse | Refusal {
  const member =
    instanceId === null ? state.roster.get(memberId) : state.roster.byInstance(instanceId)
  if (member === undefined) {
    return instanceId === null ? unknownMember(memberId, now.groupId) : unknownInstance(instanceId)
  }
  const fenced = instanceId === null ? undefined : fencedInstance(member, memberId, instanceId)
  if (fenced !== undefined) return fenced
  if (instanceId !== null && memberEpoch === STATIC_LEAVE_EPOCH) {
    // It keeps its partitions, and its session goes on: it is to be back before that ends.
    state.roster.put({ ...member, epoch: STATIC_LEAVE_EPOCH, revoking: NO_PARTITIONS })
    state.timers.clear(member.memberId, 'rebalance')
  } else {
    state.remove([member.memberId], !goesOnAsClassic(state, [member.memberId], now.settings), now)
  }
  return {
    throttleTimeMs: 0,
    errorCode: KafkaError.NONE,
    errorMessage: null,
    memberId: member.memberId,
    memberEpoch,
    heartbeatIntervalMs: 0,
    assignment: null,
  }
}
