// One topic of a tail: which of its partitions are read, and how far. Plain state: who moves it is tail.ts,
// and topics.ts where the topic changes.

import type { TopicState } from '../../cluster/contract.ts'
import type { TopicId } from '../../core/ids.ts'
import { partitionForKey } from '../../core/murmur2.ts'
import { followedKey } from './following.ts'
import type { TopicPosition } from './position.ts'

/** What names a topic that is read. */
export type TopicName = Pick<TopicState, 'id' | 'name'>

/** Which partitions of each topic are read, and which of their records are shown. */
export interface Scope {
  /** null: all, also those added later. */
  readonly partitions: readonly number[] | null
  /** Records of this key alone. */
  readonly key: Uint8Array | null
}

/** Those of the partitions that a topic has of so many; partitions asked for that it has not got are left out. */
export function partitionsIn({ partitions, key }: Scope, count: number): number[] {
  if (key !== null) return [partitionForKey(key, count)]
  if (partitions !== null) return partitions.filter((partition) => partition < count)
  return Array.from({ length: count }, (_, partition) => partition)
}

/** A topic that is followed, or was: then it has no state. */
export class TailTopic implements TopicPosition {
  readonly name: string
  #state: TopicName | null
  /** null where positions do not name it. */
  #id: TopicId | null
  #next: Map<number, number>
  readonly #keys = new Map<number, string>()

  /** @param next the offsets to deliver next, by partition */
  constructor(
    name: string,
    state: TopicName | null,
    { id, next }: { readonly id: TopicId | null; readonly next: ReadonlyMap<number, number> },
  ) {
    this.name = name
    this.#state = state
    this.#id = id
    this.#next = inOrder(next)
  }

  /** null: there is no topic of the name. */
  get state(): TopicName | null {
    return this.#state
  }

  get id(): TopicId | null {
    return this.#id
  }

  get next(): ReadonlyMap<number, number> {
    return this.#next
  }

  /** Reading of a partition goes on here. */
  move(partition: number, next: number): void {
    if (this.#next.has(partition)) this.#next.set(partition, next)
    else this.#next = inOrder(new Map([...this.#next, [partition, next]]))
  }

  remove(partition: number): void {
    this.#next.delete(partition)
    this.#keys.delete(partition)
  }

  /** What a partition is followed under. */
  keyOf(topicId: TopicId, partition: number): string {
    const known = this.#keys.get(partition)
    if (known !== undefined) return known
    const key = followedKey({ topicId, partition })
    this.#keys.set(partition, key)
    return key
  }

  /** Another topic has taken the name. */
  replace(state: TopicName, next: ReadonlyMap<number, number>): void {
    if (this.#id !== null) this.#id = state.id
    this.#state = state
    this.#keys.clear()
    this.#next = inOrder(next)
  }

  /** There is no topic of the name: its id alone stays in positions, so that nobody is told twice. */
  end(): void {
    this.#id = this.#state?.id ?? this.#id
    this.#state = null
    this.#next = new Map()
  }
}

function inOrder(next: ReadonlyMap<number, number>): Map<number, number> {
  return new Map([...next].sort(([a], [b]) => a - b))
}
