// Who may commit offsets of a classic group: its members, in its generation; anybody while it is empty.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { OffsetCaller, Surroundings } from '../membership.ts'
import type { GroupState } from './group-state.ts'

/** A commit counts as a heartbeat. */
export function checkCommit(state: GroupState, caller: OffsetCaller, now: Surroundings): ErrorCode {
  const { memberId, instanceId, generationOrEpoch, transactional } = caller
  // Whoever does not take part in the group may commit while nobody does.
  if (generationOrEpoch < 0 && state.name === 'Empty') return KafkaError.NONE
  if (generationOrEpoch >= 0 || memberId !== '' || instanceId !== null) {
    const error = state.memberError(memberId, instanceId)
    if (error !== KafkaError.NONE) return error
    if (generationOrEpoch !== state.generation) return KafkaError.ILLEGAL_GENERATION
  } else if (!transactional) {
    return KafkaError.UNKNOWN_MEMBER_ID
  }
  if (transactional) return KafkaError.NONE
  if (state.name === 'CompletingRebalance') return KafkaError.REBALANCE_IN_PROGRESS
  const member = state.roster.get(memberId)
  if (member !== undefined) state.prolong(member, now)
  return KafkaError.NONE
}
