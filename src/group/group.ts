// The coordinator of one group as a pure state machine: a membership, classic or of KIP-848, beside the
// offsets. Dispatches to the two, turns one kind of membership into the other as Kafka does, lets
// offsets and the group itself expire. Not the memberships (classic/, consumer/), not the disk
// (store.ts), not calls to others (object.ts).

import type { GroupEntry, GroupMetadata, GroupRegistration } from '../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import { OFFSETS_PER_GROUP } from '../core/limits.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../protocol/messages/consumer-group-heartbeat.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../protocol/messages/leave-group.ts'
import type { Decision, Machine, Ticket } from '../runtime/machine.ts'
import { ClassicGroup, CONSUMER_PROTOCOL } from './classic/classic-group.ts'
import { joinError, syncError } from './classic/replies.ts'
import type { GroupChange, GroupCommand, GroupEffect, GroupReply } from './commands.ts'
import {
  ConsumerGroup,
  refuseConsumerHeartbeat,
  refusedConsumerHeartbeat,
} from './consumer/consumer-group.ts'
import type {
  CommitReply,
  CommitRequest,
  CommittedPartition,
  CommittedTopic,
  DeleteOffsetsReply,
  DeleteOffsetsRequest,
  FetchedPartition,
  FetchOffsetsReply,
  FetchOffsetsRequest,
  GroupCaller,
  GroupMarker,
  TransactionalCommitRequest,
} from './contract.ts'
import { deadGroup, unknownConsumerGroup } from './descriptions.ts'
import type {
  ConsumerMembership,
  Converted,
  Membership,
  OffsetCaller,
  Step,
  Surroundings,
} from './membership.ts'
import { type KeptOffset, type KeptOffsets, type OffsetChange, Offsets } from './offsets.ts'
import { expire, nextExpiryMs } from './offsets-expiry.ts'
import { type Unverified, Verifications, verificationKey } from './offsets-verification.ts'
import { type GroupSettings, groupSettings } from './settings.ts'

/** What is on disk of a group that exists. */
export interface KeptGroupState {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  /** As last known: a load knows the timeouts before Cluster has said them again. */
  readonly settings: GroupSettings
  readonly rows: ReadonlyMap<string, string>
  readonly offsets: KeptOffsets
}

type Outcome = {
  readonly changes: GroupChange[]
  readonly replies: [Ticket, GroupReply][]
  readonly effects: GroupEffect[]
}

type ImmediateCommand = Exclude<
  GroupCommand,
  {
    kind:
      | 'join'
      | 'sync'
      | 'heartbeat'
      | 'leave'
      | 'consumerHeartbeat'
      | 'commitInTransaction'
      | 'enlisted'
  }
>

const NEVER = Number.POSITIVE_INFINITY
const NO_METADATA: GroupMetadata = { version: -1, topics: [] }
/** From this version of TxnOffsetCommit on clients know TRANSACTION_ABORTABLE (KIP-890). */
const ABORTABLE_FROM = 4
/** From this version of TxnOffsetCommit on clients know CONCURRENT_TRANSACTIONS (KIP-890). */
const CONCURRENT_FROM = 5
/** From this version of OffsetCommit on a group that does not exist has an error of its own. */
const GROUP_ID_NOT_FOUND_FROM = 9

/** See the head of this file. */
export class GroupMachine implements Machine<GroupCommand, GroupReply, GroupChange, GroupEffect> {
  readonly #newId: () => string
  readonly #offsets: Offsets
  readonly #verifications: Verifications
  /** null: the group does not exist. */
  #membership: Membership | null = null
  #groupId: string | null
  #settings: GroupSettings
  #keptSettings: string
  #metadata: GroupMetadata = NO_METADATA
  #topics = new Map<TopicId, number>()
  /** What Cluster told and no command has taken into account yet. */
  #news: ReadonlySet<TopicId> | null = null
  /** When the offsets or the group itself may have expired. */
  #expiryDueMs = NEVER
  /** Of what the time above depends on. */
  #expiryKey = ''
  #entryKey = ''

  /** @param newId makes a fresh random id */
  constructor(newId: () => string, kept: KeptGroupState | null, nowMs: number) {
    this.#newId = newId
    this.#groupId = kept?.groupId ?? null
    this.#settings = kept?.settings ?? groupSettings({})
    this.#keptSettings = JSON.stringify(kept?.settings ?? null)
    this.#offsets = new Offsets(kept?.offsets)
    this.#verifications = new Verifications(this.#offsets.openTransactions())
    if (kept === null) return
    this.#membership =
      kept.type === 'classic'
        ? ClassicGroup.load(kept.rows, nowMs)
        : ConsumerGroup.load(kept.rows, nowMs, this.#settings)
    this.#planExpiry(nowMs)
    this.#entryKey = this.#describeEntry()
  }

  /** null: there is no group. */
  get groupId(): string | null {
    return this.#membership === null ? null : this.#groupId
  }

  get deadlineMs(): number {
    const membership = this.#membership?.deadlineMs ?? NEVER
    return Math.min(membership, this.#expiryDueMs)
  }

  /** The group as the directory shows it; null when there is none. */
  /** Members subscribe by patterns: their engine is needed. */
  get usesPatterns(): boolean {
    return this.#membership?.subscribesByPattern ?? false
  }

  get entry(): GroupEntry | null {
    const membership = this.#membership
    if (membership === null || this.#groupId === null) return null
    const { type, protocolType, state, subscribedTopics, subscribesByPattern } = membership
    return {
      groupId: this.#groupId,
      type,
      protocolType,
      state,
      topicIds: this.#offsets.topicIds(),
      // A classic group's members watch their topics themselves.
      topicNames: type === 'consumer' ? [...(subscribedTopics ?? [])] : [],
      allTopics: subscribesByPattern,
    }
  }

  /** What the membership subscribes to, whichever kind it is: what a conversion needs to know. */
  get subscribedTopics(): ReadonlySet<string> {
    return this.#membership?.subscribedTopics ?? new Set()
  }

  get membershipType(): 'classic' | 'consumer' | null {
    return this.#membership?.type ?? null
  }

  /** Whether this topic is one that Cluster said is alive. */
  knows(topicId: TopicId): boolean {
    return this.#topics.has(topicId)
  }

  /**
   * Takes what Cluster said about these topics; the next command takes it into account. True when it
   * is news, for which there should be a command.
   */
  learn(asked: readonly TopicId[], told: GroupRegistration): boolean {
    const { version, topics, configs } = told
    const isNewer = version > this.#metadata.version
    this.#settings = groupSettings(configs)
    this.#metadata = { version, topics }
    this.#topics = new Map(topics.map(({ id, partitions }) => [id, partitions]))
    const dead = asked.filter((id) => !this.#topics.has(id))
    this.#news = new Set([...(this.#news ?? []), ...dead])
    return isNewer || dead.length > 0
  }

  decide(
    command: GroupCommand,
    ticket: Ticket,
    nowMs: number,
  ): Decision<GroupReply, GroupChange, GroupEffect> {
    const out = outcome()
    const now = this.#surroundings(command.groupId, nowMs)
    this.#takeNews(out, now)
    this.#run(command, ticket, out, now)
    this.#after(out, now)
    return out
  }

  tick(nowMs: number): Decision<GroupReply, GroupChange, GroupEffect> {
    const out = outcome()
    if (this.#groupId === null) return out
    const now = this.#surroundings(this.#groupId, nowMs)
    this.#takeNews(out, now)
    const membership = this.#membership
    // A consumer group that has just been loaded must not assign before it knows its topics.
    const isReady = membership?.type === 'classic' || this.#metadata !== NO_METADATA
    if (membership !== null && isReady && membership.deadlineMs <= nowMs) {
      this.#take(membership.tick(now), out)
      this.#maybeDowngrade(out, now)
    }
    if (this.#expiryDueMs <= nowMs) this.#expire(out, now)
    this.#after(out, now)
    return out
  }

  #surroundings(groupId: string, nowMs: number): Surroundings {
    const newId = this.#newId
    return { groupId, nowMs, settings: this.#settings, metadata: this.#metadata, newId }
  }

  #run(command: GroupCommand, ticket: Ticket, out: Outcome, now: Surroundings): void {
    switch (command.kind) {
      case 'join':
        this.#join(command, ticket, out, now)
        return
      case 'sync':
      case 'heartbeat':
      case 'leave':
        this.#askMembership(command, ticket, out, now)
        return
      case 'consumerHeartbeat':
        this.#consumerHeartbeat(command, ticket, out, now)
        return
      case 'commitInTransaction':
        this.#commitInTransaction({ ...command, ticket }, out, now)
        return
      case 'enlisted':
        this.#enlisted(command, out, now)
        break
      default:
        out.replies.push([ticket, this.#answer(command, out, now)])
        return
    }
    out.replies.push([ticket, null])
  }

  /** Commands that are answered at once. */
  #answer(command: ImmediateCommand, out: Outcome, now: Surroundings): GroupReply {
    const membership = this.#membership
    const { groupId } = now
    switch (command.kind) {
      case 'commit':
        return this.#commit(command.request, command.caller, out, now)
      case 'fetch':
        return this.#fetch(command.request, command.caller, now)
      case 'deleteOffsets':
        return this.#deleteOffsets(command.request, out)
      case 'endTransaction':
        return { error: this.#endTransaction(command.marker, out) }
      case 'describe':
        return membership?.type === 'classic'
          ? membership.describe(groupId)
          : deadGroup(groupId, command.version, membership !== null)
      case 'describeConsumer':
        return isConsumer(membership)
          ? membership.describeConsumer(groupId, now)
          : unknownConsumerGroup(groupId, membership !== null)
      case 'delete':
        return { error: this.#delete(out) }
      case 'exists':
        return membership !== null
      case 'refreshed':
        return null
    }
  }

  // Membership.

  #askMembership(
    command: Extract<GroupCommand, { kind: 'sync' | 'heartbeat' | 'leave' }>,
    ticket: Ticket,
    out: Outcome,
    now: Surroundings,
  ): void {
    const membership = this.#membership
    const { kind, caller } = command
    if (membership === null) {
      const errorCode = KafkaError.UNKNOWN_MEMBER_ID
      const plain = { throttleTimeMs: 0, errorCode }
      const reply =
        kind === 'sync'
          ? syncError(errorCode)
          : kind === 'heartbeat'
            ? plain
            : leftNothing(command.request, errorCode)
      out.replies.push([ticket, reply])
      return
    }
    if (kind === 'sync') this.#take(membership.syncGroup(command.request, caller, ticket, now), out)
    else if (kind === 'heartbeat') {
      this.#take(membership.heartbeat(command.request, caller, ticket, now), out)
    } else {
      this.#take(membership.leaveGroup(command.request, caller, ticket, now), out)
      this.#maybeDowngrade(out, now)
    }
  }

  #join(
    { request, caller }: Extract<GroupCommand, { kind: 'join' }>,
    ticket: Ticket,
    out: Outcome,
    now: Surroundings,
  ): void {
    const { sessionTimeoutMs, memberId } = request
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = now.settings
    const refuse = (error: ErrorCode) => out.replies.push([ticket, joinError(memberId, error)])
    if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
      refuse(KafkaError.INVALID_SESSION_TIMEOUT)
      return
    }
    const membership = this.#membership
    const goesOn = membership?.type === 'classic' || membership?.isEmpty === false
    if (membership !== null && goesOn) {
      this.#take(membership.joinGroup(request, caller, ticket, now), out)
      this.#maybeDowngrade(out, now)
      return
    }
    if (memberId !== '') {
      refuse(KafkaError.UNKNOWN_MEMBER_ID)
      return
    }
    const made = ClassicGroup.empty(now.nowMs)
    const step = made.joinGroup(request, caller, ticket, now)
    if (!made.isUntouched) this.#become(made, out, now)
    this.#take(step, out)
  }

  #consumerHeartbeat(
    { request, caller }: Extract<GroupCommand, { kind: 'consumerHeartbeat' }>,
    ticket: Ticket,
    out: Outcome,
    now: Surroundings,
  ): void {
    if (isConsumer(this.#membership)) {
      this.#take(this.#membership.consumerHeartbeat(request, caller, ticket, now), out)
      this.#maybeDowngrade(out, now)
      return
    }
    const made = this.#startConsumerGroup(request, caller, now)
    if (!('membership' in made)) {
      out.replies.push([ticket, made])
      return
    }
    const { membership, changes } = made
    const step = membership.consumerHeartbeat(request, caller, ticket, now)
    // Nothing is converted for a member that is then refused.
    const isRefused = step.replies.some(([, reply]) => reply.errorCode !== KafkaError.NONE)
    if (!isRefused) {
      if (this.#membership instanceof ClassicGroup) {
        this.#take(this.#membership.releaseTickets(KafkaError.REBALANCE_IN_PROGRESS), out)
      }
      this.#become(membership, out, now)
      this.#take({ changes, replies: [] }, out)
    }
    this.#take(isRefused ? { ...step, changes: [] } : step, out)
    if (!isRefused) this.#maybeDowngrade(out, now)
  }

  /** The consumer group that a group which is none becomes with this heartbeat; or why it does not. */
  #startConsumerGroup(
    request: ConsumerGroupHeartbeatRequest,
    caller: GroupCaller,
    now: Surroundings,
  ): Converted<ConsumerGroup> | ConsumerGroupHeartbeatResponse {
    const { settings, groupId } = now
    const wrong = refuseConsumerHeartbeat(request, caller, settings)
    if (wrong !== undefined) return wrong
    const notFound = (message: string) =>
      refusedConsumerHeartbeat(KafkaError.GROUP_ID_NOT_FOUND, message)
    const classic = this.#membership
    if (request.memberEpoch !== 0) {
      if (classic !== null) return notFound(`Group ${groupId} is not a consumer group.`)
      // Kafka looks for the group elsewhere when a member leaves, and says so.
      const kind = request.memberEpoch > 0 ? 'Consumer group' : 'Group'
      return notFound(`${kind} ${groupId} not found.`)
    }
    if (!(classic instanceof ClassicGroup) || classic.isEmpty) {
      return { membership: ConsumerGroup.empty(now.nowMs), changes: [] }
    }
    const cannot = (why: string) =>
      notFound(`Cannot upgrade classic group ${groupId} to consumer group because ${why}.`)
    const { consumerMigrationPolicy, consumerMaxSize } = settings
    if (consumerMigrationPolicy !== 'bidirectional' && consumerMigrationPolicy !== 'upgrade') {
      return cannot('online upgrade is disabled')
    }
    if (classic.protocolType !== CONSUMER_PROTOCOL) {
      return cannot('the group does not use the consumer embedded protocol')
    }
    const snapshot = classic.snapshot()
    if (snapshot.members.length > consumerMaxSize) {
      return cannot('the group size exceeds the consumer group maximum size')
    }
    return (
      ConsumerGroup.fromClassic(snapshot, now) ??
      cannot('the embedded consumer protocol is malformed')
    )
  }

  /** The last member of the new protocol has left: those who stay are a classic group again. */
  #maybeDowngrade(out: Outcome, now: Surroundings): void {
    if (!isConsumer(this.#membership)) return
    const { consumerMigrationPolicy, maxSize } = now.settings
    if (consumerMigrationPolicy !== 'bidirectional' && consumerMigrationPolicy !== 'downgrade') {
      return
    }
    const snapshot = this.#membership.asClassic(now)
    if (snapshot === null || snapshot.members.length > maxSize) return
    const converted = ClassicGroup.fromSnapshot(snapshot, now)
    this.#become(converted.membership, out, now)
    this.#take({ changes: converted.changes, replies: [] }, out)
  }

  /** Takes a membership instead of the present one, whose rows go. */
  #become(membership: Membership, out: Outcome, { groupId }: Surroundings): void {
    for (const key of this.#membership?.rows() ?? []) {
      out.changes.push({ kind: 'row', row: { kind: 'delete', key } })
    }
    this.#membership = membership
    this.#groupId = groupId
    out.changes.push({ kind: 'group', groupId, type: membership.type })
    this.#keepSettings(out)
  }

  #take(step: Step, out: Outcome): void {
    for (const row of step.changes) out.changes.push({ kind: 'row', row })
    for (const [ticket, reply] of step.replies) out.replies.push([ticket, reply])
  }

  #keepSettings(out: Outcome): void {
    const settings = JSON.stringify(this.#settings)
    if (settings === this.#keptSettings) return
    this.#keptSettings = settings
    out.changes.push({ kind: 'settings', settings })
  }

  /** Offsets of topics that are no more go; a consumer group assigns what it has now. */
  #takeNews(out: Outcome, now: Surroundings): void {
    const news = this.#news
    this.#news = null
    if (news === null || this.#membership === null) return
    this.#keepSettings(out)
    this.#write(this.#offsets.forgetTopics(news), out)
    if (isConsumer(this.#membership)) {
      this.#take(this.#membership.metadataChanged(now), out)
    }
  }

  // Offsets.

  #commit(
    request: CommitRequest,
    caller: GroupCaller,
    out: Outcome,
    now: Surroundings,
  ): CommitReply {
    const error = this.#mayCommit(request, caller, false, now)
    if (error !== KafkaError.NONE) return refused(request, error)
    this.#found(out, now)
    const expiresMs = request.retentionTimeMs < 0 ? null : now.nowMs + request.retentionTimeMs
    const isKept = (topicId: TopicId, partition: number) =>
      this.#offsets.get(topicId, partition) !== undefined
    return this.#eachPartition(request, now, isKept, (where, offset) => {
      const change = this.#offsets.commit(where, { ...offset, expiresMs })
      this.#write([change], out)
      this.#expiresWith(change, now)
    })
  }

  #commitInTransaction(commit: Unverified, out: Outcome, now: Surroundings): void {
    const { request, caller, ticket } = commit
    const error = this.#mayCommit(request, caller, true, now)
    if (error !== KafkaError.NONE) {
      out.replies.push([ticket, refused(request, error)])
      return
    }
    const number = this.#verifications.numberOf(request)
    if (number !== null) {
      out.replies.push([ticket, this.#pend(request, number, out, now)])
      return
    }
    const asked = this.#verifications.wait(commit)
    if (asked === 'full') {
      out.replies.push([ticket, refused(request, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)])
    } else if (asked === 'ask') {
      const { transactionalId, producerId, producerEpoch, implicit } = request
      const participant = { kind: 'group', groupId: now.groupId } as const
      const verifyOnly = !implicit
      const enlist = { transactionalId, producerId, producerEpoch, participant, verifyOnly }
      out.effects.push({ kind: 'enlist', key: verificationKey(request), request: enlist })
    }
  }

  #enlisted(
    { key, reply }: Extract<GroupCommand, { kind: 'enlisted' }>,
    out: Outcome,
    now: Surroundings,
  ): void {
    const number = reply?.error === KafkaError.NONE ? reply.number : -1
    const { waited, isOpen } = this.#verifications.answered(key, number)
    for (const { request, caller, ticket } of waited) {
      const error =
        reply === null || (number >= 0 && !isOpen)
          ? // It ended meanwhile, or nobody knows: the client asks again and hears what is the case.
            KafkaError.COORDINATOR_LOAD_IN_PROGRESS
          : verificationError(reply.error, request, caller) ||
            this.#mayCommit(request, caller, true, now)
      const answer =
        error === KafkaError.NONE ? this.#pend(request, number, out, now) : refused(request, error)
      out.replies.push([ticket, answer])
    }
  }

  #pend(
    request: TransactionalCommitRequest,
    number: number,
    out: Outcome,
    now: Surroundings,
  ): CommitReply {
    this.#found(out, now)
    const { producerId, producerEpoch } = request
    const transaction = { producerId, producerEpoch, number }
    const isKept = (topicId: TopicId, partition: number) =>
      this.#offsets.isPendingOf(producerId, topicId, partition)
    return this.#eachPartition(request, now, isKept, (where, offset) => {
      const change = this.#offsets.pend(where, transaction, { ...offset, expiresMs: null })
      this.#write([change], out)
    })
  }

  #endTransaction(marker: GroupMarker, out: Outcome): ErrorCode {
    const { producerId, producerEpoch, number, committed } = marker
    if (number === null) {
      // An operator's marker has no number: it must not end what a later epoch has begun.
      const open = this.#offsets.openTransactions()
      const isLater = open.some(
        (one) => one.producerId === producerId && one.producerEpoch > producerEpoch,
      )
      if (isLater) return KafkaError.INVALID_PRODUCER_EPOCH
    }
    this.#verifications.ended(marker)
    this.#write(this.#offsets.end(producerId, number, committed), out)
    this.#expiryKey = ''
    return KafkaError.NONE
  }

  #mayCommit(
    request: Omit<CommitRequest, 'retentionTimeMs'>,
    { version }: GroupCaller,
    transactional: boolean,
    now: Surroundings,
  ): ErrorCode {
    const { memberId, generationOrEpoch, instanceId } = request
    if (this.#membership === null) {
      if (generationOrEpoch < 0) return KafkaError.NONE
      return transactional || version < GROUP_ID_NOT_FOUND_FROM
        ? KafkaError.ILLEGAL_GENERATION
        : KafkaError.GROUP_ID_NOT_FOUND
    }
    const caller: OffsetCaller = { memberId, generationOrEpoch, instanceId, version, transactional }
    const error = this.#membership.checkOffsets(caller, 'commit', now)
    return transactional && error === KafkaError.STALE_MEMBER_EPOCH
      ? KafkaError.ILLEGAL_GENERATION
      : error
  }

  /** Who commits without being a member makes the group exist. */
  #found(out: Outcome, now: Surroundings): void {
    if (this.#membership !== null) return
    const made = ClassicGroup.empty(now.nowMs)
    this.#become(made, out, now)
    this.#take(made.found(now.nowMs), out)
  }

  #eachPartition(
    { topics }: { readonly topics: readonly CommittedTopic[] },
    { settings, nowMs }: Surroundings,
    isKept: (topicId: TopicId, partition: number) => boolean,
    keep: (
      where: { readonly topicId: TopicId; readonly name: string; readonly partition: number },
      offset: Omit<KeptOffset, 'sequence' | 'expiresMs'>,
    ) => void,
  ): CommitReply {
    const one = (topicId: TopicId, name: string, committed: CommittedPartition): ErrorCode => {
      const { partition, offset, leaderEpoch, metadata } = committed
      const count = this.#topics.get(topicId)
      if (count === undefined) return KafkaError.UNKNOWN_TOPIC_ID
      if ((metadata?.length ?? 0) > settings.offsetMetadataMaxBytes) {
        return KafkaError.OFFSET_METADATA_TOO_LARGE
      }
      if (this.#offsets.size >= OFFSETS_PER_GROUP && !isKept(topicId, partition)) {
        return KafkaError.INVALID_COMMIT_OFFSET_SIZE
      }
      keep(
        { topicId, name, partition },
        { offset, leaderEpoch, metadata: metadata ?? '', committedMs: nowMs },
      )
      return KafkaError.NONE
    }
    return {
      topics: topics.map(({ topicId, name, partitions }) => ({
        errors: partitions.map((committed) => one(topicId, name, committed)),
      })),
    }
  }

  #fetch(
    request: FetchOffsetsRequest,
    { version }: GroupCaller,
    now: Surroundings,
  ): FetchOffsetsReply {
    const { memberId, memberEpoch: generationOrEpoch, requireStable } = request
    const who = { memberId: memberId ?? '', generationOrEpoch, instanceId: null }
    const caller: OffsetCaller = { ...who, version, transactional: false }
    const error = this.#membership?.checkOffsets(caller, 'fetch', now) ?? KafkaError.NONE
    if (error !== KafkaError.NONE) return { error, topics: [] }
    const one = (topicId: TopicId, partition: number): FetchedPartition => {
      const none = { partition, offset: -1, leaderEpoch: -1, metadata: '' }
      if (requireStable && this.#offsets.isPending(topicId, partition)) {
        return { ...none, error: KafkaError.UNSTABLE_OFFSET_COMMIT }
      }
      const kept = this.#offsets.get(topicId, partition)
      if (kept === undefined) return { ...none, error: KafkaError.NONE }
      const { offset, leaderEpoch, metadata } = kept
      return { partition, offset, leaderEpoch, metadata, error: KafkaError.NONE }
    }
    const asked =
      request.topics?.map((topic) => ({ ...topic, name: '' })) ??
      [...this.#offsets.topics()]
        .map(([topicId, { name, partitions }]) => ({
          topicId,
          name,
          partitions: [...partitions.keys()].sort((a, b) => a - b),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    return {
      error: KafkaError.NONE,
      topics: asked.map(({ topicId, name, partitions }) => ({
        topicId,
        name,
        partitions: partitions.map((partition) => one(topicId, partition)),
      })),
    }
  }

  #deleteOffsets({ topics }: DeleteOffsetsRequest, out: Outcome): DeleteOffsetsReply {
    const membership = this.#membership
    if (membership === null) return { error: KafkaError.GROUP_ID_NOT_FOUND, topics: [] }
    const isOpaque = membership.type === 'classic' && membership.protocolType !== CONSUMER_PROTOCOL
    if (isOpaque && !membership.isEmpty) return { error: KafkaError.NON_EMPTY_GROUP, topics: [] }
    const subscribed = isOpaque ? null : membership.subscribedTopics
    this.#expiryKey = ''
    return {
      error: KafkaError.NONE,
      topics: topics.map(({ topicId, name, partitions }) => ({
        errors: partitions.map((partition) => {
          if (subscribed?.has(name)) return KafkaError.GROUP_SUBSCRIBED_TO_TOPIC
          this.#write(this.#offsets.forget(topicId, partition), out)
          return KafkaError.NONE
        }),
      })),
    }
  }

  #delete(out: Outcome): ErrorCode {
    if (this.#membership === null) return KafkaError.GROUP_ID_NOT_FOUND
    if (!this.#membership.isEmpty) return KafkaError.NON_EMPTY_GROUP
    this.#vanish(out)
    return KafkaError.NONE
  }

  #write(changes: readonly OffsetChange[], out: Outcome): void {
    for (const offset of changes) out.changes.push({ kind: 'offset', offset })
  }

  // Expiry.

  #expire(out: Outcome, { nowMs, settings }: Surroundings): void {
    const membership = this.#membership
    if (membership === null) return
    this.#write(expire(this.#offsets, membership, settings.offsetsRetentionMs, nowMs), out)
    if (this.#isAbandoned(membership)) this.#vanish(out)
    else this.#planExpiry(nowMs)
  }

  /** Nobody is in it or about to come, and there is nothing to keep. */
  #isAbandoned(membership: Membership): boolean {
    return membership.isEmpty && membership.deadlineMs === NEVER && this.#offsets.size === 0
  }

  #vanish(out: Outcome): void {
    this.#offsets.forgetTopics(this.#offsets.topicIds())
    this.#verifications.forget()
    this.#membership = null
    this.#keptSettings = ''
    this.#expiryDueMs = NEVER
    out.changes.push({ kind: 'gone' })
  }

  /** A commit can only bring the time forward that is known. */
  #expiresWith(change: OffsetChange, { settings, nowMs }: Surroundings): void {
    if (change.kind !== 'commit') return
    const expiresMs = change.kept.expiresMs ?? nowMs + settings.offsetsRetentionMs
    this.#expiryDueMs = Math.min(this.#expiryDueMs, Math.max(expiresMs, nowMs))
  }

  #planExpiry(nowMs: number): void {
    const membership = this.#membership
    this.#expiryKey = this.#describeExpiry()
    this.#expiryDueMs = NEVER
    if (membership === null) return
    const { offsetsRetentionMs, offsetsRetentionCheckMs } = this.#settings
    // Kafka looks every now and then; an offset that has expired already waits for the next look.
    const soonestMs = nowMs + Math.min(offsetsRetentionCheckMs, offsetsRetentionMs)
    const offsetMs = nextExpiryMs(this.#offsets, membership, offsetsRetentionMs)
    if (offsetMs !== NEVER) this.#expiryDueMs = Math.max(offsetMs, soonestMs)
    if (membership.isEmpty && this.#offsets.size === 0) {
      const sinceMs = membership.emptySinceMs ?? nowMs
      this.#expiryDueMs = Math.max(sinceMs + offsetsRetentionCheckMs, nowMs)
    }
  }

  #describeExpiry(): string {
    const membership = this.#membership
    if (membership === null) return '-'
    const { offsetsRetentionMs, offsetsRetentionCheckMs } = this.#settings
    const isEmptyOfOffsets = this.#offsets.size === 0
    return `${membership.type} ${membership.state} ${isEmptyOfOffsets} ${offsetsRetentionMs} ${offsetsRetentionCheckMs}`
  }

  // What follows every command.

  #after(out: Outcome, now: Surroundings): void {
    if (this.#expiryKey !== this.#describeExpiry()) this.#planExpiry(now.nowMs)
    const entryKey = this.#describeEntry()
    if (entryKey === this.#entryKey) return
    this.#entryKey = entryKey
    out.effects.push({ kind: 'entry' })
  }

  #describeEntry(): string {
    const membership = this.#membership
    if (membership === null) return ''
    const { type, state, protocolType, subscribesByPattern } = membership
    const names = type === 'consumer' ? [...(membership.subscribedTopics ?? [])].join() : ''
    return [
      type,
      state,
      protocolType,
      subscribesByPattern,
      this.#offsets.topicsVersion,
      names,
    ].join(' ')
  }
}

function outcome(): Outcome {
  return { changes: [], replies: [], effects: [] }
}

function isConsumer(membership: Membership | null): membership is ConsumerMembership {
  return membership?.type === 'consumer'
}

/** LeaveGroup: the error is each member's. */
function leftNothing({ members }: LeaveGroupRequest, errorCode: ErrorCode): LeaveGroupResponse {
  const answers = members.map(({ memberId, groupInstanceId }) => ({
    memberId,
    groupInstanceId,
    errorCode,
  }))
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, members: answers }
}

function refused({ topics }: Pick<CommitRequest, 'topics'>, error: ErrorCode): CommitReply {
  return { topics: topics.map(({ partitions }) => ({ errors: partitions.map(() => error) })) }
}

/** What the coordinator of a transaction said, in words that a client of this version knows. */
function verificationError(
  error: ErrorCode,
  { implicit }: TransactionalCommitRequest,
  { version }: GroupCaller,
): ErrorCode {
  switch (error) {
    case KafkaError.PRODUCER_FENCED:
      return KafkaError.INVALID_PRODUCER_EPOCH
    case KafkaError.CONCURRENT_TRANSACTIONS:
      return version >= CONCURRENT_FROM ? error : KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    case KafkaError.INVALID_TXN_STATE:
    case KafkaError.TRANSACTION_ABORTABLE:
      if (implicit) return error
      return version >= ABORTABLE_FROM
        ? KafkaError.TRANSACTION_ABORTABLE
        : KafkaError.INVALID_TXN_STATE
    default:
      return error
  }
}
