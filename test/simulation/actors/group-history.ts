// What the members of a group hold, as each of them believes it.

import type { Context } from '../platform/scheduler.ts'

/** One life of a member. */
export interface MemberRecord {
  readonly name: string
  readonly context: Context
  memberId: string
  /** Generation or member epoch; -1 when it is in none. */
  generation: number
  /** Partitions it consumes. */
  readonly owned: Set<number>
  /** It has left, or was told that it never may come back. */
  isGone: boolean
}

/** Every life of every member. */
export class GroupHistory {
  readonly members: MemberRecord[] = []

  add(context: Context): MemberRecord {
    const member: MemberRecord = {
      name: context.name,
      context,
      memberId: '',
      generation: -1,
      owned: new Set(),
      isGone: false,
    }
    this.members.push(member)
    return member
  }

  /** Those that live and want partitions. */
  get living(): readonly MemberRecord[] {
    return this.members.filter(({ context, isGone }) => context.alive && !isGone)
  }
}
