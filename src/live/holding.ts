// What a member has: its partitions, how far each was sent and processed, which of them it was told to let
// go, and since when its application has not got on. Pure. Not who gives and takes (member.ts).

import type { TopicId } from '../core/ids.ts'
import type { AssignedPartition, TopicRecords } from '../http/tail/contract.ts'
import {
  type Held,
  keyOfPartition,
  type MemberState,
  restoreHeld,
  storeHeld,
} from './member-state.ts'
import type { CommitOffset } from './surroundings.ts'

/** How every item of GET …/records begins. */
const ITEM = /^\{"partition":(\d+),"offset":(\d+)/

/** See the head of this file. */
export class Holding {
  readonly #held = new Map<string, Held>()
  readonly #revoking: Set<string>
  /** When the application last got on, while it has records to process; null: it has none. */
  #busySinceMs: number | null = null

  constructor({ held, revoking }: Pick<MemberState, 'held' | 'revoking'>, nowMs: number) {
    for (const one of restoreHeld(held)) this.#held.set(keyOfPartition(one), one)
    this.#revoking = new Set(revoking)
    this.#look(nowMs, true)
  }

  /** It was told to let go of some, and has not. */
  get isRevoking(): boolean {
    return this.#revoking.size > 0
  }

  /** Its application has records to process. */
  get isBusy(): boolean {
    return this.#busySinceMs !== null
  }

  /** Partitions that are read, each with where it goes on. */
  reading(): AssignedPartition[] {
    return [...this.#held]
      .filter(([key]) => !this.#revoking.has(key))
      .map(([, { topic, topicId, partition, next }]) => ({
        topic,
        topicId,
        partition,
        offset: next,
      }))
  }

  /** As a heartbeat says it. */
  owned(): { topicId: TopicId; partitions: number[] }[] {
    const topics = Map.groupBy(this.#held.values(), ({ topicId }) => topicId)
    return [...topics].map(([topicId, own]) => {
      return { topicId, partitions: own.map(({ partition }) => partition) }
    })
  }

  /** Whether it has this partition of a topic of this name. */
  has({ topic, partition }: { readonly topic: string; readonly partition: number }): boolean {
    return this.#find(topic, partition) !== undefined
  }

  /** Partitions beyond the target: from here on it is told to let them go. */
  revoke(target: ReadonlyMap<TopicId, readonly number[]>): Held[] {
    const surplus = [...this.#held.values()].filter(
      ({ topicId, partition }) => target.get(topicId)?.includes(partition) !== true,
    )
    for (const one of surplus) this.#revoking.add(keyOfPartition(one))
    return surplus
  }

  /** It has let go of what it was told; false when that was nothing. */
  letGo(nowMs: number): boolean {
    const any = this.isRevoking
    for (const key of this.#revoking) this.#held.delete(key)
    this.#revoking.clear()
    if (any) this.#look(nowMs, true)
    return any
  }

  /** Partitions of the target that it has not got. */
  missing(
    target: ReadonlyMap<TopicId, readonly number[]>,
  ): { topicId: TopicId; partition: number }[] {
    return [...target]
      .flatMap(([topicId, partitions]) => partitions.map((partition) => ({ topicId, partition })))
      .filter((one) => !this.#held.has(keyOfPartition(one)))
  }

  add(partitions: readonly AssignedPartition[]): void {
    for (const { topic, topicId, partition, offset } of partitions) {
      const one = { topic, topicId, partition, next: offset, processed: offset }
      this.#held.set(keyOfPartition(one), one)
    }
  }

  /** All is gone; what it was. */
  clear(): Held[] {
    const all = [...this.#held.values()]
    this.#held.clear()
    this.#revoking.clear()
    this.#busySinceMs = null
    return all
  }

  /** These were sent. */
  sent({ topicId, records }: TopicRecords, nowMs: number): void {
    for (const record of records) {
      const item = ITEM.exec(record)
      if (item === null) throw new Error('a record does not begin with its partition and offset')
      const held = this.#held.get(keyOfPartition({ topicId, partition: Number(item[1]) }))
      if (held !== undefined) held.next = Number(item[2]) + 1
    }
    this.#look(nowMs, false)
  }

  /** The application got through these; true when that is news. */
  processed(offsets: readonly CommitOffset[], nowMs: number): boolean {
    let any = false
    for (const { topic, partition, offset } of offsets) {
      const held = this.#find(topic, partition)
      if (held === undefined || offset <= held.processed) continue
      held.processed = offset
      any = true
    }
    if (any) this.#look(nowMs, true)
    return any
  }

  /** When the application has had records for too long; never while it has none. */
  stuckAtMs(maxPollIntervalMs: number): number {
    return this.#busySinceMs === null
      ? Number.POSITIVE_INFINITY
      : this.#busySinceMs + maxPollIntervalMs
  }

  isStuck(nowMs: number, maxPollIntervalMs: number): boolean {
    return nowMs >= this.stuckAtMs(maxPollIntervalMs)
  }

  save(): Pick<MemberState, 'held' | 'revoking'> {
    return { held: storeHeld(this.#held.values()), revoking: [...this.#revoking] }
  }

  #look(nowMs: number, gotOn: boolean): void {
    const isBusy = [...this.#held.values()].some(({ next, processed }) => processed < next)
    if (!isBusy) this.#busySinceMs = null
    else if (gotOn || this.#busySinceMs === null) this.#busySinceMs = nowMs
  }

  /** Of namesakes, a deleted topic and the one created anew, the latter is the later. */
  #find(topic: string, partition: number): Held | undefined {
    let found: Held | undefined
    for (const held of this.#held.values()) {
      if (held.topic === topic && held.partition === partition) found = held
    }
    return found
  }
}
