// What a classic group is in memory, and the steps that its rules share: sessions, parked calls, what is
// assigned, what is kept. Not the rules of who may come and when a generation begins (joining.ts,
// rebalancing.ts, syncing.ts, leaving.ts).

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { PARKED_CALL_MAX_MS } from '../../core/limits/coordinators.ts'
import type { SyncGroupResponse } from '../../protocol/messages/sync-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type {
  ClassicSnapshot,
  MembershipReply,
  RowChange,
  Step,
  Surroundings,
} from '../membership.ts'
import type { Keeper } from './keeper.ts'
import { carriedMember, type Member, metadataOf, NO_ASSIGNMENT, sameBytes } from './member.ts'
import { type Generation, joinError, syncError } from './replies.ts'
import { Roster } from './roster.ts'
import type { KeptGroup } from './rows.ts'
import { subscribedTopicsOf } from './subscription.ts'

/** Kafka's names. A group that does not exist is 'Dead'; group.ts knows that. */
export type StateName = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/** The protocol type of consumers, whose subscriptions the broker may read. */
export const CONSUMER_PROTOCOL = 'consumer'

const NEVER = Number.POSITIVE_INFINITY
/**
 * Generations that are kept as told before they are, so that the answers to the joins of a rebalance
 * wait for no commit. After a load the next one is that much higher.
 */
const GENERATIONS_AHEAD = 16

/** Until when the members may rejoin. */
export interface JoinPhase {
  readonly dueMs: number
  /** Of a group that was empty: more may come, so each newcomer prolongs it, within what remains. */
  readonly initial: { readonly delayMs: number; readonly remainingMs: number } | null
}

/** What a step has come to so far. */
export interface Outcome extends Step {
  readonly changes: RowChange[]
  readonly replies: [Ticket, MembershipReply][]
}

/** Nothing yet. */
export function outcome(): Outcome {
  return { changes: [], replies: [] }
}

/** See the head of this file. */
export class GroupState {
  readonly roster = new Roster()
  /** Ids given out (MEMBER_ID_REQUIRED) whose join is awaited, and until when. */
  readonly pending = new Map<string, number>()
  /** Members of the current generation that have not synced. */
  readonly unsynced = new Set<string>()
  readonly keeper: Keeper
  name: StateName = 'Empty'
  generation: number
  /** At least the highest generation that anybody was told, also before this object was loaded. */
  lastGeneration: number
  protocolType: string
  protocolName: string | null
  subscribedTopics: ReadonlySet<string> | null = null
  emptySinceMs: number | null
  joinPhase: JoinPhase | null = null
  cameFromEmpty = false
  /** Somebody has come since the time to rejoin was last prolonged. */
  newcomer = false
  syncDueMs = NEVER
  /** No session ends before this. Heartbeats prolong sessions without moving it. */
  sessionsDueMs = NEVER
  /** No parked call has to be released before this. */
  parkedDueMs = NEVER

  constructor(keeper: Keeper, from: KeptGroup) {
    this.keeper = keeper
    this.generation = from.generation
    this.lastGeneration = from.lastGeneration
    this.protocolType = from.protocolType
    this.protocolName = from.protocolName
    this.emptySinceMs = from.emptySinceMs
  }

  get isEmpty(): boolean {
    return this.roster.size === 0
  }

  get deadlineMs(): number {
    return Math.min(
      this.joinPhase?.dueMs ?? NEVER,
      this.syncDueMs,
      this.sessionsDueMs,
      this.parkedDueMs,
    )
  }

  /** What members are told of the present generation. */
  get told(): Generation {
    return {
      number: this.generation,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
    }
  }

  /** Topics of all members; null when any of them says something that is no subscription. */
  subscriptions(): ReadonlySet<string> | null {
    if (this.protocolType !== CONSUMER_PROTOCOL) return null
    const topics = new Set<string>()
    for (const member of this.roster.all()) {
      const subscribed = subscribedTopicsOf(metadataOf(member, this.protocolName))
      if (subscribed === null) return null
      for (const topic of subscribed) topics.add(topic)
    }
    return topics
  }

  /** All have to rejoin, and have the longest of their rebalance timeouts for it. */
  awaitMembers(nowMs: number): void {
    this.name = 'PreparingRebalance'
    this.joinPhase = { dueMs: nowMs + this.roster.rebalanceTimeoutMs(), initial: null }
  }

  /** Nobody has anything any more; who waits for it is told this. */
  dropAssignments(error: ErrorCode, step: Outcome, now: Surroundings): void {
    for (const member of this.roster.all()) {
      this.setAssignment(member, NO_ASSIGNMENT)
      this.answerSync(member, syncError(error), step, now)
    }
  }

  setAssignment(member: Member, assignment: Uint8Array): void {
    if (sameBytes(member.assignment, assignment)) return
    member.assignment = assignment
    member.kept.assignment = false
  }

  /** It has asked for its assignment in this generation. */
  hasSynced(member: Member): void {
    this.unsynced.delete(member.memberId)
    if (this.unsynced.size === 0) this.syncDueMs = NEVER
  }

  /** Puts a member out; this is what it hears if it waits. */
  remove(member: Member, error: ErrorCode, step: Outcome): void {
    this.release(member, error, '', step)
    this.roster.remove(member)
    this.unsynced.delete(member.memberId)
  }

  /** 0 when this is a member, and the one that its instance belongs to. */
  memberError(memberId: string, instanceId: string | null): ErrorCode {
    if (instanceId !== null) {
      const current = this.roster.byInstance(instanceId)
      if (current === undefined) return KafkaError.UNKNOWN_MEMBER_ID
      if (current !== memberId) return KafkaError.FENCED_INSTANCE_ID
    }
    return this.roster.get(memberId) === undefined ? KafkaError.UNKNOWN_MEMBER_ID : KafkaError.NONE
  }

  /** It was heard of: its session begins anew. */
  prolong(member: Member, { nowMs }: Surroundings): void {
    this.setDeadline(member, nowMs + member.sessionTimeoutMs)
  }

  setDeadline(member: Member, deadlineMs: number): void {
    member.deadlineMs = deadlineMs
    this.sessionsDueMs = Math.min(this.sessionsDueMs, deadlineMs)
  }

  /** A member has one join under way; the one before it has lost its connection. */
  park(member: Member, ticket: Ticket, step: Outcome, { nowMs }: Surroundings): void {
    if (member.join !== null) {
      const error = KafkaError.REBALANCE_IN_PROGRESS
      step.replies.push([member.join.ticket, joinError(member.memberId, error)])
    }
    this.roster.park(member, { ticket, sinceMs: nowMs })
    this.parkedDueMs = Math.min(this.parkedDueMs, nowMs + PARKED_CALL_MAX_MS)
  }

  /** As above, of its sync. */
  replaceSync(member: Member, ticket: Ticket, step: Outcome, now: Surroundings): void {
    this.answerSync(member, syncError(KafkaError.REBALANCE_IN_PROGRESS), step, now)
    member.sync = { ticket, sinceMs: now.nowMs }
    this.parkedDueMs = Math.min(this.parkedDueMs, now.nowMs + PARKED_CALL_MAX_MS)
  }

  answerSync(member: Member, reply: SyncGroupResponse, step: Outcome, now: Surroundings): void {
    if (member.sync !== null) step.replies.push([member.sync.ticket, reply])
    member.sync = null
    this.prolong(member, now)
  }

  /** Answers what a member waits for with an error. */
  release(member: Member, error: ErrorCode, memberId: string, step: Outcome): void {
    if (member.join !== null) step.replies.push([member.join.ticket, joinError(memberId, error)])
    if (member.sync !== null) step.replies.push([member.sync.ticket, syncError(error)])
    this.roster.park(member, null)
    member.sync = null
  }

  /** Makes a new group known on disk, before its first generation or for offsets alone. */
  found(step: Outcome, nowMs: number): void {
    const { protocolType } = this
    const none = { generation: 0, protocolName: null, leaderId: null, emptySinceMs: nowMs }
    const lastGeneration = GENERATIONS_AHEAD
    this.keeper.keepGroup({ ...none, lastGeneration, protocolType }, step.changes)
  }

  /** A generation that is told to anybody is never begun again, whatever becomes of this object. */
  beginGeneration(step: Outcome): void {
    this.lastGeneration += 1
    this.generation = this.lastGeneration
    const kept = this.keeper.group
    if (kept === null || this.lastGeneration <= kept.lastGeneration) return
    const lastGeneration = this.lastGeneration + GENERATIONS_AHEAD
    this.keeper.keepGroup({ ...kept, lastGeneration }, step.changes)
  }

  /** Keeps the group as it is now: a complete generation, or one that must not last. */
  keep(step: Outcome, needsRebalance = false): void {
    this.keeper.keepGroup(
      {
        generation: this.generation,
        lastGeneration: this.lastGeneration + GENERATIONS_AHEAD,
        protocolType: this.protocolType,
        protocolName: this.protocolName,
        leaderId: this.roster.leaderId,
        emptySinceMs: this.emptySinceMs,
        ...(needsRebalance ? { needsRebalance } : {}),
      },
      step.changes,
    )
    this.keeper.keepMembers(this.roster, step.changes)
  }

  /** Takes members over, in the generation that they are in. */
  carry(members: ClassicSnapshot['members'], leaderId: string | null, nowMs: number): void {
    for (const one of members) {
      const member = carriedMember(one, nowMs)
      this.roster.add(member)
      this.setDeadline(member, nowMs + one.sessionTimeoutMs)
    }
    if (members.length === 0) return
    this.roster.leaderId = leaderId ?? this.roster.leaderId
    this.name = 'Stable'
    this.subscribedTopics = this.subscriptions()
  }
}
