// Who has each partition now: members own what they are assigned and what they have been asked to
// give up and have not yet. The guard of "a partition is never given to two".

import type { TopicId } from '../../core/ids.ts'
import type { Partitions } from './partitions.ts'

/** Owner of each partition, by topic. */
export class Owners {
  readonly #byTopic = new Map<TopicId, Map<number, string>>()

  isFree(topicId: TopicId, partition: number): boolean {
    return this.#byTopic.get(topicId)?.has(partition) !== true
  }

  /** Whether another member has some of these. */
  conflicts(partitions: Partitions, memberId: string): boolean {
    for (const [topicId, list] of partitions) {
      const owners = this.#byTopic.get(topicId)
      if (owners === undefined) continue
      for (const partition of list) {
        const owner = owners.get(partition)
        if (owner !== undefined && owner !== memberId) return true
      }
    }
    return false
  }

  /** @throws Error if another member has one: a bug, found before it is written. */
  claim(partitions: Partitions, memberId: string): void {
    if (this.conflicts(partitions, memberId)) {
      throw new Error(`a partition given to ${memberId} belongs to another member`)
    }
    for (const [topicId, list] of partitions) {
      let owners = this.#byTopic.get(topicId)
      if (owners === undefined) {
        owners = new Map()
        this.#byTopic.set(topicId, owners)
      }
      for (const partition of list) owners.set(partition, memberId)
    }
  }

  /** Gives up those that this member has. */
  release(partitions: Partitions, memberId: string): void {
    for (const [topicId, list] of partitions) {
      const owners = this.#byTopic.get(topicId)
      if (owners === undefined) continue
      for (const partition of list) {
        if (owners.get(partition) === memberId) owners.delete(partition)
      }
      if (owners.size === 0) this.#byTopic.delete(topicId)
    }
  }
}
