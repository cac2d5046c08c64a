// A commit of a member: refused where it is of what the member has not got, and tried again where its epoch was overtaken,
// which a heartbeat mends. Not the order of commits, nor who is a member (member.ts).

import { KafkaError } from '../core/errors.ts'
import type { Problem } from '../http/problem.ts'
import { commitProblem, isLost, outOfGroup } from './coordinator-errors.ts'
import type { CommitOffset, GroupFace, MemberIdentity } from './surroundings.ts'

/** Of a commit whose epoch was overtaken. */
const TRIES = 3

/** The member that commits. */
export interface Committer {
  readonly group: GroupFace
  /** Null while it is in no group. */
  identity(): MemberIdentity | null
  /** The name of its group. */
  readonly name: string
  has(offset: CommitOffset): boolean
  /** Its next heartbeat was answered, or there will be none. */
  nextBeat(): Promise<void>
  /** It may be no member any more: to be asked at once. */
  doubted(): void
}

/** Null when all is committed. */
export async function commitAs(
  { group, identity, name, has, nextBeat, doubted }: Committer,
  offsets: readonly CommitOffset[],
): Promise<Problem | null> {
  let member = identity()
  if (member === null) return outOfGroup(name, undefined)
  const strange = offsets.find((one) => !has(one))
  if (strange !== undefined) return outOfGroup(name, strange)
  let errors = await group.commit(member, offsets)
  for (let tries = 1; tries < TRIES && errors.includes(KafkaError.STALE_MEMBER_EPOCH); tries++) {
    // The coordinator has moved on, and the answer that says so is on its way.
    await nextBeat()
    member = identity()
    if (member === null) return outOfGroup(name, undefined)
    errors = await group.commit(member, offsets)
  }
  if (errors.some(isLost)) doubted()
  return commitProblem(errors, offsets, name)
}
