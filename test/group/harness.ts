// Drives a group's machine as its shell does, with a clock that is set by hand and storage that is real
// SQLite: what is decided is written before it is answered, and an eviction loads what was written.

import type { GroupRegistration, GroupTopic } from '../../src/cluster/contract.ts'
import type { TopicId } from '../../src/core/ids.ts'
import type {
  GroupEffect,
  GroupReplies,
  GroupReply,
  GroupRequest,
} from '../../src/group/commands.ts'
import type { GroupCaller } from '../../src/group/contract.ts'
import { GroupMachine } from '../../src/group/group.ts'
import { GroupStore } from '../../src/group/store.ts'
import type { JoinGroupRequest } from '../../src/protocol/messages/join-group.ts'
import type { SyncGroupRequest } from '../../src/protocol/messages/sync-group.ts'
import type { Decision } from '../../src/runtime/machine.ts'
import { SqliteStorage } from '../partition/sqlite-storage.ts'

export const GROUP = 'group'
export const CALLER: GroupCaller = { version: 9, clientId: 'client', clientHost: '/127.0.0.1' }
export const START_MS = 1_000_000

/** A topic's id from its name. */
export function idOf(name: string): TopicId {
  return `${name}-id`.padEnd(22, 'A') as TopicId
}

export function topicOf(name: string, partitions = 4): GroupTopic {
  return { id: idOf(name), name, partitions }
}

/** See the head of this file. */
export class World {
  readonly storage = new SqliteStorage()
  readonly replies = new Map<number, GroupReply>()
  readonly effects: GroupEffect[] = []
  nowMs = START_MS
  /** Rows written by the last decision. */
  rows = 0
  #machine!: GroupMachine
  #store!: GroupStore
  #ticket = 0
  #ids = 0
  #version = 0
  #configs: Readonly<Record<string, string>>
  #topics: readonly GroupTopic[]

  constructor(
    configs: Readonly<Record<string, string>> = {},
    topics: readonly GroupTopic[] = [topicOf('t'), topicOf('u')],
  ) {
    this.#configs = { 'group.initial.rebalance.delay.ms': '0', ...configs }
    this.#topics = topics
    this.evict()
  }

  get machine(): GroupMachine {
    return this.#machine
  }

  /** The object ends and is loaded from what is on disk. Nobody is answered. */
  evict(): void {
    this.#store = new GroupStore(this.storage)
    const newId = () => `${++this.#ids}`
    this.#machine = new GroupMachine(newId, this.#store.load(), this.nowMs)
    this.learn()
  }

  /** Cluster says what topics and configuration there are. */
  learn(
    topics: readonly GroupTopic[] = this.#topics,
    configs: Readonly<Record<string, string>> = this.#configs,
  ): void {
    this.#topics = topics
    this.#configs = configs
    this.#version += 1
    const told: GroupRegistration = { version: this.#version, topics, configs }
    this.#machine.learn(this.#machine.entry?.topicIds ?? [], told)
  }

  /** Gives a command; its ticket. */
  send(request: GroupRequest): number {
    this.#ticket += 1
    this.#take(this.#machine.decide({ ...request, groupId: GROUP }, this.#ticket, this.nowMs))
    this.#settle()
    return this.#ticket
  }

  /** Gives a command that is answered at once. */
  ask<Kind extends keyof GroupReplies>(
    request: GroupRequest & { readonly kind: Kind },
  ): GroupReplies[Kind] {
    const reply = this.replies.get(this.send(request))
    if (reply === undefined) throw new Error(`${request.kind} was not answered`)
    return reply as GroupReplies[Kind]
  }

  /** The answer to a ticket; undefined while it is parked. */
  answer<Kind extends keyof GroupReplies>(_: Kind, ticket: number): GroupReplies[Kind] | undefined {
    return this.replies.get(ticket) as GroupReplies[Kind] | undefined
  }

  /** Lets time pass, doing what is due when it is due. */
  pass(ms: number): void {
    const until = this.nowMs + ms
    for (;;) {
      const { deadlineMs } = this.#machine
      if (deadlineMs > until) break
      this.nowMs = Math.max(this.nowMs, deadlineMs)
      this.#take(this.#machine.tick(this.nowMs))
      if (this.#machine.deadlineMs <= this.nowMs) throw new Error('a tick left its deadline')
    }
    this.nowMs = until
  }

  #settle(): void {
    this.pass(0)
  }

  #take({
    changes,
    replies,
    effects,
  }: Decision<GroupReply, import('../../src/group/commands.ts').GroupChange, GroupEffect>): void {
    this.rows = changes.length
    if (changes.length > 0) this.#store.write(changes)
    for (const [ticket, reply] of replies) {
      if (this.replies.has(ticket)) throw new Error(`ticket ${ticket} was answered twice`)
      this.replies.set(ticket, reply)
    }
    this.effects.push(...effects)
  }
}

export function joinRequest(said: Partial<JoinGroupRequest> = {}): JoinGroupRequest {
  return {
    groupId: GROUP,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: subscription('t') }],
    reason: null,
    ...said,
  }
}

export function join(
  said: Partial<JoinGroupRequest> = {},
  version = 9,
): GroupRequest & { kind: 'join' } {
  return { kind: 'join', request: joinRequest(said), caller: { ...CALLER, version } }
}

export function sync(
  memberId: string,
  generationId: number,
  assignments: Readonly<Record<string, string>> = {},
  said: Partial<SyncGroupRequest> = {},
): GroupRequest & { kind: 'sync' } {
  const request = {
    groupId: GROUP,
    memberId,
    generationId,
    groupInstanceId: null,
    protocolType: null,
    protocolName: null,
    assignments: Object.entries(assignments).map(([id, text]) => ({
      memberId: id,
      assignment: new TextEncoder().encode(text),
    })),
    ...said,
  }
  return { kind: 'sync', request, caller: CALLER }
}

export function heartbeat(
  memberId: string,
  generationId: number,
  groupInstanceId: string | null = null,
): GroupRequest & { kind: 'heartbeat' } {
  const request = { groupId: GROUP, memberId, generationId, groupInstanceId }
  return { kind: 'heartbeat', request, caller: CALLER }
}

export function leave(...memberIds: readonly string[]): GroupRequest & { kind: 'leave' } {
  const members = memberIds.map((memberId) => ({ memberId, groupInstanceId: null, reason: null }))
  return { kind: 'leave', request: { groupId: GROUP, memberId: '', members }, caller: CALLER }
}

export interface CommitSaid {
  readonly memberId?: string
  readonly generationOrEpoch?: number
  readonly partition?: number
  readonly retentionTimeMs?: number
  readonly metadata?: string
}

export function commit(
  topic: string,
  offset: number,
  said: CommitSaid = {},
): Extract<GroupRequest, { kind: 'commit' }> {
  const { partition = 0, metadata = null, ...who } = said
  const partitions = [{ partition, offset, leaderEpoch: -1, metadata }]
  const nobody = { memberId: '', generationOrEpoch: -1, instanceId: null, retentionTimeMs: -1 }
  const topics = [{ topicId: idOf(topic), name: topic, partitions }]
  return { kind: 'commit', request: { groupId: GROUP, ...nobody, ...who, topics }, caller: CALLER }
}

export function fetchAll(requireStable = false): GroupRequest & { kind: 'fetch' } {
  const request = { groupId: GROUP, memberId: null, memberEpoch: -1, requireStable, topics: null }
  return { kind: 'fetch', request, caller: CALLER }
}

/** A ConsumerProtocolSubscription of version 0. */
export function subscription(...topics: readonly string[]): Uint8Array {
  const bytes = [0, 0, 0, 0, 0, topics.length]
  for (const topic of topics) bytes.push(0, topic.length, ...new TextEncoder().encode(topic))
  return Uint8Array.from([...bytes, 255, 255, 255, 255])
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
