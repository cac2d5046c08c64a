// How far a member of a group is in each of its partitions, and how the group hears of it. Not the records, nor when a
// partition is let go (group.ts).

import { OttlaError } from './errors.ts'
import type { Link } from './link.ts'
import type { WireOffset } from './messages.ts'

/** What is known of a partition that is, or was just, ours. */
export interface Partition {
  readonly topic: string
  readonly partition: number
  /** False while nobody knows whether it is: the connection is gone. */
  assigned: boolean
  /** The offset behind what is done. */
  done: number
  /** What the group has, as far as we know, and what we have asked it to have. */
  committed: number
  asked: number
  /** What was said to be done last. */
  told: number
}

/** Commits that are refused so are those of partitions which will be taken from us, or have been. */
const FENCED = [
  'UNKNOWN_MEMBER_ID',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
  'ILLEGAL_GENERATION',
  'GROUP_ID_NOT_FOUND',
]

/** See the head of this file. */
export class Progress {
  readonly #link: Link
  readonly #sub: () => number
  readonly #partitions = new Map<string, Partition>()

  /** @param sub the member's number on the connection */
  constructor(link: Link, sub: () => number) {
    this.#link = link
    this.#sub = sub
  }

  /** Those that are ours. */
  get assigned(): Partition[] {
    return [...this.#partitions.values()].filter((of) => of.assigned)
  }

  find(topic: string, partition: number): Partition | undefined {
    return this.#partitions.get(nameOf(topic, partition))
  }

  /** It is ours, to be read from this offset on. */
  assign({ topic, partition, offset }: WireOffset): void {
    const known = this.find(topic, partition)
    // Nobody has moved it since: what was done of it, and not committed, is done all the same.
    if (known !== undefined && (offset === known.committed || offset === known.asked)) {
      known.assigned = true
      known.committed = offset
      return
    }
    const state = { assigned: true, done: offset, committed: offset, asked: offset, told: offset }
    this.#partitions.set(nameOf(topic, partition), { topic, partition, ...state })
  }

  /** Nobody knows what is ours until it is assigned again. */
  lose(): void {
    for (const partition of this.#partitions.values()) partition.assigned = false
  }

  /** Forgets one, unless it has come back meanwhile. */
  forget(of: Partition): void {
    if (this.find(of.topic, of.partition) !== of || of.assigned) return
    this.#partitions.delete(nameOf(of.topic, of.partition))
  }

  /** Says what is done, so that the member counts as one that gets on. */
  tell(): void {
    const news = this.assigned.filter(({ done, told }) => done > told)
    if (news.length === 0) return
    const offsets = news.map(({ topic, partition, done }) => ({ topic, partition, offset: done }))
    for (const of of news) of.told = of.done
    this.#link.send({ type: 'processed', sub: this.#sub(), offsets })
  }

  /**
   * Commits what is done of these. A refusal is taken as what it is: later again, theirs already, or the answer, which
   * ends the loop.
   */
  async commitDone(partitions: readonly Partition[]): Promise<OttlaError | null> {
    const news = partitions.filter(({ done, committed }) => done > committed)
    if (news.length === 0) return null
    try {
      await this.commit(news)
      return null
    } catch (error) {
      if (!(error instanceof OttlaError)) throw error
      return error.retriable || FENCED.includes(error.code) ? null : error
    }
  }

  /** Commits these up to `at`, or what is done of each. Rejects with the broker's refusal. */
  async commit(partitions: readonly Partition[], at?: number): Promise<void> {
    const offsets = partitions.map(({ topic, partition, done }) => {
      return { topic, partition, offset: at ?? done }
    })
    for (const [index, of] of partitions.entries()) of.asked = offsets[index]?.offset ?? of.asked
    const sub = this.#sub()
    await this.#link.ask((id) => JSON.stringify({ type: 'commit', id, sub, offsets }))
    for (const [index, of] of partitions.entries()) {
      of.committed = offsets[index]?.offset ?? of.committed
    }
  }
}

function nameOf(topic: string, partition: number): string {
  return `${partition}/${topic}`
}
