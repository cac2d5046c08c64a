// One look after another at the partitions of a tail: takes what leaders share of those that are followed,
// reads the others, and moves the position over what it has taken. When to look and how long to wait is
// tail.ts's to say.

import type { BrokerContext } from '../../broker/context.ts'
import { KafkaError } from '../../core/errors.ts'
import { EVENTS_PACE_MS } from '../../core/limits.ts'
import type { Taken } from '../../partition/fanout-pieces.ts'
import { itemsOf } from '../../record/json.ts'
import { type Fetched, type FetchedPartition, fetchTopics, type TopicOffset } from '../reading.ts'
import { type Followable, Following, followedKey } from './following.ts'
import { aroundPair, pairText } from './position.ts'
import type { Collected, Room, Run } from './room.ts'
import { itemsOfEvents } from './shared-items.ts'
import type { TailTopic, TopicName } from './topic.ts'
import type { TailTopics } from './topics.ts'

/** One partition in the turn in which it is looked at. */
export interface Due extends TopicOffset {
  readonly owner: TailTopic
  readonly topic: TopicName
  /** What it is followed under. */
  readonly key: string
}

/** The partitions of one tail, looked at by turns. */
export class Looks {
  readonly #context: BrokerContext
  readonly #topics: TailTopics
  readonly #readCommitted: boolean
  readonly #following: Following
  #isEnded = false
  #interrupt: () => void = () => {}
  #lastPieceMs = 0
  #isCatchingUp = false
  /** Partitions whose end was just reached, to be followed when the next step is asked for. */
  #live: readonly Due[] = []
  /** Reads that are not wanted any more, until they have given their memory back. */
  readonly #releasing = new Set<Promise<void>>()
  /** Whose turn it is to be looked at first: nobody may starve behind a busier one. */
  #turn = 0
  /** The position has moved over what is not shown, and nobody has been told. */
  isUntold = false

  constructor(context: BrokerContext, topics: TailTopics, readCommitted: boolean) {
    this.#context = context
    this.#topics = topics
    this.#readCommitted = readCommitted
    this.#following = new Following(context, readCommitted)
  }

  get isFollowing(): boolean {
    return this.#following.size > 0
  }

  /** How long a reader at the head waits for its next piece. */
  get pauseMs(): number {
    return this.#lastPieceMs + EVENTS_PACE_MS - this.#context.timers.now()
  }

  /** A step begins: waits may be ended again. */
  begin(): void {
    this.#isEnded = false
  }

  /** Ends the wait that is under way, and those to come until the next step. */
  end(): void {
    this.#isEnded = true
    this.#interrupt()
    this.#following.wake()
  }

  /** Follows a partition no longer. */
  leave(which: Followable): void {
    this.#following.leave(followedKey(which))
  }

  /** Follows nothing any more that the topics do not name. */
  prune(): void {
    this.#following.keep(new Set(this.inTurn().map(({ key }) => key)))
  }

  close(): void {
    this.#following.close()
    this.end()
  }

  /** Resolves when nothing is held for this reader any more. */
  async released(): Promise<void> {
    await Promise.all(this.#releasing)
  }

  /** Waits until something that is followed may have more. */
  news(): Promise<void> {
    return this.#following.news()
  }

  /** Every partition with what is next of it, those of a topic beside each other. */
  inTurn(): Due[] {
    const turn = this.#turn++
    const due: Due[] = []
    for (const owner of rotated(this.#topics.all, turn)) {
      const topic = owner.state
      if (topic === null) continue
      const partitions = owner.next.size === 1 ? owner.next : rotated([...owner.next], turn)
      for (const [partition, offset] of partitions) {
        due.push({ owner, topic, partition, offset, key: owner.keyOf(topic.id, partition) })
      }
    }
    return due
  }

  /** Those that nobody encodes for all. */
  unfollowed(due: readonly Due[]): readonly Due[] {
    return this.#following.size === 0 ? due : due.filter(({ key }) => !this.#following.has(key))
  }

  /** The next turn is as this one was: who waits to have one record must not be offered another. */
  sameTurn(): void {
    this.#turn--
  }

  /** What is new of the partitions that are followed. */
  takeFollowed(due: readonly Due[], room: Room): Run[] {
    if (this.#following.size === 0) return []
    const runs: Run[] = []
    for (const one of due) {
      const taken = this.#following.take(one.key, one.offset, room.pieceBytes)
      if (taken === null) continue
      const run = this.#followedRun(one, taken, room)
      if (run !== null) runs.push(run)
      if (room.isFull) break
    }
    // One leader keeps the pace itself; those of several partitions are not in step.
    const isFew = room.used < room.pieceBytes / 2
    if (runs.length > 0 && due.length > 1 && isFew && !this.#isCatchingUp) this.#pace()
    return runs
  }

  #followedRun(one: Due, { parts, next, shown }: Taken, room: Room): Run | null {
    const { key } = this.#topics
    const { topic, offset } = one
    if (parts.length === 0) {
      this.#move(one, next)
      return null
    }
    if (!room.isStrict && key === null) {
      const size = parts.reduce((sum, part) => sum + part.length, 0)
      room.add(size)
      return this.#run(one, { items: [], next, isCut: false, size }, { encoded: parts, shown })
    }
    const found = room.collect(topic.id, itemsOfEvents(parts, next, key))
    if (found.isCut) this.#following.unused(one.key)
    return this.#run(one, found, { encoded: [], shown: shownOf(found, offset) })
  }

  /** Reads partitions that are not followed. */
  async readOwn(positions: readonly Due[], room: Room, waitMs: number): Promise<Run[]> {
    if (positions.length === 0) {
      // Nothing is assigned.
      await this.#interruptible(this.#context.timers.sleep(waitMs))
      return []
    }
    const fetching = fetchTopics(this.#context, positions, {
      maxBytes: room.pieceBytes,
      waitMs,
      readCommitted: this.#readCommitted,
    })
    const fetched = await this.#interruptible(fetching)
    // Whoever asked has other wishes now; what it brings is not wanted.
    if (fetched === null) {
      this.#unwanted(fetching)
      return []
    }
    try {
      return this.#runsOf(positions, fetched, room)
    } finally {
      fetched.release()
    }
  }

  /** Gives back what it holds, once it has come. */
  #unwanted(fetching: Promise<Fetched>): void {
    const released = fetching.then(
      ({ release }) => release(),
      () => {},
    )
    this.#releasing.add(released)
    void released.then(() => this.#releasing.delete(released))
  }

  /** null when the wait is ended from outside. */
  async #interruptible<T>(work: Promise<T>): Promise<T | null> {
    const interrupted = new Promise<null>((resolve) => {
      this.#interrupt = () => resolve(null)
    })
    if (this.#isEnded) this.#interrupt()
    try {
      return await Promise.race([work, interrupted])
    } finally {
      this.#interrupt = () => {}
    }
  }

  #runsOf(positions: readonly Due[], { partitions }: Fetched, room: Room): Run[] {
    const runs: Run[] = []
    let bytes = 0
    for (const [at, partition] of partitions.entries()) {
      const one = positions[at]
      if (one === undefined || room.isFull) break
      for (const piece of partition.pieces) bytes += piece.length
      const run = this.#ownRun(one, partition, room)
      if (run !== null) runs.push(run)
    }
    const read = Math.max(bytes, room.used)
    this.#isCatchingUp = read >= room.pieceBytes / 2 || room.isFull
    // Also where nothing shows of what was read.
    if (read > 0 && !this.#isCatchingUp) this.#pace()
    if (read > 0) this.#noteLive(positions, partitions)
    return runs
  }

  /** What does not fit, because a batch may hold very much, is read again. */
  #ownRun(one: Due, fetched: FetchedPartition, room: Room): Run | null {
    const { owner, topic, partition, offset } = one
    const { error, logStartOffset: logStart, pieces, aborted } = fetched
    if (error !== KafkaError.NONE) {
      this.#topics.report({ topic: owner, state: topic, partition, error, offset, logStart })
      return null
    }
    const { key } = this.#topics
    const items = itemsOf({ partition, from: offset, pieces, aborted, key })
    const found = room.collect(topic.id, items)
    return this.#run(one, found, { encoded: [], shown: shownOf(found, offset) })
  }

  /** Moves the position behind what was found; null where nothing of it is shown. */
  #run(
    one: Due,
    { items, next, size }: Collected,
    { encoded, shown }: Pick<Run, 'encoded' | 'shown'>,
  ): Run | null {
    if (next === null) return null
    const { owner, topic, partition } = one
    if (items.length === 0 && encoded.length === 0) {
      this.#move(one, next)
      return null
    }
    const around = aroundPair(this.#topics.all, owner, partition)
    owner.move(partition, next)
    const pair = pairText(partition, next)
    this.#topics.checkLength(around.before.length + pair.length + around.behind.length)
    this.isUntold = next > shown
    return { topic, partition, around, items, encoded, next, shown, size }
  }

  /** Over what is not shown. */
  #move({ owner, partition, offset }: Due, next: number): void {
    if (next === offset) return
    owner.move(partition, next)
    this.isUntold = true
  }

  /** A reader who catches up is not slowed down; one at the head gets pieces with all that is new. */
  #pace(): void {
    this.#lastPieceMs = this.#context.timers.now()
  }

  /** Where there was something and no more is left, more is to be expected. */
  #noteLive(due: readonly Due[], fetched: readonly FetchedPartition[]): void {
    this.#live = due.filter(({ owner, partition }, at) => {
      const one = fetched[at]
      if (one === undefined || one.pieces.length === 0) return false
      const end = this.#readCommitted ? one.lastStableOffset : one.highWatermark
      return (owner.next.get(partition) ?? -1) >= end
    })
  }

  /** There are partitions to be followed. */
  get hasLive(): boolean {
    return this.#live.length > 0
  }

  /** Follows what is live, unless it has been given up since. */
  async followLive(): Promise<void> {
    const live = this.#live
    this.#live = []
    await Promise.all(
      live.map(async (one) => {
        const { owner, topic, partition, key } = one
        const isWanted = () => owner.state?.id === topic.id && owner.next.has(partition)
        const next = owner.next.get(partition)
        if (next === undefined || !isWanted()) return
        await this.#following.follow({ topicId: topic.id, partition }, next)
        if (!isWanted()) this.#following.leave(key)
      }),
    )
  }
}

function shownOf({ items }: Collected, offset: number): number {
  return items.at(-1)?.nextOffset ?? offset
}

/** As many elements, beginning with another one each turn. */
function rotated<T>(all: readonly T[], turn: number): readonly T[] {
  if (all.length < 2) return all
  const first = turn % all.length
  return first === 0 ? all : [...all.slice(first), ...all.slice(0, first)]
}
