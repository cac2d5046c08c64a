// The offsets of a group: what is committed, and what transactions will commit if they do, by topic id.
// Each write has a number in its group, because of two commits of one partition the later written
// counts, also when one of them was in a transaction that ended after the other (as Kafka orders them).
// Not who may commit (group.ts), not when offsets expire (offsets-expiry.ts).

import type { TopicId } from '../core/ids.ts'
import { HISTORY_CHARACTERS, HISTORY_GROUP_CHARACTERS } from '../core/limits/statistics.ts'
import { historyAfter } from './history.ts'

/** One partition's offset. */
export interface KeptOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly committedMs: number
  /** From an old client that said how long to keep it; null otherwise. */
  readonly expiresMs: number | null
  /** Of the write, in its group. */
  readonly sequence: number
  /** Where it was before, of a committed one (history.ts). */
  readonly history: string
}

/** One that is to be kept. */
export type NewOffset = Omit<KeptOffset, 'sequence' | 'history'>

/** One partition of a topic, whose name goes with it. */
export interface OffsetPartition {
  readonly topicId: TopicId
  readonly name: string
  readonly partition: number
}

/** An open transaction, as its offsets are kept with it. */
export interface OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  /** Of the transaction, in its coordinator. */
  readonly number: number
}

/** What must be written. */
export type OffsetChange =
  | ({ readonly kind: 'commit'; readonly kept: KeptOffset } & OffsetPartition)
  | ({ readonly kind: 'forget' } & Omit<OffsetPartition, 'name'>)
  | ({ readonly kind: 'pend'; readonly kept: KeptOffset } & OffsetPartition & OpenTransaction)
  | ({ readonly kind: 'unpend'; readonly producerId: number } & Omit<OffsetPartition, 'name'>)

/** What is on disk. */
export interface KeptOffsets {
  readonly committed: readonly (OffsetPartition & { readonly kept: KeptOffset })[]
  readonly pending: readonly (OffsetPartition & OpenTransaction & { readonly kept: KeptOffset })[]
}

/** The committed offsets of one topic. */
export interface TopicOffsets {
  readonly name: string
  readonly partitions: ReadonlyMap<number, KeptOffset>
}

interface Topic {
  name: string
  readonly partitions: Map<number, KeptOffset>
}

interface Pending extends OffsetPartition {
  readonly number: number
  readonly producerEpoch: number
  readonly kept: KeptOffset
}

/** See the head of this file. Its methods change memory and answer what must be written. */
export class Offsets {
  readonly #topics = new Map<TopicId, Topic>()
  /** By producer id, then by partition. */
  readonly #pending = new Map<number, Map<string, Pending>>()
  /** How many transactions have offsets for a partition. */
  readonly #pendingOn = new Map<string, number>()
  #size = 0
  #lastSequence = 0
  #topicsVersion = 0

  constructor(kept: KeptOffsets = { committed: [], pending: [] }) {
    for (const { topicId, name, partition, kept: one } of kept.committed) {
      this.#put(topicId, name, partition, one)
    }
    for (const { producerId, ...pending } of kept.pending) this.#putPending(producerId, pending)
  }

  /** Offsets held, pending ones included. */
  get size(): number {
    return this.#size
  }

  /** Changes whenever `topicIds` does. */
  get topicsVersion(): number {
    return this.#topicsVersion
  }

  /** Topics with offsets, pending ones included. */
  topicIds(): TopicId[] {
    const ids = new Set(this.#topics.keys())
    for (const partitions of this.#pending.values()) {
      for (const { topicId } of partitions.values()) ids.add(topicId)
    }
    return [...ids]
  }

  /** Everything committed. */
  topics(): IterableIterator<[TopicId, TopicOffsets]> {
    return this.#topics.entries()
  }

  get(topicId: TopicId, partition: number): KeptOffset | undefined {
    return this.#topics.get(topicId)?.partitions.get(partition)
  }

  /** Whether an open transaction will change this partition's offset if it commits. */
  isPending(topicId: TopicId, partition: number): boolean {
    return this.#pendingOn.has(key(topicId, partition))
  }

  /** Whether this producer has an offset for the partition in its transaction. */
  isPendingOf(producerId: number, topicId: TopicId, partition: number): boolean {
    return this.#pending.get(producerId)?.has(key(topicId, partition)) ?? false
  }

  /** The transactions that have offsets here. */
  openTransactions(): OpenTransaction[] {
    return [...this.#pending].flatMap(([producerId, partitions]) =>
      [...partitions.values()].map(({ producerEpoch, number }) => ({
        producerId,
        producerEpoch,
        number,
      })),
    )
  }

  commit(where: OffsetPartition, offset: NewOffset): OffsetChange {
    const history = this.#historyOf(where, offset)
    const kept = { ...offset, sequence: this.#lastSequence + 1, history }
    this.#put(where.topicId, where.name, where.partition, kept)
    return { kind: 'commit', kept, ...where }
  }

  /** Keeps an offset until its transaction ends. */
  pend(where: OffsetPartition, transaction: OpenTransaction, offset: NewOffset): OffsetChange {
    const kept = { ...offset, sequence: this.#lastSequence + 1, history: '' }
    this.#putPending(transaction.producerId, { ...where, ...transaction, kept })
    return { kind: 'pend', kept, ...where, ...transaction }
  }

  /**
   * Ends a producer's transactions up to a number (null: whatever is open). What it committed counts
   * unless the same partition was committed after it was written.
   */
  end(producerId: number, upTo: number | null, committed: boolean): OffsetChange[] {
    const changes: OffsetChange[] = []
    for (const pending of [...(this.#pending.get(producerId)?.values() ?? [])]) {
      if (upTo !== null && pending.number > upTo) continue
      changes.push(this.#dropPending(producerId, pending))
      if (!committed) continue
      const { topicId, name, partition, kept } = pending
      const present = this.get(topicId, partition)
      if (present !== undefined && present.sequence > kept.sequence) continue
      const ended = { ...kept, history: this.#historyOf(pending, kept) }
      this.#put(topicId, name, partition, ended)
      changes.push({ kind: 'commit', topicId, name, partition, kept: ended })
    }
    return changes
  }

  /** Forgets a partition's offset, pending ones included. */
  forget(topicId: TopicId, partition: number): OffsetChange[] {
    const changes: OffsetChange[] = []
    const topic = this.#topics.get(topicId)
    if (topic?.partitions.delete(partition)) {
      this.#size -= 1
      if (topic.partitions.size === 0) {
        this.#topics.delete(topicId)
        this.#topicsVersion += 1
      }
      changes.push({ kind: 'forget', topicId, partition })
    }
    if (!this.isPending(topicId, partition)) return changes
    for (const [producerId, partitions] of [...this.#pending]) {
      const pending = partitions.get(key(topicId, partition))
      if (pending !== undefined) changes.push(this.#dropPending(producerId, pending))
    }
    return changes
  }

  /** Forgets topics that are no more. */
  forgetTopics(topicIds: Iterable<TopicId>): OffsetChange[] {
    const changes: OffsetChange[] = []
    for (const topicId of topicIds) {
      const committed = this.#topics.get(topicId)?.partitions.keys() ?? []
      const pending = [...this.#pending.values()].flatMap((partitions) =>
        [...partitions.values()].filter((one) => one.topicId === topicId),
      )
      const partitions = new Set([...committed, ...pending.map(({ partition }) => partition)])
      for (const partition of partitions) changes.push(...this.forget(topicId, partition))
    }
    return changes
  }

  /** The history that a partition's offset has once it is replaced: the more there are, the shorter. */
  #historyOf({ topicId, partition }: OffsetPartition, { committedMs }: NewOffset): string {
    const share = Math.floor(HISTORY_GROUP_CHARACTERS / Math.max(1, this.#size))
    const most = Math.min(HISTORY_CHARACTERS, share)
    return historyAfter(this.get(topicId, partition), committedMs, most)
  }

  #put(topicId: TopicId, name: string, partition: number, kept: KeptOffset): void {
    let topic = this.#topics.get(topicId)
    if (topic === undefined) {
      topic = { name, partitions: new Map() }
      this.#topics.set(topicId, topic)
      this.#topicsVersion += 1
    }
    topic.name = name
    if (!topic.partitions.has(partition)) this.#size += 1
    topic.partitions.set(partition, kept)
    this.#lastSequence = Math.max(this.#lastSequence, kept.sequence)
  }

  #putPending(producerId: number, pending: Pending): void {
    const where = key(pending.topicId, pending.partition)
    const partitions = this.#pending.get(producerId) ?? new Map<string, Pending>()
    this.#pending.set(producerId, partitions)
    if (!partitions.has(where)) {
      this.#size += 1
      this.#pendingOn.set(where, (this.#pendingOn.get(where) ?? 0) + 1)
      if (!this.#topics.has(pending.topicId)) this.#topicsVersion += 1
    }
    partitions.set(where, pending)
    this.#lastSequence = Math.max(this.#lastSequence, pending.kept.sequence)
  }

  #dropPending(producerId: number, { topicId, partition }: Pending): OffsetChange {
    const where = key(topicId, partition)
    const partitions = this.#pending.get(producerId)
    partitions?.delete(where)
    if (partitions?.size === 0) this.#pending.delete(producerId)
    const left = (this.#pendingOn.get(where) ?? 1) - 1
    if (left === 0) this.#pendingOn.delete(where)
    else this.#pendingOn.set(where, left)
    this.#size -= 1
    this.#topicsVersion += 1
    return { kind: 'unpend', producerId, topicId, partition }
  }
}

function key(topicId: TopicId, partition: number): string {
  return `${topicId}/${partition}`
}
