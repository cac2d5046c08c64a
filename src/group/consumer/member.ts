// One member of a consumer group as the coordinator knows it, and the row that keeps it. A value:
// a change makes a new one. Not its timers, which are in memory only.

import { fromBase64, toBase64 } from '../base64.ts'
import {
  NO_PARTITIONS,
  type Partitions,
  restorePartitions,
  type StoredPartitions,
  samePartitions,
  storePartitions,
} from './partitions.ts'

/** Member epochs with a meaning of their own. */
export const JOIN_EPOCH = 0
export const LEAVE_EPOCH = -1
/** A static member that will be back: it keeps its partitions for its session timeout. */
export const STATIC_LEAVE_EPOCH = -2

/** How far a member is from its target (KIP-848). */
export type MemberState =
  /** Has what it should have at its epoch. */
  | 'STABLE'
  /** Was asked to give up partitions and has not said yet that it did. */
  | 'UNREVOKED_PARTITIONS'
  /** Waits for partitions that others have not given up yet. */
  | 'UNRELEASED_PARTITIONS'

/** What a member of the classic protocol brought along. */
export interface ClassicSide {
  readonly sessionTimeoutMs: number
  /** In its order; metadata is a ConsumerProtocolSubscription. */
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[]
}

export interface ConsumerMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  /** The assignor it wishes; null for any. */
  readonly assignor: string | null
  /** Ascending, each once. */
  readonly topicNames: readonly string[]
  /** '' for none. */
  readonly pattern: string
  /** Its principal, who is shown only what it may describe of what the pattern matches; '' where nothing is hidden. */
  readonly viewer: string
  /** Null: it speaks the consumer protocol. */
  readonly classic: ClassicSide | null
  readonly state: MemberState
  readonly epoch: number
  /** Its epoch before: it may say so when a reply was lost. */
  readonly previousEpoch: number
  readonly assigned: Partitions
  /** Asked to be given up. */
  readonly revoking: Partitions
  /** What it should have at the group's assignment epoch. */
  readonly target: Partitions
}

/** A member that has just come. */
export function newMember(memberId: string): ConsumerMember {
  return {
    memberId,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    rebalanceTimeoutMs: -1,
    assignor: null,
    topicNames: [],
    pattern: '',
    viewer: '',
    classic: null,
    state: 'STABLE',
    epoch: JOIN_EPOCH,
    previousEpoch: JOIN_EPOCH,
    assigned: NO_PARTITIONS,
    revoking: NO_PARTITIONS,
    target: NO_PARTITIONS,
  }
}

export function isReconciled(member: ConsumerMember, targetEpoch: number): boolean {
  return member.state === 'STABLE' && member.epoch === targetEpoch
}

/** Whether nothing that is kept differs. */
export function sameMember(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    a === b ||
    (a.state === b.state &&
      a.epoch === b.epoch &&
      a.previousEpoch === b.previousEpoch &&
      a.instanceId === b.instanceId &&
      a.rackId === b.rackId &&
      a.clientId === b.clientId &&
      a.clientHost === b.clientHost &&
      a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
      a.assignor === b.assignor &&
      a.pattern === b.pattern &&
      a.viewer === b.viewer &&
      sameNames(a.topicNames, b.topicNames) &&
      sameClassic(a.classic, b.classic) &&
      samePartitions(a.assigned, b.assigned) &&
      samePartitions(a.revoking, b.revoking) &&
      samePartitions(a.target, b.target))
  )
}

/** Both ascending. */
export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, index) => name === b[index]))
}

/** Ascending, each once. */
export function sortedNames(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

/** Characters of what it sent: bounded, since a row and the memory must hold it. */
export function weight(member: ConsumerMember): number {
  let sum = member.memberId.length + member.clientId.length + member.pattern.length
  sum += member.viewer.length
  sum += (member.instanceId?.length ?? 0) + (member.rackId?.length ?? 0)
  for (const name of member.topicNames) sum += name.length + 3
  for (const { name, metadata } of member.classic?.protocols ?? []) {
    sum += name.length + Math.ceil(metadata.byteLength / 3) * 4
  }
  return sum
}

interface StoredMember {
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly assignor: string | null
  readonly topicNames: readonly string[]
  readonly pattern: string
  /** Absent: ''. */
  readonly viewer?: string
  readonly classic: {
    readonly sessionTimeoutMs: number
    readonly protocols: readonly (readonly [name: string, metadata: string])[]
  } | null
  readonly state: MemberState
  readonly epoch: number
  readonly previousEpoch: number
  readonly assigned: StoredPartitions
  readonly revoking: StoredPartitions
  readonly target: StoredPartitions
}

/** The JSON text of its row, whose key has its id. */
export function storeMember(member: ConsumerMember): string {
  const { memberId: _, classic, viewer, ...rest } = member
  const stored: StoredMember = {
    ...rest,
    ...(viewer === '' ? {} : { viewer }),
    classic: classic && {
      sessionTimeoutMs: classic.sessionTimeoutMs,
      protocols: classic.protocols.map(({ name, metadata }) => [name, toBase64(metadata)]),
    },
    assigned: storePartitions(member.assigned),
    revoking: storePartitions(member.revoking),
    target: storePartitions(member.target),
  }
  return JSON.stringify(stored)
}

export function restoreMember(memberId: string, text: string): ConsumerMember {
  const stored = JSON.parse(text) as StoredMember
  const { classic } = stored
  return {
    ...stored,
    memberId,
    viewer: stored.viewer ?? '',
    classic: classic && {
      sessionTimeoutMs: classic.sessionTimeoutMs,
      protocols: classic.protocols.map(([name, metadata]) => ({
        name,
        metadata: fromBase64(metadata),
      })),
    },
    assigned: restorePartitions(stored.assigned),
    revoking: restorePartitions(stored.revoking),
    target: restorePartitions(stored.target),
  }
}

function sameClassic(a: ClassicSide | null, b: ClassicSide | null): boolean {
  if (a === b) return true
  if (a === null || b === null || a.sessionTimeoutMs !== b.sessionTimeoutMs) return false
  return (
    a.protocols.length === b.protocols.length &&
    a.protocols.every(({ name, metadata }, index) => {
      const other = b.protocols[index]
      return other !== undefined && name === other.name && sameBytes(metadata, other.metadata)
    })
  )
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index])
}
