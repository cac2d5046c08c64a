// The reconciliation of one member (KIP-848, "Member state machine"): takes it one step towards its
// target, never handing out what another still has. Pure; the group decides when it is asked.

import type { TopicId } from '../../core/ids.ts'
import { type ConsumerMember, isReconciled, type MemberState } from './member.ts'
import {
  all,
  both,
  NO_PARTITIONS,
  overlap,
  type Partitions,
  sorted,
  without,
} from './partitions.ts'

/** What a step depends on besides the member and its target. */
export interface Circumstances {
  readonly targetEpoch: number
  /** What the member says it has; null when it did not say. */
  readonly owned: Partitions | null
  /** Whether nobody has this partition, nor has still to give it up. */
  readonly isFree: (topicId: TopicId, partition: number) => boolean
}

/** The member after a step; the same object when it can make none. */
export function reconcile(member: ConsumerMember, circumstances: Circumstances): ConsumerMember {
  const { targetEpoch, owned } = circumstances
  if (isReconciled(member, targetEpoch)) return member
  if (member.state !== 'UNREVOKED_PARTITIONS') return next(member, member.epoch, circumstances)
  if (stillOwned(member.revoking, owned)) return member
  // What was asked back is given: that is an epoch of its own, before any further demand.
  return next(member, member.epoch + 1, circumstances)
}

function next(
  member: ConsumerMember,
  epoch: number,
  { targetEpoch, owned, isFree }: Circumstances,
): ConsumerMember {
  const kept = both(member.assigned, member.target)
  const revoking = without(member.assigned, kept)
  if (revoking.size > 0 && stillOwned(revoking, owned)) {
    return moved(member, 'UNREVOKED_PARTITIONS', epoch, kept, revoking)
  }
  const missing = without(member.target, kept)
  const free = sorted(
    new Map(
      [...missing].map(([topicId, list]) => [
        topicId,
        list.filter((partition) => isFree(topicId, partition)),
      ]),
    ),
  )
  const state = without(missing, free).size > 0 ? 'UNRELEASED_PARTITIONS' : 'STABLE'
  return moved(member, state, targetEpoch, all(kept, free), NO_PARTITIONS)
}

/** Until the member says what it has, it has what it was given. */
function stillOwned(revoking: Partitions, owned: Partitions | null): boolean {
  return owned === null || overlap(revoking, owned)
}

/**
 * The previous epoch is the one before the last change of epoch, so that a member whose replies are
 * lost twice in a row is still known by what it last heard.
 */
function moved(
  member: ConsumerMember,
  state: MemberState,
  epoch: number,
  assigned: Partitions,
  revoking: Partitions,
): ConsumerMember {
  const previousEpoch = epoch === member.epoch ? member.previousEpoch : member.epoch
  return { ...member, state, epoch, previousEpoch, assigned, revoking }
}
