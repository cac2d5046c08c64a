// What a group's machine is asked, answers, writes and has done. Types only.

import type { ErrorCode } from '../core/errors.ts'
import type { ConsumerGroupHeartbeatRequest } from '../protocol/messages/consumer-group-heartbeat.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../protocol/messages/join-group.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../protocol/messages/leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../protocol/messages/sync-group.ts'
import type { EnlistReply, EnlistRequest } from '../transaction/contract.ts'
import type {
  CommitReply,
  CommitRequest,
  DeleteOffsetsReply,
  DeleteOffsetsRequest,
  DescribedConsumerGroup,
  DescribedGroup,
  FetchOffsetsReply,
  FetchOffsetsRequest,
  GroupCaller,
  GroupMarker,
  HeartbeatCaller,
  HeartbeatReply,
  HistoryReply,
  HistoryRequest,
  TransactionalCommitRequest,
} from './contract.ts'
import type { RowChange } from './membership.ts'
import type { OffsetChange } from './offsets.ts'
import type { VerificationKey } from './offsets-verification.ts'

/** What each command is answered with. */
export interface GroupReplies {
  readonly join: JoinGroupResponse
  readonly sync: SyncGroupResponse
  readonly heartbeat: HeartbeatResponse
  readonly leave: LeaveGroupResponse
  readonly consumerHeartbeat: HeartbeatReply
  readonly commit: CommitReply
  readonly commitInTransaction: CommitReply
  readonly fetch: FetchOffsetsReply
  readonly history: HistoryReply
  readonly deleteOffsets: DeleteOffsetsReply
  readonly endTransaction: { readonly error: ErrorCode }
  readonly describe: DescribedGroup
  readonly describeConsumer: DescribedConsumerGroup
  readonly delete: { readonly error: ErrorCode }
  readonly exists: boolean
  readonly enlisted: null
  readonly refreshed: null
}

export type GroupReply = GroupReplies[keyof GroupReplies]

interface Asked<Kind extends string, Request, Caller = GroupCaller> {
  readonly kind: Kind
  readonly request: Request
  readonly caller: Caller
}

/** Commands of others (RPC), and of the shell itself at the end. */
export type GroupRequest =
  | Asked<'join', JoinGroupRequest>
  | Asked<'sync', SyncGroupRequest>
  | Asked<'heartbeat', HeartbeatRequest>
  | Asked<'leave', LeaveGroupRequest>
  | Asked<'consumerHeartbeat', ConsumerGroupHeartbeatRequest, HeartbeatCaller>
  | Asked<'commit', CommitRequest>
  | Asked<'commitInTransaction', TransactionalCommitRequest>
  | Asked<'fetch', FetchOffsetsRequest>
  | { readonly kind: 'history'; readonly request: HistoryRequest }
  | { readonly kind: 'deleteOffsets'; readonly request: DeleteOffsetsRequest }
  | { readonly kind: 'endTransaction'; readonly marker: GroupMarker }
  | { readonly kind: 'describe'; readonly version: number }
  | { readonly kind: 'describeConsumer' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'exists' }
  /** The transaction's coordinator has answered; null when it could not be asked. */
  | {
      readonly kind: 'enlisted'
      readonly key: VerificationKey
      readonly reply: EnlistReply | null
    }
  /** Cluster has told something new (`learn`), which any command would take into account too. */
  | { readonly kind: 'refreshed' }

/** A command and the group it is for. */
export type GroupCommand = GroupRequest & { readonly groupId: string }

/** What must be written. */
export type GroupChange =
  /** The first: a group of this id exists. Also when its kind of membership changes. */
  | { readonly kind: 'group'; readonly groupId: string; readonly type: 'classic' | 'consumer' }
  /** What the group goes by, as JSON: a load knows the timeouts before Cluster has said them again. */
  | { readonly kind: 'settings'; readonly settings: string }
  | { readonly kind: 'row'; readonly row: RowChange }
  | { readonly kind: 'offset'; readonly offset: OffsetChange }
  /** The group is no more: nothing of it stays. */
  | { readonly kind: 'gone' }

/** What is done once the changes are durable. */
export type GroupEffect =
  /** Ask the transaction's coordinator; the outcome comes back as 'enlisted'. */
  | {
      readonly kind: 'enlist'
      readonly key: VerificationKey
      readonly request: EnlistRequest
    }
  /** The group's entry in the directory is another one, or none. */
  | { readonly kind: 'entry' }
