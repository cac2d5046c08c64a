// JoinGroup in a classic group: who may come, under which id, and what that does to the generation. New
// members (KIP-394), members that rejoin, static members that come back under another id (KIP-345).

import { KafkaError } from '../../core/errors.ts'
import {
  CLASSIC_MEMBER_BYTES,
  CLASSIC_MEMBERS_BYTES,
  CLASSIC_NEW_MEMBER_MS,
  CLASSIC_PENDING_MEMBERS,
} from '../../core/limits/coordinators.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/messages/join-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type { GroupCaller } from '../contract.ts'
import type { Surroundings } from '../membership.ts'
import type { GroupState, Outcome } from './group-state.ts'
import { described, type Member, memberOf, sameProtocols, sizeOf } from './member.ts'
import { joinedReply, maybeCompleteJoin, maybeRebalance } from './rebalancing.ts'
import { joinError } from './replies.ts'

/** From this version of JoinGroup on a new member is told its id before it is let in (KIP-394). */
const KNOWN_MEMBER_ID_FROM = 4
/** From this version of JoinGroup on a returning leader can be told not to assign (KIP-814). */
const SKIP_ASSIGNMENT_FROM = 9

/** The answer if it is to be refused; null when it was answered, or parked. */
export function join(
  state: GroupState,
  request: JoinGroupRequest,
  caller: GroupCaller,
  ticket: Ticket,
  now: Surroundings,
  step: Outcome,
): JoinGroupResponse | null {
  const { memberId } = request
  if (!hasRoom(state, request, caller, now)) {
    const member = state.roster.get(memberId)
    if (member !== undefined) {
      state.remove(member, KafkaError.GROUP_MAX_SIZE_REACHED, step)
      maybeCompleteJoin(state, step, now)
    }
    return joinError('', KafkaError.GROUP_MAX_SIZE_REACHED)
  }
  if (!supports(state, request)) {
    return joinError(memberId, KafkaError.INCONSISTENT_GROUP_PROTOCOL)
  }
  if (memberId === '') return joinNew(state, request, caller, ticket, now, step)
  if (state.pending.has(memberId)) {
    addMember(state, memberId, request, caller, ticket, now, step)
    return null
  }
  const error = state.memberError(memberId, request.groupInstanceId)
  const member = state.roster.get(memberId)
  if (error !== KafkaError.NONE || member === undefined) return joinError(memberId, error)
  rejoin(state, member, request, caller, ticket, now, step)
  return null
}

/** group.max.size, and our own bounds of memory. */
function hasRoom(
  state: GroupState,
  request: JoinGroupRequest,
  caller: GroupCaller,
  { settings }: Surroundings,
): boolean {
  const { memberId, protocols } = request
  const member = state.roster.get(memberId)
  const bytes = sizeOf({ memberId, clientId: caller.clientId, protocols })
  const others = state.roster.bytes - (member === undefined ? 0 : sizeOf(member))
  if (bytes > CLASSIC_MEMBER_BYTES || bytes + others > CLASSIC_MEMBERS_BYTES) return false
  if (state.name === 'Empty') return true
  if (state.name !== 'PreparingRebalance') {
    return member !== undefined || state.roster.size < settings.maxSize
  }
  // Those who rejoin first stay, should the bound have been lowered below the size of the group.
  return (member !== undefined && member.join !== null) || state.roster.joining < settings.maxSize
}

function supports(state: GroupState, { protocolType, protocols }: JoinGroupRequest): boolean {
  if (state.isEmpty) return protocolType !== '' && protocols.length > 0
  return (
    protocolType === state.protocolType &&
    protocols.some(({ name }) => state.roster.isSupportedByAll(name))
  )
}

function joinNew(
  state: GroupState,
  request: JoinGroupRequest,
  caller: GroupCaller,
  ticket: Ticket,
  now: Surroundings,
  step: Outcome,
): JoinGroupResponse | null {
  const { groupInstanceId, sessionTimeoutMs } = request
  const memberId = `${groupInstanceId ?? caller.clientId}-${now.newId()}`
  const oldId = groupInstanceId === null ? undefined : state.roster.byInstance(groupInstanceId)
  const old = oldId === undefined ? undefined : state.roster.get(oldId)
  if (old !== undefined) {
    replaceStatic(state, old, memberId, request, caller, ticket, now, step)
  } else if (groupInstanceId !== null || caller.version < KNOWN_MEMBER_ID_FROM) {
    addMember(state, memberId, request, caller, ticket, now, step)
  } else if (state.pending.size >= CLASSIC_PENDING_MEMBERS) {
    return joinError('', KafkaError.GROUP_MAX_SIZE_REACHED)
  } else {
    state.pending.set(memberId, now.nowMs + sessionTimeoutMs)
    state.sessionsDueMs = Math.min(state.sessionsDueMs, now.nowMs + sessionTimeoutMs)
    return joinError(memberId, KafkaError.MEMBER_ID_REQUIRED)
  }
  return null
}

function addMember(
  state: GroupState,
  memberId: string,
  request: JoinGroupRequest,
  caller: GroupCaller,
  ticket: Ticket,
  now: Surroundings,
  step: Outcome,
): void {
  state.pending.delete(memberId)
  if (state.isEmpty) state.protocolType = request.protocolType
  if (state.name === 'PreparingRebalance' && state.cameFromEmpty) state.newcomer = true
  const member = memberOf(memberId, request, caller)
  member.isNew = true
  state.roster.add(member)
  state.park(member, ticket, step, now)
  // It does not know its id, so it cannot heartbeat; if it has gone, it must not stay for ever.
  state.setDeadline(member, now.nowMs + CLASSIC_NEW_MEMBER_MS)
  maybeRebalance(state, step, now)
}

function rejoin(
  state: GroupState,
  member: Member,
  request: JoinGroupRequest,
  caller: GroupCaller,
  ticket: Ticket,
  now: Surroundings,
  step: Outcome,
): void {
  const isLeader = state.roster.leaderId === member.memberId
  const isSame = sameProtocols(member.protocols, request.protocols)
  const mayStay = state.name === 'CompletingRebalance' || (state.name === 'Stable' && !isLeader)
  if (mayStay && isSame) {
    // It may have missed the answer to its join, or lost the connection: nothing has changed.
    state.prolong(member, now)
    step.replies.push([ticket, joinedReply(state, member)])
    return
  }
  state.roster.update(member, described(request, caller))
  state.park(member, ticket, step, now)
  maybeRebalance(state, step, now)
}

/** KIP-345: the instance is back under another id; whoever had its old id is fenced. */
function replaceStatic(
  state: GroupState,
  old: Member,
  memberId: string,
  request: JoinGroupRequest,
  caller: GroupCaller,
  ticket: Ticket,
  now: Surroundings,
  step: Outcome,
): void {
  const oldLeaderId = state.roster.leaderId
  state.release(old, KafkaError.FENCED_INSTANCE_ID, old.memberId, step)
  const member = state.roster.rename(old, memberId)
  if (state.unsynced.delete(old.memberId)) state.unsynced.add(memberId)
  state.roster.update(member, described(request, caller))
  state.prolong(member, now)
  if (state.name !== 'Stable' || state.roster.vote() !== state.protocolName) {
    state.park(member, ticket, step, now)
    // In CompletingRebalance the leader assigns to the old id: all have to join again.
    maybeRebalance(state, step, now)
    return
  }
  state.keep(step)
  const knowsToSkip = caller.version >= SKIP_ASSIGNMENT_FROM
  // An older client that is told it leads would assign anew: it is told that its old id leads.
  const reply = joinedReply(state, member, knowsToSkip ? state.roster.leaderId : oldLeaderId)
  step.replies.push([ticket, { ...reply, skipAssignment: reply.members.length > 0 }])
}
