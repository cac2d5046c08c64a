// The members of a consumer group with the counts and indexes that requests ask for, and which of them
// have to be written. Each change costs its own part only. Not the rules: group-state.ts.

import { CONSUMER_GROUP_CHARACTERS } from '../../core/limits/coordinators.ts'
import type { RowChange } from '../membership.ts'
import { type ConsumerMember, isReconciled, sameMember, storeMember, weight } from './member.ts'
import { Owners } from './owners.ts'
import { all } from './partitions.ts'

const MEMBER_ROW = 'member/'
/** Kept about a member besides what it sent. */
const MEMBER_OVERHEAD_CHARACTERS = 1024

export const memberKey = (memberId: string) => `${MEMBER_ROW}${memberId}`

/** Id of the member that a row keeps; undefined for another kind of row. */
export function memberOfKey(key: string): string | undefined {
  return key.startsWith(MEMBER_ROW) ? key.slice(MEMBER_ROW.length) : undefined
}

/** See the head of this file. */
export class Roster {
  readonly #members = new Map<string, ConsumerMember>()
  readonly #byInstance = new Map<string, string>()
  readonly #owners = new Owners()
  readonly #reconciled = new Set<string>()
  readonly #assignors = new Map<string, number>()
  /** How many classic members support a protocol. */
  readonly #protocols = new Map<string, number>()
  readonly #dirty = new Set<string>()
  #classic = 0
  #patterns = 0
  #characters = 0
  #targetEpoch = 0

  get size(): number {
    return this.#members.size
  }

  /** Members of the classic protocol. */
  get classicSize(): number {
    return this.#classic
  }

  get hasPatterns(): boolean {
    return this.#patterns > 0
  }

  get owners(): Owners {
    return this.#owners
  }

  get allReconciled(): boolean {
    return this.#reconciled.size === this.#members.size
  }

  get(memberId: string): ConsumerMember | undefined {
    return this.#members.get(memberId)
  }

  /** In the order they came. */
  all(): Iterable<ConsumerMember> {
    return this.#members.values()
  }

  /** Keys of their rows. */
  keys(): string[] {
    return [...this.#members.keys()].map(memberKey)
  }

  byInstance(instanceId: string): ConsumerMember | undefined {
    const memberId = this.#byInstance.get(instanceId)
    return memberId === undefined ? undefined : this.#members.get(memberId)
  }

  /** Whether every classic member supports this protocol. */
  isSupportedByClassic(protocol: string): boolean {
    return (this.#protocols.get(protocol) ?? 0) === this.#classic
  }

  /** The assignor that most members wish; undefined when none wishes one. */
  preferredAssignor(): string | undefined {
    let preferred: string | undefined
    let most = 0
    for (const [name, count] of this.#assignors) {
      if (count > most || (count === most && preferred !== undefined && name < preferred)) {
        preferred = name
        most = count
      }
    }
    return preferred
  }

  /** Whether memory holds what the group would be with this member in place of `instead`. */
  fits(member: ConsumerMember, instead: ConsumerMember | undefined): boolean {
    const freed = instead === undefined ? 0 : footprint(instead)
    return this.#characters - freed + footprint(member) <= CONSUMER_GROUP_CHARACTERS
  }

  /** Adds a member or replaces what is known of it. */
  put(member: ConsumerMember): void {
    const old = this.#members.get(member.memberId)
    if (old !== undefined && sameMember(old, member)) return
    if (old !== undefined) this.#uncount(old)
    const { memberId } = member
    this.#members.set(memberId, member)
    if (member.instanceId !== null) this.#byInstance.set(member.instanceId, memberId)
    this.#owners.claim(all(member.assigned, member.revoking), memberId)
    this.#count(member, 1)
    if (isReconciled(member, this.#targetEpoch)) this.#reconciled.add(memberId)
    this.#dirty.add(memberId)
  }

  remove(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member === undefined) return
    this.#uncount(member)
    this.#members.delete(memberId)
    this.#dirty.add(memberId)
  }

  /** The group has a new target, of an epoch that no member has reached: all have to be reconciled. */
  retarget(targetEpoch: number): void {
    this.#targetEpoch = targetEpoch
    this.#reconciled.clear()
  }

  /** What has to be written since it was last asked. */
  takeChanges(): RowChange[] {
    if (this.#dirty.size === 0) return []
    const changes = [...this.#dirty].map((memberId): RowChange => {
      const member = this.#members.get(memberId)
      const key = memberKey(memberId)
      if (member === undefined) return { kind: 'delete', key }
      return { kind: 'put', key, value: storeMember(member) }
    })
    this.#dirty.clear()
    return changes
  }

  #uncount(member: ConsumerMember): void {
    const { memberId, instanceId } = member
    this.#owners.release(all(member.assigned, member.revoking), memberId)
    this.#count(member, -1)
    this.#reconciled.delete(memberId)
    if (instanceId !== null && this.#byInstance.get(instanceId) === memberId) {
      this.#byInstance.delete(instanceId)
    }
  }

  #count(member: ConsumerMember, by: 1 | -1): void {
    this.#characters += by * footprint(member)
    if (member.pattern !== '') this.#patterns += by
    if (member.assignor !== null) add(this.#assignors, member.assignor, by)
    if (member.classic === null) return
    this.#classic += by
    for (const { name } of member.classic.protocols) add(this.#protocols, name, by)
  }
}

function footprint(member: ConsumerMember): number {
  return weight(member) + MEMBER_OVERHEAD_CHARACTERS
}

function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by
  if (count === 0) counts.delete(name)
  else counts.set(name, count)
}
