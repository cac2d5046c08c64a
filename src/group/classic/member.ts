// One member of a classic group, and what it waits for. Data; roster.ts keeps the counts over all.

import type { JoinGroupRequest } from '../../protocol/messages/join-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type { GroupCaller } from '../contract.ts'
import type { ClassicMemberSnapshot } from '../membership.ts'

export interface Protocol {
  readonly name: string
  /** Opaque. Owned: never a view of a larger buffer. */
  readonly metadata: Uint8Array
}

/** A request that is parked. */
export interface Parked {
  readonly ticket: Ticket
  readonly sinceMs: number
}

export interface Member {
  readonly memberId: string
  readonly instanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly Protocol[]
  /** What it has been assigned in the last complete generation; empty for nothing. */
  assignment: Uint8Array
  /** Its first join is not answered: it does not know its id and cannot heartbeat. */
  isNew: boolean
  join: Parked | null
  sync: Parked | null
  /** The end of its session. */
  deadlineMs: number
  /** What is on disk of it: nothing, all, or something older. */
  kept: { info: boolean; assignment: boolean }
}

export const NO_ASSIGNMENT = new Uint8Array(0)

/** What a request to join says of its member. */
export function memberOf(memberId: string, request: JoinGroupRequest, caller: GroupCaller): Member {
  return {
    memberId,
    instanceId: request.groupInstanceId,
    ...described(request, caller),
    assignment: NO_ASSIGNMENT,
    isNew: false,
    join: null,
    sync: null,
    deadlineMs: Number.POSITIVE_INFINITY,
    kept: { info: false, assignment: true },
  }
}

/** A member that is carried over from a consumer group or from disk. */
export function carriedMember(snapshot: ClassicMemberSnapshot, deadlineMs: number): Member {
  return {
    ...snapshot,
    isNew: false,
    join: null,
    sync: null,
    deadlineMs,
    kept: { info: false, assignment: false },
  }
}

/** The part of a member that each join says anew. */
export function described(request: JoinGroupRequest, caller: GroupCaller) {
  const { sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request
  return {
    clientId: caller.clientId,
    clientHost: caller.clientHost,
    sessionTimeoutMs,
    // Version 0 has one timeout for both.
    rebalanceTimeoutMs: caller.version === 0 ? sessionTimeoutMs : Math.max(0, rebalanceTimeoutMs),
    protocols,
  }
}

/** Its metadata for a protocol that it supports. */
export function metadataOf(member: Member, protocol: string | null): Uint8Array {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? NO_ASSIGNMENT
}

/** Bytes that the group holds for it, its assignment aside. */
export function sizeOf(member: Pick<Member, 'memberId' | 'clientId' | 'protocols'>): number {
  const { memberId, clientId, protocols } = member
  return protocols.reduce(
    (sum, { name, metadata }) => sum + name.length + metadata.byteLength,
    memberId.length + clientId.length,
  )
}

/** The same protocols in the same order with the same metadata. */
export function sameProtocols(a: readonly Protocol[], b: readonly Protocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, metadata }, index) => {
      const other = b[index]
      return other?.name === name && sameBytes(metadata, other.metadata)
    })
  )
}

/** The same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false
  return a.every((byte, index) => byte === b[index])
}
