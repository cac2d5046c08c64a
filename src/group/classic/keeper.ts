// What of a classic group is on disk, and which rows make it what it should be: only those that differ.
// Not what the rows say (rows.ts) and not when (classic-group.ts).

import type { RowChange } from '../membership.ts'
import type { Roster } from './roster.ts'
import {
  assignmentKey,
  assignmentRow,
  groupKey,
  groupRow,
  type KeptGroup,
  memberKey,
  memberRow,
} from './rows.ts'

/** See the head of this file. */
export class Keeper {
  /** As it was written last; null before the first time. */
  #group: KeptGroup | null
  readonly #members: Set<string>

  constructor(group: KeptGroup | null = null, memberIds: Iterable<string> = []) {
    this.#group = group
    this.#members = new Set(memberIds)
  }

  get group(): KeptGroup | null {
    return this.#group
  }

  /** Every key that is on disk. */
  keys(): string[] {
    const members = [...this.#members].flatMap((id) => [memberKey(id), assignmentKey(id)])
    return this.#group === null ? members : [groupKey, ...members]
  }

  keepGroup(group: KeptGroup, changes: RowChange[]): void {
    const value = groupRow(group)
    if (this.#group !== null && value === groupRow(this.#group)) return
    this.#group = group
    changes.push({ kind: 'put', key: groupKey, value })
  }

  keepMembers(roster: Roster, changes: RowChange[]): void {
    for (const id of this.#members) {
      if (roster.get(id) !== undefined) continue
      this.#members.delete(id)
      changes.push({ kind: 'delete', key: memberKey(id) })
      changes.push({ kind: 'delete', key: assignmentKey(id) })
    }
    for (const member of roster.all()) {
      const { memberId, kept } = member
      if (!kept.info)
        changes.push({ kind: 'put', key: memberKey(memberId), value: memberRow(member) })
      if (!kept.assignment) {
        const value = assignmentRow(member)
        changes.push({ kind: 'put', key: assignmentKey(memberId), value })
      }
      this.#members.add(memberId)
      member.kept = { info: true, assignment: true }
    }
  }
}
