// How members of a classic group go: by LeaveGroup, by silence; and how those that wait too long are
// answered.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { PARKED_CALL_MAX_MS } from '../../core/limits/coordinators.ts'
import type { LeaveGroupRequest } from '../../protocol/messages/leave-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type { Surroundings } from '../membership.ts'
import type { GroupState, Outcome } from './group-state.ts'
import { afterRemoval } from './rebalancing.ts'

const NEVER = Number.POSITIVE_INFINITY

/** LeaveGroup: each member's error is its own. */
export function leave(
  state: GroupState,
  request: LeaveGroupRequest,
  ticket: Ticket,
  now: Surroundings,
  step: Outcome,
): void {
  const before = state.roster.size
  const members = request.members.map(({ memberId, groupInstanceId }) => {
    const errorCode = leaveOne(state, memberId, groupInstanceId, step)
    return { memberId, groupInstanceId, errorCode }
  })
  step.replies.push([ticket, { throttleTimeMs: 0, errorCode: KafkaError.NONE, members }])
  afterRemoval(state, before, step, now)
}

function leaveOne(
  state: GroupState,
  memberId: string,
  instanceId: string | null,
  step: Outcome,
): ErrorCode {
  // An admin removes a static member by its instance alone.
  const id = memberId === '' && instanceId !== null ? state.roster.byInstance(instanceId) : memberId
  if (id !== undefined && state.pending.delete(id)) return KafkaError.NONE
  const error = state.memberError(id ?? '', instanceId)
  const member = state.roster.get(id ?? '')
  if (error !== KafkaError.NONE || member === undefined) return error
  state.remove(member, KafkaError.UNKNOWN_MEMBER_ID, step)
  return KafkaError.NONE
}

/** Puts out members that are silent, and forgets who was only expected. */
export function endSessions(state: GroupState, step: Outcome, now: Surroundings): void {
  const before = state.roster.size
  let next = NEVER
  for (const [memberId, deadlineMs] of state.pending) {
    if (deadlineMs > now.nowMs) next = Math.min(next, deadlineMs)
    else state.pending.delete(memberId)
  }
  for (const member of [...state.roster.all()]) {
    // Whoever waits for us is alive; a newcomer cannot show that it still waits.
    if (!member.isNew && (member.join !== null || member.sync !== null)) continue
    if (member.deadlineMs > now.nowMs) next = Math.min(next, member.deadlineMs)
    else state.remove(member, KafkaError.UNKNOWN_MEMBER_ID, step)
  }
  state.sessionsDueMs = next
  afterRemoval(state, before, step, now)
}

/** The platform lets no call wait longer. Clients join again with their ids on this code. */
export function releaseLongParked(state: GroupState, step: Outcome, now: Surroundings): void {
  let next = NEVER
  for (const member of state.roster.all()) {
    const parked = [member.join, member.sync].filter((one) => one !== null)
    const dueMs = Math.min(...parked.map(({ sinceMs }) => sinceMs + PARKED_CALL_MAX_MS))
    if (dueMs > now.nowMs) {
      next = Math.min(next, dueMs)
      continue
    }
    state.release(member, KafkaError.REBALANCE_IN_PROGRESS, member.memberId, step)
    state.prolong(member, now)
  }
  state.parkedDueMs = next
}
