// A member of a classic group as Kafka's consumer is one: joins, syncs, heartbeats, commits, rejoins when
// it is told to, and starts over when the group does not know it. Dynamic or static (KIP-345); eager, or
// cooperative (KIP-429: keeps what it owns over a rebalance, and rejoins after it gave something up).

import { KafkaError } from '../../../src/core/errors.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import { readAssignment, writeAssignment } from '../../../src/group/consumer/consumer-protocol.ts'
import type { JoinGroupResponse } from '../../../src/protocol/messages/join-group.ts'
import type {
  SyncGroupRequest,
  SyncGroupResponse,
} from '../../../src/protocol/messages/sync-group.ts'
import type { World } from '../world.ts'
import { Connection } from './broker.ts'
import { ownedIn, subscription } from './consumer-protocol.ts'
import type { MemberRecord } from './group-history.ts'
import { Positions } from './positions.ts'

export interface ConsumedTopic {
  readonly id: TopicId
  readonly name: string
  readonly partitions: number
}

export interface ClassicMemberOptions {
  readonly world: World
  readonly groupId: string
  readonly topic: ConsumedTopic
  readonly record: MemberRecord
  readonly instanceId: string | null
  readonly isCooperative: boolean
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Leaves by itself now and then, or wants to rejoin. */
  readonly isRestless: boolean
  /** Its sync of the generation before comes once more, when the next one is complete. */
  readonly repeatsSyncs?: boolean
}

/** What to do next. */
type Next = 'heartbeat' | 'join' | 'over'

const COORDINATOR_BUSY: ReadonlySet<number> = new Set([
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.NOT_COORDINATOR,
])

/** One life of a member. */
export class ClassicMember {
  readonly #options: ClassicMemberOptions
  readonly #connection: Connection
  readonly #positions: Positions
  #synced: SyncGroupRequest | null = null

  constructor(options: ClassicMemberOptions) {
    const { world, groupId, topic, record } = options
    this.#options = options
    this.#connection = new Connection(world, record.context)
    this.#positions = new Positions(world, groupId, topic, record)
  }

  async live(): Promise<void> {
    const { world, record, sessionTimeoutMs, isRestless } = this.#options
    let next: Next = 'join'
    while (next !== 'over') {
      if (next === 'join') {
        next = await this.#join()
        continue
      }
      await world.sleep(world.random.between(0, sessionTimeoutMs / 3))
      if (isRestless && !world.isHealed && world.random.chance(0.03)) {
        if (world.random.chance(0.5)) {
          await this.#leave()
          return
        }
        next = this.#rejoin()
        continue
      }
      if (world.random.chance(0.5)) next = await this.#commit()
      if (next === 'heartbeat') next = await this.#heartbeat()
    }
    record.isGone = true
  }

  async #join(): Promise<Next> {
    const { world, groupId, topic, record, instanceId, isCooperative } = this.#options
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const metadata = subscription(topic.name, [...record.owned])
    const reply = await this.#connection.ask(
      ({ group }) =>
        group(groupId).joinGroup(
          {
            groupId,
            sessionTimeoutMs,
            rebalanceTimeoutMs,
            memberId: record.memberId,
            groupInstanceId: instanceId,
            protocolType: 'consumer',
            protocols: [{ name: isCooperative ? 'cooperative-sticky' : 'range', metadata }],
            reason: null,
          },
          { version: 9, clientId: 'classic', clientHost: '/127.0.0.1' },
        ),
      rebalanceTimeoutMs + 5_000,
    )
    if (reply === null || COORDINATOR_BUSY.has(reply.errorCode)) {
      await world.sleep(world.random.between(50, 300))
      return 'join'
    }
    switch (reply.errorCode) {
      case KafkaError.NONE:
        record.memberId = reply.memberId
        record.generation = reply.generationId ?? -1
        return this.#sync(reply)
      case KafkaError.MEMBER_ID_REQUIRED:
        record.memberId = reply.memberId
        return 'join'
      case KafkaError.UNKNOWN_MEMBER_ID:
        return this.#startOver()
      case KafkaError.FENCED_INSTANCE_ID:
        return this.#fenced()
      case KafkaError.REBALANCE_IN_PROGRESS:
        return 'join'
      default:
        world.violated('members-are-answered-sensibly', `${record.name}: join ${reply.errorCode}`)
        return 'over'
    }
  }

  async #sync(joined: JoinGroupResponse): Promise<Next> {
    const { world, groupId, record, instanceId, topic } = this.#options
    const isLeader = joined.leader === record.memberId
    const assignments = isLeader && !joined.skipAssignment ? this.#assign(joined) : []
    const { generationId = -1, protocolType = null, protocolName = null } = joined
    const memberId = record.memberId
    const request: SyncGroupRequest = {
      groupId,
      generationId,
      memberId,
      groupInstanceId: instanceId,
      protocolType,
      protocolName,
      assignments,
    }
    const reply = await this.#ask(request)
    if (reply?.errorCode === KafkaError.NONE && this.#options.repeatsSyncs === true) {
      if (this.#synced !== null) void this.#ask(this.#synced)
      this.#synced = request
    }
    if (reply === null) return 'join'
    switch (reply.errorCode) {
      case KafkaError.NONE: {
        const assigned =
          readAssignment(reply.assignment)
            ?.filter((each) => each.topic === topic.name)
            .flatMap(({ partitions }) => partitions) ?? []
        return this.#take(assigned)
      }
      case KafkaError.UNKNOWN_MEMBER_ID:
      case KafkaError.ILLEGAL_GENERATION:
        if (reply.errorCode === KafkaError.UNKNOWN_MEMBER_ID) return this.#startOver()
        return this.#rejoin()
      case KafkaError.FENCED_INSTANCE_ID:
        return this.#fenced()
      default:
        await world.sleep(world.random.between(0, 200))
        return 'join'
    }
  }

  #ask(request: SyncGroupRequest): Promise<SyncGroupResponse | null> {
    return this.#connection.ask(
      ({ group }) =>
        group(request.groupId).syncGroup(request, {
          version: 5,
          clientId: 'classic',
          clientHost: '/127.0.0.1',
        }),
      this.#options.rebalanceTimeoutMs + 5_000,
    )
  }

  /** Cooperative: what it has to give up it gives up, and joins again so that another can have it. */
  #take(assigned: readonly number[]): Next {
    const { record, isCooperative } = this.#options
    const givesUp = isCooperative && [...record.owned].some((one) => !assigned.includes(one))
    record.owned.clear()
    for (const partition of assigned) record.owned.add(partition)
    this.#positions.retain()
    return givesUp ? 'join' : 'heartbeat'
  }

  /** The leader's part: partitions in turn; cooperative ones stay, or stay free until they are given up. */
  #assign(joined: JoinGroupResponse) {
    const { topic, isCooperative } = this.#options
    const ids = joined.members.map(({ memberId }) => memberId).toSorted()
    const shares = new Map(ids.map((id): [string, number[]] => [id, []]))
    const owners = new Map<number, string>()
    for (const { memberId, metadata } of joined.members) {
      for (const partition of ownedIn(metadata)) {
        // Claimed by two: neither keeps it.
        owners.set(partition, owners.has(partition) ? '' : memberId)
      }
    }
    const most = Math.ceil(topic.partitions / ids.length)
    for (let partition = 0; partition < topic.partitions; partition++) {
      const target = ids[partition % ids.length]!
      const owner = owners.get(partition) ?? ''
      if (!isCooperative || owner === '' || owner === target) shares.get(target)?.push(partition)
      else if ((shares.get(owner)?.length ?? most) < most) shares.get(owner)?.push(partition)
    }
    return ids.map((memberId) => ({
      memberId,
      assignment: writeAssignment(
        [{ topic: topic.name, partitions: shares.get(memberId) ?? [] }],
        1,
      ),
    }))
  }

  async #heartbeat(): Promise<Next> {
    const { groupId, record, instanceId, world } = this.#options
    const reply = await this.#connection.ask(({ group }) =>
      group(groupId).heartbeat(
        {
          groupId,
          generationId: record.generation,
          memberId: record.memberId,
          groupInstanceId: instanceId,
        },
        { version: 4, clientId: 'classic', clientHost: '/127.0.0.1' },
      ),
    )
    if (reply === null) return 'heartbeat'
    switch (reply.errorCode) {
      case KafkaError.REBALANCE_IN_PROGRESS:
        // A last commit of what it may have to give up.
        if (world.random.chance(0.6)) await this.#commit()
        return this.#rejoin()
      default:
        return this.#afterError(reply.errorCode)
    }
  }

  async #commit(): Promise<Next> {
    const { instanceId } = this.#options
    const error = await this.#positions.advance(this.#connection, instanceId)
    if (error === null) return 'heartbeat'
    return error === KafkaError.REBALANCE_IN_PROGRESS ? this.#rejoin() : this.#afterError(error)
  }

  #afterError(error: number): Next {
    switch (error) {
      case KafkaError.NONE:
        return 'heartbeat'
      case KafkaError.UNKNOWN_MEMBER_ID:
        return this.#startOver()
      case KafkaError.ILLEGAL_GENERATION:
        return this.#lose()
      case KafkaError.FENCED_INSTANCE_ID:
        return this.#fenced()
      default:
        return 'heartbeat'
    }
  }

  /** Eager members give up everything before they join again. */
  #rejoin(): Next {
    const { record, isCooperative } = this.#options
    if (!isCooperative) record.owned.clear()
    this.#positions.retain()
    return 'join'
  }

  /** What it owned may be another's already. */
  #lose(): Next {
    const { record } = this.#options
    record.owned.clear()
    record.generation = -1
    this.#positions.retain()
    return 'join'
  }

  #startOver(): Next {
    this.#options.record.memberId = ''
    return this.#lose()
  }

  #fenced(): Next {
    this.#lose()
    return 'over'
  }

  async #leave(): Promise<void> {
    const { groupId, record, instanceId } = this.#options
    const { memberId } = record
    record.owned.clear()
    record.isGone = true
    // A static member goes without a word.
    if (instanceId !== null) return
    await this.#connection.ask(({ group }) =>
      group(groupId).leaveGroup(
        { groupId, memberId: '', members: [{ memberId, groupInstanceId: null, reason: null }] },
        { version: 5, clientId: 'classic', clientHost: '/127.0.0.1' },
      ),
    )
  }
}
