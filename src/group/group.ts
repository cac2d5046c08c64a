// The coordinator of one group as a pure state machine: takes commands, says what to keep, whom to answer
// and what to ask others. Dispatches to the requests' own files. Not the memberships (classic/, consumer/),
// not the disk (store.ts), not calls to others (object.ts).

import type { GroupEntry, GroupMetadata, GroupRegistration } from '../cluster/contract.ts'
import type { TopicId } from '../core/ids.ts'
import type { Decision, Machine, Ticket } from '../runtime/machine.ts'
import type { GroupChange, GroupCommand, GroupEffect, GroupReply } from './commands.ts'
import { commit, commitInTransaction, endTransaction, enlisted } from './commits.ts'
import { deadGroup, unknownConsumerGroup } from './descriptions.ts'
import type { Surroundings } from './membership.ts'
import { askMembership, consumerHeartbeat, join, maybeDowngrade } from './membership-requests.ts'
import { deleteOffsets, fetchOffsets, offsetHistory } from './offset-requests.ts'
import { type Outcome, outcome, take, write } from './outcome.ts'
import type { ReportedGroup } from './reporting.ts'
import { groupSettings } from './settings.ts'
import { isConsumer, type KeptGroupState, WholeGroup } from './whole-group.ts'

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

/** See the head of this file. */
export class GroupMachine implements Machine<GroupCommand, GroupReply, GroupChange, GroupEffect> {
  readonly #newId: () => string
  readonly #group: WholeGroup
  #metadata: GroupMetadata = NO_METADATA
  /** What Cluster told and no command has taken into account yet. */
  #news: ReadonlySet<TopicId> | null = null
  #entryKey = ''

  /** @param newId makes a fresh random id */
  constructor(newId: () => string, kept: KeptGroupState | null, nowMs: number) {
    this.#newId = newId
    this.#group = new WholeGroup(kept, nowMs)
    if (kept !== null) this.#entryKey = this.#describeEntry()
  }

  /** null: there is no group. */
  get groupId(): string | null {
    return this.#group.membership === null ? null : this.#group.groupId
  }

  get deadlineMs(): number {
    const membership = this.#group.membership?.deadlineMs ?? NEVER
    return Math.min(membership, this.#group.expiryDueMs)
  }

  /** Members subscribe by patterns: their engine is needed. */
  get usesPatterns(): boolean {
    return this.#group.membership?.subscribesByPattern ?? false
  }

  /** The group as the directory shows it; null when there is none. */
  get entry(): GroupEntry | null {
    const membership = this.#group.membership
    if (membership === null || this.#group.groupId === null) return null
    const { type, protocolType, state, subscribedTopics, subscribesByPattern } = membership
    return {
      groupId: this.#group.groupId,
      type,
      protocolType,
      state,
      topicIds: this.#group.offsets.topicIds(),
      // A classic group's members watch their topics themselves.
      topicNames: type === 'consumer' ? [...(subscribedTopics ?? [])] : [],
      allTopics: subscribesByPattern,
    }
  }

  /** The group as the Statistics object is told of it; null when there is none. */
  get reported(): ReportedGroup | null {
    const { membership, groupId, offsets } = this.#group
    if (membership === null || groupId === null) return null
    const { type, state, size } = membership
    return { groupId, type, state, members: size, topics: offsets.topics() }
  }

  /** What the membership subscribes to, whichever kind it is: what a conversion needs to know. */
  get subscribedTopics(): ReadonlySet<string> {
    return this.#group.membership?.subscribedTopics ?? new Set()
  }

  get membershipType(): 'classic' | 'consumer' | null {
    return this.#group.membership?.type ?? null
  }

  /** Whether this topic is one that Cluster said is alive. */
  knows(topicId: TopicId): boolean {
    return this.#group.topics.has(topicId)
  }

  /**
   * Takes what Cluster said about these topics; the next command takes it into account. True when it
   * is news, for which there should be a command.
   */
  learn(asked: readonly TopicId[], told: GroupRegistration): boolean {
    const { version, topics, configs } = told
    const isNewer = version > this.#metadata.version
    this.#group.settings = groupSettings(configs)
    this.#metadata = { version, topics }
    this.#group.topics = new Map(topics.map(({ id, partitions }) => [id, partitions]))
    const dead = asked.filter((id) => !this.#group.topics.has(id))
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
    if (this.#group.groupId === null) return out
    const now = this.#surroundings(this.#group.groupId, nowMs)
    this.#takeNews(out, now)
    const membership = this.#group.membership
    // A consumer group that has just been loaded must not assign before it knows its topics.
    const isReady = membership?.type === 'classic' || this.#metadata !== NO_METADATA
    if (membership !== null && isReady && membership.deadlineMs <= nowMs) {
      take(membership.tick(now), out)
      maybeDowngrade(this.#group, out, now)
    }
    if (this.#group.expiryDueMs <= nowMs) this.#group.expire(out, now)
    this.#after(out, now)
    return out
  }

  #surroundings(groupId: string, nowMs: number): Surroundings {
    const newId = this.#newId
    return { groupId, nowMs, settings: this.#group.settings, metadata: this.#metadata, newId }
  }

  #run(command: GroupCommand, ticket: Ticket, out: Outcome, now: Surroundings): void {
    switch (command.kind) {
      case 'join':
        join(this.#group, command, ticket, out, now)
        return
      case 'sync':
      case 'heartbeat':
      case 'leave':
        askMembership(this.#group, command, ticket, out, now)
        return
      case 'consumerHeartbeat':
        consumerHeartbeat(this.#group, command, ticket, out, now)
        return
      case 'commitInTransaction':
        commitInTransaction(this.#group, { ...command, ticket }, out, now)
        return
      case 'enlisted':
        enlisted(this.#group, command, out, now)
        break
      default:
        out.replies.push([ticket, this.#answer(command, out, now)])
        return
    }
    out.replies.push([ticket, null])
  }

  /** Commands that are answered at once. */
  #answer(command: ImmediateCommand, out: Outcome, now: Surroundings): GroupReply {
    const membership = this.#group.membership
    const { groupId } = now
    switch (command.kind) {
      case 'commit':
        return commit(this.#group, command.request, command.caller, out, now)
      case 'fetch':
        return fetchOffsets(this.#group, command.request, command.caller, now)
      case 'history':
        return offsetHistory(this.#group, command.request)
      case 'deleteOffsets':
        return deleteOffsets(this.#group, command.request, out)
      case 'endTransaction':
        return { error: endTransaction(this.#group, command.marker, out) }
      case 'describe':
        return membership?.type === 'classic'
          ? membership.describe(groupId)
          : deadGroup(groupId, command.version, membership !== null)
      case 'describeConsumer':
        return isConsumer(membership)
          ? membership.describeConsumer(groupId, now)
          : unknownConsumerGroup(groupId, membership !== null)
      case 'delete':
        return { error: this.#group.delete(out) }
      case 'exists':
        return membership !== null
      case 'refreshed':
        return null
    }
  }

  /** Offsets of topics that are no more go; a consumer group assigns what it has now. */
  #takeNews(out: Outcome, now: Surroundings): void {
    const news = this.#news
    this.#news = null
    if (news === null || this.#group.membership === null) return
    this.#group.keepSettings(out)
    write(this.#group.offsets.forgetTopics(news), out)
    if (isConsumer(this.#group.membership)) {
      take(this.#group.membership.metadataChanged(now), out)
    }
  }

  #after(out: Outcome, now: Surroundings): void {
    this.#group.planExpiry(now.nowMs)
    const entryKey = this.#describeEntry()
    if (entryKey === this.#entryKey) return
    this.#entryKey = entryKey
    out.effects.push({ kind: 'entry' })
  }

  #describeEntry(): string {
    const membership = this.#group.membership
    if (membership === null) return ''
    const { type, state, protocolType, subscribesByPattern } = membership
    const names = type === 'consumer' ? [...(membership.subscribedTopics ?? [])].join() : ''
    return [
      type,
      state,
      protocolType,
      subscribesByPattern,
      this.#group.offsets.topicsVersion,
      names,
    ].join(' ')
  }
}
