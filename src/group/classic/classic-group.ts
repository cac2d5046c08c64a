// A classic consumer group (KIP-62, KIP-345, KIP-394, KIP-814): who is a member, which generation they
// are in, what the leader assigned. A pure state machine. The metadata and the assignments are the
// clients' business; cooperative rebalancing (KIP-429) is theirs too. The rules are in the files beside.
//
// Empty ─join→ PreparingRebalance ─all rejoined, or time is up→ CompletingRebalance ─leader's sync→ Stable
// and back to PreparingRebalance whenever a member comes, goes or changes. Kept on disk is the last
// generation that became Stable (or Empty): whoever loads it goes on there, in the same generation.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { HeartbeatRequest } from '../../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest } from '../../protocol/messages/join-group.ts'
import type { LeaveGroupRequest } from '../../protocol/messages/leave-group.ts'
import type { SyncGroupRequest } from '../../protocol/messages/sync-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type { DescribedGroup, GroupCaller } from '../contract.ts'
import type {
  ClassicMembership,
  ClassicSnapshot,
  Converted,
  OffsetCaller,
  Step,
  Surroundings,
} from '../membership.ts'
import { describeGroup, snapshotOf } from './describe.ts'
import { GroupState, outcome, type StateName } from './group-state.ts'
import { join } from './joining.ts'
import { Keeper } from './keeper.ts'
import { endSessions, leave, releaseLongParked } from './leaving.ts'
import { checkCommit } from './offset-checks.ts'
import { joinDue, prepareRebalance } from './rebalancing.ts'
import { readRows } from './rows.ts'
import { sync, syncDue } from './syncing.ts'

/** See the head of this file. */
export class ClassicGroup implements ClassicMembership {
  readonly type = 'classic'
  readonly #state: GroupState

  private constructor(state: GroupState) {
    this.#state = state
  }

  /** A group without members that is not kept yet. */
  static empty(nowMs: number): ClassicGroup {
    return new ClassicGroup(
      new GroupState(new Keeper(), {
        generation: 0,
        lastGeneration: 0,
        protocolType: '',
        protocolName: null,
        leaderId: null,
        emptySinceMs: nowMs,
      }),
    )
  }

  /** The group as it was kept. Members get their whole session timeout to be heard of again. */
  static load(rows: ReadonlyMap<string, string>, nowMs: number): ClassicGroup {
    const { group, members } = readRows(rows)
    const memberIds = members.map(({ memberId }) => memberId)
    const state = new GroupState(new Keeper(group, memberIds), group)
    state.carry(members, group.leaderId, nowMs)
    for (const { kept } of state.roster.all()) kept.info = kept.assignment = true
    if (group.needsRebalance === true && members.length > 0) state.awaitMembers(nowMs)
    return new ClassicGroup(state)
  }

  /** A consumer group whose members are all classic ones now. */
  static fromSnapshot(snapshot: ClassicSnapshot, now: Surroundings): Converted<ClassicGroup> {
    const { generation, protocolType, protocolName, leaderId, members, needsRebalance } = snapshot
    const lastGeneration = generation
    const emptySinceMs = members.length === 0 ? now.nowMs : null
    const group = { generation, lastGeneration, protocolType, protocolName, leaderId, emptySinceMs }
    const state = new GroupState(new Keeper(), group)
    state.carry(members, leaderId, now.nowMs)
    const step = outcome()
    state.keep(step, needsRebalance)
    if (needsRebalance && members.length > 0) prepareRebalance(state, step, now)
    return { membership: new ClassicGroup(state), changes: step.changes }
  }

  get state(): StateName {
    return this.#state.name
  }

  get protocolType(): string {
    return this.#state.protocolType
  }

  get isEmpty(): boolean {
    return this.#state.isEmpty
  }

  get size(): number {
    return this.#state.roster.size
  }

  /** Nobody has come and nobody is expected: a group that was made for a request may be forgotten. */
  get isUntouched(): boolean {
    const { isEmpty, pending, keeper } = this.#state
    return isEmpty && pending.size === 0 && keeper.group === null
  }

  get emptySinceMs(): number | null {
    return this.#state.emptySinceMs
  }

  get subscribedTopics(): ReadonlySet<string> | null {
    return this.#state.subscribedTopics
  }

  get subscribesByPattern(): boolean {
    return false
  }

  get deadlineMs(): number {
    return this.#state.deadlineMs
  }

  rows(): readonly string[] {
    return this.#state.keeper.keys()
  }

  /** Makes a new group known on disk, before its first generation or for offsets alone. */
  found(nowMs: number): Step {
    const step = outcome()
    this.#state.found(step, nowMs)
    return step
  }

  joinGroup(
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    const step = outcome()
    const error = join(this.#state, request, caller, ticket, now, step)
    if (error !== null) step.replies.push([ticket, error])
    const { keeper, pending } = this.#state
    if (keeper.group === null && (!this.isEmpty || pending.size > 0)) {
      this.#state.found(step, now.nowMs)
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
    sync(this.#state, request, ticket, now, step)
    return step
  }

  heartbeat(
    request: HeartbeatRequest,
    _caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    const errorCode = heartbeat(this.#state, request, now)
    return { changes: [], replies: [[ticket, { throttleTimeMs: 0, errorCode }]] }
  }

  leaveGroup(
    request: LeaveGroupRequest,
    _caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    const step = outcome()
    leave(this.#state, request, ticket, now, step)
    return step
  }

  tick(now: Surroundings): Step {
    const state = this.#state
    const step = outcome()
    const { nowMs } = now
    if (state.joinPhase !== null && nowMs >= state.joinPhase.dueMs) joinDue(state, step, now)
    if (nowMs >= state.syncDueMs) syncDue(state, step, now)
    if (nowMs >= state.sessionsDueMs) endSessions(state, step, now)
    if (nowMs >= state.parkedDueMs) releaseLongParked(state, step, now)
    return step
  }

  checkOffsets(caller: OffsetCaller, use: 'commit' | 'fetch', now: Surroundings): ErrorCode {
    return use === 'fetch' ? KafkaError.NONE : checkCommit(this.#state, caller, now)
  }

  describe(groupId: string): DescribedGroup {
    return describeGroup(this.#state, groupId)
  }

  snapshot(): ClassicSnapshot {
    return snapshotOf(this.#state)
  }

  releaseTickets(error: ErrorCode): Step {
    const state = this.#state
    const step = outcome()
    for (const member of state.roster.all()) state.release(member, error, member.memberId, step)
    return step
  }
}

function heartbeat(
  state: GroupState,
  { memberId, groupInstanceId, generationId }: HeartbeatRequest,
  now: Surroundings,
): ErrorCode {
  const member = state.roster.get(memberId)
  const error = state.memberError(memberId, groupInstanceId)
  if (error !== KafkaError.NONE || member === undefined) return error
  if (generationId !== state.generation) return KafkaError.ILLEGAL_GENERATION
  state.prolong(member, now)
  return state.name === 'PreparingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE
}
