// What a member of a group is kept as across hibernation, and how: plain data, partitions by topic so that
// many of them are short. Not what it does (member.ts).

import type { TopicId } from '../core/ids.ts'
import { LIVE_MAX_POLL_MS } from '../core/limits/live.ts'
import type { ClientMessages } from './messages.ts'

/** Numbers of one partition: itself, the offset to be sent next, the offset to be processed next. */
export type HeldNumbers = readonly [partition: number, next: number, processed: number]

/** What a member is kept as. */
export interface MemberState {
  readonly kind: 'member'
  readonly sub: number
  readonly group: string
  readonly topics: readonly string[]
  readonly from: 'earliest' | 'latest'
  readonly readCommitted: boolean
  readonly maxPollIntervalMs: number
  readonly granted: number
  readonly memberId: string
  /** Absent: as all that name none. */
  readonly clientId?: string
  /** 0: it has not joined yet, or is out. */
  readonly epoch: number
  /** Out of the group until the client has let go. */
  readonly isOut: boolean
  /** `revoked` messages that the client has not answered. */
  readonly unanswered: number
  /** It has; by topic. */
  readonly held: readonly {
    readonly id: TopicId
    readonly name: string
    readonly at: readonly HeldNumbers[]
  }[]
  /** Of what it has: told to be let go, `topic id/partition`. */
  readonly revoking: readonly string[]
  /** What it had was more than could be kept: it is out of the group, of which the client is to be told. */
  readonly isForgotten: boolean
}

/** One partition that a member has. */
export interface Held {
  readonly topic: string
  readonly topicId: TopicId
  readonly partition: number
  /** Offset of the record to be sent next. */
  next: number
  /** Offset of the record that the application is to process next. */
  processed: number
}

/** A partition's key in maps and in `revoking`. */
export function keyOfPartition({
  topicId,
  partition,
}: Pick<Held, 'topicId' | 'partition'>): string {
  return `${topicId}/${partition}`
}

/** By topic, for the state. */
export function storeHeld(held: Iterable<Held>): MemberState['held'] {
  const topics = Map.groupBy(held, ({ topicId }) => topicId)
  return [...topics].map(([id, own]) => ({
    id,
    name: own[0]?.topic ?? '',
    at: own.map(({ partition, next, processed }) => [partition, next, processed] as const),
  }))
}

/** The partitions of a state. */
export function restoreHeld(held: MemberState['held']): Held[] {
  return held.flatMap(({ id, name, at }) =>
    at.map(([partition, next, processed]) => {
      return { topic: name, topicId: id, partition, next, processed }
    }),
  )
}

/** What a member begins as. */
export function newMember(message: ClientMessages['join'], memberId: string): MemberState {
  const { sub, group, topics, bytes, clientId } = message
  return {
    kind: 'member',
    sub,
    group,
    topics: [...new Set(topics)].sort(),
    from: message.from ?? 'latest',
    readCommitted: message.isolation !== 'read_uncommitted',
    maxPollIntervalMs: message.maxPollIntervalMs ?? LIVE_MAX_POLL_MS,
    granted: bytes,
    memberId,
    ...(clientId === undefined ? {} : { clientId }),
    epoch: 0,
    isOut: false,
    unanswered: 0,
    held: [],
    revoking: [],
    isForgotten: false,
  }
}
