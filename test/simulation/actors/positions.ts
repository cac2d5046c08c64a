// How a member keeps its place in what it consumes: starts where the group has committed, goes on from
// there, commits. As consumers do with enable.auto.commit off.

import { KafkaError } from '../../../src/core/errors.ts'
import type { World } from '../world.ts'
import type { Connection } from './broker.ts'
import type { ConsumedTopic } from './classic-member.ts'
import type { MemberRecord } from './group-history.ts'

const CALLER = { version: 9, clientId: 'member', clientHost: '/127.0.0.1' }

/** See the head of this file. */
export class Positions {
  readonly #world: World
  readonly #topic: ConsumedTopic
  readonly #groupId: string
  readonly #member: MemberRecord
  readonly #at = new Map<number, number>()

  constructor(world: World, groupId: string, topic: ConsumedTopic, member: MemberRecord) {
    this.#world = world
    this.#groupId = groupId
    this.#topic = topic
    this.#member = member
  }

  /** Forgets where it was in what it does not own any more. */
  retain(): void {
    for (const partition of this.#at.keys()) {
      if (!this.#member.owned.has(partition)) this.#at.delete(partition)
    }
  }

  /** Consumes a little of what it owns and commits that. The error of the commit; null when unknown. */
  async advance(connection: Connection, instanceId: string | null): Promise<number | null> {
    const { random } = this.#world
    const { owned, memberId, generation } = this.#member
    for (const partition of owned) {
      if (this.#at.has(partition)) continue
      const at = await this.#committed(connection, partition)
      if (at === null) return null
      if (owned.has(partition)) this.#at.set(partition, at)
    }
    const partitions = [...this.#at]
      .filter(() => random.chance(0.7))
      .map(([partition, at]) => {
        const offset = at + random.between(0, 10)
        // Consumed, whatever becomes of the commit.
        this.#at.set(partition, offset)
        return { partition, offset, leaderEpoch: -1, metadata: '' }
      })
    if (partitions.length === 0) return KafkaError.NONE
    const reply = await connection.ask(({ group }) =>
      group(this.#groupId).commitOffsets(
        {
          groupId: this.#groupId,
          memberId,
          generationOrEpoch: generation,
          instanceId,
          retentionTimeMs: -1,
          topics: [{ topicId: this.#topic.id, name: this.#topic.name, partitions }],
        },
        CALLER,
      ),
    )
    return reply === null ? null : (reply.topics[0]?.errors[0] ?? -1)
  }

  async #committed(connection: Connection, partition: number): Promise<number | null> {
    const reply = await connection.ask(({ group }) =>
      group(this.#groupId).fetchOffsets(
        {
          groupId: this.#groupId,
          memberId: null,
          memberEpoch: -1,
          requireStable: true,
          topics: [{ topicId: this.#topic.id, partitions: [partition] }],
        },
        CALLER,
      ),
    )
    if (reply === null || reply.error !== KafkaError.NONE) return null
    const found = reply.topics[0]?.partitions[0]
    if (found === undefined || found.error !== KafkaError.NONE) return null
    return Math.max(0, found.offset)
  }
}
