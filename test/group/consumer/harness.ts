// A consumer group in a world of its own: virtual clock, topics that come and go, rows as on a disk, and
// members that speak to it as clients do. For the tests beside it.

import type { GroupMetadata, GroupTopic } from '../../../src/cluster/contract.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import { loadPatterns } from '../../../src/core/patterns.ts'
import { ConsumerGroup } from '../../../src/group/consumer/consumer-group.ts'
import type { HeartbeatCaller, HeartbeatReply } from '../../../src/group/contract.ts'
import type { MembershipReply, Step, Surroundings } from '../../../src/group/membership.ts'
import { type GroupSettings, groupSettings } from '../../../src/group/settings.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import type { HeartbeatResponse } from '../../../src/protocol/messages/heartbeat.ts'
import type {
  JoinGroupRequest,
  JoinGroupResponse,
} from '../../../src/protocol/messages/join-group.ts'
import type { LeaveGroupResponse } from '../../../src/protocol/messages/leave-group.ts'
import type { SyncGroupResponse } from '../../../src/protocol/messages/sync-group.ts'

// As the object does when it meets a pattern.
await loadPatterns()

export const GROUP = 'group'
export const SESSION_MS = 45_000
export const CALLER = { version: 1, clientId: 'client', clientHost: '/127.0.0.1' }

export type Heartbeat = Partial<ConsumerGroupHeartbeatRequest>

/** A topic id that tells its topic. */
export function topicId(name: string, generation = 0): TopicId {
  return `${name}-${generation}-`.padEnd(22, 'A').slice(0, 22) as TopicId
}

/** The group and what surrounds it. */
export class World {
  nowMs = 1_000_000
  settings: GroupSettings
  group: ConsumerGroup
  readonly rows = new Map<string, string>()
  /** Rows written or deleted by the last step. */
  written: string[] = []
  #metadata: GroupMetadata = { version: 0, topics: [] }
  #ids = 0
  #tickets = 0

  constructor(configs: Readonly<Record<string, string>> = {}) {
    this.settings = groupSettings(configs)
    this.group = ConsumerGroup.empty(this.nowMs)
  }

  get surroundings(): Surroundings {
    const newId = () => {
      this.#ids += 1
      return `made-${this.#ids}`
    }
    return {
      groupId: GROUP,
      nowMs: this.nowMs,
      settings: this.settings,
      metadata: this.#metadata,
      newId,
    }
  }

  get topics(): readonly GroupTopic[] {
    return this.#metadata.topics
  }

  /** Sets the topics there are: name and number of partitions, or 0 for one that is gone. */
  setTopics(counts: Readonly<Record<string, number>>, generation = 0): void {
    const kept = new Map(this.#metadata.topics.map((topic) => [topic.name, topic]))
    for (const [name, partitions] of Object.entries(counts)) {
      const id = kept.get(name)?.id ?? topicId(name, generation)
      if (partitions === 0) kept.delete(name)
      else kept.set(name, { id, name, partitions })
    }
    const topics = [...kept.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    this.#metadata = { version: this.#metadata.version + 1, topics }
    this.keep(this.group.metadataChanged(this.surroundings))
  }

  /** Takes a step's rows over; gives its only reply, if there is one. */
  keep({ changes, replies }: Step): MembershipReply | undefined {
    this.written = changes.map(({ key }) => key)
    for (const change of changes) {
      if (change.kind === 'put') this.rows.set(change.key, change.value)
      else this.rows.delete(change.key)
    }
    return replies[0]?.[1]
  }

  /** Loses the object and loads it again. */
  restart(): void {
    if (this.rows.size === 0) return
    this.group = ConsumerGroup.load(new Map(this.rows), this.nowMs, this.settings)
  }

  /** Time passes, and what is due is done. */
  pass(ms: number): void {
    this.nowMs += ms
    while (this.group.deadlineMs <= this.nowMs) this.keep(this.group.tick(this.surroundings))
  }

  beat(request: Heartbeat, version = 1, viewer?: HeartbeatCaller['viewer']): HeartbeatReply {
    const full: ConsumerGroupHeartbeatRequest = {
      groupId: GROUP,
      memberId: 'm',
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
      ...request,
    }
    const caller = { ...CALLER, version, ...(viewer === undefined ? {} : { viewer }) }
    const step = this.group.consumerHeartbeat(full, caller, this.#ticket(), this.surroundings)
    return this.keep(step) as HeartbeatReply
  }

  join(request: JoinGroupRequest, version = 9): JoinGroupResponse {
    const caller = { ...CALLER, version }
    const step = this.group.joinGroup(request, caller, this.#ticket(), this.surroundings)
    return this.keep(step) as JoinGroupResponse
  }

  sync(memberId: string, generationId: number, instanceId: string | null = null) {
    const request = {
      groupId: GROUP,
      memberId,
      generationId,
      groupInstanceId: instanceId,
      protocolType: null,
      protocolName: null,
      assignments: [],
    }
    const step = this.group.syncGroup(request, CALLER, this.#ticket(), this.surroundings)
    return this.keep(step) as SyncGroupResponse
  }

  classicBeat(memberId: string, generationId: number, instanceId: string | null = null): number {
    const request = { groupId: GROUP, memberId, generationId, groupInstanceId: instanceId }
    const step = this.group.heartbeat(request, CALLER, this.#ticket(), this.surroundings)
    return (this.keep(step) as HeartbeatResponse).errorCode
  }

  leave(memberId: string, groupInstanceId: string | null = null): LeaveGroupResponse {
    const request = {
      groupId: GROUP,
      memberId: '',
      members: [{ memberId, groupInstanceId, reason: null }],
    }
    const caller = { ...CALLER, version: 4 }
    const step = this.group.leaveGroup(request, caller, this.#ticket(), this.surroundings)
    return this.keep(step) as LeaveGroupResponse
  }

  describe() {
    return this.group.describeConsumer(GROUP, this.surroundings)
  }

  #ticket(): number {
    this.#tickets += 1
    return this.#tickets
  }
}

/** A request to join with these topics. */
export function joining(topics: readonly string[], more: Heartbeat = {}): Heartbeat {
  return {
    memberEpoch: 0,
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: topics as string[],
    topicPartitions: [],
    ...more,
  }
}

/** Partitions as 'name:0,1' strings, sorted, whatever carries them. */
export function flat(
  list: readonly { readonly topicId: TopicId; readonly partitions: readonly number[] }[],
): string[] {
  return list
    .flatMap(({ topicId: id, partitions }) => partitions.map((partition) => `${id}:${partition}`))
    .sort()
}

/** A client of the new protocol: keeps what it was told, says what it has when that changed. */
export class Client {
  readonly world: World
  readonly memberId: string
  readonly instanceId: string | null
  epoch = 0
  owned: readonly { readonly topicId: TopicId; readonly partitions: readonly number[] }[] = []
  #unsaid = false

  constructor(world: World, memberId: string, instanceId: string | null = null) {
    this.world = world
    this.memberId = memberId
    this.instanceId = instanceId
  }

  join(topics: readonly string[], more: Heartbeat = {}): ConsumerGroupHeartbeatResponse {
    this.epoch = 0
    this.owned = []
    return this.take(this.send(joining(topics, more)))
  }

  beat(more: Heartbeat = {}): ConsumerGroupHeartbeatResponse {
    const said = this.#unsaid ? { topicPartitions: this.owned as never } : {}
    this.#unsaid = false
    return this.take(this.send({ memberEpoch: this.epoch, ...said, ...more }))
  }

  send(request: Heartbeat): ConsumerGroupHeartbeatResponse {
    const { memberId, instanceId } = this
    return this.world.beat({ memberId, instanceId, ...request })
  }

  take(response: ConsumerGroupHeartbeatResponse): ConsumerGroupHeartbeatResponse {
    if (response.errorCode !== 0) return response
    this.epoch = response.memberEpoch
    if (response.assignment != null) {
      this.owned = response.assignment.topicPartitions
      this.#unsaid = true
    }
    return response
  }

  get partitions(): string[] {
    return flat(this.owned)
  }
}

/** Rounds of heartbeats until the group is stable; how many it took. */
export function settle(world: World, clients: readonly Client[], roundsMax = 50): number {
  for (let round = 1; round <= roundsMax; round += 1) {
    for (const client of clients) client.beat()
    if (world.group.state === 'Stable') return round
  }
  throw new Error('the group does not settle')
}
