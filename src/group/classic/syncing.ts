// SyncGroup in a classic group: the leader says who has what, the others wait for it.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { CLASSIC_ASSIGNMENTS_BYTES, CLASSIC_MEMBER_BYTES } from '../../core/limits/coordinators.ts'
import type { SyncGroupRequest } from '../../protocol/messages/sync-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type { Surroundings } from '../membership.ts'
import type { GroupState, Outcome } from './group-state.ts'
import { NO_ASSIGNMENT } from './member.ts'
import { maybeRebalance, prepareRebalance } from './rebalancing.ts'
import { syncError, synced } from './replies.ts'

const NEVER = Number.POSITIVE_INFINITY

/** SyncGroup: the leader's completes the generation, the others' are parked until then. */
export function sync(
  state: GroupState,
  request: SyncGroupRequest,
  ticket: Ticket,
  now: Surroundings,
  step: Outcome,
): void {
  const member = state.roster.get(request.memberId)
  const error = syncRefused(state, request)
  if (error !== KafkaError.NONE || member === undefined) {
    step.replies.push([ticket, syncError(error)])
  } else if (state.name === 'Stable') {
    state.hasSynced(member)
    state.prolong(member, now)
    step.replies.push([ticket, synced(state.told, member.assignment)])
  } else {
    state.replaceSync(member, ticket, step, now)
    state.hasSynced(member)
    if (state.roster.leaderId === member.memberId) assign(state, request.assignments, step, now)
  }
}

function syncRefused(state: GroupState, request: SyncGroupRequest): ErrorCode {
  const { memberId, groupInstanceId, generationId, protocolType, protocolName } = request
  const error = state.memberError(memberId, groupInstanceId)
  if (error !== KafkaError.NONE) return error
  if (generationId !== state.generation) return KafkaError.ILLEGAL_GENERATION
  const differs = (said: string | null, ours: string | null) => said !== null && said !== ours
  if (differs(protocolType, state.protocolType) || differs(protocolName, state.protocolName)) {
    return KafkaError.INCONSISTENT_GROUP_PROTOCOL
  }
  return state.name === 'PreparingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE
}

/** Once the leader has spoken the generation is complete, and that is what is kept. */
function assign(
  state: GroupState,
  assignments: SyncGroupRequest['assignments'],
  step: Outcome,
  now: Surroundings,
): void {
  const bytes = assignments.reduce((sum, { assignment }) => sum + assignment.byteLength, 0)
  const largest = assignments.reduce((most, one) => Math.max(most, one.assignment.byteLength), 0)
  if (bytes > CLASSIC_ASSIGNMENTS_BYTES || largest > CLASSIC_MEMBER_BYTES) {
    state.dropAssignments(KafkaError.UNKNOWN_SERVER_ERROR, step, now)
    maybeRebalance(state, step, now)
    return
  }
  const byMember = new Map(assignments.map((one) => [one.memberId, one.assignment]))
  for (const member of state.roster.all()) {
    state.setAssignment(member, byMember.get(member.memberId) ?? NO_ASSIGNMENT)
    state.answerSync(member, synced(state.told, member.assignment), step, now)
  }
  state.name = 'Stable'
  state.keep(step)
}

/** Members that have not asked for their assignment in time are gone. */
export function syncDue(state: GroupState, step: Outcome, now: Surroundings): void {
  state.syncDueMs = NEVER
  for (const memberId of [...state.unsynced]) {
    const member = state.roster.get(memberId)
    if (member !== undefined) state.remove(member, KafkaError.UNKNOWN_MEMBER_ID, step)
  }
  prepareRebalance(state, step, now)
}
