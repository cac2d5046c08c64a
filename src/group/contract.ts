// What a group coordinator says over RPC: plain data only. Requests and responses are Kafka's own
// message bodies where the object can answer them alone; offsets go by topic id, which the broker
// resolves. Not behaviour: the pure files beside it decide, object.ts hosts.

import type { ErrorCode } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import type { ConsumerGroupDescribeResponse } from '../protocol/messages/consumer-group-describe.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../protocol/messages/consumer-group-heartbeat.ts'
import type { DescribeGroupsResponse } from '../protocol/messages/describe-groups.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../protocol/messages/join-group.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../protocol/messages/leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../protocol/messages/sync-group.ts'
import type { OffsetWithHistory } from './history.ts'

/** Who calls: what a member is described with. */
export interface GroupCaller {
  /** Version of the API asked. */
  readonly version: number
  /** Client id of the request's header; '' when null. */
  readonly clientId: string
  /** As Kafka prints it: '/127.0.0.1'. */
  readonly clientHost: string
}

/** A topic of which the broker is to say whether a principal may describe it. */
export interface TopicToJudge {
  readonly id: TopicId
  readonly name: string
}

/** What a principal may describe, and what not. */
export interface Verdict {
  readonly shown: readonly TopicId[]
  readonly hidden: readonly TopicId[]
}

/** Who sends a heartbeat of the consumer protocol. */
export interface HeartbeatCaller extends GroupCaller {
  /**
   * Where topics are hidden from those who may not describe them: who it is, as rules name them, and what
   * was found of the topics that the group asked about. Absent: everybody may see everything.
   */
  readonly viewer?: { readonly principal: string; readonly verdict: Verdict | null }
}

/** An answer to a heartbeat, or a question first. */
export interface HeartbeatReply extends ConsumerGroupHeartbeatResponse {
  /** Nothing was changed: these are to be judged, and the heartbeat is to be sent again with the verdict. */
  readonly toJudge?: readonly TopicToJudge[]
}

/** One partition's offset to keep. */
export interface CommittedPartition {
  readonly partition: number
  readonly offset: number
  /** -1 when the client gave none. */
  readonly leaderEpoch: number
  /** null is kept as ''. */
  readonly metadata: string | null
}

/** A topic as the broker resolved it. */
export interface CommittedTopic {
  readonly topicId: TopicId
  readonly name: string
  readonly partitions: readonly CommittedPartition[]
}

/** OffsetCommit, its topics resolved; unknown topics are answered by the broker. */
export interface CommitRequest {
  readonly groupId: string
  /** '' for a simple consumer. */
  readonly memberId: string
  /** Generation of a classic member, epoch of a consumer member; -1 for a simple consumer. */
  readonly generationOrEpoch: number
  readonly instanceId: string | null
  /** Version 2-4 only: how long to keep the offsets, milliseconds; -1 for the default. */
  readonly retentionTimeMs: number
  readonly topics: readonly CommittedTopic[]
}

/** TxnOffsetCommit: pending until the transaction ends. */
export interface TransactionalCommitRequest extends Omit<CommitRequest, 'retentionTimeMs'> {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** From version 5 on the group adds itself to the transaction (KIP-890); before, it only verifies. */
  readonly implicit: boolean
}

/**
 * An error per partition, in the order asked. UNKNOWN_TOPIC_ID: the topic is deleted; a broker that
 * was asked by name resolves it again.
 */
export interface CommitReply {
  readonly topics: readonly { readonly errors: readonly ErrorCode[] }[]
}

/** OffsetFetch of one group. */
export interface FetchOffsetsRequest {
  readonly groupId: string
  /** '' or null: not said. */
  readonly memberId: string | null
  readonly memberEpoch: number
  /** KIP-447: a partition with a pending transactional offset is UNSTABLE_OFFSET_COMMIT. */
  readonly requireStable: boolean
  /** null: everything committed. */
  readonly topics:
    | readonly { readonly topicId: TopicId; readonly partitions: readonly number[] }[]
    | null
}

export interface FetchedPartition {
  readonly partition: number
  /** -1 when nothing is committed. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly error: ErrorCode
}

export interface FetchOffsetsReply {
  /** Of the whole group. */
  readonly error: ErrorCode
  /** In the order asked; sorted by name and partition when everything was asked. */
  readonly topics: readonly {
    readonly topicId: TopicId
    /** The name when it was committed. */
    readonly name: string
    readonly partitions: readonly FetchedPartition[]
  }[]
}

/** Offsets of which the history is asked for, by the names that they were committed under. */
export interface HistoryRequest {
  readonly groupId: string
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/** In the order asked; null: nothing is committed. */
export interface HistoryReply {
  readonly offsets: readonly (OffsetWithHistory | null)[]
}

/** OffsetDelete, its topics resolved. */
export interface DeleteOffsetsRequest {
  readonly groupId: string
  readonly topics: readonly {
    readonly topicId: TopicId
    readonly name: string
    readonly partitions: readonly number[]
  }[]
}

export interface DeleteOffsetsReply {
  /** Of the whole group. */
  readonly error: ErrorCode
  readonly topics: readonly { readonly errors: readonly ErrorCode[] }[]
}

/** The end of a transaction, told to each of its participants. */
export interface GroupMarker {
  readonly groupId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Number of the transaction in its coordinator; null for an operator's WriteTxnMarkers. */
  readonly number: number | null
  readonly committed: boolean
}

/** A group as DescribeGroups (key 15) and ConsumerGroupDescribe (key 69) answer it. */
export type DescribedGroup = DescribeGroupsResponse['groups'][number]
export type DescribedConsumerGroup = ConsumerGroupDescribeResponse['groups'][number]

/** A commit and who makes it. */
export interface CommitCall {
  readonly request: CommitRequest
  readonly caller: GroupCaller
}

/** A Group as its Durable Object offers it: the commits that one caller makes in one turn come joined. */
export interface GroupCalls extends Omit<GroupRpc, 'commitOffsets'> {
  /** A reply per commit, in their order. An object, because a bare array's memory is not given back. */
  commitAll(commits: readonly CommitCall[]): Promise<{ readonly replies: readonly CommitReply[] }>
}

/** What is asked of a group. What a client can cause is in the answers, never thrown. */
export interface GroupRpc {
  /** Parks until the generation is complete, at most 10 minutes. */
  joinGroup(request: JoinGroupRequest, caller: GroupCaller): Promise<JoinGroupResponse>
  /** Parks until the leader has assigned. */
  syncGroup(request: SyncGroupRequest, caller: GroupCaller): Promise<SyncGroupResponse>
  heartbeat(request: HeartbeatRequest, caller: GroupCaller): Promise<HeartbeatResponse>
  leaveGroup(request: LeaveGroupRequest, caller: GroupCaller): Promise<LeaveGroupResponse>
  /** KIP-848. */
  consumerHeartbeat(
    request: ConsumerGroupHeartbeatRequest,
    caller: HeartbeatCaller,
  ): Promise<HeartbeatReply>
  commitOffsets(request: CommitRequest, caller: GroupCaller): Promise<CommitReply>
  commitInTransaction(
    request: TransactionalCommitRequest,
    caller: GroupCaller,
  ): Promise<CommitReply>
  fetchOffsets(request: FetchOffsetsRequest, caller: GroupCaller): Promise<FetchOffsetsReply>
  /** Where offsets were in the last hours (history.ts). */
  offsetHistory(request: HistoryRequest): Promise<HistoryReply>
  deleteOffsets(request: DeleteOffsetsRequest): Promise<DeleteOffsetsReply>
  /** Takes over or drops the pending offsets of a transaction. Idempotent by its number. */
  endTransaction(marker: GroupMarker): Promise<{ readonly error: ErrorCode }>
  /** As DescribeGroups; an unknown group is 'Dead' (or GROUP_ID_NOT_FOUND from version 6). */
  describe(groupId: string, version: number): Promise<DescribedGroup>
  /** As ConsumerGroupDescribe; GROUP_ID_NOT_FOUND for unknown and for classic groups. */
  describeConsumer(groupId: string): Promise<DescribedConsumerGroup>
  /** DeleteGroups: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND or 0. */
  deleteGroup(groupId: string): Promise<{ readonly error: ErrorCode }>
  /** Cluster's outbox: topics the group has to do with changed (created, grown, deleted), or its configuration. */
  metadataChanged(groupId: string, version: number): Promise<void>
  /** For Cluster's sweep: true when the group has state; if not its entry may go. */
  exists(groupId: string): Promise<boolean>
}
