// A member of a group of the next protocol (KIP-848) as Kafka's consumer is one: heartbeats, takes what it
// is given, gives up what it is not, says what it has, and starts over when it is fenced.

import { KafkaError } from '../../../src/core/errors.ts'
import type { ConsumerGroupHeartbeatResponse } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import type { World } from '../world.ts'
import { Connection } from './broker.ts'
import type { ConsumedTopic } from './classic-member.ts'
import type { MemberRecord } from './group-history.ts'
import { Positions } from './positions.ts'

export interface ConsumerMemberOptions {
  readonly world: World
  readonly groupId: string
  readonly topic: ConsumedTopic
  readonly record: MemberRecord
  readonly instanceId: string | null
  readonly rebalanceTimeoutMs: number
  readonly isRestless: boolean
}

const CALLER = { version: 1, clientId: 'consumer', clientHost: '/127.0.0.1' }
const LEAVE = -1
const STATIC_LEAVE = -2

/** One life of a member. */
export class ConsumerMember {
  readonly #options: ConsumerMemberOptions
  readonly #connection: Connection
  readonly #positions: Positions
  /** Said in full: at first, and after an answer that was lost. */
  #saysAll = true
  /** What it has is not what it last said. */
  #hasNews = false
  #saidAllInTheEnd = false
  #intervalMs = 1_000

  constructor(options: ConsumerMemberOptions) {
    const { world, groupId, topic, record } = options
    this.#options = options
    this.#connection = new Connection(world, record.context)
    this.#positions = new Positions(world, groupId, topic, record)
    record.memberId = crypto.randomUUID()
    record.generation = 0
  }

  async live(): Promise<void> {
    const { world, record, isRestless } = this.#options
    const { random } = world
    while (!record.isGone) {
      const reply = await this.#heartbeat()
      if (reply !== null) await this.#answered(reply)
      else this.#saysAll = true
      if (record.isGone) return
      if (isRestless && !world.isHealed && random.chance(0.02)) {
        await this.#leave()
        return
      }
      if (record.generation > 0 && random.chance(0.4)) {
        const error = await this.#positions.advance(this.#connection, this.#options.instanceId)
        if (error === KafkaError.UNKNOWN_MEMBER_ID || error === KafkaError.FENCED_MEMBER_EPOCH) {
          this.#startOver()
        }
      }
      const isUrgent = this.#hasNews || record.generation === 0
      await world.sleep(isUrgent ? random.between(0, 200) : random.between(0, this.#intervalMs))
    }
  }

  #heartbeat(): Promise<ConsumerGroupHeartbeatResponse | null> {
    const { groupId, topic, record, instanceId, rebalanceTimeoutMs } = this.#options
    const joins = record.generation === 0
    // A request that it gave up may be taken after the one it made instead, and what is answered then it
    // never hears: with Kafka too. In the end it says all once more, as after any lost answer.
    const isTheEnd = this.#options.world.isHealed && !this.#saidAllInTheEnd
    const saysAll = this.#saysAll || joins || isTheEnd
    if (isTheEnd) this.#saidAllInTheEnd = true
    const saysOwned = saysAll || this.#hasNews
    const owned = [...record.owned].toSorted((a, b) => a - b)
    this.#saysAll = false
    this.#hasNews = false
    const topicPartitions = owned.length === 0 ? [] : [{ topicId: topic.id, partitions: owned }]
    return this.#connection.ask(({ group }) =>
      group(groupId).consumerHeartbeat(
        {
          groupId,
          memberId: record.memberId,
          memberEpoch: record.generation,
          instanceId: saysAll ? instanceId : null,
          rackId: null,
          rebalanceTimeoutMs: saysAll ? rebalanceTimeoutMs : -1,
          subscribedTopicNames: saysAll ? [topic.name] : null,
          subscribedTopicRegex: null,
          serverAssignor: null,
          topicPartitions: saysOwned ? topicPartitions : null,
        },
        CALLER,
      ),
    )
  }

  async #answered(reply: ConsumerGroupHeartbeatResponse): Promise<void> {
    const { world, record, instanceId } = this.#options
    switch (reply.errorCode) {
      case KafkaError.NONE:
        record.generation = reply.memberEpoch
        this.#intervalMs = reply.heartbeatIntervalMs
        if (reply.assignment != null) {
          await this.#reconcile(reply.assignment.topicPartitions.flatMap((one) => one.partitions))
        }
        break
      case KafkaError.UNKNOWN_MEMBER_ID:
      case KafkaError.FENCED_MEMBER_EPOCH:
        this.#startOver()
        break
      case KafkaError.UNRELEASED_INSTANCE_ID:
        // Another life of this instance is not over.
        if (instanceId === null) {
          world.violated('members-are-answered-sensibly', `${record.name}: unreleased`)
        }
        record.owned.clear()
        record.isGone = true
        break
      case KafkaError.FENCED_INSTANCE_ID:
        record.owned.clear()
        record.isGone = true
        break
      case KafkaError.GROUP_ID_NOT_FOUND:
        // It was put out, and the group has become a classic one: Kafka's consumer fails.
        if (record.generation === 0) {
          world.violated('members-are-answered-sensibly', `${record.name}: ${reply.errorMessage}`)
        }
        record.owned.clear()
        record.isGone = true
        break
      case KafkaError.COORDINATOR_NOT_AVAILABLE:
      case KafkaError.COORDINATOR_LOAD_IN_PROGRESS:
      case KafkaError.NOT_COORDINATOR:
        this.#saysAll = true
        break
      default:
        world.violated(
          'members-are-answered-sensibly',
          `${record.name}: ${reply.errorCode} ${reply.errorMessage}`,
        )
        record.isGone = true
    }
  }

  /** First it gives up, with a last commit, then it takes. */
  async #reconcile(assigned: readonly number[]): Promise<void> {
    const { world, record, instanceId } = this.#options
    const { random } = world
    const lost = [...record.owned].filter((partition) => !assigned.includes(partition))
    if (lost.length > 0) {
      if (random.chance(0.5)) await this.#positions.advance(this.#connection, instanceId)
      if (random.chance(0.3)) await world.sleep(random.between(0, 2_000))
      for (const partition of lost) record.owned.delete(partition)
      this.#hasNews = true
    }
    for (const partition of assigned) {
      if (record.owned.has(partition)) continue
      record.owned.add(partition)
      this.#hasNews = true
    }
    this.#positions.retain()
  }

  #startOver(): void {
    const { record } = this.#options
    record.owned.clear()
    record.generation = 0
    this.#saysAll = true
    this.#positions.retain()
  }

  async #leave(): Promise<void> {
    const { groupId, record, instanceId } = this.#options
    const epoch = instanceId === null ? LEAVE : STATIC_LEAVE
    record.owned.clear()
    record.isGone = true
    await this.#connection.ask(({ group }) =>
      group(groupId).consumerHeartbeat(
        {
          groupId,
          memberId: record.memberId,
          memberEpoch: epoch,
          instanceId,
          rackId: null,
          rebalanceTimeoutMs: -1,
          subscribedTopicNames: null,
          subscribedTopicRegex: null,
          serverAssignor: null,
          topicPartitions: [],
        },
        CALLER,
      ),
    )
  }
}
