// The classic protocol's requests in a consumer group, while its members are upgraded one by one
// (KIP-848): a join is answered at once with the member's epoch as its generation, a sync with what it
// is assigned, and a heartbeat says when to rejoin. There is no leader and nobody waits for another.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { HeartbeatRequest } from '../../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/messages/join-group.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../../protocol/messages/leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/messages/sync-group.ts'
import type { GroupCaller } from '../contract.ts'
import type { Surroundings } from '../membership.ts'
import {
  CONSUMER_PROTOCOL,
  type ConsumerSubscription,
  readSubscription,
} from './consumer-protocol.ts'
import type { GroupState } from './group-state.ts'
import { inPlaceOf, refuseFull, refuseSize } from './heartbeats.ts'
import {
  type ClassicSide,
  type ConsumerMember,
  newMember,
  sameNames,
  sortedNames,
} from './member.ts'
import { assignmentFor, goesOnAsClassic, withIds } from './migration.ts'

/** First version in which a new dynamic member is told its id before it may join (KIP-394). */
const MEMBER_ID_FIRST = 4
/** First version of LeaveGroup with a list of members. */
const LEAVE_MANY = 3

type Member = ConsumerMember & { readonly classic: ClassicSide }

export function classicJoin(
  state: GroupState,
  request: JoinGroupRequest,
  caller: GroupCaller,
  now: Surroundings,
): JoinGroupResponse {
  const refuse = (errorCode: ErrorCode) => notJoined(request.memberId, errorCode)
  const { sessionTimeoutMs, groupInstanceId } = request
  const { minSessionTimeoutMs, maxSessionTimeoutMs, consumerMaxSize } = now.settings
  if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
    return refuse(KafkaError.INVALID_SESSION_TIMEOUT)
  }
  const isNew = request.memberId === ''
  const memberId = isNew ? now.newId() : request.memberId
  const full = refuseFull(state, memberId, consumerMaxSize)
  if (full !== undefined) return refuse(full.errorCode)
  const chosen = request.protocols[0]
  if (chosen === undefined || !isSupported(state, request)) {
    return refuse(KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  }
  if (isNew && groupInstanceId === null && caller.version >= MEMBER_ID_FIRST) {
    return notJoined(memberId, KafkaError.MEMBER_ID_REQUIRED)
  }
  const identity = identify(state, memberId, isNew, groupInstanceId)
  if (typeof identity === 'number') return refuse(identity)
  const subscription = readSubscription(chosen.metadata)
  if (subscription === null) return refuse(KafkaError.UNKNOWN_SERVER_ERROR)
  const { member, instead } = identity
  const updated = updatedBy(state, member, request, caller, subscription)
  const large = refuseSize(state, updated, instead)
  if (large !== undefined) return refuse(large.errorCode)
  if (instead !== undefined) state.remove([instead.memberId], false, now)
  const settled = state.settle(
    updated,
    {
      bump: !sameNames(member.topicNames, updated.topicNames) || member.pattern !== '',
      owned: withIds(state, subscription.owned),
    },
    now,
  )
  state.timers.clear(memberId, 'join')
  state.timers.set(memberId, 'session', now.nowMs + sessionTimeoutMs)
  state.timers.set(memberId, 'sync', now.nowMs + updated.rebalanceTimeoutMs)
  return { ...notJoined(memberId, KafkaError.NONE), ...generationOf(settled.epoch, chosen.name) }
}

function generationOf(generationId: number, protocolName: string) {
  return { generationId, protocolType: CONSUMER_PROTOCOL, protocolName }
}

function notJoined(memberId: string, errorCode: ErrorCode): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

/** Some protocol of the request is one that every classic member has. */
function isSupported({ roster }: GroupState, { protocolType, protocols }: JoinGroupRequest) {
  return (
    protocolType === CONSUMER_PROTOCOL &&
    protocols.some(({ name }) => roster.isSupportedByClassic(name))
  )
}

function identify(
  { roster }: GroupState,
  memberId: string,
  isNew: boolean,
  instanceId: string | null,
): { readonly member: ConsumerMember; readonly instead?: ConsumerMember } | ErrorCode {
  const known = roster.get(memberId)
  if (instanceId === null) return { member: known ?? newMember(memberId) }
  const holder = roster.byInstance(instanceId)
  if (!isNew) {
    if (holder === undefined) return KafkaError.UNKNOWN_MEMBER_ID
    return holder.memberId === memberId ? { member: holder } : KafkaError.FENCED_INSTANCE_ID
  }
  if (holder === undefined) return { member: newMember(memberId) }
  return { member: inPlaceOf(holder, memberId), instead: holder }
}

function updatedBy(
  state: GroupState,
  member: ConsumerMember,
  request: JoinGroupRequest,
  { clientId, clientHost, version }: GroupCaller,
  { topics, rackId }: ConsumerSubscription,
): ConsumerMember {
  const { sessionTimeoutMs, rebalanceTimeoutMs, groupInstanceId, protocols } = request
  return {
    ...member,
    clientId,
    clientHost,
    instanceId: groupInstanceId ?? member.instanceId,
    rackId: rackId ?? member.rackId,
    // Version 0 has one timeout for both.
    rebalanceTimeoutMs: version === 0 ? sessionTimeoutMs : Math.max(0, rebalanceTimeoutMs),
    assignor: null,
    topicNames: state.shared(sortedNames(topics)),
    pattern: '',
    viewer: '',
    classic: {
      sessionTimeoutMs,
      protocols: protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() })),
    },
  }
}

export function classicSync(
  state: GroupState,
  request: SyncGroupRequest,
  now: Surroundings,
): SyncGroupResponse {
  const { memberId, protocolType, protocolName } = request
  const refuse = (errorCode: ErrorCode): SyncGroupResponse => ({
    throttleTimeMs: 0,
    errorCode,
    protocolType: null,
    protocolName: null,
    assignment: new Uint8Array(0),
  })
  const member = classicMember(state, memberId, request.groupInstanceId)
  if (typeof member === 'number') return refuse(member)
  if (member.epoch !== request.generationId) return refuse(KafkaError.ILLEGAL_GENERATION)
  const otherType = protocolType !== null && protocolType !== CONSUMER_PROTOCOL
  const otherName = protocolName !== null && protocolName !== member.classic.protocols[0]?.name
  if (otherType || otherName) return refuse(KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  if (state.epoch > member.epoch && member.state !== 'UNREVOKED_PARTITIONS') {
    expectRejoin(state, member, now)
    return refuse(KafkaError.REBALANCE_IN_PROGRESS)
  }
  state.timers.clear(memberId, 'sync')
  state.timers.set(memberId, 'session', now.nowMs + member.classic.sessionTimeoutMs)
  return {
    throttleTimeMs: 0,
    errorCode: KafkaError.NONE,
    protocolType,
    protocolName,
    assignment: assignmentFor(state, member, member.assigned),
  }
}

export function classicHeartbeat(
  state: GroupState,
  { memberId, groupInstanceId, generationId }: HeartbeatRequest,
  now: Surroundings,
): ErrorCode {
  const member = classicMember(state, memberId, groupInstanceId)
  if (typeof member === 'number') return member
  if (member.epoch !== generationId) return KafkaError.ILLEGAL_GENERATION
  state.timers.set(memberId, 'session', now.nowMs + member.classic.sessionTimeoutMs)
  if (!mustRejoin(state, member)) return KafkaError.NONE
  expectRejoin(state, member, now)
  return KafkaError.REBALANCE_IN_PROGRESS
}

/** There is a new epoch, or something to give up, or what it waited for is free. */
function mustRejoin(state: GroupState, member: Member): boolean {
  if (member.epoch < state.epoch || member.state === 'UNREVOKED_PARTITIONS') return true
  return member.state === 'UNRELEASED_PARTITIONS' && !waits(state, member)
}

function waits({ roster }: GroupState, { memberId, target }: Member): boolean {
  return roster.owners.conflicts(target, memberId)
}

function expectRejoin({ timers }: GroupState, member: Member, { nowMs }: Surroundings): void {
  timers.setIfAbsent(member.memberId, 'join', nowMs + member.rebalanceTimeoutMs)
}

/** The classic member that asks, or why it is none. */
function classicMember(
  { roster }: GroupState,
  memberId: string,
  instanceId: string | null,
): Member | ErrorCode {
  const member = instanceId === null ? roster.get(memberId) : roster.byInstance(instanceId)
  if (member === undefined) return KafkaError.UNKNOWN_MEMBER_ID
  if (member.memberId !== memberId) return KafkaError.FENCED_INSTANCE_ID
  return isClassic(member) ? member : KafkaError.UNKNOWN_MEMBER_ID
}

function isClassic(member: ConsumerMember): member is Member {
  return member.classic !== null
}

/** Members of either protocol may be put out, by an operator too. */
export function classicLeave(
  state: GroupState,
  request: LeaveGroupRequest,
  { version }: GroupCaller,
  now: Surroundings,
): LeaveGroupResponse {
  const { roster } = state
  const asked =
    version < LEAVE_MANY ? [{ memberId: request.memberId, groupInstanceId: null }] : request.members
  const leaving = new Set<string>()
  const members = asked.map(({ memberId, groupInstanceId }) => {
    const member =
      groupInstanceId === null ? roster.get(memberId) : roster.byInstance(groupInstanceId)
    let errorCode: ErrorCode = KafkaError.NONE
    if (member === undefined) errorCode = KafkaError.UNKNOWN_MEMBER_ID
    else if (memberId !== '' && member.memberId !== memberId) {
      errorCode = KafkaError.FENCED_INSTANCE_ID
    } else leaving.add(member.memberId)
    return { memberId, groupInstanceId, errorCode }
  })
  if (leaving.size > 0) {
    state.remove(leaving, !goesOnAsClassic(state, [...leaving], now.settings), now)
  }
  if (version < LEAVE_MANY) {
    return { throttleTimeMs: 0, errorCode: members[0]?.errorCode ?? 0, members: [] }
  }
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, members }
}
