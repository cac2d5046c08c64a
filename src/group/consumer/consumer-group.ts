// A group of the consumer protocol (KIP-848) as group.ts holds it: each request changes memory at once
// and answers what must be kept. The rules are in the files beside; this one puts them together.

import type { ErrorCode } from '../../core/errors.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../protocol/messages/consumer-group-heartbeat.ts'
import type { HeartbeatRequest } from '../../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest } from '../../protocol/messages/join-group.ts'
import type { LeaveGroupRequest } from '../../protocol/messages/leave-group.ts'
import type { SyncGroupRequest } from '../../protocol/messages/sync-group.ts'
import type { Ticket } from '../../runtime/machine.ts'
import type {
  DescribedConsumerGroup,
  DescribedGroup,
  GroupCaller,
  HeartbeatCaller,
} from '../contract.ts'
import type {
  ClassicSnapshot,
  ConsumerMembership,
  Converted,
  MembershipReply,
  OffsetCaller,
  Step,
  Surroundings,
} from '../membership.ts'
import type { GroupSettings } from '../settings.ts'
import { classicHeartbeat, classicJoin, classicLeave, classicSync } from './classic-requests.ts'
import { CONSUMER_PROTOCOL } from './consumer-protocol.ts'
import { describeAsClassic, describeConsumerGroup } from './describe.ts'
import { GroupState } from './group-state.ts'
import { checkHeartbeat } from './heartbeat-checks.ts'
import { heartbeat, refused } from './heartbeats.ts'
import { convertFromClassic, convertToClassic, goesOnAsClassic } from './migration.ts'
import { checkOffsets } from './offset-checks.ts'
import { refusal } from './refusal.ts'

/**
 * The answer to a heartbeat that is wrong whatever the group is, or undefined. For a group that does
 * not exist or is a classic one: ask this first, change or create nothing for such a request.
 */
export function refuseConsumerHeartbeat(
  request: ConsumerGroupHeartbeatRequest,
  caller: GroupCaller,
  settings: GroupSettings,
): ConsumerGroupHeartbeatResponse | undefined {
  const wrong = checkHeartbeat(request, caller.version, settings)
  return wrong && refused(wrong)
}

/** The answer to a heartbeat with an error and its message. */
export function refusedConsumerHeartbeat(
  errorCode: ErrorCode,
  message: string,
): ConsumerGroupHeartbeatResponse {
  return refused(refusal(errorCode, message))
}

/** See the head of this file. */
export class ConsumerGroup implements ConsumerMembership {
  readonly type = 'consumer'
  readonly protocolType = CONSUMER_PROTOCOL
  readonly #state: GroupState

  private constructor(state: GroupState) {
    this.#state = state
  }

  /** A group without members. Nothing of it is kept until one joins. */
  static empty(nowMs = 0): ConsumerGroup {
    return new ConsumerGroup(GroupState.empty(nowMs))
  }

  /** From its rows. Every session starts anew: nobody could send heartbeats to an object that was not there. */
  static load(
    rows: ReadonlyMap<string, string>,
    nowMs: number,
    settings: GroupSettings,
  ): ConsumerGroup {
    const state = GroupState.load(rows)
    for (const { memberId, classic, rebalanceTimeoutMs, state: name } of state.roster.all()) {
      const sessionMs = classic?.sessionTimeoutMs ?? settings.consumerSessionTimeoutMs
      state.timers.set(memberId, 'session', nowMs + sessionMs)
      if (classic === null && name === 'UNREVOKED_PARTITIONS') {
        state.timers.set(memberId, 'rebalance', nowMs + rebalanceTimeoutMs)
      }
    }
    return new ConsumerGroup(state)
  }

  /**
   * The members of a classic group as a consumer group at its generation; null when what they say cannot
   * be understood. `now.metadata` must have the topics they subscribe to, or what they have of them is
   * lost. To be dropped, its changes unwritten, when the heartbeat that asked for it is refused.
   */
  static fromClassic(
    snapshot: ClassicSnapshot,
    now: Surroundings,
  ): Converted<ConsumerGroup> | null {
    const state = convertFromClassic(snapshot, now)
    if (state === null) return null
    return { membership: new ConsumerGroup(state), changes: state.takeChanges() }
  }

  get state(): string {
    return this.#state.name
  }

  get isEmpty(): boolean {
    return this.#state.roster.size === 0
  }

  get size(): number {
    return this.#state.roster.size
  }

  get emptySinceMs(): number | null {
    return this.#state.emptySinceMs
  }

  get deadlineMs(): number {
    return this.#state.timers.deadlineMs
  }

  get subscribedTopics(): ReadonlySet<string> {
    return this.#state.topicNames
  }

  get subscribesByPattern(): boolean {
    return this.#state.subscribesByPattern
  }

  consumerHeartbeat(
    request: ConsumerGroupHeartbeatRequest,
    caller: HeartbeatCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    this.#state.learn(now)
    const wrong = refuseConsumerHeartbeat(request, caller, now.settings)
    return this.#step(ticket, wrong ?? heartbeat(this.#state, request, caller, now))
  }

  joinGroup(
    request: JoinGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    this.#state.learn(now)
    return this.#step(ticket, classicJoin(this.#state, request, caller, now))
  }

  syncGroup(
    request: SyncGroupRequest,
    _caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    this.#state.learn(now)
    return this.#step(ticket, classicSync(this.#state, request, now))
  }

  heartbeat(
    request: HeartbeatRequest,
    _caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    this.#state.learn(now)
    const errorCode = classicHeartbeat(this.#state, request, now)
    return this.#step(ticket, { throttleTimeMs: 0, errorCode })
  }

  leaveGroup(
    request: LeaveGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step {
    this.#state.learn(now)
    return this.#step(ticket, classicLeave(this.#state, request, caller, now))
  }

  tick(now: Surroundings): Step {
    const state = this.#state
    const due = state.timers.due(now.nowMs)
    if (due.length > 0) {
      state.learn(now)
      state.remove(due, !goesOnAsClassic(state, due, now.settings), now)
    }
    return { changes: state.takeChanges(), replies: [] }
  }

  metadataChanged(now: Surroundings): Step {
    this.#state.learn(now)
    return { changes: this.#state.takeChanges(), replies: [] }
  }

  checkOffsets(caller: OffsetCaller, use: 'commit' | 'fetch', _now: Surroundings): ErrorCode {
    return checkOffsets(this.#state.roster, caller, use)
  }

  describe(groupId: string): DescribedGroup {
    return describeAsClassic(groupId)
  }

  describeConsumer(groupId: string, now: Surroundings): DescribedConsumerGroup {
    return describeConsumerGroup(this.#state, groupId, now)
  }

  asClassic(now: Surroundings): ClassicSnapshot | null {
    return convertToClassic(this.#state, now)
  }

  rows(): readonly string[] {
    return this.#state.rows()
  }

  #step(ticket: Ticket, reply: MembershipReply): Step {
    return { changes: this.#state.takeChanges(), replies: [[ticket, reply]] }
  }
}
