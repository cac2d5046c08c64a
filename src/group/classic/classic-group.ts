// A classic consumer group (KIP-62, KIP-345, KIP-394, KIP-814): who is a member, which generation they
// are in, what the leader assigned. A pure state machine. The metadata and the assignments are the
// clients' business; cooperative rebalancing (KIP-429) is theirs too.
//
// Empty ─join→ PreparingRebalance ─all rejoined, or time is up→ CompletingRebalance ─leader's sync→ Stable
// and back to PreparingRebalance whenever a member comes, goes or changes. Kept on disk is the last
// generation that became Stable (or Empty): whoever loads it goes on there, in the same generation.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import {
  CLASSIC_ASSIGNMENTS_BYTES,
  CLASSIC_MEMBER_BYTES,
  CLASSIC_MEMBERS_BYTES,
  CLASSIC_NEW_MEMBER_MS,
  CLASSIC_PENDING_MEMBERS,
  PARKED_CALL_MAX_MS,
} from '../../core/limits.ts'
import type { HeartbeatRequest } from '../../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/messages/join-group.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../../protocol/messages/leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/messages/sync-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type { DescribedGroup, GroupCaller } from '../contract.ts'
import type {
  ClassicMembership,
  ClassicSnapshot,
  Converted,
  MembershipReply,
  OffsetCaller,
  RowChange,
  Step,
  Surroundings,
} from '../membership.ts'
import { Keeper } from './keeper.ts'
import {
  carriedMember,
  described,
  type Member,
  memberOf,
  metadataOf,
  NO_ASSIGNMENT,
  sameBytes,
  sameProtocols,
  sizeOf,
} from './member.ts'
import { type Generation, joinError, joined, syncError, synced } from './replies.ts'
import { Roster } from './roster.ts'
import { type KeptGroup, readRows } from './rows.ts'
import { subscribedTopicsOf } from './subscription.ts'

/** Kafka's names. A group that does not exist is 'Dead'; group.ts knows that. */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/** The protocol type of consumers, whose subscriptions the broker may read. */
export const CONSUMER_PROTOCOL = 'consumer'

const NEVER = Number.POSITIVE_INFINITY
/** DescribeGroups: operations were not asked for; the handler fills in what was. */
const OPERATIONS_NOT_ASKED = -2_147_483_648
/** From this version of JoinGroup on a new member is told its id before it is let in (KIP-394). */
const KNOWN_MEMBER_ID_FROM = 4
/** From this version of JoinGroup on a returning leader can be told not to assign (KIP-814). */
const SKIP_ASSIGNMENT_FROM = 9

/** Until when the members may rejoin. */
interface JoinPhase {
  readonly dueMs: number
  /** Of a group that was empty: more may come, so each newcomer prolongs it, within what remains. */
  readonly initial: { readonly delayMs: number; readonly remainingMs: number } | null
}

/** What a step has come to so far. */
interface Outcome extends Step {
  readonly changes: RowChange[]
  readonly replies: [Ticket, MembershipReply][]
}

/** See the head of this file. */
export class ClassicGroup implements ClassicMembership {
  readonly type = 'classic'
  readonly #roster = new Roster()
  /** Ids given out (MEMBER_ID_REQUIRED) whose join is awaited, and until when. */
  readonly #pending = new Map<string, number>()
  /** Members of the current generation that have not synced. */
  readonly #unsynced = new Set<string>()
  readonly #keeper: Keeper
  #state: ClassicState = 'Empty'
  #generation: number
  /** The highest generation that anybody was told, also before this object was loaded. */
  #lastGeneration: number
  #protocolType: string
  #protocolName: string | null
  #subscribedTopics: ReadonlySet<string> | null = null
  #emptySinceMs: number | null
  #joinPhase: JoinPhase | null = null
  #cameFromEmpty = false
  #newcomer = false
  #syncDueMs = NEVER
  /** No session ends before this. Heartbeats prolong sessions without moving it. */
  #sessionsDueMs = NEVER
  /** No parked call has to be released before this. */
  #parkedDueMs = NEVER

  private constructor(keeper: Keeper, from: KeptGroup) {
    this.#keeper = keeper
    this.#generation = from.generation
    this.#lastGeneration = from.lastGeneration
    this.#protocolType = from.protocolType
    this.#protocolName = from.protocolName
    this.#emptySinceMs = from.emptySinceMs
  }

  /** A group without members that is not kept yet. */
  static empty(nowMs: number): ClassicGroup {
    return new ClassicGroup(new Keeper(), {
      generation: 0,
      lastGeneration: 0,
      protocolType: '',
      protocolName: null,
      leaderId: null,
      emptySinceMs: nowMs,
    })
  }

  /** The group as it was kept. Members get their whole session timeout to be heard of again. */
  static load(rows: ReadonlyMap<string, string>, nowMs: number): ClassicGroup {
    const { group, members } = readRows(rows)
    const memberIds = members.map(({ memberId }) => memberId)
    const loaded = new ClassicGroup(new Keeper(group, memberIds), group)
    loaded.#carry(members, group.leaderId, nowMs)
    for (const { kept } of loaded.#roster.all()) kept.info = kept.assignment = true
    return loaded
  }

  /** A consumer group whose members are all classic ones now. */
  static fromSnapshot(snapshot: ClassicSnapshot, now: Surroundings): Converted<ClassicGroup> {
    const { generation, protocolType, protocolName, leaderId, members, needsRebalance } = snapshot
    const lastGeneration = generation
    const emptySinceMs = members.length === 0 ? now.nowMs : null
    const group = { generation, lastGeneration, protocolType, protocolName, leaderId, emptySinceMs }
    const made = new ClassicGroup(new Keeper(), group)
    made.#carry(members, leaderId, now.nowMs)
    const step = outcome()
    made.#keep(step)
    if (needsRebalance && members.length > 0) made.#prepareRebalance(step, now)
    return { membership: made, changes: step.changes }
  }

  get state(): ClassicState {
    return this.#state
  }

  get protocolType(): string {
    return this.#protocolType
  }

  get isEmpty(): boolean {
    return this.#roster.size === 0
  }

  /** Nobody has come and nobody is expected: a group that was made for a request may be forgotten. */
  get isUntouched(): boolean {
    return this.isEmpty && this.#pending.size === 0 && this.#keeper.group === null
  }

  get emptySinceMs(): number | null {
    return this.#emptySinceMs
  }

  get subscribedTopics(): ReadonlySet<string> | null {
    return this.#subscribedTopics
  }

  get subscribesByPattern(): boolean {
    return false
  }

  get deadlineMs(): number {
    return Math.min(
      this.#joinPhase?.dueMs ?? NEVER,
      this.#syncDueMs,
      this.#sessionsDueMs,
      this.#parkedDueMs,
    )
  }

  rows(): readonly string[] {
    return this.#keeper.keys()
  }

  /** Makes a new group known on disk, before its first generation or for offsets alone. */
  found(nowMs: number): Step {
    const step = outcome()
    const protocolType = this.#protocolType
    const none = { generation: 0, lastGeneration: 0, protocolName: null, leaderId: null }
    this.#keeper.keepGroup({ ...none, protocolType, emptySinceMs: nowMs }, step.changes)
    return step
  }

  joinGroup(
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    const step = outcome()
    const error = this.#join(request, caller, ticket, now, step)
    if (error !== null) step.replies.push([ticket, error])
    if (this.#keeper.group === null && (!this.isEmpty || this.#pending.size > 0)) {
      step.changes.push(...this.found(now.nowMs).changes)
    }
    return step
  }

  syncGroup(
    request: SyncGroupRequest,
    _caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    const step = outcome()
    const member = this.#roster.get(request.memberId)
    const error = this.#syncRefused(request)
    if (error !== KafkaError.NONE || member === undefined) {
      step.replies.push([ticket, syncError(error)])
    } else if (this.#state === 'Stable') {
      this.#hasSynced(member)
      this.#prolong(member, now)
      step.replies.push([ticket, synced(this.#told, member.assignment)])
    } else {
      this.#replaceSync(member, ticket, step, now)
      this.#hasSynced(member)
      if (this.#roster.leaderId === member.memberId) this.#assign(request.assignments, step, now)
    }
    return step
  }

  heartbeat(
    request: HeartbeatRequest,
    _caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    const answer = (errorCode: ErrorCode): Step => ({
      changes: [],
      replies: [[ticket, { throttleTimeMs: 0, errorCode }]],
    })
    const { memberId, groupInstanceId, generationId } = request
    const member = this.#roster.get(memberId)
    const error = this.#memberError(memberId, groupInstanceId)
    if (error !== KafkaError.NONE || member === undefined) return answer(error)
    if (generationId !== this.#generation) return answer(KafkaError.ILLEGAL_GENERATION)
    this.#prolong(member, now)
    return answer(
      this.#state === 'PreparingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE,
    )
  }

  leaveGroup(
    request: LeaveGroupRequest,
    _caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    const step = outcome()
    const before = this.#roster.size
    const members: LeaveGroupResponse['members'] = request.members.map(
      ({ memberId, groupInstanceId }) => {
        const errorCode = this.#leave(memberId, groupInstanceId, step)
        return { memberId, groupInstanceId, errorCode }
      },
    )
    step.replies.push([ticket, { throttleTimeMs: 0, errorCode: KafkaError.NONE, members }])
    this.#afterRemoval(before, step, now)
    return step
  }

  tick(now: Surroundings): Step {
    const step = outcome()
    const { nowMs } = now
    if (this.#joinPhase !== null && nowMs >= this.#joinPhase.dueMs) this.#joinDue(step, now)
    if (nowMs >= this.#syncDueMs) this.#syncDue(step, now)
    if (nowMs >= this.#sessionsDueMs) this.#endSessions(step, now)
    if (nowMs >= this.#parkedDueMs) this.#releaseLongParked(step, now)
    return step
  }

  checkOffsets(caller: OffsetCaller, use: 'commit' | 'fetch', now: Surroundings): ErrorCode {
    if (use === 'fetch') return KafkaError.NONE
    const { memberId, instanceId, generationOrEpoch, transactional } = caller
    // Whoever does not take part in the group may commit while nobody does.
    if (generationOrEpoch < 0 && this.#state === 'Empty') return KafkaError.NONE
    if (generationOrEpoch >= 0 || memberId !== '' || instanceId !== null) {
      const error = this.#memberError(memberId, instanceId)
      if (error !== KafkaError.NONE) return error
      if (generationOrEpoch !== this.#generation) return KafkaError.ILLEGAL_GENERATION
    } else if (!transactional) {
      return KafkaError.UNKNOWN_MEMBER_ID
    }
    if (transactional) return KafkaError.NONE
    if (this.#state === 'CompletingRebalance') return KafkaError.REBALANCE_IN_PROGRESS
    const member = this.#roster.get(memberId)
    if (member !== undefined) this.#prolong(member, now)
    return KafkaError.NONE
  }

  describe(groupId: string): DescribedGroup {
    const isStable = this.#state === 'Stable'
    return {
      errorCode: KafkaError.NONE,
      errorMessage: null,
      groupId,
      groupState: this.#state,
      protocolType: this.#protocolType,
      protocolData: isStable ? (this.#protocolName ?? '') : '',
      members: [...this.#roster.all()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: isStable ? metadataOf(member, this.#protocolName) : NO_ASSIGNMENT,
        memberAssignment: member.assignment,
      })),
      authorizedOperations: OPERATIONS_NOT_ASKED,
    }
  }

  snapshot(): ClassicSnapshot {
    return {
      generation: this.#lastGeneration,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leaderId: this.#roster.leaderId,
      members: [...this.#roster.all()].map((member) => ({
        memberId: member.memberId,
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        sessionTimeoutMs: member.sessionTimeoutMs,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        protocols: member.protocols,
        assignment: member.assignment,
      })),
      needsRebalance: this.#state !== 'Stable',
    }
  }

  releaseTickets(error: ErrorCode): Step {
    const step = outcome()
    for (const member of this.#roster.all()) this.#release(member, error, member.memberId, step)
    return step
  }

  // Joining.

  /** The answer if it is to be refused; null when it was answered, or parked. */
  #join(
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
    step: Outcome,
  ): JoinGroupResponse | null {
    const { memberId } = request
    if (!this.#hasRoom(request, caller, now)) {
      const member = this.#roster.get(memberId)
      if (member !== undefined) {
        this.#remove(member, KafkaError.GROUP_MAX_SIZE_REACHED, step)
        this.#maybeCompleteJoin(step, now)
      }
      return joinError('', KafkaError.GROUP_MAX_SIZE_REACHED)
    }
    if (!this.#supports(request)) {
      return joinError(memberId, KafkaError.INCONSISTENT_GROUP_PROTOCOL)
    }
    if (memberId === '') return this.#joinNew(request, caller, ticket, now, step)
    if (this.#pending.has(memberId)) {
      this.#addMember(memberId, request, caller, ticket, now, step)
      return null
    }
    const error = this.#memberError(memberId, request.groupInstanceId)
    const member = this.#roster.get(memberId)
    if (error !== KafkaError.NONE || member === undefined) return joinError(memberId, error)
    this.#rejoin(member, request, caller, ticket, now, step)
    return null
  }

  /** group.max.size, and our own bounds of memory. */
  #hasRoom(request: JoinGroupRequest, caller: GroupCaller, { settings }: Surroundings): boolean {
    const { memberId, protocols } = request
    const member = this.#roster.get(memberId)
    const bytes = sizeOf({ memberId, clientId: caller.clientId, protocols })
    const others = this.#roster.bytes - (member === undefined ? 0 : sizeOf(member))
    if (bytes > CLASSIC_MEMBER_BYTES || bytes + others > CLASSIC_MEMBERS_BYTES) return false
    if (this.#state === 'Empty') return true
    if (this.#state !== 'PreparingRebalance') {
      return member !== undefined || this.#roster.size < settings.maxSize
    }
    // Those who rejoin first stay, should the bound have been lowered below the size of the group.
    return (member !== undefined && member.join !== null) || this.#roster.joining < settings.maxSize
  }

  #supports({ protocolType, protocols }: JoinGroupRequest): boolean {
    if (this.isEmpty) return protocolType !== '' && protocols.length > 0
    return (
      protocolType === this.#protocolType &&
      protocols.some(({ name }) => this.#roster.isSupportedByAll(name))
    )
  }

  #joinNew(
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
    step: Outcome,
  ): JoinGroupResponse | null {
    const { groupInstanceId, sessionTimeoutMs } = request
    const memberId = `${groupInstanceId ?? caller.clientId}-${now.newId()}`
    const oldId = groupInstanceId === null ? undefined : this.#roster.byInstance(groupInstanceId)
    const old = oldId === undefined ? undefined : this.#roster.get(oldId)
    if (old !== undefined) {
      this.#replaceStatic(old, memberId, request, caller, ticket, now, step)
    } else if (groupInstanceId !== null || caller.version < KNOWN_MEMBER_ID_FROM) {
      this.#addMember(memberId, request, caller, ticket, now, step)
    } else if (this.#pending.size >= CLASSIC_PENDING_MEMBERS) {
      return joinError('', KafkaError.GROUP_MAX_SIZE_REACHED)
    } else {
      this.#pending.set(memberId, now.nowMs + sessionTimeoutMs)
      this.#sessionsDueMs = Math.min(this.#sessionsDueMs, now.nowMs + sessionTimeoutMs)
      return joinError(memberId, KafkaError.MEMBER_ID_REQUIRED)
    }
    return null
  }

  #addMember(
    memberId: string,
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
    step: Outcome,
  ): void {
    this.#pending.delete(memberId)
    if (this.isEmpty) this.#protocolType = request.protocolType
    if (this.#state === 'PreparingRebalance' && this.#cameFromEmpty) this.#newcomer = true
    const member = memberOf(memberId, request, caller)
    member.isNew = true
    this.#roster.add(member)
    this.#park(member, ticket, step, now)
    // It does not know its id, so it cannot heartbeat; if it has gone, it must not stay for ever.
    this.#setDeadline(member, now.nowMs + CLASSIC_NEW_MEMBER_MS)
    this.#maybeRebalance(step, now)
  }

  #rejoin(
    member: Member,
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
    step: Outcome,
  ): void {
    const isLeader = this.#roster.leaderId === member.memberId
    const isSame = sameProtocols(member.protocols, request.protocols)
    const mayStay = this.#state === 'CompletingRebalance' || (this.#state === 'Stable' && !isLeader)
    if (mayStay && isSame) {
      // It may have missed the answer to its join, or lost the connection: nothing has changed.
      this.#prolong(member, now)
      step.replies.push([ticket, this.#joinedReply(member)])
      return
    }
    this.#roster.update(member, described(request, caller))
    this.#park(member, ticket, step, now)
    this.#maybeRebalance(step, now)
  }

  /** KIP-345: the instance is back under another id; whoever had its old id is fenced. */
  #replaceStatic(
    old: Member,
    memberId: string,
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
    step: Outcome,
  ): void {
    const oldLeaderId = this.#roster.leaderId
    this.#release(old, KafkaError.FENCED_INSTANCE_ID, old.memberId, step)
    const member = this.#roster.rename(old, memberId)
    if (this.#unsynced.delete(old.memberId)) this.#unsynced.add(memberId)
    this.#roster.update(member, described(request, caller))
    this.#prolong(member, now)
    if (this.#state !== 'Stable' || this.#roster.vote() !== this.#protocolName) {
      this.#park(member, ticket, step, now)
      // In CompletingRebalance the leader assigns to the old id: all have to join again.
      this.#maybeRebalance(step, now)
      return
    }
    this.#keep(step)
    const knowsToSkip = caller.version >= SKIP_ASSIGNMENT_FROM
    // An older client that is told it leads would assign anew: it is told that its old id leads.
    const reply = this.#joinedReply(member, knowsToSkip ? this.#roster.leaderId : oldLeaderId)
    step.replies.push([ticket, { ...reply, skipAssignment: reply.members.length > 0 }])
  }

  #joinedReply(member: Member, leaderId = this.#roster.leaderId): JoinGroupResponse {
    const { memberId } = member
    const members =
      leaderId === memberId
        ? [...this.#roster.all()].map((one) => ({
            memberId: one.memberId,
            groupInstanceId: one.instanceId,
            metadata: metadataOf(one, this.#protocolName),
          }))
        : []
    return joined(this.#told, { memberId, leader: leaderId ?? '', members })
  }

  get #told(): Generation {
    return {
      number: this.#generation,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
    }
  }

  // Rebalancing.

  #maybeRebalance(step: Outcome, now: Surroundings): void {
    if (this.#state === 'PreparingRebalance') this.#maybeCompleteJoin(step, now)
    else this.#prepareRebalance(step, now)
  }

  #prepareRebalance(step: Outcome, now: Surroundings): void {
    if (this.#state === 'CompletingRebalance') {
      this.#dropAssignments(KafkaError.REBALANCE_IN_PROGRESS, step, now)
    }
    this.#unsynced.clear()
    this.#syncDueMs = NEVER
    this.#cameFromEmpty = this.#state === 'Empty'
    this.#state = 'PreparingRebalance'
    this.#emptySinceMs = null
    this.#newcomer = false
    const timeoutMs = this.#roster.rebalanceTimeoutMs()
    if (this.#cameFromEmpty) {
      const delayMs = now.settings.initialRebalanceDelayMs
      const remainingMs = Math.max(timeoutMs - delayMs, 0)
      this.#joinPhase = { dueMs: now.nowMs + delayMs, initial: { delayMs, remainingMs } }
    } else {
      this.#joinPhase = { dueMs: now.nowMs + timeoutMs, initial: null }
      this.#maybeCompleteJoin(step, now)
    }
  }

  #maybeCompleteJoin(step: Outcome, now: Surroundings): void {
    if (this.#state !== 'PreparingRebalance' || this.#joinPhase?.initial) return
    const isAwaited = this.#pending.size > 0 && !this.isEmpty
    if (this.#roster.joining === this.#roster.size && !isAwaited) this.#completeJoin(step, now)
  }

  #joinDue(step: Outcome, now: Surroundings): void {
    const initial = this.#joinPhase?.initial ?? null
    if (initial === null || !this.#newcomer || initial.remainingMs === 0) {
      this.#completeJoin(step, now)
      return
    }
    this.#newcomer = false
    const delayMs = Math.min(now.settings.initialRebalanceDelayMs, initial.remainingMs)
    const remainingMs = Math.max(initial.remainingMs - initial.delayMs, 0)
    this.#joinPhase = { dueMs: now.nowMs + delayMs, initial: { delayMs, remainingMs } }
  }

  /** The next generation begins with those who have rejoined; static members stay in any case. */
  #completeJoin(step: Outcome, now: Surroundings): void {
    for (const member of [...this.#roster.all()]) {
      if (member.join === null && member.instanceId === null) this.#roster.remove(member)
    }
    if (!this.isEmpty && !this.#electLeader()) {
      // Only static members are left and none has come: their sessions decide.
      const dueMs = now.nowMs + this.#roster.rebalanceTimeoutMs()
      this.#joinPhase = { dueMs, initial: null }
      return
    }
    this.#joinPhase = null
    this.#lastGeneration += 1
    this.#generation = this.#lastGeneration
    this.#unsynced.clear()
    if (this.isEmpty) {
      this.#becomeEmpty(step, now)
      return
    }
    this.#state = 'CompletingRebalance'
    this.#protocolName = this.#roster.vote()
    this.#subscribedTopics = this.#subscriptions()
    for (const member of this.#roster.all()) {
      if (member.join !== null) step.replies.push([member.join.ticket, this.#joinedReply(member)])
      this.#roster.park(member, null)
      member.isNew = false
      this.#prolong(member, now)
      this.#unsynced.add(member.memberId)
    }
    this.#syncDueMs = now.nowMs + this.#roster.rebalanceTimeoutMs()
    // A generation that was told to anybody is never begun again, whatever becomes of this object.
    const kept = this.#keeper.group
    if (kept !== null) {
      this.#keeper.keepGroup({ ...kept, lastGeneration: this.#lastGeneration }, step.changes)
    }
  }

  #electLeader(): boolean {
    const leader = this.#roster.get(this.#roster.leaderId ?? '')
    if (leader !== undefined && leader.join !== null) return true
    for (const member of this.#roster.all()) {
      if (member.join === null) continue
      this.#roster.leaderId = member.memberId
      return true
    }
    return false
  }

  #becomeEmpty(step: Outcome, now: Surroundings): void {
    this.#state = 'Empty'
    this.#protocolName = null
    this.#subscribedTopics = this.#subscriptions()
    this.#emptySinceMs = now.nowMs
    this.#syncDueMs = NEVER
    this.#keep(step)
  }

  /** Topics of all members; null when any of them says something that is no subscription. */
  #subscriptions(): ReadonlySet<string> | null {
    if (this.#protocolType !== CONSUMER_PROTOCOL) return null
    const topics = new Set<string>()
    for (const member of this.#roster.all()) {
      const subscribed = subscribedTopicsOf(metadataOf(member, this.#protocolName))
      if (subscribed === null) return null
      for (const topic of subscribed) topics.add(topic)
    }
    return topics
  }

  // Syncing.

  #syncRefused(request: SyncGroupRequest): ErrorCode {
    const { memberId, groupInstanceId, generationId, protocolType, protocolName } = request
    const error = this.#memberError(memberId, groupInstanceId)
    if (error !== KafkaError.NONE) return error
    if (generationId !== this.#generation) return KafkaError.ILLEGAL_GENERATION
    const differs = (said: string | null, ours: string | null) => said !== null && said !== ours
    if (differs(protocolType, this.#protocolType) || differs(protocolName, this.#protocolName)) {
      return KafkaError.INCONSISTENT_GROUP_PROTOCOL
    }
    return this.#state === 'PreparingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE
  }

  /** Once the leader has spoken the generation is complete, and that is what is kept. */
  #assign(assignments: SyncGroupRequest['assignments'], step: Outcome, now: Surroundings): void {
    const bytes = assignments.reduce((sum, { assignment }) => sum + assignment.byteLength, 0)
    const largest = assignments.reduce((most, one) => Math.max(most, one.assignment.byteLength), 0)
    if (bytes > CLASSIC_ASSIGNMENTS_BYTES || largest > CLASSIC_MEMBER_BYTES) {
      this.#dropAssignments(KafkaError.UNKNOWN_SERVER_ERROR, step, now)
      this.#maybeRebalance(step, now)
      return
    }
    const byMember = new Map(assignments.map((one) => [one.memberId, one.assignment]))
    for (const member of this.#roster.all()) {
      this.#setAssignment(member, byMember.get(member.memberId) ?? NO_ASSIGNMENT)
      this.#answerSync(member, synced(this.#told, member.assignment), step, now)
    }
    this.#state = 'Stable'
    this.#keep(step)
  }

  #dropAssignments(error: ErrorCode, step: Outcome, now: Surroundings): void {
    for (const member of this.#roster.all()) {
      this.#setAssignment(member, NO_ASSIGNMENT)
      this.#answerSync(member, syncError(error), step, now)
    }
  }

  #setAssignment(member: Member, assignment: Uint8Array): void {
    if (sameBytes(member.assignment, assignment)) return
    member.assignment = assignment
    member.kept.assignment = false
  }

  #hasSynced(member: Member): void {
    this.#unsynced.delete(member.memberId)
    if (this.#unsynced.size === 0) this.#syncDueMs = NEVER
  }

  /** Members that have not asked for their assignment in time are gone. */
  #syncDue(step: Outcome, now: Surroundings): void {
    this.#syncDueMs = NEVER
    for (const memberId of [...this.#unsynced]) {
      const member = this.#roster.get(memberId)
      if (member !== undefined) this.#remove(member, KafkaError.UNKNOWN_MEMBER_ID, step)
    }
    this.#prepareRebalance(step, now)
  }

  // Leaving.

  #leave(memberId: string, instanceId: string | null, step: Outcome): ErrorCode {
    // An admin removes a static member by its instance alone.
    const id =
      memberId === '' && instanceId !== null ? this.#roster.byInstance(instanceId) : memberId
    if (id !== undefined && this.#pending.delete(id)) return KafkaError.NONE
    const error = this.#memberError(id ?? '', instanceId)
    const member = this.#roster.get(id ?? '')
    if (error !== KafkaError.NONE || member === undefined) return error
    this.#remove(member, KafkaError.UNKNOWN_MEMBER_ID, step)
    return KafkaError.NONE
  }

  #endSessions(step: Outcome, now: Surroundings): void {
    const before = this.#roster.size
    let next = NEVER
    for (const [memberId, deadlineMs] of this.#pending) {
      if (deadlineMs > now.nowMs) next = Math.min(next, deadlineMs)
      else this.#pending.delete(memberId)
    }
    for (const member of [...this.#roster.all()]) {
      // Whoever waits for us is alive; a newcomer cannot show that it still waits.
      if (!member.isNew && (member.join !== null || member.sync !== null)) continue
      if (member.deadlineMs > now.nowMs) next = Math.min(next, member.deadlineMs)
      else this.#remove(member, KafkaError.UNKNOWN_MEMBER_ID, step)
    }
    this.#sessionsDueMs = next
    this.#afterRemoval(before, step, now)
  }

  /** Who was only expected has never been part of a generation: that it goes changes no other. */
  #afterRemoval(sizeBefore: number, step: Outcome, now: Surroundings): void {
    if (this.#state === 'PreparingRebalance') this.#maybeCompleteJoin(step, now)
    else if (this.#roster.size < sizeBefore) this.#prepareRebalance(step, now)
  }

  #remove(member: Member, error: ErrorCode, step: Outcome): void {
    this.#release(member, error, '', step)
    this.#roster.remove(member)
    this.#unsynced.delete(member.memberId)
  }

  // Sessions and parked calls.

  /** 0 when this is a member, and the one that its instance belongs to. */
  #memberError(memberId: string, instanceId: string | null): ErrorCode {
    if (instanceId !== null) {
      const current = this.#roster.byInstance(instanceId)
      if (current === undefined) return KafkaError.UNKNOWN_MEMBER_ID
      if (current !== memberId) return KafkaError.FENCED_INSTANCE_ID
    }
    return this.#roster.get(memberId) === undefined ? KafkaError.UNKNOWN_MEMBER_ID : KafkaError.NONE
  }

  #prolong(member: Member, { nowMs }: Surroundings): void {
    this.#setDeadline(member, nowMs + member.sessionTimeoutMs)
  }

  #setDeadline(member: Member, deadlineMs: number): void {
    member.deadlineMs = deadlineMs
    this.#sessionsDueMs = Math.min(this.#sessionsDueMs, deadlineMs)
  }

  /** A member has one join under way; the one before it has lost its connection. */
  #park(member: Member, ticket: Ticket, step: Outcome, { nowMs }: Surroundings): void {
    if (member.join !== null) {
      const error = KafkaError.REBALANCE_IN_PROGRESS
      step.replies.push([member.join.ticket, joinError(member.memberId, error)])
    }
    this.#roster.park(member, { ticket, sinceMs: nowMs })
    this.#parkedDueMs = Math.min(this.#parkedDueMs, nowMs + PARKED_CALL_MAX_MS)
  }

  #replaceSync(member: Member, ticket: Ticket, step: Outcome, now: Surroundings): void {
    this.#answerSync(member, syncError(KafkaError.REBALANCE_IN_PROGRESS), step, now)
    member.sync = { ticket, sinceMs: now.nowMs }
    this.#parkedDueMs = Math.min(this.#parkedDueMs, now.nowMs + PARKED_CALL_MAX_MS)
  }

  #answerSync(member: Member, reply: SyncGroupResponse, step: Outcome, now: Surroundings): void {
    if (member.sync !== null) step.replies.push([member.sync.ticket, reply])
    member.sync = null
    this.#prolong(member, now)
  }

  /** Answers what a member waits for with an error. */
  #release(member: Member, error: ErrorCode, memberId: string, step: Outcome): void {
    if (member.join !== null) step.replies.push([member.join.ticket, joinError(memberId, error)])
    if (member.sync !== null) step.replies.push([member.sync.ticket, syncError(error)])
    this.#roster.park(member, null)
    member.sync = null
  }

  /** The platform lets no call wait longer. Clients join again with their ids on this code. */
  #releaseLongParked(step: Outcome, now: Surroundings): void {
    let next = NEVER
    for (const member of this.#roster.all()) {
      const parked = [member.join, member.sync].filter((one) => one !== null)
      const dueMs = Math.min(...parked.map(({ sinceMs }) => sinceMs + PARKED_CALL_MAX_MS))
      if (dueMs > now.nowMs) {
        next = Math.min(next, dueMs)
        continue
      }
      this.#release(member, KafkaError.REBALANCE_IN_PROGRESS, member.memberId, step)
      this.#prolong(member, now)
    }
    this.#parkedDueMs = next
  }

  // Disk.

  /** Keeps the group as it is now: a complete generation. */
  #keep(step: Outcome): void {
    this.#keeper.keepGroup(
      {
        generation: this.#generation,
        lastGeneration: this.#lastGeneration,
        protocolType: this.#protocolType,
        protocolName: this.#protocolName,
        leaderId: this.#roster.leaderId,
        emptySinceMs: this.#emptySinceMs,
      },
      step.changes,
    )
    this.#keeper.keepMembers(this.#roster, step.changes)
  }

  #carry(members: ClassicSnapshot['members'], leaderId: string | null, nowMs: number): void {
    for (const one of members) {
      const member = carriedMember(one, nowMs)
      this.#roster.add(member)
      this.#setDeadline(member, nowMs + one.sessionTimeoutMs)
    }
    if (members.length === 0) return
    this.#roster.leaderId = leaderId ?? this.#roster.leaderId
    this.#state = 'Stable'
    this.#subscribedTopics = this.#subscriptions()
  }
}

function outcome(): Outcome {
  return { changes: [], replies: [] }
}
