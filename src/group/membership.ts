// The two kinds of membership a group can have and what they share: the seam between classic/ (join and
// sync, KIP-345) and consumer/ (KIP-848). group.ts holds one of them beside the offsets, and swaps them
// when a group is converted. Types only.

import type { GroupMetadata } from '../cluster/contract.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { ConsumerGroupHeartbeatRequest } from '../protocol/messages/consumer-group-heartbeat.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../protocol/messages/join-group.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../protocol/messages/leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../protocol/messages/sync-group.ts'
import type { Ticket } from '../runtime/machine.ts'
import type {
  DescribedConsumerGroup,
  DescribedGroup,
  GroupCaller,
  HeartbeatCaller,
  HeartbeatReply,
} from './contract.ts'
import type { GroupSettings } from './settings.ts'

/** What a step knows of the world. */
export interface Surroundings {
  readonly groupId: string
  readonly nowMs: number
  readonly settings: GroupSettings
  /** The topics the group has to do with, as last told by Cluster. */
  readonly metadata: GroupMetadata
  /** A fresh random id (a UUID): for member ids. */
  readonly newId: () => string
}

/** A durable change of a membership: rows of one table, key and JSON text; '' never is a key. */
export type RowChange =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }

export type MembershipReply =
  | JoinGroupResponse
  | SyncGroupResponse
  | HeartbeatResponse
  | LeaveGroupResponse
  | HeartbeatReply

/** What a step came to. */
export interface Step {
  readonly changes: readonly RowChange[]
  readonly replies: readonly (readonly [Ticket, MembershipReply])[]
}

/** Who wants to commit or fetch offsets. */
export interface OffsetCaller {
  readonly memberId: string
  readonly generationOrEpoch: number
  readonly instanceId: string | null
  /** Version of OffsetCommit, OffsetFetch or TxnOffsetCommit. */
  readonly version: number
  readonly transactional: boolean
}

/** A classic member as conversion carries it: everything either side needs. */
export interface ClassicMemberSnapshot {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** The member's protocols in its order; metadata is a ConsumerProtocolSubscription. */
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[]
  /** A ConsumerProtocolAssignment; empty when it has none. */
  readonly assignment: Uint8Array
}

/** A whole classic group as conversion carries it. */
export interface ClassicSnapshot {
  readonly generation: number
  readonly protocolType: string
  /** The assignor the generation agreed on; null when none. */
  readonly protocolName: string | null
  readonly leaderId: string | null
  readonly members: readonly ClassicMemberSnapshot[]
  /** True when members have to rejoin because what they hold is not what they should. */
  readonly needsRebalance: boolean
}

/**
 * A membership. Methods change memory at once and answer what must be kept; a ticket is answered by
 * this step or a later one, exactly once. Both kinds serve the classic requests: a consumer group
 * does for its classic members during a rolling upgrade.
 */
export interface Membership {
  readonly type: 'classic' | 'consumer'
  /** Kafka's name: Empty, PreparingRebalance, … or Empty, Assigning, Reconciling, Stable. */
  readonly state: string
  /** '' until a member gave one. */
  readonly protocolType: string
  readonly isEmpty: boolean
  /** How many are in it. */
  readonly size: number
  /** When it became empty, milliseconds; null while it has members. For the expiry of offsets. */
  readonly emptySinceMs: number | null
  /** When `tick` is needed next; Infinity for never. */
  readonly deadlineMs: number
  /**
   * Topics subscribed to, by name; a consumer group includes those its patterns match now. null when
   * not known (a subscription that is no consumer's).
   */
  readonly subscribedTopics: ReadonlySet<string> | null
  /** Subscribed by a pattern. */
  readonly subscribesByPattern: boolean

  joinGroup(request: JoinGroupRequest, caller: GroupCaller, ticket: Ticket, now: Surroundings): Step
  syncGroup(request: SyncGroupRequest, caller: GroupCaller, ticket: Ticket, now: Surroundings): Step
  heartbeat(request: HeartbeatRequest, caller: GroupCaller, ticket: Ticket, now: Surroundings): Step
  leaveGroup(
    request: LeaveGroupRequest,
    caller: GroupCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step
  /** Session, rebalance and join deadlines that have passed. */
  tick(now: Surroundings): Step
  /** May this caller commit (or fetch with its epoch)? 0 or Kafka's code. Counts as a heartbeat where Kafka's does. */
  checkOffsets(caller: OffsetCaller, use: 'commit' | 'fetch', now: Surroundings): ErrorCode
  describe(groupId: string): DescribedGroup
  /** Every row it keeps, for a conversion that replaces them. */
  rows(): readonly string[]
}

/** A consumer group (KIP-848): implemented by consumer/consumer-group.ts. */
export interface ConsumerMembership extends Membership {
  readonly type: 'consumer'
  consumerHeartbeat(
    request: ConsumerGroupHeartbeatRequest,
    caller: HeartbeatCaller,
    ticket: Ticket,
    now: Surroundings,
  ): Step
  /** Cluster told newer metadata: `now.metadata` is the new one. */
  metadataChanged(now: Surroundings): Step
  describeConsumer(groupId: string, now: Surroundings): DescribedConsumerGroup
  /** The group as a classic one, when its last member of the new protocol has left; else null. */
  asClassic(now: Surroundings): ClassicSnapshot | null
}

/** A classic group: implemented by classic/classic-group.ts. */
export interface ClassicMembership extends Membership {
  readonly type: 'classic'
  /** For a conversion to a consumer group; group.ts has checked that it may be one. */
  snapshot(): ClassicSnapshot
  /** Answers every parked ticket, because the group is converted: members rejoin. */
  releaseTickets(error: ErrorCode): Step
}

/**
 * A membership made from one of the other kind. `changes` puts every row of the new one; group.ts has
 * deleted those of the old one before them.
 */
export interface Converted<Kind extends Membership> {
  readonly membership: Kind
  readonly changes: readonly RowChange[]
}
