// How a classic group comes to its next generation: when the members have to rejoin, how long that may
// take, who leads. Not who may join (joining.ts) and not the assignment (syncing.ts).

import { KafkaError } from '../../core/errors.ts'
import type { JoinGroupResponse } from '../../protocol/messages/join-group.ts'
import type { Surroundings } from '../membership.ts'
import type { GroupState, Outcome } from './group-state.ts'
import { type Member, metadataOf } from './member.ts'
import { joined } from './replies.ts'

const NEVER = Number.POSITIVE_INFINITY

/** Somebody has come or changed. */
export function maybeRebalance(state: GroupState, step: Outcome, now: Surroundings): void {
  if (state.name === 'PreparingRebalance') maybeCompleteJoin(state, step, now)
  else prepareRebalance(state, step, now)
}

/** The generation is over: everybody has to join the next. */
export function prepareRebalance(state: GroupState, step: Outcome, now: Surroundings): void {
  if (state.name === 'CompletingRebalance') {
    state.dropAssignments(KafkaError.REBALANCE_IN_PROGRESS, step, now)
  }
  state.unsynced.clear()
  state.syncDueMs = NEVER
  state.cameFromEmpty = state.name === 'Empty'
  state.name = 'PreparingRebalance'
  state.emptySinceMs = null
  state.newcomer = false
  if (state.cameFromEmpty) {
    const delayMs = now.settings.initialRebalanceDelayMs
    const remainingMs = Math.max(state.roster.rebalanceTimeoutMs() - delayMs, 0)
    state.joinPhase = { dueMs: now.nowMs + delayMs, initial: { delayMs, remainingMs } }
  } else {
    state.awaitMembers(now.nowMs)
    maybeCompleteJoin(state, step, now)
  }
}

/** Begins the next generation if nobody is missing. */
export function maybeCompleteJoin(state: GroupState, step: Outcome, now: Surroundings): void {
  if (state.name !== 'PreparingRebalance' || state.joinPhase?.initial) return
  const isAwaited = state.pending.size > 0 && !state.isEmpty
  if (state.roster.joining === state.roster.size && !isAwaited) completeJoin(state, step, now)
}

/** The time to rejoin is up. */
export function joinDue(state: GroupState, step: Outcome, now: Surroundings): void {
  const initial = state.joinPhase?.initial ?? null
  if (initial === null || !state.newcomer || initial.remainingMs === 0) {
    completeJoin(state, step, now)
    return
  }
  state.newcomer = false
  const delayMs = Math.min(now.settings.initialRebalanceDelayMs, initial.remainingMs)
  const remainingMs = Math.max(initial.remainingMs - initial.delayMs, 0)
  state.joinPhase = { dueMs: now.nowMs + delayMs, initial: { delayMs, remainingMs } }
}

/** The next generation begins with those who have rejoined; static members stay in any case. */
function completeJoin(state: GroupState, step: Outcome, now: Surroundings): void {
  for (const member of [...state.roster.all()]) {
    if (member.join === null && member.instanceId === null) state.roster.remove(member)
  }
  if (!state.isEmpty && !electLeader(state)) {
    // Only static members are left and none has come: their sessions decide.
    const dueMs = now.nowMs + state.roster.rebalanceTimeoutMs()
    state.joinPhase = { dueMs, initial: null }
    return
  }
  state.joinPhase = null
  state.beginGeneration(step)
  state.unsynced.clear()
  if (state.isEmpty) {
    becomeEmpty(state, step, now)
    return
  }
  state.name = 'CompletingRebalance'
  state.protocolName = state.roster.vote()
  state.subscribedTopics = state.subscriptions()
  for (const member of state.roster.all()) {
    if (member.join !== null) step.replies.push([member.join.ticket, joinedReply(state, member)])
    state.roster.park(member, null)
    member.isNew = false
    state.prolong(member, now)
    state.unsynced.add(member.memberId)
  }
  state.syncDueMs = now.nowMs + state.roster.rebalanceTimeoutMs()
}

function electLeader(state: GroupState): boolean {
  const leader = state.roster.get(state.roster.leaderId ?? '')
  if (leader !== undefined && leader.join !== null) return true
  for (const member of state.roster.all()) {
    if (member.join === null) continue
    state.roster.leaderId = member.memberId
    return true
  }
  return false
}

function becomeEmpty(state: GroupState, step: Outcome, now: Surroundings): void {
  state.name = 'Empty'
  state.protocolName = null
  state.subscribedTopics = state.subscriptions()
  state.emptySinceMs = now.nowMs
  state.syncDueMs = NEVER
  state.keep(step)
}

/** Who was only expected has never been part of a generation: that it goes changes no other. */
export function afterRemoval(
  state: GroupState,
  sizeBefore: number,
  step: Outcome,
  now: Surroundings,
): void {
  if (state.name === 'PreparingRebalance') maybeCompleteJoin(state, step, now)
  else if (state.roster.size < sizeBefore) prepareRebalance(state, step, now)
}

export function joinedReply(
  state: GroupState,
  member: Member,
  leaderId = state.roster.leaderId,
): JoinGroupResponse {
  const { memberId } = member
  const members =
    leaderId === memberId
      ? [...state.roster.all()].map((one) => ({
          memberId: one.memberId,
          groupInstanceId: one.instanceId,
          metadata: metadataOf(one, state.protocolName),
        }))
      : []
  return joined(state.told, { memberId, leader: leaderId ?? '', members })
}
