// A member of a classic group over a raw connection of its own: each request exactly as said, nothing
// retried. What it was told of itself (member id, generation) is kept for the next request.

import { DescribeGroups } from '../../src/protocol/messages/describe-groups.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { JoinGroup } from '../../src/protocol/messages/join-group.ts'
import { LeaveGroup } from '../../src/protocol/messages/leave-group.ts'
import { OffsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { SyncGroup } from '../../src/protocol/messages/sync-group.ts'
import type { RequestToSend, ResponseRead } from '../../src/protocol/schema.ts'
import { until } from './calls.ts'
import type { Wire } from './wire.ts'

export const RANGE = 'range'
export const ROUND_ROBIN = 'roundrobin'

/** What may be said otherwise than usual. */
export type JoinOptions = Partial<RequestToSend<typeof JoinGroup>> & { readonly version?: number }
export type SyncOptions = Partial<RequestToSend<typeof SyncGroup>> & { readonly version?: number }

/** A ConsumerProtocolSubscription of version 0. */
export function subscription(...topics: readonly string[]): Buffer {
  const names = topics.map((topic) => {
    const name = Buffer.from(topic)
    const length = Buffer.alloc(2)
    length.writeInt16BE(name.length)
    return Buffer.concat([length, name])
  })
  const count = Buffer.alloc(4)
  count.writeInt32BE(topics.length)
  return Buffer.concat([Buffer.alloc(2), count, ...names, Buffer.from([255, 255, 255, 255])])
}

/** A protocol with its metadata. */
export function protocol(name: string, metadata: Buffer | string = subscription('t')) {
  return { name, metadata: Buffer.from(metadata) }
}

/** See the head of this file. */
export class ClassicMember {
  readonly wire: Wire
  readonly groupId: string
  memberId = ''
  generationId = -1
  instanceId: string | null

  constructor(wire: Wire, groupId: string, instanceId: string | null = null) {
    this.wire = wire
    this.groupId = groupId
    this.instanceId = instanceId
  }

  /** The body of a join as this member would send it. */
  joinBody(options: JoinOptions = {}): RequestToSend<typeof JoinGroup> {
    const { version: _, ...said } = options
    return {
      groupId: this.groupId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType: 'consumer',
      protocols: [protocol(RANGE)],
      ...said,
    }
  }

  /** Joins; with the id that it is given if it must have one. */
  async join(options: JoinOptions = {}): Promise<ResponseRead<typeof JoinGroup>> {
    const got = await this.joinOnce(options)
    if (got.errorCode !== 79) return got
    this.memberId = got.memberId
    return this.joinOnce(options)
  }

  async joinOnce(options: JoinOptions = {}): Promise<ResponseRead<typeof JoinGroup>> {
    const got = await this.wire.call(JoinGroup, options.version ?? 9, this.joinBody(options))
    if (got.errorCode === 0) {
      this.memberId = got.memberId
      this.generationId = got.generationId
    }
    return got
  }

  /** Syncs; as the leader with assignments. */
  sync(
    assignments: Readonly<Record<string, string>> = {},
    options: SyncOptions = {},
  ): Promise<ResponseRead<typeof SyncGroup>> {
    const { version, ...said } = options
    return this.wire.call(SyncGroup, version ?? 5, {
      groupId: this.groupId,
      generationId: this.generationId,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType: 'consumer',
      protocolName: RANGE,
      assignments: Object.entries(assignments).map(([memberId, text]) => ({
        memberId,
        assignment: Buffer.from(text),
      })),
      ...said,
    })
  }

  async heartbeat(
    said: Partial<RequestToSend<typeof Heartbeat>> = {},
    version = 4,
  ): Promise<number> {
    const body = {
      groupId: this.groupId,
      generationId: this.generationId,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      ...said,
    }
    return (await this.wire.call(Heartbeat, version, body)).errorCode
  }

  leave(version = 5): Promise<ResponseRead<typeof LeaveGroup>> {
    const { groupId, memberId, instanceId: groupInstanceId } = this
    const members = version >= 3 ? [{ memberId, groupInstanceId }] : []
    return this.wire.call(LeaveGroup, version, { groupId, memberId, members })
  }

  /** Commits one offset; gives its error. */
  async commit(
    topic: string,
    offset: number,
    said: Partial<RequestToSend<typeof OffsetCommit>> = {},
    version = 9,
  ): Promise<number> {
    const partition = { partitionIndex: 0, committedOffset: offset, committedMetadata: null }
    const got = await this.wire.call(OffsetCommit, version, {
      groupId: this.groupId,
      generationIdOrMemberEpoch: this.generationId,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      topics: [{ name: topic, partitions: [partition] }],
      ...said,
    })
    return got.topics[0]!.partitions[0]!.errorCode
  }
}

/** Waits until the coordinator of groups takes requests: Kafka creates or loads a topic for it first. */
export async function coordinatorReady(wire: Wire, groupId: string): Promise<void> {
  await until(async () => {
    const body = { keyType: 0, coordinatorKeys: [groupId] }
    const { coordinators } = await wire.call(FindCoordinator, 4, body)
    if (coordinators[0]?.errorCode !== 0) return false
    const { groups } = await wire.call(DescribeGroups, 6, { groups: [groupId] })
    return ![14, 15, 16].includes(groups[0]!.errorCode)
  })
}
